package chanx_test

import (
	"bytes"
	"context"
	"fmt"
	"math/rand/v2"
	"slices"
	"strings"
	"sync"
	"testing"
	"testing/synctest"
	"time"

	"github.com/chanx-go/chanx"
	"github.com/chanx-go/chanx/internal/faultlayer"
	"github.com/chanx-go/chanx/internal/nodetest"
	"github.com/chanx-go/chanx/layer"
	"github.com/chanx-go/chanx/layer/memlayer"
)

func TestNodesOnMemlayer(t *testing.T) {
	l := memlayer.New()
	nodetest.Run(t, func(*testing.T) layer.Layer { return l }, nodetest.Features{})
}

// TestNodesOnASlowLayer delays publications at random, differently for each node, and disconnects nodes from the layer.
func TestNodesOnASlowLayer(t *testing.T) {
	odds := faultlayer.Odds{Delay: 0.3, MaxDelay: time.Millisecond}
	l := faultlayer.New(memlayer.New(), faultlayer.Faults{Deliver: faultlayer.Random(rand.New(rand.NewPCG(3, 4)), odds)})
	nodetest.Run(t, func(*testing.T) layer.Layer { return l.Cable() }, nodetest.Features{
		Down: func(_ *testing.T, l layer.Layer) { l.(*faultlayer.Cable).Down(errCut) },
		Up:   func(_ *testing.T, l layer.Layer) { l.(*faultlayer.Cable).Up() },
	})
}

// wiretap is a layer that records what nodes publish.
type wiretap struct {
	mu       sync.Mutex
	subjects []string
	data     [][]byte
}

func (w *wiretap) call(c faultlayer.Call) (time.Duration, error) {
	if c.Op == faultlayer.Publish {
		w.mu.Lock()
		defer w.mu.Unlock()
		w.subjects = append(w.subjects, c.Subject)
		w.data = append(w.data, slices.Clone(c.Data))
	}
	return 0, nil
}

func (w *wiretap) take() (subjects []string, data [][]byte) {
	w.mu.Lock()
	defer w.mu.Unlock()
	subjects, data = w.subjects, w.data
	w.subjects, w.data = nil, nil
	return subjects, data
}

func nodeOf(p *peer) string {
	node, _, _ := strings.Cut(p.conn.ID(), ".")
	return "n/" + node
}

func TestABroadcastIsPublishedOnceForEachSubject(t *testing.T) {
	w := &wiretap{}
	inCluster(t, clusterOptions{nodes: 3, faults: faultlayer.Faults{Call: w.call}}, func(t *testing.T, k *cluster) {
		ctx := t.Context()
		a, b, b2, c := k.dial(0, "ann", "g"), k.dial(1, "bob"), k.dial(1, "bob", "h"), k.dial(2, "cat")
		conns := chanx.ToConn(b.conn.ID(), a.conn.ID(), c.conn.ID(), b2.conn.ID())
		want := []string{"g/g", "g/h", "u/ann", nodeOf(b), nodeOf(c), "a/"}
		for name, do := range map[string]func(to ...chanx.Target) error{
			"broadcast": func(to ...chanx.Target) error {
				return a.conn.Broadcast(ctx, saidMessage{"x"}, to[0], to[1], to[2], to[3], to[4])
			},
			"event":      func(to ...chanx.Target) error { return k.nodes[0].Emit(ctx, ringEvent{"x"}, to...) },
			"disconnect": func(to ...chanx.Target) error { return k.nodes[0].Disconnect(ctx, 4000, "", to[1:2]...) },
		} {
			if err := do(chanx.To("g", "h", "g"), chanx.ToUser("ann"), conns, chanx.All(), chanx.To("h")); err != nil {
				t.Error(err)
			}
			want := want
			if name == "disconnect" {
				want = []string{"u/ann"}
			}
			subjects, data := w.take()
			if !slices.Equal(subjects, want) {
				t.Errorf("%s was published to %q, want %q", name, subjects, want)
			}
			for _, d := range data {
				if !bytes.Equal(d, data[0]) || d[0] != 1 {
					t.Errorf("%s: %q and %q, want the same of version 1", name, d, data[0])
				}
			}
		}
		k.ok(k.nodes[1].Broadcast(ctx, saidMessage{"x"}, chanx.ToConn(b.conn.ID(), b2.conn.ID())))
		k.ok(k.nodes[1].Broadcast(ctx, saidMessage{"x"}, chanx.To()))
		if subjects, _ := w.take(); len(subjects) != 0 {
			t.Errorf("what concerns nobody else was published to %q", subjects)
		}
		k.ok(k.nodes[2].Join(ctx, chanx.To("g"), "x", "y"))
		if subjects, _ := w.take(); !slices.Equal(subjects, []string{"g/g"}) {
			t.Errorf("join was published to %q", subjects)
		}
	})
}

