package chanx_test

import (
	"context"
	"fmt"
	"sync"
	"sync/atomic"
	"testing"
	"testing/synctest"
	"time"

	"github.com/chanx-go/chanx"
	"github.com/chanx-go/chanx/chanxtest"
	"github.com/chanx-go/chanx/layer/memlayer"
)

// ringing returns a consumer that handles ringEvent with h and whose connections are in the group g.
func ringing(h func(*state, context.Context, ringEvent) error) *chanx.Consumer[state] {
	c := chanx.NewConsumer(openState, &chanx.ConsumerOptions{Groups: []string{"g"}})
	chanx.OnEvent(c, h)
	return c
}

// TestABurstOfEventsReachesAConnectionThatKeepsUp emits many more events than EventQueue: Emit blocks until there is room.
func TestABurstOfEventsReachesAConnectionThatKeepsUp(t *testing.T) {
	for name, takes := range map[string]time.Duration{"at once": 0, "1 ms each": time.Millisecond, "5 ms each": 5 * time.Millisecond} {
		for _, emitters := range []int{1, 10} {
			t.Run(fmt.Sprintf("%s, %d emitters", name, emitters), func(t *testing.T) {
				bubble(t, chanx.ServerOptions{}, func(t *testing.T, srv *chanx.Server) {
					var handled atomic.Int64
					srv.Handle("/ws", ringing(func(*state, context.Context, ringEvent) error {
						time.Sleep(takes) // in a bubble
						handled.Add(1)
						return nil
					}))
					client := chanxtest.Dial(t, srv, "/ws", nil)
					synctest.Wait()
					const each = 3000
					var all sync.WaitGroup
					for range emitters {
						all.Go(func() {
							for range each / emitters {
								begin := time.Now()
								if err := srv.Emit(t.Context(), ringEvent{}, chanx.To("g")); err != nil {
									t.Error(err)
								}
								if d := time.Since(begin); d > time.Second {
									t.Errorf("Emit took %v", d)
								}
							}
						})
					}
					all.Wait()
					for handled.Load() < each && !t.Failed() {
						time.Sleep(time.Second) // in a bubble
						if n := srv.Stats().Connections; n != 1 {
							t.Fatalf("%d connections, %d events were handled", n, handled.Load())
						}
					}
					client.Close(1000, "")
				})
			})
		}
	}
}

// TestAConnectionThatHandlesNoEventIsClosed checks that Emit waits for a second, also when many goroutines emit, and that
// the connection is then closed.
func TestAConnectionThatHandlesNoEventIsClosed(t *testing.T) {
	bubble(t, chanx.ServerOptions{Limits: chanx.Limits{EventQueue: 4}}, func(t *testing.T, srv *chanx.Server) {
		gate := make(chan struct{})
		stuck := ringing(func(*state, context.Context, ringEvent) error { <-gate; return nil })
		srv.Handle("/stuck", stuck)
		var heard atomic.Int64
		srv.Handle("/quick", ringing(func(*state, context.Context, ringEvent) error { heard.Add(1); return nil }))
		a, b := chanxtest.Dial(t, srv, "/stuck", nil), chanxtest.Dial(t, srv, "/stuck", nil)
		quick := chanxtest.Dial(t, srv, "/quick", nil)
		synctest.Wait()
		begin := time.Now()
		for i := range 5 { // one more, because the first is being handled
			noError(t, srv.Emit(t.Context(), ringEvent{}, chanx.To("g")))
			synctest.Wait()
			if d := time.Since(begin); d != 0 {
				t.Fatalf("event %d took %v", i, d)
			}
		}
		var all sync.WaitGroup
		for range 3 {
			all.Go(func() { noError(t, srv.Emit(t.Context(), ringEvent{}, chanx.To("g"))) })
		}
		synctest.Wait()
		if n := heard.Load(); n != 8 {
			t.Errorf("the other has %d events, want 8 at once", n)
		}
		all.Wait()
		if d := time.Since(begin); d != time.Second {
			t.Errorf("waited for %v", d)
		}
		a.ExpectClosed(1013)
		b.ExpectClosed(1013)
		close(gate)
		synctest.Wait()
		if n := srv.Stats().Drops; n["events_overflow"] != 2 || n["events_unhandled"] != 2*7 {
			t.Errorf("dropped %v", n)
		}
		noError(t, srv.Emit(t.Context(), ringEvent{}, chanx.To("g")))
		quick.Close(1000, "")
	})
}

