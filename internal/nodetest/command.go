package nodetest

import (
	"fmt"
	"slices"

	"github.com/chanx-go/chanx"
)

// joinAndLeave makes each target join and leave a group from one node, and broadcasts to the group from another. A probe sent
// to the same target after the command shows that the command has arrived.
func joinAndLeave(s *suite) {
	s.withNodes(3, func(k *cluster) {
		ctx := k.t.Context()
		all := slices.DeleteFunc(crowd(k), func(a audience) bool { return len(a.to) > 1 }) // Join takes one
		for i, a := range all {
			group := fmt.Sprintf("new%d", i)
			by, other := k.nodes[i%3], k.nodes[(i+1)%3]
			k.ok(by.Join(ctx, a.to[0], group, group))
			k.follow(by, a, group+" joined")
			k.expectMembers(a.name+", joined", group, len(a.who))
			k.probeUntil(a.name+", joined: nodes subscribe soon", []*node{other}, chanx.To(group), a.who)
			k.ok(other.Broadcast(ctx, saidMessage{"in" + group}, chanx.To(group)))
			k.expect(a.name+", joined", a.wants("in"+group, nil))
			k.ok(by.Leave(ctx, a.to[0], group, "never joined"))
			k.follow(by, a, group+" left")
			k.expectMembers(a.name+", left", group, 0)
			k.ok(other.Broadcast(ctx, saidMessage{"out" + group}, chanx.To(group)))
			k.expectNothingElse(a.name + ", left")
		}
	})
}

// follow sends a probe to a target from the node that sent a command, and waits until all have received it.
func (k *cluster) follow(by *node, a audience, text string) {
	k.t.Helper()
	k.ok(by.Emit(k.t.Context(), probeEvent{text}, a.to[0]))
	k.awaitProbe(a.name, text, a.who...)
}

// expectMembers checks the number of members of a group on all nodes together.
func (k *cluster) expectMembers(doing, group string, want int) {
	k.t.Helper()
	n := 0
	for _, one := range k.running() {
		n += one.Count(group)
	}
	if n != want {
		k.t.Errorf("%s: the nodes count %d members, want %d", doing, n, want)
	}
}

// commandsInOrder joins and leaves between messages to the same target. After the join a member receives what its node
// broadcasts to the group.
func commandsInOrder(s *suite) {
	s.withNodes(2, func(k *cluster) {
		ctx := k.t.Context()
		ann := k.dial(1, "ann", "all")
		far := k.nodes[0]
		for i := range 20 {
			group := fmt.Sprintf("turn%d", i)
			k.ok(far.Broadcast(ctx, saidMessage{"before"}, chanx.To("all")))
			k.ok(far.Join(ctx, chanx.To("all"), group))
			k.ok(far.Emit(ctx, probeEvent{group}, chanx.To("all")))
			k.expect("before the command", map[*peer]string{ann: "before"})
			k.awaitProbe("behind the command", group, ann)
			k.ok(k.nodes[1].Broadcast(ctx, saidMessage{"inside"}, chanx.To(group)))
			k.expect("in the group", map[*peer]string{ann: "inside"})
			k.ok(k.nodes[1].Emit(ctx, ringEvent{"inside"}, chanx.To(group)))
			k.expect("in the group", map[*peer]string{ann: "(inside)"})
			k.ok(far.Leave(ctx, chanx.To("all"), group))
			k.ok(far.Broadcast(ctx, saidMessage{"behind"}, chanx.To("all")))
			k.expect("behind the command", map[*peer]string{ann: "behind"})
			k.ok(k.nodes[1].Broadcast(ctx, saidMessage{"outside"}, chanx.To(group)))
		}
	})
}

// disconnect checks that Disconnect closes the connections of a target, and no others.
func disconnect(s *suite) {
	for i, more := 0, true; more; i++ {
		s.withNodes(3, func(k *cluster) {
			k.drops = true // messages to connections that are being closed
			all := crowd(k)
			a, by := all[i], k.nodes[i%3]
			more = i+1 < len(all)
			k.ok(by.Broadcast(k.t.Context(), saidMessage{"last"}, a.to...))
			k.ok(by.Disconnect(k.t.Context(), 4001, "enough", a.to...))
			k.expect(a.name, a.wants("last", nil)) // what was sent before leaves first
			for _, p := range a.who {
				p.tb.step = a.name + ": " + p.name + " is disconnected"
				if reason := p.ExpectClosed(4001); reason != "enough" {
					k.t.Errorf("%s: %s was closed with reason %q, want %q", a.name, p.name, reason, "enough")
				}
			}
			k.expectNothingElse(a.name)
			k.expectClosed(a)
		})
	}
}

// expectClosed checks that OnClose has run for the connections of a target, and that no other connection has ended.
func (k *cluster) expectClosed(a audience) {
	k.t.Helper()
	for _, p := range k.peers {
		meant := slices.Contains(a.who, p)
		switch {
		case !meant && p.Ended() != nil:
			k.t.Errorf("%s: %s is not in the target, but ended with %v", a.name, p.name, p.Ended())
		case meant && !k.within(k.Wait, func() bool { return slices.Equal(p.closed, []int{4001}) }):
			k.t.Errorf("%s: OnClose of %s did not run, or not once, or not with 4001", a.name, p.name)
		}
	}
}
