package chanx_test

import (
	"context"
	"errors"
	"fmt"
	"net/http"
	"slices"
	"sync"
	"testing"
	"testing/synctest"
	"time"

	"github.com/chanx-go/chanx"
	"github.com/chanx-go/chanx/chanxtest"
	"github.com/chanx-go/chanx/internal/faultlayer"
	"github.com/chanx-go/chanx/layer"
	"github.com/chanx-go/chanx/layer/memlayer"
)

// silentLayer is a layer whose calls do not return while it is silent.
type silentLayer struct {
	mu     sync.Mutex
	silent bool
}

func (s *silentLayer) set(silent bool) {
	s.mu.Lock()
	defer s.mu.Unlock()
	s.silent = silent
}

func (s *silentLayer) call(faultlayer.Call) (time.Duration, error) {
	s.mu.Lock()
	defer s.mu.Unlock()
	if s.silent {
		return time.Hour, nil
	}
	return 0, nil
}

// TestOpeningSucceedsWithASilentLayer opens connections while the layer is silent: with an authenticator, an open that joins
// groups and checks its context, static groups, and an OnOpen.
func TestOpeningSucceedsWithASilentLayer(t *testing.T) {
	for name, groups := range map[string][]string{"": nil, "that joins in open": {"a", "b", "c"}} {
		t.Run("a connection "+name, func(t *testing.T) {
			synctest.Test(t, func(t *testing.T) {
				s := &silentLayer{silent: true}
				l := faultlayer.New(memlayer.New(), faultlayer.Faults{Call: s.call})
				opened := make(chan time.Time, 1)
				open := func(c *chanx.Conn, r *http.Request) (*member, error) {
					for _, g := range groups {
						if err := c.Join(r.Context(), g); !errors.Is(err, layer.ErrUnavailable) {
							t.Errorf("Join in open: %v, want ErrUnavailable", err)
						}
					}
					return &member{c}, r.Context().Err()
				}
				c := chanx.NewConsumer(open, &chanx.ConsumerOptions{Authenticator: byHeader, Groups: []string{"static"}})
				c.OnOpen(func(*member, context.Context) error { opened <- time.Now(); return nil })
				chanx.Broadcasts[saidMessage](c)
				node := serve(&chanx.ServerOptions{Layer: l, Logger: quiet}, "/ws", c)
				other := chanx.NewServer(&chanx.ServerOptions{Layer: l, Logger: quiet})
				began := time.Now()
				p := chanxtest.Dial(t, node, "/ws", &chanxtest.DialOptions{Header: http.Header{"User": {"ann"}}, Timeout: time.Minute})
				if f := chanxtest.Receive[chanx.AuthenticationMessage](p); f.Message.StatusCode != http.StatusOK {
					t.Errorf("opened with %+v", f)
				}
				if took := (<-opened).Sub(began); took > 10*time.Second {
					t.Errorf("OnOpen ran after %v", took)
				}
				for _, group := range append(slices.Clone(groups), "static") {
					if node.Count(group) != 1 {
						t.Errorf("the connection is not in %q", group)
					}
				}
				s.set(false)
				time.Sleep(2 * time.Hour) // so that the calls nobody waited for have returned
				for _, to := range []chanx.Target{chanx.ToUser("ann"), chanx.All(), chanx.To("static")} {
					if err := other.Broadcast(t.Context(), saidMessage{"here"}, to); err != nil {
						t.Error(err)
					}
					chanxtest.Receive[saidMessage](p)
				}
				for _, srv := range []*chanx.Server{node, other} {
					_ = srv.Shutdown(t.Context()) // it may return the layer's error
				}
			})
		})
	}
}

