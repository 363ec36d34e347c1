package layertest

import (
	"fmt"
	"runtime"
	"sync"
)

// concurrentUse calls all methods of two links from several goroutines, and opens and closes other links meanwhile. One
// subscriber stays and must receive everything.
func concurrentUse(l *fixture) {
	const subject, goroutines, rounds = "busy", 6, 40
	links := []*node{l.open(), l.open()}
	steady := l.open()
	steady.subscribe(subject)
	inParallel(goroutines, func(i int) {
		n := links[i%2]
		for k := range rounds {
			own := fmt.Sprintf("busy.%d", k%5)
			n.subscribe(own)
			n.publish(subject, fmt.Sprintf("%d of %d", k, i))
			n.publish(own, "anything")
			n.unsubscribe(own)
			n.subscribe(subject)
			n.unsubscribe(subject)
		}
		passing := l.open()
		passing.subscribe(subject)
		passing.publish(subject, fmt.Sprintf("passing %d", i))
		passing.close()
	})
	for i := range goroutines {
		for k := range rounds {
			steady.awaits(subject, fmt.Sprintf("%d of %d", k, i))
		}
		steady.awaits(subject, fmt.Sprintf("passing %d", i))
	}
}

// gate blocks a receiver in its first publication "hold" until the gate is opened.
type gate struct {
	once    sync.Once
	reached chan struct{}
	opened  chan struct{}
	open    func()
}

func newGate() *gate {
	g := &gate{reached: make(chan struct{}), opened: make(chan struct{})}
	g.open = sync.OnceFunc(func() { close(g.opened) })
	return g
}

func (g *gate) hold(_, data string) {
	if data != "hold" {
		return
	}
	g.once.Do(func() { close(g.reached) })
	<-g.opened
}

// noOverlap publishes from two links to one subject with a slow receiver. In every case nodes check that calls do not overlap.
func noOverlap(l *fixture) {
	const subject, count = "alone", 100
	publishers := []*node{l.open(), l.open()}
	n := l.openSlow(func(string, string) {
		for range 20 {
			runtime.Gosched()
		}
	})
	n.subscribe(subject)
	inParallel(len(publishers), func(i int) { publishers[i].numbers(subject, count) })
	n.expectNumbers(subject, count, publishers...)
}

// slowReceiver blocks one receiver. Other links must still receive on other subjects and, with Features.Isolated, on the same
// subject too. When the receiver continues, it gets the remaining publications.
func slowReceiver(l *fixture) {
	const rule, count = "a slow receiver delays only itself", 50
	a, other := l.open(), l.open()
	g := newGate()
	slow, quick := l.openSlow(g.hold), l.open()
	slow.subscribe("slow")
	quick.subscribe("slow")
	quick.subscribe("quick")
	var publishing sync.WaitGroup
	defer publishing.Wait()
	defer g.open() // even if the case fails, so that nothing waits for the receiver
	publishing.Go(func() {
		a.publish("slow", "hold")
		a.numbers("slow", count)
	})
	l.bounded("subscribe, then publish: the first publication to the slow receiver", func() { <-g.reached })
	publishing.Go(func() { other.numbers("quick", count) })
	quick.expectSoon(rule, "quick", number(other, count-1))
	if l.features.Isolated {
		quick.expectSoon(rule, "slow", number(a, count-1))
	}
	g.open()
	slow.awaits("slow", number(a, count-1))
	quick.awaits("slow", number(a, count-1))
}

// expectSoon is like awaits, but has another rule and does not end the test.
func (n *node) expectSoon(rule, subject, data string) bool {
	n.fixture.t.Helper()
	arrived := n.within(n.fixture.features.Wait, func() bool { return n.counts[publication{subject, data}] > 0 })
	if !arrived {
		n.fixture.t.Errorf("%s: link %d did not receive %.40q on %q within %v", rule, n.no, data, subject, n.fixture.features.Wait)
	}
	return arrived
}
