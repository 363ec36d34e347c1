package layertest

import (
	"context"
	"errors"
	"slices"

	"github.com/chanx-go/chanx/layer"
)

// down makes the broker unreachable, and waits until the nodes have reported that.
func (l *fixture) down(nodes ...*node) {
	l.t.Helper()
	marks := marks(nodes)
	l.features.Down(l.t, l.layer)
	for i, n := range nodes {
		n.awaitsStatus("down", marks[i], func(s layer.Status) bool { return !s.Up })
	}
}

// up makes the broker reachable again, and waits until the nodes have reported that.
func (l *fixture) up(nodes ...*node) {
	l.t.Helper()
	marks := marks(nodes)
	l.features.Up(l.t, l.layer)
	for i, n := range nodes {
		n.awaitsStatus("up", marks[i], func(s layer.Status) bool { return s.Up })
	}
}

// marks returns how many statuses each node has.
func marks(nodes []*node) (all []int) {
	for _, n := range nodes {
		n.mu.Lock()
		all = append(all, len(n.statuses))
		n.mu.Unlock()
	}
	return all
}

func (n *node) awaitsStatus(name string, from int, is func(layer.Status) bool) {
	n.fixture.t.Helper()
	found := func() bool {
		return slices.ContainsFunc(n.statuses[from:], is)
	}
	if !n.within(n.fixture.features.Wait, found) {
		n.fixture.t.Fatalf("Status reports that the broker is lost and back: link %d did not report that it is %s within %v",
			n.no, name, n.fixture.features.Wait)
	}
}

// expectGap checks that one of the statuses since a mark reports a gap.
func (n *node) expectGap(from int) {
	n.fixture.t.Helper()
	n.mu.Lock()
	defer n.mu.Unlock()
	for _, s := range n.statuses[from:] {
		if s.Up && s.Gap {
			return
		}
	}
	n.fixture.t.Errorf("a possible loss is reported with Gap: link %d got statuses %+v", n.no, n.statuses[from:])
}

// expectUnavailable calls a method while the broker is down. Only Unsubscribe may return nil.
func (n *node) expectUnavailable(call string, nilIsFine bool, do func(context.Context) error) {
	n.fixture.t.Helper()
	ctx, cancel := n.fixture.context()
	defer cancel()
	if err := do(ctx); !errors.Is(err, layer.ErrUnavailable) && (err != nil || !nilIsFine) {
		n.fixture.t.Errorf("errors wrap ErrUnavailable while the broker is down: %s returned %v", call, err)
	}
}

func (n *node) publishWhileDown(subject, data string) {
	n.fixture.t.Helper()
	n.expectUnavailable("Publish", false, func(ctx context.Context) error { return n.link.Publish(ctx, subject, []byte(data)) })
}

func (n *node) subscribeWhileDown(subject string) {
	n.fixture.t.Helper()
	n.expectUnavailable("Subscribe", false, func(ctx context.Context) error { return n.trySubscribe(ctx, subject) })
}

func (n *node) unsubscribeWhileDown(subject string) {
	n.fixture.t.Helper()
	n.expectUnavailable("Unsubscribe", true, func(ctx context.Context) error { return n.link.Unsubscribe(ctx, subject) })
}

// lostBroker loses the broker twice. As soon as both links report that it is back, all subscriptions work: earlier ones, and
// those attempted meanwhile.
func lostBroker(l *fixture) {
	a, b := l.open(), l.open()
	b.subscribe("kept")
	a.publish("kept", "before")
	b.awaits("kept", "before")
	for _, round := range []string{"first", "second"} {
		mark := marks([]*node{b})[0]
		l.down(a, b)
		a.publishWhileDown("kept", "lost "+round)
		b.subscribeWhileDown("kept")
		b.subscribeWhileDown("made " + round)
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

// forgottenWhileDown ends two subscriptions: one that was in effect, and one that was only remembered.
func forgottenWhileDown(l *fixture) {
	const rule = "Unsubscribe while the broker is down forgets"
	a, b := l.open(), l.open()
	b.subscribe("effective")
	l.down(a, b)
	b.subscribeWhileDown("remembered")
	b.unsubscribeWhileDown("effective")
	b.unsubscribeWhileDown("remembered")
	l.up(a, b)
	b.expectOff(rule, "effective", a)
	b.expectOff(rule, "remembered", a)
}

// openWhileDown attaches a node while the broker is down.
func openWhileDown(l *fixture) {
	a := l.open()
	l.down(a)
	b := l.open()
	b.awaitsStatus("down", 0, func(s layer.Status) bool { return !s.Up })
	b.subscribeWhileDown("early")
	b.publishWhileDown("early", "nobody")
	l.up(a, b)
	a.publish("early", "welcome")
	b.awaits("early", "welcome")
}

// closeWhileDown closes a node while the broker is down. Its receiver is not called any more. Close may return an error.
func closeWhileDown(l *fixture) {
	a, b, c := l.open(), l.open(), l.open()
	b.subscribe("orphan")
	c.subscribe("orphan")
	l.down(a, b, c)
	if err := b.tryClose(); err != nil {
		l.t.Logf("Close while the broker is down returned %v", err)
	}
	b.expectClosed()
	l.up(a, c)
	a.publish("orphan", "after")
	c.awaits("orphan", "after")
}

// statusNeverOverlaps loses the broker repeatedly. In every case nodes check that calls of Status do not overlap.
func statusNeverOverlaps(l *fixture) {
	a, b := l.open(), l.open()
	for range 5 {
		l.down(a, b)
		l.up(a, b)
	}
}