// TestALayerThatDoesNotAnswerInTimeIsUnavailable checks that a handler gets ErrUnavailable, and not the error of its own
// context.
func TestALayerThatDoesNotAnswerInTimeIsUnavailable(t *testing.T) {
	s := &silentLayer{}
	inCluster(t, clusterOptions{nodes: 1, linger: -1, faults: faultlayer.Faults{Call: s.call}}, func(t *testing.T, k *cluster) {
		a := k.dial(0, "ann", "g")
		s.set(true)
		short, cancel := context.WithTimeout(t.Context(), time.Millisecond)
		defer cancel()
		for what, call := range map[string]func(ctx context.Context) error{
			"Join":      func(ctx context.Context) error { return a.conn.Join(ctx, "x") },
			"Leave":     func(ctx context.Context) error { return a.conn.Leave(ctx, "g") },
			"Broadcast": func(ctx context.Context) error { return a.conn.Broadcast(ctx, saidMessage{"1"}, chanx.To("g")) },
		} {
			err := call(t.Context())
			if !errors.Is(err, layer.ErrUnavailable) || !errors.Is(err, context.DeadlineExceeded) {
				t.Errorf("%s: %v, want ErrUnavailable", what, err)
			}
		}
		if err := a.conn.Join(short, "y"); errors.Is(err, layer.ErrUnavailable) || !errors.Is(err, context.DeadlineExceeded) {
			t.Errorf("Join whose own context has ended: %v", err)
		}
		s.set(false)
		pass(2 * time.Hour)
		k.received()
	})
}

// TestManyGroupsAreSubscribedConcurrently joins and leaves as many groups as a connection may have, with a layer that takes
// a second for each call.
func TestManyGroupsAreSubscribedConcurrently(t *testing.T) {
	const most = 128
	var groups []string
	for i := range most {
		groups = append(groups, fmt.Sprint("g", i))
	}
	for _, linger := range []time.Duration{0, -1} {
		asked := &calls{of: map[faultlayer.Op]int{}}
		o := clusterOptions{nodes: 1, linger: linger, faults: faultlayer.Faults{Call: asked.call}}
		inCluster(t, o, func(t *testing.T, k *cluster) {
			p := k.dial(0, "ann")
			asked.setSlow(time.Second)
			took := func(what string, want time.Duration, do func() error) {
				t.Helper()
				began := time.Now()
				k.ok(do())
				if got := time.Since(began); got != want {
					t.Errorf("%s took %v, want %v", what, got, want)
				}
			}
			took("Join", time.Second, func() error { return p.conn.Join(t.Context(), groups...) })
			expectCalls(t, "joined", asked, most, 0)
			if linger < 0 {
				took("Leave", time.Second, func() error { return p.conn.Leave(t.Context(), groups...) })
				expectCalls(t, "left", asked, 0, most)
				took("Server.Join", time.Second, func() error { return k.nodes[0].Join(t.Context(), chanx.All(), groups...) })
				took("Server.Leave", time.Second, func() error { return k.nodes[0].Leave(t.Context(), chanx.All(), groups...) })
				return
			}
			took("Leave that lingers", 0, func() error { return p.conn.Leave(t.Context(), groups...) })
			pass(5*time.Second + time.Second)
			expectCalls(t, "lingered", asked, 0, most)
			if n := k.nodes[0].Subjects(); n != 3 {
				t.Errorf("%d subjects are counted, want those of the connection", n)
			}
		})
	}
}

// TestManyLingeringGroupsAreUnsubscribedConcurrently leaves more groups than may linger, with a layer that takes a second
// for each call.
func TestManyLingeringGroupsAreUnsubscribedConcurrently(t *testing.T) {
	const most, more = 8192, 100
	lingering(t, func(t *testing.T, k *cluster, asked *calls) {
		p := k.dial(0, "")
		join := func(prefix string, n int) (groups []string) {
			for i := range n {
				groups = append(groups, fmt.Sprint(prefix, i))
			}
			for some := range slices.Chunk(groups, more) {
				k.ok(p.conn.Join(t.Context(), some...))
				if prefix == "old" {
					k.ok(p.conn.Leave(t.Context(), some...))
				}
			}
			return groups
		}
		join("old", most)
		last := join("new", more)
		asked.took()
		asked.setSlow(time.Second)
		began := time.Now()
		k.ok(p.conn.Leave(t.Context(), last...))
		if took := time.Since(began); took != time.Second {
			t.Errorf("Leave took %v", took)
		}
		expectCalls(t, "too many", asked, 0, more)
		asked.setSlow(0)
		pass(linger)
	})
}
