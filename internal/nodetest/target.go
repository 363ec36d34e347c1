package nodetest

import (
	"context"
	"fmt"

	"github.com/chanx-go/chanx"
)

// audience is a list of targets and the peers that it reaches.
type audience struct {
	name string
	to   []chanx.Target
	who  []*peer
}

// crowd opens connections on the first two of three nodes. The third node has none.
//
//	node 0: ann in g1, bob in g2
//	node 1: ann in g1 and g2, and an anonymous connection in no group
func crowd(k *cluster) []audience {
	k.t.Helper()
	ann0, bob0 := k.dial(0, "ann", "g1"), k.dial(0, "bob", "g2")
	ann1, anon1 := k.dial(1, "ann", "g1", "g2"), k.dial(1, "")
	ids := func(ps ...*peer) (all []string) {
		for _, p := range ps {
			all = append(all, p.conn.ID())
		}
		return all
	}
	list := func(to ...chanx.Target) []chanx.Target { return to }
	return []audience{
		{"a group", list(chanx.To("g1")), []*peer{ann0, ann1}},
		{"two groups", list(chanx.To("g2", "g1", "g2")), []*peer{ann0, bob0, ann1}},
		{"no group", list(chanx.To()), nil},
		{"an empty group", list(chanx.To("g3")), nil},
		{"a user", list(chanx.ToUser("ann")), []*peer{ann0, ann1}},
		{"users", list(chanx.ToUser("bob", "ann")), []*peer{ann0, bob0, ann1}},
		{"an unknown user", list(chanx.ToUser("zoe")), nil},
		{"a connection", list(chanx.ToConn(ids(anon1)...)), []*peer{anon1}},
		{"connections", list(chanx.ToConn(ids(bob0, ann1, anon1)...)), []*peer{bob0, ann1, anon1}},
		{"connections that do not exist", list(chanx.ToConn("nonode.x", bob0.conn.ID()+"x", "x")), nil},
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

// wants returns what each peer of the audience gets of a message.
func (a *audience) wants(text string, from *peer) map[*peer]string {
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

// everyTarget sends to each target from all servers and connections, with each method. A message that arrives where it should
// not, or twice, fails the next check of that peer.
func everyTarget(s *suite) {
	s.withNodes(3, func(k *cluster) {
		for i, a := range crowd(k) {
			text := func(what string, by int) string { return fmt.Sprintf("%s%d.%d", what, i, by) }
			for by, n := range k.nodes {
				k.serverSends(a, n, func(what string) string { return text(what, by) })
			}
			for by, from := range k.peers {
				k.peerSends(a, from, func(what string) string { return text(what, by) })
			}
			k.expectNothingElse(a.name)
		}
	})
}

func (k *cluster) serverSends(a audience, n *node, text func(string) string) {
	k.t.Helper()
	ctx := k.t.Context()
	k.ok(n.Broadcast(ctx, saidMessage{text("s")}, a.to...))
	k.expect(a.name+", by a server", a.wants(text("s"), nil))
	k.ok(n.Emit(ctx, ringEvent{text("e")}, a.to...))
	k.expect(a.name+", by a server's event", a.wants("("+text("e")+")", nil))
	k.ok(n.Broadcast(ctx, chanx.Raw{Name: "said", Payload: fmt.Appendf(nil, `{"text":%q}`, text("r"))}, a.to...))
	k.expect(a.name+", by a server's Raw", a.wants(text("r"), nil))
}

func (k *cluster) peerSends(a audience, from *peer, text func(string) string) {
	k.t.Helper()
	ctx := k.t.Context()
	k.ok(from.broadcast(ctx, text("c"), a.to...))
	k.expect(a.name+", by "+from.name, a.wants(text("c"), from))
	opts := append(options(a.to), chanx.ExceptSelf())
	k.ok(from.conn.Broadcast(ctx, saidMessage{text("x")}, opts...))
	want := a.wants(text("x"), from)
	delete(want, from)
	k.expect(a.name+", except "+from.name, want)
	k.ok(from.conn.Emit(ctx, ringEvent{text("v")}, a.to...))
	k.expect(a.name+", by an event of "+from.name, a.wants("("+text("v")+")", nil))
	k.ok(from.node.consumer.Emit(ctx, ringEvent{text("u")}, a.to...))
	k.expect(a.name+", by an event of the consumer", a.wants("("+text("u")+")", nil))
	k.ok(from.conn.Broadcast(ctx, chanx.Raw{Name: "said", Payload: fmt.Appendf(nil, `{"text":%q}`, text("w"))}, options(a.to)...))
	k.expect(a.name+", by Raw of "+from.name, a.wants(text("w"), from))
}

func options(to []chanx.Target) (opts []chanx.BroadcastOption) {
	for _, one := range to {
		opts = append(opts, one)
	}
	return opts
}

// broadcast calls Broadcast at the server's end of the connection.
func (p *peer) broadcast(ctx context.Context, text string, to ...chanx.Target) error {
	return p.conn.Broadcast(ctx, saidMessage{text}, options(to)...)
}

func withoutTarget(s *suite) {
	s.withNodes(2, func(k *cluster) {
		ctx := k.t.Context()
		a, b, c := k.dial(0, "ann", "g1", "g2"), k.dial(1, "bob", "g2"), k.dial(1, "")
		k.ok(a.broadcast(ctx, "1"))
		k.expect("broadcast", map[*peer]string{a: "1+!", b: "1"})
		k.ok(a.conn.Broadcast(ctx, saidMessage{"2"}, chanx.ExceptSelf()))
		k.expect("except self", map[*peer]string{b: "2"})
		k.ok(b.conn.Emit(ctx, ringEvent{"3"}))
		k.expect("event", map[*peer]string{a: "(3)", b: "(3)"})
		if c.broadcast(ctx, "4") == nil || c.conn.Emit(ctx, ringEvent{"5"}) == nil {
			k.t.Error("a connection without a group gets no error")
		}
		k.expectNothingElse("from a connection without a group")
	})
}
