package chanx_test

import (
	"context"
	"errors"
	"slices"
	"strings"
	"testing"
	"testing/synctest"

	"github.com/chanx-go/chanx"
)

// aim is a way to say who is meant, and who that is.
type aim struct {
	name string
	to   []chanx.Target
	who  []*peer
}

// crowd opens connections on the first two nodes of three; the third is a worker without any.
//
//	node 0: ann in g1, bob in g2
//	node 1: ann in g1 and g2, and somebody anonymous in no group
func crowd(k *cluster) []aim {
	ann0, bob0 := k.dial(0, "ann", "g1"), k.dial(0, "bob", "g2")
	ann1, anon1 := k.dial(1, "ann", "g1", "g2"), k.dial(1, "")
	ids := func(ps ...*peer) (all []string) {
		for _, p := range ps {
			all = append(all, p.conn.ID())
		}
		return all
	}
	list := func(to ...chanx.Target) []chanx.Target { return to }
	return []aim{
		{"a group", list(chanx.To("g1")), []*peer{ann0, ann1}},
		{"two groups", list(chanx.To("g2", "g1", "g2")), []*peer{ann0, bob0, ann1}},
		{"no group", list(chanx.To()), nil},
		{"an empty group", list(chanx.To("g3")), nil},
		{"a user", list(chanx.ToUser("ann")), []*peer{ann0, ann1}},
		{"users", list(chanx.ToUser("bob", "ann")), []*peer{ann0, bob0, ann1}},
		{"an unknown user", list(chanx.ToUser("zoe")), nil},
		{"a connection", list(chanx.ToConn(ids(anon1)...)), []*peer{anon1}},
		{"connections", list(chanx.ToConn(ids(bob0, ann1, anon1)...)), []*peer{bob0, ann1, anon1}},
		{"connections that are no more", list(chanx.ToConn("nonode.x", bob0.conn.ID()+"x", "x")), nil},
		{"all", list(chanx.All()), []*peer{ann0, bob0, ann1, anon1}},
		{
			"everything at once",
			list(chanx.ToConn(ids(ann1, anon1)...), chanx.To("g2", "g1"), chanx.All(), chanx.ToUser("ann"), chanx.ToConn(ids(ann0)...)),
			[]*peer{ann0, bob0, ann1, anon1},
		},
		{
			"kinds that overlap", list(chanx.To("g1"), chanx.ToUser("ann"), chanx.ToConn(ids(ann0, ann1)...)), []*peer{ann0, ann1},
		},
	}
}

// hears says what each of those who are meant gets of a message.
func (a *aim) hears(text string, from *peer) map[*peer]string {
	want := map[*peer]string{}
	for _, p := range a.who {
		want[p] = text
		if from != nil && from.user != "" && from.user == p.user {
			want[p] += "+"
		}
		if from == p {
			want[p] += "!"
		}
	}
	return want
}

func TestEveryTargetFromEverywhere(t *testing.T) {
	inCluster(t, clusterOptions{nodes: 3}, func(t *testing.T, k *cluster) {
		ctx := t.Context()
		for _, a := range crowd(k) {
			for _, s := range k.nodes {
				k.ok(s.Broadcast(ctx, saidMessage{"s"}, a.to...))
				k.expect(a.name+" by a server", a.hears("s", nil))
				k.ok(s.Emit(ctx, ringEvent{"e"}, a.to...))
				k.expect(a.name+" by a server's event", a.hears("(e)", nil))
				k.ok(s.Broadcast(ctx, chanx.Raw{Name: "said", Payload: []byte(`{"text":"raw"}`)}, a.to...))
				k.expect(a.name+" by a server's Raw", a.hears("raw", nil))
			}
			var opts []chanx.BroadcastOption
			for _, to := range a.to {
				opts = append(opts, to)
			}
			for _, from := range k.peers {
				k.ok(from.conn.Broadcast(ctx, saidMessage{"c"}, opts...))
				k.expect(a.name+" by "+from.name, a.hears("c", from))
				k.ok(from.conn.Broadcast(ctx, saidMessage{"x"}, append(opts, chanx.ExceptSelf())...))
				want := a.hears("x", from)
				delete(want, from)
				k.expect(a.name+" except "+from.name, want)
				k.ok(from.conn.Emit(ctx, ringEvent{"v"}, a.to...))
				k.expect(a.name+" by an event of "+from.name, a.hears("(v)", nil))
			}
		}
	})
}

