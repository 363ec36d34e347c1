package nodetest

import (
	"context"
	"errors"
	"fmt"
	"slices"

	"github.com/chanx-go/chanx"
	"github.com/chanx-go/chanx/layer"
)

// down makes the broker unreachable for a node, and waits until the node has logged that. Other nodes may lose it too.
func (k *cluster) down(n *node) {
	k.t.Helper()
	before := k.statuses(n, false)
	k.Down(k.t, n.layer)
	if !k.within(k.Wait, func() bool { return n.log.statuses(false) > before }) {
		k.t.Fatalf("node %d did not log within %v that the broker is lost", n.no, k.Wait)
	}
}

// up makes the broker reachable again, and waits until all nodes reach it.
func (k *cluster) up(n *node) {
	k.t.Helper()
	before := k.statuses(n, true)
	k.Up(k.t, n.layer)
	if !n.gone && !k.within(k.Wait, func() bool { return n.log.statuses(true) > before }) {
		k.t.Fatalf("node %d did not log within %v that the broker is back", n.no, k.Wait)
	}
	k.awaitRecovery()
}

func (k *cluster) statuses(n *node, up bool) int {
	k.mu.Lock()
	defer k.mu.Unlock()
	return n.log.statuses(up)
}

// awaitRecovery waits until each node reaches each connection. A node may notice the loss of the broker only now; then it
// has recovered when it has logged that the broker is back.
func (k *cluster) awaitRecovery() {
	k.t.Helper()
	k.probeUntil("the broker is back", k.running(), chanx.All(), k.connected())
	back := func() bool {
		return !slices.ContainsFunc(k.running(), func(n *node) bool { return n.log.statuses(true) < n.log.statuses(false) })
	}
	if !k.within(k.Wait, back) {
		k.t.Fatalf("the broker is back, but within %v not every node has logged so", k.Wait)
	}
}

// unavailable expects the error of a layer that knows that it is down.
func (k *cluster) unavailable(what string, err error) {
	k.t.Helper()
	if !errors.Is(err, layer.ErrUnavailable) {
		k.t.Errorf("%s without the broker: %v, want layer.ErrUnavailable", what, err)
	}
	if errors.Is(err, context.DeadlineExceeded) {
		k.t.Errorf("%s without the broker: %v, want the layer's own error, without waiting", what, err)
	}
}

// mayBeUnavailable expects a call to succeed or to fail with layer.ErrUnavailable.
func (k *cluster) mayBeUnavailable(err error) {
	k.t.Helper()
	if err != nil && !errors.Is(err, layer.ErrUnavailable) {
		k.t.Error(err)
	}
}

// lostBroker tries every call on a node that cannot reach the broker.
func lostBroker(s *suite) {
	s.withNodes(2, func(k *cluster) {
		ctx, n := k.t.Context(), k.nodes[0]
		a, b, far := k.dial(0, "ann", "g"), k.dial(0, "bob", "g"), k.dial(1, "cat", "g")
		k.down(n)
		k.localSends(a, b, far)
		k.localMembership(a, b, far)

		late := k.dial(0, "dan", "g") // the node still accepts connections
		for _, p := range []*peer{a, b, late} {
			p.mayArrive["lost"] = true // the other node may not have noticed yet, and its layer may deliver it later
		}
		k.mayBeUnavailable(k.nodes[1].Broadcast(ctx, saidMessage{"lost"}, chanx.To("g")))
		k.unavailable("Server.Broadcast", n.Broadcast(ctx, saidMessage{"7"}, chanx.To("g")))
		k.expect("while the broker is lost", map[*peer]string{a: "7", b: "7", late: "7", far: "lost"})
		k.unavailable("Disconnect", n.Disconnect(ctx, 4000, "", chanx.ToUser("bob", "cat")))
		b.tb.step = "disconnected without the broker"
		b.ExpectClosed(4000)

		k.up(n)
		for _, p := range []*peer{a, late, far} {
			if p.Ended() != nil {
				k.t.Errorf("%s should have stayed, but ended with %d", p.name, p.Ended().Code)
			}
		}
		if lost, back := k.statuses(n, false), k.statuses(n, true); lost != 1 || back != 1 {
			k.t.Errorf("the loss is logged %d times and the return %d times, want once each:\n%q", lost, back, n.log.all())
		}
		if n.Stats().Drops["gaps"] == 0 {
			k.t.Errorf("the gap is not counted: %v", n.Stats().Drops)
		}
		k.broadcastFromAll("after the broker is back", "g", a, late, far)
	})
}

