package layertest

import (
	"context"
	"errors"
	"time"

	"github.com/chanx-go/chanx/layer"
)

// freeze stops the broker, and waits until all nodes have been told that it is lost, no longer than the contract allows. The first
// node subscribes to a fresh subject meanwhile.
func (l *lab) freeze(fresh string, nodes ...*node) {
	l.t.Helper()
	marks := marks(nodes)
	l.features.Freeze(l.t, l.layer)
	l.publishInto(nodes[0])
	l.waitInVain(nodes[0], fresh)
	limit := time.Now().Add(l.features.Silence)
	for i, n := range nodes {
		told := func() bool { return len(n.statuses) > marks[i] && !n.statuses[len(n.statuses)-1].Up }
		if !n.within(time.Until(limit), told) {
			l.t.Fatalf("a silent broker is told within %v: link %d was not told that it is down", l.features.Silence, n.no)
		}
	}
}

// publishInto publishes while nobody knows yet that the broker is silent. Whether there is an error depends on the layer.
func (l *lab) publishInto(n *node) {
	l.t.Helper()
	l.bounded("the context bounds the wait: Publish to a silent broker", func() {
		ctx, cancel := context.WithTimeout(context.Background(), short)
		defer cancel()
		err := n.link.Publish(ctx, "kept", []byte("into silence"))
		if err != nil && !errors.Is(err, context.DeadlineExceeded) && !errors.Is(err, layer.ErrUnavailable) {
			l.t.Errorf("Publish to a silent broker gave %v", err)
		}
	})
}

// short is for calls that are to end with their context.
const short = 50 * time.Millisecond

// waitInVain subscribes while nobody answers.
func (l *lab) waitInVain(n *node, subject string) {
	l.t.Helper()
	const rule = "the context bounds the wait: Subscribe at a silent broker"
	l.bounded(rule, func() {
		ctx, cancel := context.WithTimeout(context.Background(), short)
		defer cancel()
		if err := n.trySubscribe(ctx, subject); !errors.Is(err, context.DeadlineExceeded) && !errors.Is(err, layer.ErrUnavailable) {
			l.t.Errorf("%s: %v, want the context's error or ErrUnavailable", rule, err)
		}
	})
}

// silentBroker freezes the broker twice. What was subscribed, also in vain, is in effect when it is back.
func silentBroker(l *lab) {
	a, b := l.open(), l.open()
	b.subscribe("kept")
	a.publish("kept", "before")
	b.awaits("kept", "before")
	for _, round := range []string{"first", "second"} {
		mark := marks([]*node{b})[0]
		l.freeze("remembered "+round, b, a)
		a.publishInVain("kept", "lost "+round)
		b.subscribeInVain("kept")
		b.subscribeInVain("made " + round)
		b.unsubscribeInVain("never made")
		back := marks([]*node{a, b})
		l.features.Thaw(l.t, l.layer)
		for i, n := range []*node{a, b} {
			n.awaitsStatus("up", back[i], func(s layer.Status) bool { return s.Up })
		}
		b.expectGap(mark)
		for _, subject := range []string{"kept", "remembered " + round, "made " + round} {
			a.publish(subject, "after "+round)
			b.awaits(subject, "after "+round)
		}
		for _, data := range []string{"before", "into silence", "lost " + round} {
			if n := b.count("kept", data); n > 2 || n > 1 && data != "into silence" {
				l.t.Errorf("at most once: link %d received %q %d times", b.no, data, n)
			}
		}
	}
}

// closeWhileSilent closes a link while the broker answers nothing.
func closeWhileSilent(l *lab) {
	a, b, c := l.open(), l.open(), l.open()
	b.subscribe("orphan")
	c.subscribe("orphan")
	l.freeze("remembered", a, b, c)
	if err := b.tryClose(); err != nil {
		l.t.Logf("Close while the broker is silent gave %v", err)
	}
	b.expectClosed()
	back := marks([]*node{a, c})
	l.features.Thaw(l.t, l.layer)
	for i, n := range []*node{a, c} {
		n.awaitsStatus("up", back[i], func(s layer.Status) bool { return s.Up })
	}
	a.publish("orphan", "after")
	c.awaits("orphan", "after")
}
