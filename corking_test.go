package chanx_test

import (
	"context"
	"net/http"
	"testing"
	"testing/synctest"
	"time"

	"github.com/chanx-go/chanx"
	"github.com/chanx-go/chanx/chanxtest"
)

// moment is how long handlers of these tests run after they have sent a frame: a corked frame arrives after it.
const moment = 2 * time.Millisecond

func work(d time.Duration) { time.Sleep(d) } // in a bubble

// deriving is an Observer that replaces the context by a derived one, as a tracer does.
type deriving struct{ chanx.NopObserver }

func (deriving) In(ctx context.Context, _ *chanx.Call) (context.Context, func(error)) {
	return context.WithValue(ctx, ctxKey{}, 1), nil
}

// discard waits for all frames and receives them. While frames are written, corked ones may leave with them.
func discard(client *chanxtest.Conn) {
	pass(moment)
	for range client.Pending() {
		client.Next()
	}
}

// firstAfter returns the time from begin until the next frame arrives.
func firstAfter(client *chanxtest.Conn, begin time.Time) time.Duration {
	chanxtest.Receive[answerMessage](client)
	return time.Since(begin)
}

// TestFramesOfAHandlerWaitForItsEnd checks which contexts belong to the running handler.
func TestFramesOfAHandlerWaitForItsEnd(t *testing.T) {
	var other *chanx.Conn
	var kept context.Context
	for name, k := range map[string]struct {
		with func(ctx context.Context, s *state) context.Context
		want time.Duration
	}{
		"its own":          {func(ctx context.Context, _ *state) context.Context { return ctx }, moment},
		"a value":          {func(ctx context.Context, _ *state) context.Context { return context.WithValue(ctx, ctxKey{}, 1) }, moment},
		"without cancel":   {func(ctx context.Context, _ *state) context.Context { return context.WithoutCancel(ctx) }, moment},
		"the connection's": {func(_ context.Context, s *state) context.Context { return s.Context() }, 0},
		"another's":        {func(context.Context, *state) context.Context { return other.Context() }, 0},
		"background":       {func(context.Context, *state) context.Context { return context.Background() }, 0},
		"a timeout": {func(ctx context.Context, _ *state) context.Context {
			ctx, cancel := context.WithTimeout(ctx, time.Hour)
			context.AfterFunc(kept, cancel)
			return ctx
		}, moment},
		"an earlier handler's": {func(context.Context, *state) context.Context { return kept }, 0},
	} {
		t.Run(name, func(t *testing.T) {
			for server, o := range map[string]chanx.ServerOptions{
				"plain": {}, "observed": {Observer: deriving{}}, "with a timeout": {Limits: chanx.Limits{HandlerTimeout: time.Hour}},
			} {
				bubble(t, o, func(t *testing.T, srv *chanx.Server) {
					kept = nil
					srv.Handle("/ws", probe(func(s *state, ctx context.Context, m sayMessage) error {
						if m.Text == "keep" {
							other, kept = s.Conn, ctx
							return nil
						}
						defer work(moment)
						return s.Send(k.with(ctx, s), answerMessage{})
					}))
					client, first := chanxtest.Dial(t, srv, "/ws", nil), chanxtest.Dial(t, srv, "/ws", nil)
					first.Send(sayMessage{"keep"})
					synctest.Wait()
					stranger := other
					client.Send(sayMessage{"keep"})
					synctest.Wait()
					other = stranger
					for _, ref := range []string{"", "1"} {
						begin := time.Now()
						client.SendRef(sayMessage{"say"}, ref)
						if took := firstAfter(client, begin); took != k.want {
							t.Errorf("server %s, ref %q: it came after %v, want %v", server, ref, took, k.want)
						}
						discard(client)
					}
				})
			}
		})
	}
}