// localSends broadcasts and emits: connections of the node receive it, and the caller gets an error because others do not.
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
	k.ok(n.Broadcast(ctx, saidMessage{"here"}, chanx.ToConn(b.conn.ID()))) // no other node is involved
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
	k.ok(b.conn.Leave(ctx, "h")) // ann is still in it, so nothing is unsubscribed
	k.unavailable("Server.Leave", n.Leave(ctx, chanx.ToUser("ann", "cat"), "h"))
	k.unavailable("Server.Broadcast to nobody", n.Broadcast(ctx, saidMessage{"6"}, chanx.To("h")))
	if n := a.node.Count("h"); n != 0 || far.Ended() != nil {
		k.t.Errorf("%d members of a group that all have left; the connection of the other node ended with %v", n, far.Ended())
	}
}

// broadcastFromAll broadcasts to a group from all nodes and from each of its members.
func (k *cluster) broadcastFromAll(doing, group string, members ...*peer) {
	k.t.Helper()
	ctx := k.t.Context()
	a := audience{group, []chanx.Target{chanx.To(group)}, members}
	for _, n := range k.running() {
		text := fmt.Sprint("by", n.no)
		k.ok(n.Broadcast(ctx, saidMessage{text}, a.to...))
		k.expect(doing+": a node to "+group, a.wants(text, nil))
	}
	for _, p := range members {
		k.ok(p.broadcast(ctx, "own", a.to...))
		k.expect(doing+": "+p.name+" to "+group, a.wants("own", p))
	}
}

// membershipRecovers joins, leaves, opens and closes connections while the broker is lost.
func membershipRecovers(s *suite) {
	s.withNodes(2, func(k *cluster) {
		ctx, n := k.t.Context(), k.nodes[0]
		stays, leaves, ends := k.dial(0, "ann", "a", "b"), k.dial(0, "bob", "c"), k.dial(0, "cat", "d")
		other := k.dial(1, "zoe", "a", "b", "c", "d", "e")
		for round := range 3 {
			k.down(n)
			if round == 0 {
				k.unavailable("Join", stays.conn.Join(ctx, "e"))
				k.mayBeUnavailable(leaves.conn.Leave(ctx, "c"))
				ends.drop()
			}
			k.mayBeUnavailable(stays.conn.Leave(ctx, "b"))
			k.unavailable("Join behind Leave", stays.conn.Join(ctx, "b"))
			late := k.dial(0, "dan", "f")
			k.up(n)
			for _, group := range []string{"a", "b", "e"} {
				k.broadcastFromAll("joined before or meanwhile", group, stays, other)
			}
			k.broadcastFromAll("left meanwhile", "c", other)
			k.broadcastFromAll("ended meanwhile", "d", other)
			k.broadcastFromAll("opened meanwhile", "f", late)
			for user, p := range map[string]*peer{"ann": stays, "bob": leaves, "dan": late} {
				k.ok(k.nodes[1].Emit(ctx, ringEvent{user}, chanx.ToUser(user)))
				k.expect("to the user", map[*peer]string{p: "(" + user + ")"})
			}
			k.ok(k.nodes[1].Emit(ctx, ringEvent{"cat"}, chanx.ToUser("cat")))
			k.expectNothingElse("healed")
			late.Close(1000, "")
		}
	})
}

// nodeEndsWithoutBroker shuts down a node that has lost the broker. Later the broker is back for the others and a new node.
func nodeEndsWithoutBroker(s *suite) {
	s.withNodes(3, func(k *cluster) {
		ann, bob := k.dial(1, "ann", "g"), k.dial(2, "bob", "g")
		cut := k.nodes[0]
		gone := k.dial(0, "cat", "g")
		k.down(cut)
		k.end(cut)
		gone.tb.step = "the node has lost the broker and is shut down"
		gone.ExpectClosed(1001)
		k.up(cut)
		k.broadcastFromAll("after the broker is back", "g", ann, bob)
		comes := k.dial(k.start().no, "cat", "g")
		k.broadcastFromAll("with a new node", "g", ann, bob, comes)
	})
}