func TestWithoutTargetAConnectionMeansItsGroups(t *testing.T) {
	inCluster(t, clusterOptions{nodes: 2}, func(t *testing.T, k *cluster) {
		a, b, c := k.dial(0, "ann", "g1", "g2"), k.dial(1, "bob", "g2"), k.dial(1, "")
		k.ok(a.conn.Broadcast(t.Context(), saidMessage{"hi"}))
		k.expect("broadcast", map[*peer]string{a: "hi+!", b: "hi"})
		k.ok(a.conn.Broadcast(t.Context(), saidMessage{"hi"}, chanx.ExceptSelf()))
		k.expect("except self", map[*peer]string{b: "hi"})
		k.ok(b.conn.Emit(t.Context(), ringEvent{"e"}))
		k.expect("event", map[*peer]string{a: "(e)", b: "(e)"})
		k.ok(c.conn.Broadcast(t.Context(), saidMessage{"hi"}))
		k.ok(c.conn.Emit(t.Context(), ringEvent{"e"}))
		k.expect("of no group", nil)
	})
}

func TestBadTargetsAreErrors(t *testing.T) {
	inCluster(t, clusterOptions{nodes: 2}, func(t *testing.T, k *cluster) {
		p := k.dial(0, "ann", "g")
		ctx, s := t.Context(), k.nodes[1]
		many := make([]string, 513)
		for i := range many {
			many[i] = strings.Repeat("x", 1+i%100) + strings.Repeat("y", i/100)
		}
		for name, bad := range map[string]struct {
			to   chanx.Target
			says string
		}{
			"empty group":       {chanx.To("g", ""), "group name: it is empty"},
			"empty user":        {chanx.ToUser("ann", ""), "user id: it is empty"},
			"empty connection":  {chanx.ToConn(""), "connection id: it is empty"},
			"long group":        {chanx.To(strings.Repeat("x", 201)), "201 bytes"},
			"control character": {chanx.To("g\n"), "control character U+000A"},
			"invalid UTF-8":     {chanx.ToUser("\xff"), "not valid UTF-8"},
			"nil":               {nil, "target"},
			"too many":          {chanx.To(many...), "513 targets, more than 512: use a group"},
		} {
			for verb, err := range map[string]error{
				"Conn.Broadcast":   p.conn.Broadcast(ctx, saidMessage{name}, bad.to),
				"Conn.Emit":        p.conn.Emit(ctx, ringEvent{name}, bad.to),
				"Server.Broadcast": s.Broadcast(ctx, saidMessage{name}, bad.to),
				"Server.Emit":      s.Emit(ctx, ringEvent{name}, bad.to),
				"Disconnect":       s.Disconnect(ctx, 4000, "", bad.to),
				"Join":             s.Join(ctx, bad.to, "new"),
				"Leave":            s.Leave(ctx, bad.to, "g"),
			} {
				if err == nil || !strings.Contains(err.Error(), bad.says) || !strings.HasPrefix(err.Error(), "chanx: ") {
					t.Errorf("%s of %s: %v, want %q", verb, name, err, bad.says)
				}
			}
		}
		for verb, err := range map[string]error{
			"Broadcast": s.Broadcast(ctx, saidMessage{}), "Emit": s.Emit(ctx, ringEvent{}), "Disconnect": s.Disconnect(ctx, 4000, ""),
		} {
			if err == nil || !strings.Contains(err.Error(), "no target: say To(") {
				t.Errorf("%s without target: %v", verb, err)
			}
		}
		if err := s.Disconnect(ctx, 1006, "", chanx.All()); err == nil || !strings.Contains(err.Error(), "1006 may not be sent") {
			t.Errorf("Disconnect with 1006: %v", err)
		}
		if err := s.Join(ctx, chanx.All(), "fine", ""); err == nil || !strings.Contains(err.Error(), "group name: it is empty") {
			t.Errorf("Join of a group without a name: %v", err)
		}
		k.expect("errors", nil)
		if got := p.conn.Groups(); !slices.Equal(got, []string{"g"}) || p.Ended() != nil {
			t.Errorf("after all that it is in %q, ended %v", got, p.Ended())
		}
	})
}

