package chanx_test

import (
	"context"
	"errors"
	"fmt"
	"log/slog"
	"net/http"
	"regexp"
	"strings"
	"testing"
	"testing/synctest"
	"time"

	"github.com/chanx-go/chanx"
	"github.com/chanx-go/chanx/chanxtest"
)

// slowLines takes the lines about slow handlers from the log.
func slowLines(log *logRecorder) (lines []string) {
	for _, l := range log.take() {
		if strings.HasPrefix(l, "WARN handler is slow") {
			lines = append(lines, l)
		}
	}
	return lines
}

// TestSlowHandlersAreLogged checks that a call is logged once, while it runs, when it has run for Limits.SlowHandler, and
// that shorter calls are not logged.
func TestSlowHandlersAreLogged(t *testing.T) {
	for _, k := range []struct {
		limit, takes time.Duration
		lines        int
	}{
		{0, time.Hour, 1},
		{0, 9 * time.Second, 0},
		{0, 12 * time.Second, 1},
		{-1, time.Hour, 0},
		{time.Minute, 50 * time.Second, 0},
		{time.Second, 2 * time.Second, 1},
	} {
		limit := k.limit
		if limit == 0 {
			limit = 10 * time.Second
		}
		for _, what := range []string{"on", "beside", "request", "stream", "event", "OnOpen", "OnClose", "open"} {
			t.Run(fmt.Sprint(what, " for ", k.takes, " of ", k.limit), func(t *testing.T) {
				log := &logRecorder{}
				bubble(t, chanx.ServerOptions{Logger: slog.New(log), Limits: chanx.Limits{SlowHandler: k.limit}}, func(t *testing.T, srv *chanx.Server) {
					take := func(of string) error {
						if of == what {
							time.Sleep(k.takes) // in a bubble
						}
						return nil
					}
					c := kindsWithoutTimeout(func(context.Context) error { return take(what) })
					c.OnOpen(func(*state, context.Context) error { return take("OnOpen") })
					c.OnClose(func(*state, context.Context, *chanx.CloseError) { _ = take("OnClose") })
					end := dialInto(t, srv, c, what, func() { _ = take("open") })
					time.Sleep(limit + limit/5) // in a bubble
					synctest.Wait()
					lines := slowLines(log)
					if len(lines) != k.lines {
						t.Errorf("log %q, want %d lines", lines, k.lines)
					}
					want := regexp.MustCompile(`^WARN handler is slow action=` + what + ` running=\d+(\.\d+)?m?s`)
					if k.lines > 0 && (len(lines) == 0 || !want.MatchString(lines[0])) {
						t.Errorf("log %q, want %s", lines, want)
					}
					time.Sleep(2 * k.takes) // in a bubble
					if lines := slowLines(log); len(lines) != 0 {
						t.Errorf("later %q", lines)
					}
					end()
				})
			})
		}
	}
}

// kindsWithoutTimeout is like allKinds, without the timeout of a minute.
func kindsWithoutTimeout(do func(context.Context) error) *chanx.Consumer[state] {
	return newKindsOf(do, chanx.Timeout(-1))
}

// dialInto connects a client and calls the named handler. open calls opening.
func dialInto(t *testing.T, srv *chanx.Server, c *chanx.Consumer[state], what string, opening func()) (end func()) {
	t.Helper()
	srv.Handle("/ws", c)
	srv.Handle("/open", chanx.NewConsumer(func(c *chanx.Conn, _ *http.Request) (*state, error) { opening(); return &state{c}, nil }, nil))
	if what == "open" {
		dialled := make(chan struct{})
		go func() {
			defer close(dialled)
			chanxtest.Dial(t, srv, "/open", &chanxtest.DialOptions{Timeout: 3 * time.Hour})
		}()
		return func() { <-dialled }
	}
	client := chanxtest.Dial(t, srv, "/ws", nil)
	switch what {
	case "OnClose":
		client.Close(1000, "")
	case "event":
		if err := srv.Emit(t.Context(), eventKind{}, chanx.All()); err != nil {
			t.Error(err)
		}
	default:
		for _, m := range messageKinds {
			if m.Action() == what {
				client.Send(m)
			}
		}
	}
	return func() {}
}

