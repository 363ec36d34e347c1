package chanx_test

import (
	"context"
	"errors"
	"net/http"
	"strings"
	"testing"
	"testing/synctest"
	"time"

	"github.com/chanx-go/chanx"
	"github.com/chanx-go/chanx/chanxtest"
)

func TestShutdownLetsHandlersFinish(t *testing.T) {
	synctest.Test(t, func(t *testing.T) {
		srv := chanx.NewServer(&chanx.ServerOptions{Logger: quiet})
		running := make(chan struct{})
		closed := make(chan string, 2)
		c := probe(func(s *state, ctx context.Context, m sayMessage) error {
			close(running)
			time.Sleep(3 * time.Second) // in a bubble
			if ctx.Err() != nil {
				t.Error("the handler's context was cancelled by the shutdown")
			}
			return s.Send(ctx, answerMessage{"done"})
		})
		c.OnClose(func(s *state, ctx context.Context, cause *chanx.CloseError) { closed <- cause.Error() })
		srv.Handle("/ws", c)
		busy, idle := chanxtest.Dial(t, srv, "/ws", nil), chanxtest.Dial(t, srv, "/ws", nil)
		busy.Send(sayMessage{"go"})
		<-running
		start := time.Now()
		ended := make(chan error)
		go func() { ended <- srv.Shutdown(context.Background()) }()
		idle.ExpectClosed(1001)
		if d := time.Since(start); d > time.Second {
			t.Errorf("the idle connection was closed after %v", d)
		}
		if res := chanxtest.DialRefused(t, srv, "/ws", nil); res.StatusCode != 503 || res.Header.Get("Retry-After") == "" {
			t.Errorf("a new connection got %s, Retry-After %q", res.Status, res.Header.Get("Retry-After"))
		}
		chanxtest.Receive[answerMessage](busy)
		busy.ExpectClosed(1001)
		if err := <-ended; err != nil {
			t.Error(err)
		}
		for range 2 {
			if got := <-closed; !strings.Contains(got, "1001") {
				t.Errorf("OnClose saw %q", got)
			}
		}
		if err := srv.Broadcast(t.Context(), saidMessage{}, chanx.To("g")); !errors.Is(err, chanx.ErrClosed) {
			t.Errorf("Broadcast after Shutdown: %v", err)
		}
		if err := srv.Emit(t.Context(), ringEvent{}, chanx.To("g")); !errors.Is(err, chanx.ErrClosed) {
			t.Errorf("Emit after Shutdown: %v", err)
		}
		if err := srv.Shutdown(context.Background()); err != nil {
			t.Errorf("second Shutdown: %v", err)
		}
	})
}

func TestShutdownEndsWithItsContext(t *testing.T) {
	synctest.Test(t, func(t *testing.T) {
		srv := chanx.NewServer(&chanx.ServerOptions{Logger: quiet})
		gone := make(chan struct{})
		srv.Handle("/ws", probe(func(s *state, ctx context.Context, m sayMessage) error {
			<-ctx.Done() // it would wait for ever
			close(gone)
			return nil
		}))
		c := chanxtest.Dial(t, srv, "/ws", nil)
		c.Send(sayMessage{"go"})
		synctest.Wait()
		ctx, cancel := context.WithTimeout(t.Context(), time.Minute)
		defer cancel()
		if err := srv.Shutdown(ctx); !errors.Is(err, context.DeadlineExceeded) {
			t.Errorf("Shutdown: %v", err)
		}
		<-gone
		c.ExpectClosed(1006)
	})
}

func TestShutdownClosesWhoIsOnTheWayIn(t *testing.T) {
	synctest.Test(t, func(t *testing.T) {
		srv := chanx.NewServer(&chanx.ServerOptions{Logger: quiet})
		opening, gate := make(chan struct{}), make(chan struct{})
		srv.Handle("/ws", chanx.NewConsumer(func(c *chanx.Conn, _ *http.Request) (*state, error) {
			close(opening)
			<-gate
			return &state{c}, nil
		}, nil))
		ended := make(chan error, 1)
		go func() {
			<-opening
			go func() { ended <- srv.Shutdown(context.Background()) }()
			synctest.Wait()
			close(gate)
		}()
		chanxtest.Dial(t, srv, "/ws", nil).ExpectClosed(1001)
		if err := <-ended; err != nil {
			t.Error(err)
		}
	})
}

// TestShutdownSpreadsManyConnections has more than close at once.
func TestShutdownSpreadsManyConnections(t *testing.T) {
	synctest.Test(t, func(t *testing.T) {
		const conns = 2500
		srv := chanx.NewServer(&chanx.ServerOptions{Logger: quiet})
		closed := make(chan time.Time, conns)
		c := newState()
		c.OnClose(func(*state, context.Context, *chanx.CloseError) { closed <- time.Now() })
		srv.Handle("/ws", c)
		for range conns {
			chanxtest.Dial(t, srv, "/ws", nil)
		}
		synctest.Wait() // else the last ones are still on their way in, and are closed when they arrive
		start := time.Now()
		if err := srv.Shutdown(context.Background()); err != nil {
			t.Fatal(err)
		}
		close(closed)
		atOnce, last, n := 0, time.Duration(0), 0
		for at := range closed {
			n++
			if d := at.Sub(start); d < 10*time.Millisecond {
				atOnce++
			} else {
				last = max(last, d)
			}
		}
		if n != conns || atOnce < 1000 || atOnce > 1100 || last > time.Second {
			t.Errorf("%d closed, %d at once, the last after %v; want %d, 1000, within 1 s", n, atOnce, last, conns)
		}
	})
}
