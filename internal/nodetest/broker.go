package nodetest

import (
	"context"
	"errors"
	"fmt"
	"slices"

	"github.com/chanx-go/chanx"
	"github.com/chanx-go/chanx/layer"
)

// down takes the broker away from a node, and waits until the node has told so. Others may have lost it too.
func (k *cluster) down(n *node) {
	k.t.Helper()
	before := k.statuses(n, false)
	k.Down(k.t, n.layer)
	if !k.within(k.Wait, func() bool { return n.log.statuses(false) > before }) {
		k.t.Fatalf("node %d did not log within %v that the broker is lost", n.no, k.Wait)
	}
}

// up gives it back, and waits until all nodes have it.
func (k *cluster) up(n *node) {
	k.t.Helper()
	before := k.statuses(n, true)
	k.Up(k.t, n.layer)
	if !n.gone && !k.within(k.Wait, func() bool { return n.log.statuses(true) > before }) {
		k.t.Fatalf("node %d did not log within %v that the broker is back", n.no, k.Wait)
	}
	k.heal()
}

func (k *cluster) statuses(n *node, up bool) int {
	k.mu.Lock()
	defer k.mu.Unlock()
	return n.log.statuses(up)
}

// heal waits until each node reaches each connection. A node that has not noticed yet that it lost the broker may do so
// only now; it is healed when it has told of its return.
func (k *cluster) heal() {
	k.t.Helper()
	k.probeUntil("the broker is back", k.running(), chanx.All(), k.connected())
	back := func() bool {
		return !slices.ContainsFunc(k.running(), func(n *node) bool { return n.log.statuses(true) < n.log.statuses(false) })
	}
	if !k.within(k.Wait, back) {
		k.t.Fatalf("the broker is back, but within %v not every node has logged so", k.Wait)
	}
}

// unavailable expects the error of a layer that is down, and knows it.
func (k *cluster) unavailable(what string, err error) {
	k.t.Helper()
	if !errors.Is(err, layer.ErrUnavailable) {
		k.t.Errorf("%s without the broker: %v, want layer.ErrUnavailable", what, err)
	}
	if errors.Is(err, context.DeadlineExceeded) {
		k.t.Errorf("%s without the broker: %v, want the layer's own error, without waiting", what, err)
	}
}

// perhaps allows a call to succeed, or to fail for want of the broker.
func (k *cluster) perhaps(err error) {
	k.t.Helper()
	if err != nil && !errors.Is(err, layer.ErrUnavailable) {
		k.t.Error(err)
	}
}

// lostBroker makes every call on a node that cannot reach the broker.
func lostBroker(s *suite) {
	s.in(2, func(k *cluster) {
		ctx, n := k.t.Context(), k.nodes[0]
		a, b, far := k.dial(0, "ann", "g"), k.dial(0, "bob", "g"), k.dial(1, "cat", "g")
		k.down(n)
		k.localSends(a, b, far)
		k.localMembership(a, b, far)

		late := k.dial(0, "dan", "g") // connections are accepted all the same
		for _, p := range []*peer{a, b, late} {
			p.may["lost"] = true // a node that has not noticed yet may have handed it to what holds it until the broker is back
		}
		k.perhaps(k.nodes[1].Broadcast(ctx, saidMessage{"lost"}, chanx.To("g")))
		k.unavailable("Server.Broadcast", n.Broadcast(ctx, saidMessage{"7"}, chanx.To("g")))
		k.expect("while the broker is lost", map[*peer]string{a: "7", b: "7", late: "7", far: "lost"})
		k.unavailable("Disconnect", n.Disconnect(ctx, 4000, "", chanx.ToUser("bob", "cat")))
		b.told.doing = "disconnected without the broker"
		b.ExpectClosed(4000)

		k.up(n)
		for _, p := range []*peer{a, late, far} {
			if p.Ended() != nil {
				k.t.Errorf("%s should have stayed, and ended with %d", p.name, p.Ended().Code)
			}
		}
		if lost, back := k.statuses(n, false), k.statuses(n, true); lost != 1 || back != 1 {
			k.t.Errorf("the loss is logged %d times and the return %d times, want once each:\n%q", lost, back, n.log.all())
		}
		if n.Stats().Drops["gaps"] == 0 {
			k.t.Errorf("the gap is not counted: %v", n.Stats().Drops)
		}
		k.speak("after the broker is back", "g", a, late, far)
	})
}