func TestSubscriptionsFollowMembership(t *testing.T) {
	inCluster(t, clusterOptions{nodes: 1, linger: -1}, func(t *testing.T, k *cluster) {
		follow := func(what string, want ...string) {
			t.Helper()
			synctest.Wait()
			got := slices.DeleteFunc(k.layer.Subscribed(0), func(s string) bool { return strings.HasPrefix(s, "n/") })
			if !slices.Equal(got, want) {
				t.Errorf("%s: subscribed to %q, want %q", what, got, want)
			}
		}
		follow("nobody")
		ann, bob := k.dial(0, "ann", "one"), k.dial(0, "", "one")
		follow("two", "a/", "g/one", "u/ann")
		k.ok(bob.conn.Join(t.Context(), "two", "three", "one"))
		k.ok(bob.conn.Leave(t.Context(), "three"))
		ann.Abort()
		follow("one", "a/", "g/one", "g/two")
		bob.Close(1000, "")
		follow("none again")
		if got := k.layer.Subscribed(0); len(got) != 0 {
			t.Errorf("without connections subscribed to %q", got)
		}
	})
}

// tracer is an Observer that adds a header to publications and records those it receives.
type tracer struct {
	chanx.NopObserver
	headers int
	seen    []string
}

func (o *tracer) Publish(_ context.Context, p *chanx.Publication) func(error) {
	for i := range o.headers {
		p.SetHeader(fmt.Sprintf("h%d", i), fmt.Sprint(i))
	}
	return nil
}

func (o *tracer) In(ctx context.Context, k *chanx.Call) (context.Context, func(error)) {
	o.seen = append(o.seen, fmt.Sprintf("%s %q %q %q", k.Action, k.Header("h0"), k.Header("h63"), k.Header("h64")))
	return ctx, nil
}

func TestHeadersTravelToTheReceivingNode(t *testing.T) {
	a, b := &tracer{headers: 70}, &tracer{}
	observers := []chanx.Observer{a, b}
	o := clusterOptions{nodes: 2, server: func(node int, o *chanx.ServerOptions) { o.Observer = observers[node] }}
	inCluster(t, o, func(t *testing.T, k *cluster) {
		p := k.dial(1, "ann", "g")
		k.ok(k.nodes[0].Emit(t.Context(), ringEvent{"1"}, chanx.To("g")))
		k.ok(k.nodes[0].Broadcast(t.Context(), saidMessage{"2"}, chanx.To("g")))
		k.ok(k.nodes[1].Emit(t.Context(), ringEvent{"3"}, chanx.To("g")))
		synctest.Wait()
		if want := []string{`ring "0" "63" ""`, `ring "" "" ""`}; !slices.Equal(b.seen, want) {
			t.Errorf("calls have headers %q, want %q", b.seen, want)
		}
		if n := len(p.Pending()); n != 3 {
			t.Errorf("%d frames came, want 3", n)
		}
	})
}

// TestOwnPublicationsAreIgnoredWhenTheyReturn has a layer that delivers a node's publications to the node itself.
func TestOwnPublicationsAreIgnoredWhenTheyReturn(t *testing.T) {
	inCluster(t, clusterOptions{nodes: 1}, func(t *testing.T, k *cluster) {
		ctx := t.Context()
		p, tap := k.dial(0, "ann", "g"), k.outsider("g/g")
		for name, do := range map[string]func() error{
			"hi+!":  func() error { return p.conn.Broadcast(ctx, saidMessage{"hi"}) },
			"out":   func() error { return k.nodes[0].Broadcast(ctx, saidMessage{"out"}, chanx.To("g")) },
			"(e)":   func() error { return p.conn.Emit(ctx, ringEvent{"e"}) },
			"(j)":   func() error { k.ok(k.nodes[0].Join(ctx, chanx.To("g"), "h")); return p.conn.Emit(ctx, ringEvent{"j"}) },
			"other": func() error { return k.nodes[0].Broadcast(ctx, saidMessage{"other"}, chanx.All(), chanx.To("g")) },
		} {
			k.ok(do())
			k.expect(name, map[*peer]string{p: name})
			k.ok(tap.Publish(ctx, "g/g", tap.last))
			k.expect(name+" again", nil)
		}
		k.ok(tap.Close(ctx))
	})
}
