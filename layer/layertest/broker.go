package layertest

import (
	"context"
	"errors"
	"slices"

	"github.com/chanx-go/chanx/layer"
)

// down takes the broker away and waits until the nodes have been told.
func (l *lab) down(nodes ...*node) {
	l.t.Helper()
	marks := marks(nodes)
	l.features.Down(l.t, l.layer)
	for i, n := range nodes {
		n.awaitsStatus("down", marks[i], func(s layer.Status) bool { return !s.Up })
	}
}

// up gives it back and waits likewise.
func (l *lab) up(nodes ...*node) {
	l.t.Helper()
	marks := marks(nodes)
	l.features.Up(l.t, l.layer)
	for i, n := range nodes {
		n.awaitsStatus("up", marks[i], func(s layer.Status) bool { return s.Up })
	}
}

// marks are how many statuses the nodes had.
func marks(nodes []*node) (all []int) {
	for _, n := range nodes {
		n.mu.Lock()
		all = append(all, len(n.statuses))
		n.mu.Unlock()
	}
	return all
}

func (n *node) awaitsStatus(name string, from int, is func(layer.Status) bool) {
	n.lab.t.Helper()
	found := func() bool {
		return slices.ContainsFunc(n.statuses[from:], is)
	}
	if !n.within(n.lab.features.Wait, found) {
		n.lab.t.Fatalf("Status tells that the broker is lost and back: link %d was not told that it is %s within %v",
			n.no, name, n.lab.features.Wait)
	}
}

// expectGap wants that one of the statuses from a mark on tells of it.
func (n *node) expectGap(from int) {
	n.lab.t.Helper()
	n.mu.Lock()
	defer n.mu.Unlock()
	for _, s := range n.statuses[from:] {
		if s.Up && s.Gap {
			return
		}
	}
	n.lab.t.Errorf("a possible loss is told by Gap: link %d was told %+v", n.no, n.statuses[from:])
}

// expectUnavailable calls a method while the broker is down. Only Unsubscribe may have nothing to complain of.
func (n *node) expectUnavailable(call string, nilIsFine bool, do func(context.Context) error) {
	n.lab.t.Helper()
	ctx, cancel := n.lab.context()
	defer cancel()
	if err := do(ctx); !errors.Is(err, layer.ErrUnavailable) && (err != nil || !nilIsFine) {
		n.lab.t.Errorf("errors wrap ErrUnavailable while the broker is down: %s gave %v", call, err)
	}
}

func (n *node) publishInVain(subject, data string) {
	n.lab.t.Helper()
	n.expectUnavailable("Publish", false, func(ctx context.Context) error { return n.link.Publish(ctx, subject, []byte(data)) })
}

func (n *node) subscribeInVain(subject string) {
	n.lab.t.Helper()
	n.expectUnavailable("Subscribe", false, func(ctx context.Context) error { return n.trySubscribe(ctx, subject) })
}

func (n *node) unsubscribeInVain(subject string) {
	n.lab.t.Helper()
	n.expectUnavailable("Unsubscribe", true, func(ctx context.Context) error { return n.link.Unsubscribe(ctx, subject) })
}

// lostBroker loses it twice. As soon as both links are told that it is back, all works again: what was subscribed before,
// and what was tried meanwhile.
func lostBroker(l *lab) {
	a, b := l.open(), l.open()
	b.subscribe("kept")
	a.publish("kept", "before")
	b.awaits("kept", "before")
	for _, round := range []string{"first", "second"} {
		mark := marks([]*node{b})[0]
		l.down(a, b)
		a.publishInVain("kept", "lost "+round)
		b.subscribeInVain("kept")
		b.subscribeInVain("made " + round)
		l.up(a, b)
		b.expectGap(mark)
		a.publish("kept", "after "+round)
		a.publish("made "+round, "after")
		b.awaits("kept", "after "+round)
		b.awaits("made "+round, "after")
		if b.count("kept", "lost "+round) > 1 || b.count("kept", "before") > 1 {
			l.t.Errorf("at most once: link %d received a publication again when the broker was back", b.no)
		}
	}
	a.numbers("kept", 10)
	a.publish("kept", "end")
	b.awaits("kept", "end")
	for i := range 10 {
		if b.count("kept", number(a, i)) != 1 {
			l.t.Errorf("at most once: link %d received %q %d times when the broker was back", b.no, number(a, i), b.count("kept", number(a, i)))
		}
	}
}

// forgottenWhileDown ends subscriptions: one that was in effect, and one that was only remembered.
func forgottenWhileDown(l *lab) {
	const rule = "Unsubscribe while the broker is down forgets"
	a, b := l.open(), l.open()
	b.subscribe("effective")
	l.down(a, b)
	b.subscribeInVain("remembered")
	b.unsubscribeInVain("effective")
	b.unsubscribeInVain("remembered")
	l.up(a, b)
	b.expectOff(rule, "effective", a)
	b.expectOff(rule, "remembered", a)
}

// openWhileDown attaches a node that has never seen the broker.
func openWhileDown(l *lab) {
	a := l.open()
	l.down(a)
	b := l.open()
	b.awaitsStatus("down", 0, func(s layer.Status) bool { return !s.Up })
	b.subscribeInVain("early")
	b.publishInVain("early", "nobody")
	l.up(a, b)
	a.publish("early", "welcome")
	b.awaits("early", "welcome")
}

// closeWhileDown closes a node that cannot say goodbye. It is told nothing any more; whether Close has an error is up to
// the layer.
func closeWhileDown(l *lab) {
	a, b, c := l.open(), l.open(), l.open()
	b.subscribe("orphan")
	c.subscribe("orphan")
	l.down(a, b, c)
	if err := b.tryClose(); err != nil {
		l.t.Logf("Close while the broker is down gave %v", err)
	}
	b.expectClosed()
	l.up(a, c)
	a.publish("orphan", "after")
	c.awaits("orphan", "after")
}

// statusAlone loses the broker again and again. A call inside another is seen by the node, in this case as in all others.
func statusAlone(l *lab) {
	a, b := l.open(), l.open()
	for range 5 {
		l.down(a, b)
		l.up(a, b)
	}
}