// TestAHandlerDoesNotWaitForItself has a handler emit to its own connection, by each function and with each context.
func TestAHandlerDoesNotWaitForItself(t *testing.T) {
	type key struct{}
	for name, emit := range map[string]func(*state, *chanx.Server, context.Context) error{
		"Conn.Emit": func(s *state, _ *chanx.Server, ctx context.Context) error { return s.Emit(ctx, ringEvent{}) },
		"Server.Emit": func(_ *state, srv *chanx.Server, ctx context.Context) error {
			return srv.Emit(ctx, ringEvent{}, chanx.To("g"))
		},
		"a derived context": func(_ *state, srv *chanx.Server, ctx context.Context) error {
			return srv.Emit(context.WithValue(ctx, key{}, 1), ringEvent{}, chanx.All())
		},
		"another context": func(s *state, _ *chanx.Server, _ context.Context) error {
			return s.Emit(context.Background(), ringEvent{})
		},
	} {
		t.Run(name, func(t *testing.T) {
			bubble(t, chanx.ServerOptions{}, func(t *testing.T, srv *chanx.Server) {
				const burst = 2000
				var handled atomic.Int64
				c := ringing(func(*state, context.Context, ringEvent) error { handled.Add(1); return nil })
				chanx.On(c, func(s *state, ctx context.Context, _ sayMessage) error {
					begin := time.Now()
					for range burst {
						noError(t, emit(s, srv, ctx))
					}
					if d := time.Since(begin); d != 0 {
						t.Errorf("waited for %v", d)
					}
					return nil
				})
				srv.Handle("/ws", c)
				client := chanxtest.Dial(t, srv, "/ws", nil)
				client.Send(sayMessage{"go"})
				synctest.Wait()
				if n := handled.Load(); n != burst {
					t.Errorf("%d events were handled", n)
				}
				client.Close(1000, "")
			})
		})
	}
}

// TestHandlersThatEmitToEachOther checks that two handlers which emit to each other's full queue do not deadlock.
func TestHandlersThatEmitToEachOther(t *testing.T) {
	bubble(t, chanx.ServerOptions{Limits: chanx.Limits{EventQueue: 100}}, func(t *testing.T, srv *chanx.Server) {
		var handled atomic.Int64
		c := ringing(func(*state, context.Context, ringEvent) error { handled.Add(1); return nil })
		chanx.On(c, func(s *state, ctx context.Context, _ sayMessage) error {
			for range 300 {
				noError(t, s.Emit(ctx, ringEvent{}))
			}
			return nil
		})
		srv.Handle("/ws", c)
		begin := time.Now()
		const n = 2
		clients := make([]*chanxtest.Conn, n)
		for i := range clients {
			clients[i] = chanxtest.Dial(t, srv, "/ws", nil)
		}
		synctest.Wait()
		for _, client := range clients {
			client.Send(sayMessage{"go"})
		}
		for handled.Load() < n*n*300 && srv.Stats().Connections == n {
			time.Sleep(time.Millisecond) // in a bubble
		}
		if got := handled.Load(); got != n*n*300 || time.Since(begin) > time.Second {
			t.Errorf("%d events were handled within %v", got, time.Since(begin))
		}
		for _, client := range clients {
			client.Close(1000, "")
		}
	})
}

// TestABurstOfEventsFromAnotherNode checks that up to eight times EventQueue events of another node are queued, because
// its Emit cannot be blocked from here.
func TestABurstOfEventsFromAnotherNode(t *testing.T) {
	const queue = 20
	synctest.Test(t, func(t *testing.T) {
		shared := memlayer.New()
		o := chanx.ServerOptions{Layer: shared, Logger: quiet, Limits: chanx.Limits{EventQueue: queue}}
		var handled atomic.Int64
		gate := make(chan struct{})
		here := serve(&o, "/ws", ringing(func(*state, context.Context, ringEvent) error {
			<-gate
			handled.Add(1)
			return nil
		}))
		there := chanx.NewServer(&o)
		first := chanxtest.Dial(t, here, "/ws", nil)
		synctest.Wait()
		begin := time.Now()
		emit := func() {
			noError(t, there.Emit(t.Context(), ringEvent{}, chanx.To("g")))
			synctest.Wait()
		}
		for range 8*queue + 1 { // one more, because the first is being handled
			emit()
		}
		close(gate)
		synctest.Wait()
		if n := handled.Load(); n != 8*queue+1 {
			t.Errorf("%d events were handled", n)
		}
		gate = make(chan struct{})
		for range 8*queue + 2 {
			emit()
		}
		first.ExpectClosed(1013)
		if d := time.Since(begin); d != 0 {
			t.Errorf("took %v", d)
		}
		close(gate)
		shutDown(t, here, there)
	})
}

func noError(t *testing.T, err error) {
	t.Helper()
	if err != nil {
		t.Error(err)
	}
}
