package chanx_test

import (
	"context"
	"errors"
	"fmt"
	"iter"
	"log/slog"
	"net/http"
	"slices"
	"strings"
	"testing"
	"testing/synctest"
	"time"

	"github.com/chanx-go/chanx"
	"github.com/chanx-go/chanx/chanxtest"
)

// TestFailuresAfterTheEndOfTheContext checks that an error or panic other than the context's error is logged and counted,
// even though the client is sent cancelled or timeout. In the table, "ctx" stands for the context's error.
func TestFailuresAfterTheEndOfTheContext(t *testing.T) {
	for name, k := range map[string]struct {
		fail func(ctx context.Context) error
		says string // the logged error, or "" if none is logged
	}{
		"its own":          {func(ctx context.Context) error { return ctx.Err() }, ""},
		"its own, wrapped": {func(ctx context.Context) error { return fmt.Errorf("query: %w", ctx.Err()) }, ""},
		"its own, twice": {func(ctx context.Context) error {
			return errors.Join(ctx.Err(), fmt.Errorf("x: %w", context.Cause(ctx)))
		}, ""},
		"a panic":         {func(context.Context) error { panic("a nil map") }, "panic: a nil map"},
		"a panic with it": {func(ctx context.Context) error { panic(ctx.Err()) }, "panic: context"},
		"another":         {func(context.Context) error { return errors.New("disk full") }, "disk full"},
		"joined":          {func(ctx context.Context) error { return errors.Join(ctx.Err(), errors.New("disk full")) }, "disk full"},
		"not valid":       {func(context.Context) error { return chanx.ValidationError{{Type: "x", Msg: "taken"}} }, ""},
		"joined list": {func(context.Context) error {
			return errors.Join(chanx.ValidationError{{Type: "x", Msg: "taken"}}, errors.New("disk full"))
		}, "disk full"},
	} {
		for how, end := range map[string]func(*chanxtest.Conn){
			"cancelled": func(c *chanxtest.Conn) { c.Cancel("1") },
			"timeout":   func(*chanxtest.Conn) { time.Sleep(time.Minute) }, // in a bubble
			"lost":      func(c *chanxtest.Conn) { c.Abort() },
		} {
			for _, m := range append(slices.Clone(messageKinds), nil) {
				action := "event"
				if m != nil {
					action = m.Action()
				}
				if m == nil && how == "cancelled" {
					continue // no client cancels an event
				}
				t.Run(name+" "+how+" "+action, func(t *testing.T) {
					log := &logRecorder{}
					bubble(t, chanx.ServerOptions{Logger: slog.New(log)}, func(t *testing.T, srv *chanx.Server) {
						srv.Handle("/ws", allKinds(func(ctx context.Context) error { <-ctx.Done(); return k.fail(ctx) }))
						client := chanxtest.Dial(t, srv, "/ws", nil)
						if m != nil {
							client.SendRef(m, "1")
						} else if err := srv.Emit(t.Context(), eventKind{}, chanx.All()); err != nil {
							t.Fatal(err)
						}
						synctest.Wait()
						end(client)
						time.Sleep(time.Second) // in a bubble: until the loss is noticed
						synctest.Wait()
						logged := slices.ContainsFunc(log.take(), func(line string) bool {
							return strings.HasPrefix(line, "ERROR handler failed action="+action) && strings.Contains(line, k.says)
						})
						if logged != (k.says != "") {
							t.Errorf("logged as an error: %v", logged)
						}
						if n := failures(srv); (n == 1) != (k.says != "" || how == "timeout") || n > 1 {
							t.Errorf("counted %d failures", n)
						}
						if m != nil && how != "lost" {
							expectEnd(t, client, how, m.Action() == "stream")
						}
					})
				})
			}
		}
	}
}

// expectEnd expects the answer to a call with the ref "1" that was cancelled or took too long.
func expectEnd(t *testing.T, client *chanxtest.Conn, how string, isStream bool) {
	t.Helper()
	if how == "cancelled" && isStream {
		chanxtest.Receive[chanx.CompleteMessage](client)
		return
	}
	client.ExpectError(how)
}

// TestErrorsOfOnOpenAfterTheEnd checks that they are logged like those of handlers.
func TestErrorsOfOnOpenAfterTheEnd(t *testing.T) {
	for name, k := range map[string]struct {
		fail func(context.Context) error
		want string
	}{
		"its own":   {func(ctx context.Context) error { return ctx.Err() }, "DEBUG handler failed action=OnOpen error=context canceled"},
		"another":   {func(context.Context) error { return errors.New("disk full") }, "ERROR handler failed action=OnOpen error=disk full"},
		"a panic":   {func(context.Context) error { panic("x") }, "ERROR handler failed action=OnOpen error=panic: x"},
		"it closed": {func(context.Context) error { return chanx.ErrClosed }, "DEBUG handler failed action=OnOpen error=chanx: closed"},
	} {
		t.Run(name, func(t *testing.T) {
			log := &logRecorder{}
			bubble(t, chanx.ServerOptions{Logger: slog.New(log)}, func(t *testing.T, srv *chanx.Server) {
				c := newState()
				c.OnOpen(func(_ *state, ctx context.Context) error { <-ctx.Done(); return k.fail(ctx) })
				srv.Handle("/ws", c)
				client := chanxtest.Dial(t, srv, "/ws", nil)
				synctest.Wait()
				client.Abort()
				time.Sleep(time.Second) // in a bubble
				synctest.Wait()
				if got := log.take(); !slices.Contains(got, k.want) {
					t.Errorf("log %q, want %q", got, k.want)
				}
			})
		})
	}
}