// TestWorkersNeedNoConsumer has a node that serves nobody: it reaches all, and what it may not have declared is decided
// where it arrives.
func TestWorkersNeedNoConsumer(t *testing.T) {
	inCluster(t, clusterOptions{nodes: 1}, func(t *testing.T, k *cluster) {
		p := k.dial(0, "ann", "g")
		worker := chanx.NewServer(&chanx.ServerOptions{Layer: k.layer, Logger: quiet})
		k.ok(worker.Broadcast(t.Context(), saidMessage{"1"}, chanx.To("g")))
		k.ok(worker.Broadcast(t.Context(), knockMessage{}, chanx.To("g"))) // declared nowhere
		k.ok(worker.Emit(t.Context(), newsEvent{}, chanx.All()))
		k.ok(worker.Emit(t.Context(), ringEvent{"2"}, chanx.ToUser("ann")))
		k.ok(worker.Join(t.Context(), chanx.ToUser("ann"), "h"))
		synctest.Wait() // the other node hears of h now
		k.ok(worker.Broadcast(t.Context(), saidMessage{"3"}, chanx.To("h")))
		k.expect("by a worker", map[*peer]string{p: "1 (2) 3"})
		for _, what := range []string{"group message that the consumer does not declare", "event that the consumer does not handle"} {
			if n := k.counts[0].of(what); n != 1 {
				t.Errorf("%d of %q counted, want 1", n, what)
			}
		}
		k.ok(worker.Disconnect(t.Context(), 4000, "by the worker", chanx.All()))
		synctest.Wait()
		if reason := p.ExpectClosed(4000); reason != "by the worker" {
			t.Errorf("reason %q", reason)
		}
		k.ok(worker.Shutdown(context.Background()))
	})
}

func TestAfterShutdownServerMethodsFail(t *testing.T) {
	inCluster(t, clusterOptions{nodes: 2}, func(t *testing.T, k *cluster) {
		p, ctx := k.dial(1, "ann", "g"), t.Context()
		gone := k.dial(0, "bob", "g")
		k.ok(k.nodes[0].Shutdown(ctx))
		for verb, err := range map[string]error{
			"Broadcast":      k.nodes[0].Broadcast(ctx, saidMessage{"x"}, chanx.To("g")),
			"Emit":           k.nodes[0].Emit(ctx, ringEvent{"x"}, chanx.All()),
			"Disconnect":     k.nodes[0].Disconnect(ctx, 4000, "", chanx.All()),
			"Join":           k.nodes[0].Join(ctx, chanx.All(), "h"),
			"Leave":          k.nodes[0].Leave(ctx, chanx.All(), "g"),
			"Conn.Broadcast": gone.conn.Broadcast(ctx, saidMessage{"x"}, chanx.To("g")),
			"Conn.Join":      gone.conn.Join(ctx, "h"),
		} {
			if !errors.Is(err, chanx.ErrClosed) {
				t.Errorf("%s: %v, want ErrClosed", verb, err)
			}
		}
		k.expect("after Shutdown", nil)
		if n := k.nodes[0].Count("g"); n != 0 || k.nodes[1].Count("g") != 1 || p.Ended() != nil {
			t.Errorf("%d connections in the group on the node that is no more", n)
		}
	})
}