// localSends broadcasts and emits: who is on the node gets it, and the caller is told that others do not.
func (k *cluster) localSends(a, b, far *peer) {
	k.t.Helper()
	ctx, n := k.t.Context(), a.node
	k.unavailable("Conn.Broadcast", a.broadcast(ctx, "1", chanx.To("g")))
	k.expect("on the node itself", map[*peer]string{a: "1+!", b: "1"})
	k.unavailable("Conn.Emit", a.conn.Emit(ctx, ringEvent{"2"}, chanx.ToUser("bob"), chanx.To("g")))
	k.expect("on the node itself", map[*peer]string{a: "(2)", b: "(2)"})
	k.unavailable("Server.Broadcast", n.Broadcast(ctx, saidMessage{"3"}, chanx.To("g"), chanx.All()))
	k.expect("on the node itself", map[*peer]string{a: "3", b: "3"})
	k.unavailable("Server.Emit", n.Emit(ctx, ringEvent{"4"}, chanx.ToConn(b.conn.ID(), far.conn.ID())))
	k.expect("on the node itself", map[*peer]string{b: "(4)"})
	k.ok(n.Broadcast(ctx, saidMessage{"here"}, chanx.ToConn(b.conn.ID()))) // nobody else is concerned
	k.expect("to a connection of the node", map[*peer]string{b: "here"})
}

// localMembership joins and leaves.
func (k *cluster) localMembership(a, b, far *peer) {
	k.t.Helper()
	ctx, n := k.t.Context(), a.node
	k.unavailable("Server.Join", n.Join(ctx, chanx.ToUser("ann", "cat"), "h"))
	k.unavailable("Conn.Join", b.conn.Join(ctx, "h")) // though the node remembers to subscribe
	k.unavailable("Conn.Join again", b.conn.Join(ctx, "h"))
	k.unavailable("Conn.Join of an old group", a.conn.Join(ctx, "g"))
	k.unavailable("Conn.Broadcast to a new group", a.broadcast(ctx, "5", chanx.To("h")))
	k.expect("to a new group", map[*peer]string{a: "5+!", b: "5"})
	k.ok(b.conn.Leave(ctx, "h")) // ann is still in it: the layer need not know
	k.unavailable("Server.Leave", n.Leave(ctx, chanx.ToUser("ann", "cat"), "h"))
	k.unavailable("Server.Broadcast to nobody", n.Broadcast(ctx, saidMessage{"6"}, chanx.To("h")))
	if n := a.node.Count("h"); n != 0 || far.Ended() != nil {
		k.t.Errorf("%d members of a group that all have left; the other node's connection ended with %v", n, far.Ended())
	}
}

// speak has each of the members of a group and all nodes speak to it.
func (k *cluster) speak(doing, group string, members ...*peer) {
	k.t.Helper()
	ctx := k.t.Context()
	a := aim{group, []chanx.Target{chanx.To(group)}, members}
	for _, n := range k.running() {
		text := fmt.Sprint("by", n.no)
		k.ok(n.Broadcast(ctx, saidMessage{text}, a.to...))
		k.expect(doing+": a node to "+group, a.hears(text, nil))
	}
	for _, p := range members {
		k.ok(p.broadcast(ctx, "own", a.to...))
		k.expect(doing+": "+p.name+" to "+group, a.hears("own", p))
	}
}

// membershipHeals joins, leaves, opens and closes connections while the broker is lost.
func membershipHeals(s *suite) {
	s.in(2, func(k *cluster) {
		ctx, n := k.t.Context(), k.nodes[0]
		stays, leaves, ends := k.dial(0, "ann", "a", "b"), k.dial(0, "bob", "c"), k.dial(0, "cat", "d")
		other := k.dial(1, "zoe", "a", "b", "c", "d", "e")
		for round := range 3 {
			k.down(n)
			if round == 0 {
				k.unavailable("Join", stays.conn.Join(ctx, "e"))
				k.perhaps(leaves.conn.Leave(ctx, "c"))
				ends.vanish()
			}
			k.perhaps(stays.conn.Leave(ctx, "b"))
			k.unavailable("Join behind Leave", stays.conn.Join(ctx, "b"))
			late := k.dial(0, "dan", "f")
			k.up(n)
			for _, group := range []string{"a", "b", "e"} {
				k.speak("joined before or meanwhile", group, stays, other)
			}
			k.speak("left meanwhile", "c", other)
			k.speak("ended meanwhile", "d", other)
			k.speak("opened meanwhile", "f", late)
			for user, p := range map[string]*peer{"ann": stays, "bob": leaves, "dan": late} {
				k.ok(k.nodes[1].Emit(ctx, ringEvent{user}, chanx.ToUser(user)))
				k.expect("to the user", map[*peer]string{p: "(" + user + ")"})
			}
			k.ok(k.nodes[1].Emit(ctx, ringEvent{"cat"}, chanx.ToUser("cat")))
			k.quiet("healed")
			late.Close(1000, "")
		}
	})
}

// nodeEndsWithoutBroker shuts a node down that has lost the broker; others have it back later, and so has a new node.
func nodeEndsWithoutBroker(s *suite) {
	s.in(3, func(k *cluster) {
		ann, bob := k.dial(1, "ann", "g"), k.dial(2, "bob", "g")
		cut := k.nodes[0]
		gone := k.dial(0, "cat", "g")
		k.down(cut)
		k.end(cut)
		gone.told.doing = "the node has lost the broker and is shut down"
		gone.ExpectClosed(1001)
		k.up(cut)
		k.speak("after the broker is back", "g", ann, bob)
		comes := k.dial(k.start().no, "cat", "g")
		k.speak("with a new node", "g", ann, bob, comes)
	})
}
