package chanx_test

import (
	"context"
	"errors"
	"fmt"
	"strings"
	"testing"
	"testing/synctest"
	"time"

	"github.com/chanx-go/chanx"
	"github.com/chanx-go/chanx/chanxtest"
)

const heartbeat, alive = `{"action":"chanx.ping"}`, `{"action":"chanx.pong"}`

// heartbeats expects that n pings are answered at once.
func heartbeats(t *testing.T, client *chanxtest.Conn, n int) {
	t.Helper()
	begin := time.Now()
	for range n {
		client.SendText(heartbeat)
		if got := client.Next(); got != alive {
			t.Fatalf("got %s, want %s", got, alive)
		}
	}
	if d := time.Since(begin); d > 10*time.Millisecond {
		t.Errorf("the answers took %v", d)
	}
}

// TestAHeartbeatIsAnsweredInEveryState checks that a ping is answered while OnOpen runs, while a handler and an event's
// handler run, and while Shutdown waits for a handler.
func TestAHeartbeatIsAnsweredInEveryState(t *testing.T) {
	synctest.Test(t, func(t *testing.T) {
		srv := chanx.NewServer(&chanx.ServerOptions{Logger: quiet})
		gate := make(chan struct{})
		c := probe(func(*state, context.Context, sayMessage) error { <-gate; return nil })
		c.OnOpen(func(*state, context.Context) error { <-gate; return nil })
		chanx.OnEvent(c, func(*state, context.Context, newsEvent) error { <-gate; return nil })
		srv.Handle("/ws", c)
		client := chanxtest.Dial(t, srv, "/ws", nil)
		heartbeats(t, client, 2)
		gate <- struct{}{}
		synctest.Wait()
		heartbeats(t, client, 2) // nothing runs
		if err := srv.Emit(t.Context(), newsEvent{}, chanx.All()); err != nil {
			t.Fatal(err)
		}
		heartbeats(t, client, 2)
		gate <- struct{}{}
		client.Send(sayMessage{"hi"})
		heartbeats(t, client, 2)
		ended := make(chan error)
		go func() { ended <- srv.Shutdown(context.Background()) }()
		pass(time.Minute)
		heartbeats(t, client, 2)
		gate <- struct{}{}
		client.ExpectClosed(1001)
		if err := <-ended; err != nil {
			t.Error(err)
		}
	})
}

// TestAHeartbeatMeetsBackpressure checks that a ping behind a full inbox is answered when the server reads again.
func TestAHeartbeatMeetsBackpressure(t *testing.T) {
	bubble(t, chanx.ServerOptions{Limits: chanx.Limits{InboxFrames: 2}}, func(t *testing.T, srv *chanx.Server) {
		gate := make(chan struct{})
		srv.Handle("/ws", probe(func(*state, context.Context, sayMessage) error { <-gate; return nil }))
		client := chanxtest.Dial(t, srv, "/ws", nil)
		for range 3 {
			client.Send(sayMessage{"hi"})
			synctest.Wait()
		}
		client.SendText(heartbeat)
		pass(time.Minute)
		if got := client.Pending(); len(got) != 0 {
			t.Errorf("got %s", got)
		}
		gate <- struct{}{}
		synctest.Wait()
		if got := client.Next(); got != alive {
			t.Errorf("got %s", got)
		}
		close(gate)
	})
}

// TestHeartbeatsAreObservedWhenAnswered checks that Out and the log report a pong while the handler still runs, and that
// Stats count it: as sent, not as handled.
func TestHeartbeatsAreObservedWhenAnswered(t *testing.T) {
	seen := &watcher{name: "a"}
	bubble(t, chanx.ServerOptions{Observer: seen}, func(t *testing.T, srv *chanx.Server) {
		gate := make(chan struct{})
		srv.Handle("/ws", probe(func(*state, context.Context, sayMessage) error { <-gate; return nil }))
		client := chanxtest.Dial(t, srv, "/ws", nil)
		seen.expect(t, "open ")
		heartbeats(t, client, 1)
		seen.expect(t, "out chanx.pong true")
		client.Send(sayMessage{"hi"})
		heartbeats(t, client, 2)
		seen.expect(t, "out chanx.pong true", "out chanx.pong true")
		close(gate)
		synctest.Wait()
		seen.expect(t, `in "say" trace="" <nil>`)
		s := srv.Stats()
		if want := (chanx.SentStats{Count: 3, Bytes: uint64(3 * len(alive))}); s.Out["chanx.pong"] != want {
			t.Errorf("sent %+v, want %+v", s.Out["chanx.pong"], want)
		}
		if _, handled := s.In["chanx.ping"]; handled || len(s.Drops) != 0 {
			t.Errorf("%+v", s)
		}
	})
}

// TestHeartbeatsCountAgainstTheRate checks that pings which are answered at once use up the rate, and that those beyond
// it are refused in their turn: a flood beside a running handler is no way around Limits.Rate.
func TestHeartbeatsCountAgainstTheRate(t *testing.T) {
	o := chanx.ServerOptions{Limits: chanx.Limits{Rate: chanx.Rate{PerSecond: 1, Burst: 5}}}
	bubble(t, o, func(t *testing.T, srv *chanx.Server) {
		gate := make(chan struct{})
		srv.Handle("/ws", probe(func(*state, context.Context, sayMessage) error { <-gate; return nil }))
		client := chanxtest.Dial(t, srv, "/ws", nil)
		client.Send(sayMessage{"hi"})
		heartbeats(t, client, 4)
		client.SendText(`{"action":"chanx.ping","ref":"beyond"}`)
		client.SendText(`{"action":"chanx.ping","ref":"too"}`)
		synctest.Wait()
		if got := client.Pending(); len(got) != 0 {
			t.Errorf("beyond the rate: got %s", got)
		}
		close(gate)
		for _, ref := range []string{"beyond", "too"} {
			if got := client.Next(); !strings.Contains(got, "rate_limited") || !strings.HasSuffix(got, fmt.Sprintf(`"ref":%q}`, ref)) {
				t.Errorf("got %s", got)
			}
		}
		pass(2 * time.Second)
		heartbeats(t, client, 2)
	})
}

// TestAFloodOfHeartbeatsIsBounded checks that pongs which the client does not read fill its send queue, and then end the
// connection like any other message.
func TestAFloodOfHeartbeatsIsBounded(t *testing.T) {
	bubble(t, chanx.ServerOptions{Limits: chanx.Limits{SendQueueBytes: 1000, WriteTimeout: -1}}, func(t *testing.T, srv *chanx.Server) {
		var cause error
		c := probe(func(_ *state, ctx context.Context, _ sayMessage) error {
			<-ctx.Done()
			return ctx.Err()
		})
		c.OnClose(func(_ *state, _ context.Context, why *chanx.CloseError) { cause = why })
		srv.Handle("/ws", c)
		client := chanxtest.Dial(t, srv, "/ws", &chanxtest.DialOptions{Paused: true})
		client.Send(sayMessage{"hi"})
		for range 100 {
			client.SendText(heartbeat)
		}
		synctest.Wait()
		if n := srv.Stats().QueuedBytes; n > 1000 {
			t.Errorf("%d bytes wait", n)
		}
		pass(time.Minute)
		if why, ok := errors.AsType[*chanx.CloseError](cause); !ok || why.Code != 1013 {
			t.Errorf("closed by %v, want 1013", cause)
		}
		if n := srv.Stats().Out["chanx.pong"].Count; n == 0 || n > 60 {
			t.Errorf("%d pongs were queued", n)
		}
	})
}
