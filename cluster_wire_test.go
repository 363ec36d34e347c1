package chanx_test

import (
	"bytes"
	"context"
	"fmt"
	"slices"
	"strings"
	"sync"
	"testing"
	"testing/synctest"
	"time"

	"github.com/chanx-go/chanx"
	"github.com/chanx-go/chanx/internal/faultlayer"
	"github.com/chanx-go/chanx/layer"
)

// wiretap keeps what nodes publish.
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
	inCluster(t, clusterOptions{nodes: 1}, func(t *testing.T, k *cluster) {
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

// tracer is an Observer whose headers travel.
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

// outsider is a link to the cluster's layer that is no server's.
type outsider struct {
	layer.Link
	last []byte
}

func (k *cluster) outsider(subject string) *outsider {
	o := &outsider{}
	o.Link = k.layer.Open(layer.Receiver{Receive: func(_ string, data []byte) { o.last = data }})
	k.ok(o.Subscribe(k.t.Context(), subject))
	return o
}

// TestLayerDataThatIsNoneIsRefused plays what other versions, and brokers that mix things up, may send.
func TestLayerDataThatIsNoneIsRefused(t *testing.T) {
	log := &journal{}
	inCluster(t, clusterOptions{nodes: 2, server: logOfNode0(log)}, func(t *testing.T, k *cluster) {
		ctx := t.Context()
		p, tap := k.dial(0, "ann", "one", "two"), k.outsider("g/three")
		k.ok(k.nodes[1].Broadcast(ctx, saidMessage{"hi"}, chanx.To("one", "three")))
		k.expect("good", map[*peer]string{p: "hi"})
		good := tap.last
		head := len(good) - len(`{"text":"hi"}`)
		bad := map[string][]byte{"nothing": {}}
		for n := range head {
			bad[fmt.Sprintf("cut at %d", n)] = good[:n]
		}
		for i, name := range map[int]string{0: "version", 1: "kind"} {
			future := slices.Clone(good)
			future[i] = 99
			bad[name] = future
		}
		for what, data := range bad {
			k.ok(tap.Publish(ctx, "g/one", data))
			if got := log.take(); len(got) != 1 || !strings.HasPrefix(got[0], "ERROR layer data refused subject=g/one error=chanx: read layer data: ") {
				t.Errorf("%s: log %q", what, got)
			}
		}
		k.ok(tap.Publish(ctx, "g/two", good)) // of another subject
		if got := log.take(); len(got) != 1 || !strings.Contains(got[0], "the subject is not that of one of its targets") {
			t.Errorf("log %q", got)
		}
		if n := k.counts[0].of("layer data that cannot be read"); n != len(bad)+1 {
			t.Errorf("%d counted, want %d", n, len(bad)+1)
		}
		k.expect("bad", nil)
		k.ok(tap.Publish(ctx, "g/one", good))
		k.expect("good again", map[*peer]string{p: "hi"})
		k.ok(tap.Close(ctx))
	})
}

func TestCommandsThatCannotBeReadAreRefused(t *testing.T) {
	log := &journal{}
	inCluster(t, clusterOptions{nodes: 2, server: logOfNode0(log)}, func(t *testing.T, k *cluster) {
		ctx := t.Context()
		p, tap := k.dial(0, "ann", "one"), k.outsider("u/ann")
		send := func(what, says string, change func([]byte) []byte) {
			t.Helper()
			k.ok(tap.Publish(ctx, "u/ann", change(slices.Clone(tap.last))))
			synctest.Wait()
			if got := log.take(); len(got) != 1 || !strings.HasPrefix(got[0], "ERROR command failed command="+what) || !strings.Contains(got[0], says) {
				t.Errorf("log %q, want %q", got, says)
			}
		}
		cut := func(b []byte) []byte { return b[:len(b)-1] }
		k.ok(k.nodes[1].Join(ctx, chanx.ToUser("ann"), "new"))
		synctest.Wait()
		send("join", "unexpected end", cut)
		send("join", "it is empty", func(b []byte) []byte { return append(b[:len(b)-len(`["new"]`)], `[""]`...) })
		k.ok(p.conn.Leave(ctx, "one"))
		last := tap.last
		k.ok(k.nodes[1].Disconnect(ctx, 4000, "", chanx.ToUser("zoe", "nobody")))
		if !bytes.Equal(tap.last, last) {
			t.Error("what was for others came")
		}
		k.ok(k.nodes[1].Disconnect(ctx, 4000, "", chanx.ToUser("bob", "ann")))
		p.ExpectClosed(4000)
		ann := k.dial(0, "ann")
		send("disconnect", "unexpected end", cut)
		send("disconnect", "1006 may not be sent", func(b []byte) []byte { return bytes.Replace(b, []byte("4000"), []byte("1006"), 1) })
		k.expect("bad commands", nil)
		if ann.Ended() != nil {
			t.Errorf("bad commands closed the connection: %v", ann.Ended())
		}
		k.ok(tap.Close(ctx))
	})
}

// TestOwnPublicationsAreIgnoredWhenTheyReturn has a layer that brings back what a node has published.
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
