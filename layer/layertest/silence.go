package layertest

import (
	"context"
	"errors"
	"time"

	"github.com/chanx-go/chanx/layer"
)

// freeze makes the broker silent, and waits until all nodes have reported that it is lost, as long as the contract allows. The
// first node subscribes to a fresh subject meanwhile.
func (l *fixture) freeze(fresh string, nodes ...*node) {
	l.t.Helper()
	marks := marks(nodes)
	l.features.Freeze(l.t, l.layer)
	l.publishToSilent(nodes[0])
	l.subscribeToSilent(nodes[0], fresh)
	limit := time.Now().Add(l.features.Silence)
	for i, n := range nodes {
		reported := func() bool { return len(n.statuses) > marks[i] && !n.statuses[len(n.statuses)-1].Up }
		if !n.within(time.Until(limit), reported) {
			l.t.Fatalf("a silent broker is reported within %v: link %d did not report that it is down", l.features.Silence, n.no)
		}
	}
}

// publishToSilent publishes before the layer has noticed that the broker is silent. Publish may return an error.
func (l *fixture) publishToSilent(n *node) {
	l.t.Helper()
	l.bounded("the context bounds the wait: Publish with a silent broker", func() {
		ctx, cancel := context.WithTimeout(context.Background(), short)
		defer cancel()
		err := n.link.Publish(ctx, "kept", []byte("into silence"))
		if err != nil && !errors.Is(err, context.DeadlineExceeded) && !errors.Is(err, layer.ErrUnavailable) {
			l.t.Errorf("Publish with a silent broker returned %v", err)
		}
	})
}

// short is the timeout of calls that should end with their context.
const short = 50 * time.Millisecond

// subscribeToSilent subscribes while the broker is silent.
func (l *fixture) subscribeToSilent(n *node, subject string) {
	l.t.Helper()
	const rule = "the context bounds the wait: Subscribe with a silent broker"
	l.bounded(rule, func() {
		ctx, cancel := context.WithTimeout(context.Background(), short)
		defer cancel()
		if err := n.trySubscribe(ctx, subject); !errors.Is(err, context.DeadlineExceeded) && !errors.Is(err, layer.ErrUnavailable) {
			l.t.Errorf("%s: %v, want the context's error or ErrUnavailable", rule, err)
		}
	})
}

// silentBroker freezes the broker twice. When it is back, all subscriptions are in effect, including those that failed.
func silentBroker(l *fixture) {
	a, b := l.open(), l.open()
	b.subscribe("kept")
	a.publish("kept", "before")
	b.awaits("kept", "before")
	for _, round := range []string{"first", "second"} {
		mark := marks([]*node{b})[0]
		l.freeze("remembered "+round, b, a)
		a.publishWhileDown("kept", "lost "+round)
		b.subscribeWhileDown("kept")
		b.subscribeWhileDown("made " + round)
		b.unsubscribeWhileDown("never made")
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

// closeWhileSilent closes a link while the broker is silent.
func closeWhileSilent(l *fixture) {
	a, b, c := l.open(), l.open(), l.open()
	b.subscribe("orphan")
	c.subscribe("orphan")
	l.freeze("remembered", a, b, c)
	if err := b.tryClose(); err != nil {
		l.t.Logf("Close while the broker is silent returned %v", err)
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
