package chanx_test

import (
	"context"
	"log/slog"
	"net/http"
	"testing"
	"testing/synctest"

	"github.com/chanx-go/chanx"
	"github.com/chanx-go/chanx/chanxtest"
	"github.com/chanx-go/chanx/layer/memlayer"
)

// Two types with the same action and event name, each used by another consumer.
type (
	priceInCents struct {
		Cents int `json:"cents"`
	}
	priceAsText struct {
		Price string `json:"price"`
	}
)

func (priceInCents) Action() string { return "price_changed" }
func (priceAsText) Action() string  { return "price_changed" }
func (priceInCents) Event() string  { return "price_set" }
func (priceAsText) Event() string   { return "price_set" }

// priceServer returns a server with a consumer for each type. The connections of both are in the group g.
func priceServer(o chanx.ServerOptions, conns map[string]*chanx.Conn) *chanx.Server {
	srv := chanx.NewServer(&o)
	open := func(name string) func(*chanx.Conn, *http.Request) (*state, error) {
		return func(c *chanx.Conn, r *http.Request) (*state, error) {
			conns[name] = c
			return &state{c}, nil
		}
	}
	groups := &chanx.ConsumerOptions{Groups: []string{"g"}}
	cents := chanx.NewConsumer(open("cents"), groups)
	chanx.Broadcasts[priceInCents](cents)
	chanx.OnEvent(cents, func(s *state, ctx context.Context, e priceInCents) error { return s.Send(ctx, e) })
	text := chanx.NewConsumer(open("text"), groups)
	chanx.Broadcasts[priceAsText](text)
	chanx.OnEvent(text, func(s *state, ctx context.Context, e priceAsText) error { return s.Send(ctx, e) })
	srv.Handle("/cents", cents)
	srv.Handle("/text", text)
	return srv
}

// TestTypesOfOneActionAreKeptApart checks that a broadcast of one type is not sent to connections whose consumer declares
// another type for that action, on this node and on others, and that this is counted.
func TestTypesOfOneActionAreKeptApart(t *testing.T) {
	for _, camel := range []bool{false, true} {
		synctest.Test(t, func(t *testing.T) {
			l, conns := memlayer.New(), map[string]*chanx.Conn{}
			logger := slog.New(slog.DiscardHandler)
			near := priceServer(chanx.ServerOptions{Layer: l, Logger: logger, Camelize: camel}, conns)
			far := priceServer(chanx.ServerOptions{Layer: l, Logger: logger}, map[string]*chanx.Conn{})
			worker := chanx.NewServer(&chanx.ServerOptions{Layer: l, Logger: logger})
			var cents, text []*chanxtest.Conn
			for _, srv := range []*chanx.Server{near, far} {
				for range 4 { // enough connections for a shared batch
					cents = append(cents, chanxtest.Dial(t, srv, "/cents", nil))
					text = append(text, chanxtest.Dial(t, srv, "/text", nil))
				}
			}
			synctest.Wait()
			expect := func(what string, send func() error, wantCents, wantText int) {
				t.Helper()
				before := near.Stats().Drops["copies_undeclared"] + far.Stats().Drops["copies_undeclared"]
				if err := send(); err != nil {
					t.Errorf("%s: %v", what, err)
				}
				synctest.Wait()
				for _, all := range []struct {
					conns []*chanxtest.Conn
					want  int
				}{{cents, wantCents}, {text, wantText}} {
					for _, c := range all.conns {
						if got := len(c.Pending()); got != all.want {
							t.Errorf("%s: a client got %d frames, want %d", what, got, all.want)
						}
						for range c.Pending() {
							c.Next()
						}
					}
				}
				missed := near.Stats().Drops["copies_undeclared"] + far.Stats().Drops["copies_undeclared"] - before
				if want := uint64(len(cents)*(1-wantCents) + len(text)*(1-wantText)); missed != want {
					t.Errorf("%s: %d are counted as passed over, want %d", what, missed, want)
				}
			}
			ctx := t.Context()
			for name, srv := range map[string]*chanx.Server{"a server": near, "another node": far, "a node without consumers": worker} {
				expect(name+", cents", func() error { return srv.Broadcast(ctx, priceInCents{5}, chanx.To("g")) }, 1, 0)
				expect(name+", text", func() error { return srv.Broadcast(ctx, priceAsText{"5"}, chanx.To("g")) }, 0, 1)
				expect(name+", Raw", func() error {
					return srv.Broadcast(ctx, chanx.Raw{Name: "price_changed", Payload: []byte(`{"cents":1,"price":"1"}`)}, chanx.To("g"))
				}, 1, 1)
			}
			expect("a connection", func() error { return conns["cents"].Broadcast(ctx, priceInCents{5}) }, 1, 0)
			expect("the other", func() error { return conns["text"].Broadcast(ctx, priceAsText{"5"}) }, 0, 1)
			for _, srv := range []*chanx.Server{near, far, worker} {
				if err := srv.Shutdown(ctx); err != nil {
					t.Error(err)
				}
			}
		})
	}
}

type renamedPrice struct {
	Cents int `json:"cents"`
}

func (renamedPrice) Action() string { return "price_changed" }

// TestATypeOfAnotherReleaseArrives has a node on which the type with that action has another Go name.
func TestATypeOfAnotherReleaseArrives(t *testing.T) {
	synctest.Test(t, func(t *testing.T) {
		l := memlayer.New()
		c := chanx.NewConsumer(openState, &chanx.ConsumerOptions{Groups: []string{"g"}})
		chanx.Broadcasts[renamedPrice](c)
		later := serve(&chanx.ServerOptions{Layer: l, Logger: quiet}, "/ws", c)
		earlier := priceServer(chanx.ServerOptions{Layer: l, Logger: quiet}, map[string]*chanx.Conn{})
		client := chanxtest.Dial(t, later, "/ws", nil)
		synctest.Wait()
		if err := earlier.Broadcast(t.Context(), priceInCents{5}, chanx.To("g")); err != nil {
			t.Error(err)
		}
		if got := chanxtest.Receive[renamedPrice](client); got.Message.Cents != 5 {
			t.Errorf("got %+v", got)
		}
		for _, srv := range []*chanx.Server{later, earlier} {
			if err := srv.Shutdown(t.Context()); err != nil {
				t.Error(err)
			}
		}
	})
}

// TestEventsAreDecodedByEachHandlersType has handlers with different Go types for one event name.
func TestEventsAreDecodedByEachHandlersType(t *testing.T) {
	synctest.Test(t, func(t *testing.T) {
		srv := priceServer(chanx.ServerOptions{Logger: quiet}, map[string]*chanx.Conn{})
		cents, text := chanxtest.Dial(t, srv, "/cents", nil), chanxtest.Dial(t, srv, "/text", nil)
		synctest.Wait()
		if err := srv.Emit(t.Context(), priceInCents{5}, chanx.To("g")); err != nil {
			t.Error(err)
		}
		synctest.Wait()
		if a, b := len(cents.Pending()), len(text.Pending()); a != 1 || b != 0 || srv.Stats().Drops["events_invalid"] != 1 {
			t.Errorf("%d and %d came, dropped are %v", a, b, srv.Stats().Drops)
		}
		if err := srv.Shutdown(t.Context()); err != nil {
			t.Error(err)
		}
	})
}