// TestErrClosedAndErrSlowOfOtherConnections checks that ErrClosed and ErrSlow are expected only if they come from the
// handler's own connection.
func TestErrClosedAndErrSlowOfOtherConnections(t *testing.T) {
	for name, gone := range map[string]error{"closed": chanx.ErrClosed, "slow": chanx.ErrSlow} {
		t.Run(name, func(t *testing.T) {
			log := &logRecorder{}
			bubble(t, chanx.ServerOptions{Logger: slog.New(log)}, func(t *testing.T, srv *chanx.Server) {
				srv.Handle("/ws", allKinds(func(context.Context) error { return fmt.Errorf("source: %w", gone) }))
				client := chanxtest.Dial(t, srv, "/ws", nil)
				var calls uint64
				start(t, srv, client, func(action, ref string) {
					client.ExpectError("internal")
					if got, want := log.take(), "ERROR handler failed action="+action+" error=source: "+gone.Error(); !slices.Equal(got, []string{want}) {
						t.Errorf("log %q, want %q", got, want)
					}
					if calls++; failures(srv) != calls {
						t.Errorf("%d failures after %d calls", failures(srv), calls)
					}
				})
			})
		})
	}
}

// TestStreamWithErrClosedOfAnotherConnection returns that error after some items.
func TestStreamWithErrClosedOfAnotherConnection(t *testing.T) {
	log := &logRecorder{}
	bubble(t, chanx.ServerOptions{Logger: slog.New(log)}, func(t *testing.T, srv *chanx.Server) {
		var conns []*chanx.Conn
		c := chanx.NewConsumer(func(c *chanx.Conn, _ *http.Request) (*state, error) {
			conns = append(conns, c)
			return &state{c}, nil
		}, nil)
		chanx.OnStream(c, func(_ *state, ctx context.Context, _ streamKind) iter.Seq2[tallied, error] {
			return func(yield func(tallied, error) bool) {
				if yield(tallied{1}, nil) {
					yield(tallied{}, fmt.Errorf("source: %w", conns[0].Send(ctx, tallied{})))
				}
			}
		})
		srv.Handle("/ws", c)
		other, client := chanxtest.Dial(t, srv, "/ws", nil), chanxtest.Dial(t, srv, "/ws", nil)
		other.Close(1000, "")
		synctest.Wait()
		client.SendRef(streamKind{}, "1")
		chanxtest.Receive[tallied](client)
		client.ExpectError("internal")
		if got := log.take(); !slices.Equal(got, []string{"ERROR handler failed action=stream error=source: chanx: closed"}) {
			t.Errorf("log %q", got)
		}
		if n := failures(srv); n != 1 {
			t.Errorf("%d failures", n)
		}
	})
}

// TestErrClosedInOpen checks that ErrClosed returned by open is logged, and that the client receives 500.
func TestErrClosedInOpen(t *testing.T) {
	closed := chanx.NewServer(&chanx.ServerOptions{Logger: quiet})
	if err := closed.Shutdown(t.Context()); err != nil {
		t.Fatal(err)
	}
	log := &logRecorder{}
	bubble(t, chanx.ServerOptions{Logger: slog.New(log)}, func(t *testing.T, srv *chanx.Server) {
		srv.Handle("/ws", chanx.NewConsumer(func(_ *chanx.Conn, r *http.Request) (*state, error) {
			return nil, closed.Broadcast(r.Context(), chanx.Raw{Name: "x"}, chanx.All())
		}, nil))
		chanxtest.Dial(t, srv, "/ws", nil).ExpectRefused(http.StatusInternalServerError)
		if got := log.take(); !slices.Equal(got, []string{"ERROR handler failed action=open error=chanx: closed"}) {
			t.Errorf("log %q", got)
		}
	})
}

// TestHandlersThatFailBecauseTheClientHasGone checks that such a failure is not logged as an error, and that a failure
// while the client is connected is.
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
			log := &logRecorder{}
			bubble(t, chanx.ServerOptions{Logger: slog.New(log)}, func(t *testing.T, srv *chanx.Server) {
				srv.Handle("/ws", probe(c.say))
				client := chanxtest.Dial(t, srv, "/ws", nil)
				client.Send(sayMessage{"x"})
				synctest.Wait()
				if c.lost {
					client.Abort()
					time.Sleep(time.Second) // in a bubble: another goroutine takes over reading and notices the loss
				}
				if got := log.take(); !slices.Contains(got, c.want) {
					t.Errorf("log\n%s", strings.Join(got, "\n"))
				}
			})
		})
	}
}