// TestEveryHandlerInTheQueueCorks checks this for OnOpen too, and that concurrent handlers and streams do not cork.
func TestEveryHandlerInTheQueueCorks(t *testing.T) {
	var s *state
	answer := func(ctx context.Context) error {
		defer work(moment)
		return s.Send(ctx, answerMessage{})
	}
	bubble(t, chanx.ServerOptions{}, func(t *testing.T, srv *chanx.Server) {
		c := newKindsOf(answer, chanx.Timeout(time.Minute))
		c.OnOpen(func(opened *state, ctx context.Context) error { s = opened; return answer(ctx) })
		chanx.Sends[answerMessage](c)
		srv.Handle("/ws", c)
		begin := time.Now()
		client := chanxtest.Dial(t, srv, "/ws", nil)
		if took := firstAfter(client, begin); took != moment {
			t.Errorf("OnOpen: it came after %v, want %v", took, moment)
		}
		discard(client)
		begin = time.Now()
		start(t, srv, client, func(kind, ref string) {
			want := moment
			if kind == (besideKind{}).Action() || kind == (streamKind{}).Action() {
				want = 0
			}
			if took := firstAfter(client, begin); took != want {
				t.Errorf("%s with ref %q: it came after %v, want %v", kind, ref, took, want)
			}
			discard(client)
			begin = time.Now().Add(time.Minute)
		})
	})
}

// TestMiddlewareThatReplacesTheContext checks that the answer of the handler is not delayed.
func TestMiddlewareThatReplacesTheContext(t *testing.T) {
	bubble(t, chanx.ServerOptions{}, func(t *testing.T, srv *chanx.Server) {
		c := probe(func(s *state, ctx context.Context, _ sayMessage) error {
			defer work(moment)
			return s.Send(ctx, answerMessage{})
		})
		c.Use(func(next chanx.Handler) chanx.Handler {
			return func(_ context.Context, k *chanx.Call) error { return next(context.Background(), k) }
		})
		srv.Handle("/ws", c)
		client := chanxtest.Dial(t, srv, "/ws", nil)
		begin := time.Now()
		client.Send(sayMessage{"say"})
		if took := firstAfter(client, begin); took != 0 {
			t.Errorf("it came after %v, want at once", took)
		}
	})
}

// TestFramesOfAGoroutine checks that they wait for the handler that started the goroutine, but for at most 5 ms. After that
// handler's end they do not wait, whether or not another handler runs.
func TestFramesOfAGoroutine(t *testing.T) {
	const most = 5 * time.Millisecond
	bubble(t, chanx.ServerOptions{}, func(t *testing.T, srv *chanx.Server) {
		send := make(chan struct{})
		c := probe(func(s *state, ctx context.Context, m sayMessage) error {
			if m.Text == "start" {
				go func() {
					for range send {
						if err := s.Send(ctx, answerMessage{}); err != nil {
							t.Error(err)
						}
					}
				}()
			}
			work(4 * most)
			return nil
		})
		srv.Handle("/ws", c)
		client := chanxtest.Dial(t, srv, "/ws", nil)
		soon := func(when string, most time.Duration) {
			begin := time.Now()
			send <- struct{}{}
			if took := firstAfter(client, begin); took > most {
				t.Errorf("%s: it came after %v, want at most %v", when, took, most)
			}
		}
		client.Send(sayMessage{"start"})
		soon("while the handler runs", most)
		soon("while it still runs", most)
		pass(4 * most)
		soon("when none runs", 0)
		client.Send(sayMessage{"next"})
		synctest.Wait()
		soon("while the next one runs", 0)
		close(send)
	})
}

// TestCorkingOfTwoConnections checks that a handler's context corks no frames of another connection.
func TestCorkingOfTwoConnections(t *testing.T) {
	bubble(t, chanx.ServerOptions{}, func(t *testing.T, srv *chanx.Server) {
		var all []*chanx.Conn
		open := func(c *chanx.Conn, _ *http.Request) (*state, error) { all = append(all, c); return &state{c}, nil }
		c := chanx.NewConsumer(open, nil)
		chanx.Sends[answerMessage](c)
		chanx.On(c, func(_ *state, ctx context.Context, m sayMessage) error {
			defer work(moment)
			if m.Text == "run" {
				return nil
			}
			return all[1].Send(ctx, answerMessage{})
		})
		srv.Handle("/ws", c)
		first, second := chanxtest.Dial(t, srv, "/ws", nil), chanxtest.Dial(t, srv, "/ws", nil)
		begin := time.Now()
		second.Send(sayMessage{"run"})
		synctest.Wait()
		first.Send(sayMessage{"say"})
		if took := firstAfter(second, begin); took != 0 {
			t.Errorf("it came after %v, want at once", took)
		}
	})
}