// TestQuickHandlersInARowAreNotSlow checks that the limit is for one call, not for a connection that is busy for longer,
// and that a stream that sends from time to time is logged once.
func TestQuickHandlersInARowAreNotSlow(t *testing.T) {
	log := &logRecorder{}
	bubble(t, chanx.ServerOptions{Logger: slog.New(log)}, func(t *testing.T, srv *chanx.Server) {
		c := probe(func(s *state, ctx context.Context, m sayMessage) error {
			if m.Text == "quick" {
				time.Sleep(4 * time.Second) // in a bubble
				return nil
			}
			for range 100 {
				time.Sleep(time.Second) // in a bubble
				if err := s.Send(ctx, answerMessage{}); err != nil {
					return err
				}
			}
			return nil
		})
		chanx.OnEvent(c, func(*state, context.Context, ringEvent) error { time.Sleep(4 * time.Second); return nil }) // in a bubble
		srv.Handle("/ws", c)
		client := dialled(t, srv, "/ws")
		for range 10 {
			client.Send(sayMessage{"quick"})
		}
		time.Sleep(time.Minute) // in a bubble
		for range 10 {
			if err := srv.Emit(t.Context(), ringEvent{}, chanx.All()); err != nil {
				t.Error(err)
			}
		}
		time.Sleep(time.Minute) // in a bubble
		if lines := slowLines(log); len(lines) != 0 {
			t.Errorf("log %q", lines)
		}
		client.Send(sayMessage{"sends"})
		time.Sleep(2 * time.Minute) // in a bubble
		if lines := slowLines(log); len(lines) != 1 {
			t.Errorf("log %q, want one line", lines)
		}
	})
}

// TestManySlowHandlersDoNotFillTheLog checks that each action gets one line a minute, with the number of calls.
func TestManySlowHandlersDoNotFillTheLog(t *testing.T) {
	log := &logRecorder{}
	bubble(t, chanx.ServerOptions{Logger: slog.New(log)}, func(t *testing.T, srv *chanx.Server) {
		srv.Handle("/ws", probe(func(_ *state, ctx context.Context, _ sayMessage) error { <-ctx.Done(); return ctx.Err() }))
		for range 50 {
			chanxtest.Dial(t, srv, "/ws", nil).Send(sayMessage{"x"})
		}
		time.Sleep(2 * time.Minute) // in a bubble
		lines := slowLines(log)
		if len(lines) != 2 || !strings.Contains(lines[1], "count=49") {
			t.Errorf("log %q", lines)
		}
		for c := range srv.Conns() {
			_ = c.Close(1000, "")
		}
	})
}

// TestShutdownNamesWhatStillRuns checks that Shutdown's log line names the calls that still run, at most ten.
func TestShutdownNamesWhatStillRuns(t *testing.T) {
	for name, k := range map[string]struct {
		clients int
		limit   time.Duration
	}{"one": {1, 0}, "a dozen": {12, 0}, "without SlowHandler": {3, -1}} {
		t.Run(name, func(t *testing.T) {
			synctest.Test(t, func(t *testing.T) {
				held := make(chan struct{})
				srv := chanx.NewServer(&chanx.ServerOptions{Logger: quiet, Limits: chanx.Limits{SlowHandler: k.limit}})
				srv.Handle("/ws", kindsWithoutTimeout(func(context.Context) error { <-held; return nil }))
				begun := time.Now()
				for i := range k.clients {
					chanxtest.Dial(t, srv, "/ws", nil).Send(messageKinds[i%len(messageKinds)])
					synctest.Wait()
				}
				time.Sleep(time.Second) // in a bubble: until the sweeper has run
				ids := []string{}
				for c := range srv.Conns() {
					ids = append(ids, c.ID())
				}
				ctx, cancel := context.WithTimeout(t.Context(), time.Second)
				defer cancel()
				err := srv.Shutdown(ctx)
				if !errors.Is(err, context.DeadlineExceeded) {
					t.Fatal(err)
				}
				said := err.Error()
				prefix := fmt.Sprintf("chanx: shut down: context deadline exceeded: %d still running: ", k.clients)
				if !strings.HasPrefix(said, prefix) || !strings.Contains(said, " since "+begun.Format(time.RFC3339)) {
					t.Errorf("%s, want %s", said, prefix)
				}
				named := 0
				for _, id := range ids {
					named += strings.Count(said, id)
				}
				if named != min(k.clients, 10) || strings.HasSuffix(said, " and 2 more") != (k.clients == 12) {
					t.Errorf("%d are named: %s", named, said)
				}
				close(held)
				synctest.Wait()
			})
		})
	}
}
