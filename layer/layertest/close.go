package layertest

import (
	"context"
	"errors"
	"fmt"
	"sync"
	"time"

	"github.com/chanx-go/chanx/layer"
)

// closeEnds publishes to a closed link. In every case nodes check that no call begins after Close.
func closeEnds(l *fixture) {
	const subject = "closing"
	a, b, witness := l.open(), l.open(), l.open()
	b.subscribe(subject)
	witness.subscribe(subject)
	a.publish(subject, number(a, -1))
	b.awaits(subject, number(a, -1))
	b.close()
	a.numbers(subject, 50)
	witness.expectNumbers(subject, 50, a)
	b.expectClosed()
	a.close()
	a.expectClosed()
}

// closeWhileBusy closes a link while it is used and receives publications. Concurrent calls succeed or return ErrClosed, and
// the other links keep working.
func closeWhileBusy(l *fixture) {
	const subject, count = "closing.busy", 200
	publishers := []*node{l.open(), l.open()}
	closing, steady := l.open(), l.open()
	closing.subscribe(subject)
	steady.subscribe(subject)
	var wg sync.WaitGroup
	for _, p := range publishers {
		wg.Go(func() { p.numbers(subject, count) })
	}
	for i := range 3 {
		wg.Go(func() { closing.useUntilClosed(fmt.Sprintf("closing.%d", i)) })
	}
	closing.awaits(subject, number(publishers[0], count/10))
	closing.close()
	l.bounded("close while busy: the calls of the closed link", wg.Wait)
	steady.expectNumbers(subject, count, publishers...)
	closing.expectClosed()
}

// useUntilClosed calls the methods of a link in turn.
func (n *node) useUntilClosed(subject string) {
	ctx, cancel := n.fixture.context()
	defer cancel()
	for {
		for call, do := range map[string]func() error{
			"publish":     func() error { return n.link.Publish(ctx, subject, []byte("busy")) },
			"subscribe":   func() error { return n.trySubscribe(ctx, subject) },
			"unsubscribe": func() error { return n.link.Unsubscribe(ctx, subject) },
		} {
			err := do()
			if errors.Is(err, layer.ErrClosed) {
				return
			}
			if err != nil {
				n.fixture.t.Errorf("a call during Close succeeds or returns ErrClosed: %s: %v", call, err)
				return
			}
		}
	}
}

// openAndClose opens and closes links repeatedly. Leaked goroutines are found at the end of every case.
func openAndClose(l *fixture) {
	for i := range 20 {
		a, b := l.open(), l.open()
		subject := fmt.Sprintf("passing.%d", i)
		b.subscribe(subject)
		a.publish(subject, "here")
		b.awaits(subject, "here")
		b.close()
		a.close()
	}
}

// contextBounds calls methods with a context that has ended. They return at once, and may succeed nevertheless. If not,
// Subscribe is remembered, and Unsubscribe has forgotten the subscription.
func contextBounds(l *fixture) {
	const rule = "the context bounds the wait"
	a, b, c := l.open(), l.open(), l.open()
	c.subscribe("context")
	ended, cancel := context.WithCancel(context.Background())
	cancel()
	var err error
	l.bounded(rule+": Publish", func() { err = a.link.Publish(ended, "context", []byte("lost")) })
	a.expectEnded(rule+": Publish", err)
	l.bounded(rule+": Subscribe", func() { err = b.trySubscribe(ended, "context") })
	b.expectEnded(rule+": Subscribe", err)
	b.awaitsSubscription("context", a)
	l.bounded(rule+": Unsubscribe", func() { err = b.link.Unsubscribe(ended, "context") })
	b.expectEnded(rule+": Unsubscribe", err)
	b.expectOff("unsubscribe stops, even if its context has ended", "context", a)
	if c.count("context", "lost") > 1 {
		l.t.Errorf("at most once: link %d received twice a publication whose context had ended", c.no)
	}
}

func (n *node) expectEnded(call string, err error) {
	n.fixture.t.Helper()
	if err != nil && !errors.Is(err, context.Canceled) {
		n.fixture.t.Errorf("%s: %v, want nil or context.Canceled", call, err)
	}
}

// awaitsSubscription publishes until a publication arrives: a remembered subscription takes effect as soon as possible.
func (n *node) awaitsSubscription(subject string, publisher *node) {
	n.fixture.t.Helper()
	deadline := time.Now().Add(n.fixture.features.Wait)
	for i := 0; time.Now().Before(deadline); i++ {
		publisher.publish(subject, fmt.Sprintf("try %d", i))
		if n.within(10*time.Millisecond, func() bool { return len(n.got[subject]) > 0 }) {
			return
		}
	}
	n.fixture.t.Fatalf("a subscription is remembered after an error: %q is not in effect after %v", subject, n.fixture.features.Wait)
}
