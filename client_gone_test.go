package chanx_test

import (
	"context"
	"errors"
	"log/slog"
	"slices"
	"strings"
	"testing"
	"testing/synctest"
	"time"

	"github.com/chanx-go/chanx"
	"github.com/chanx-go/chanx/chanxtest"
)

// TestHandlersThatFailBecauseTheClientHasGone are no errors of the program; those that fail while it is there are.
func TestHandlersThatFailBecauseTheClientHasGone(t *testing.T) {
	for name, c := range map[string]struct {
		say  func(s *state, ctx context.Context, m sayMessage) error
		lost bool
		want string
	}{
		"its context has ended": {
			func(_ *state, ctx context.Context, _ sayMessage) error { <-ctx.Done(); return ctx.Err() }, true,
			"DEBUG handler failed action=say error=context canceled",
		},
		"it has closed the connection": {
			func(s *state, ctx context.Context, _ sayMessage) error {
				if err := s.Close(1000, ""); err != nil {
					return err
				}
				return s.Send(ctx, answerMessage{})
			}, false,
			"DEBUG handler failed action=say error=chanx: closed",
		},
		"another connection has gone": {
			func(*state, context.Context, sayMessage) error { return chanx.ErrClosed }, false,
			"ERROR handler failed action=say error=chanx: closed",
		},
		"another context has ended": {
			func(*state, context.Context, sayMessage) error { return context.Canceled }, false,
			"ERROR handler failed action=say error=context canceled",
		},
		"another error behind the end": {
			func(_ *state, ctx context.Context, _ sayMessage) error { <-ctx.Done(); return errors.New("disk full") }, true,
			"ERROR handler failed action=say error=disk full",
		},
	} {
		t.Run(name, func(t *testing.T) {
			log := &journal{}
			bubble(t, chanx.ServerOptions{Logger: slog.New(log)}, func(t *testing.T, srv *chanx.Server) {
				srv.Handle("/ws", probe(c.say))
				client := chanxtest.Dial(t, srv, "/ws", nil)
				client.Send(sayMessage{"x"})
				synctest.Wait()
				if c.lost {
					client.Abort()
					time.Sleep(time.Second) // in a bubble: reading is handed over, and notices
				}
				if got := log.take(); !slices.Contains(got, c.want) {
					t.Errorf("log\n%s", strings.Join(got, "\n"))
				}
			})
		})
	}
}
