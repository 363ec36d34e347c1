package layertest

import (
	"fmt"
	"sync"
)

// number is the data of a publisher's publication.
func number(who *node, no int) string { return fmt.Sprintf("%d %d", who.no, no) }

// numbers publishes the numbers below count, in order.
func (n *node) numbers(subject string, count int) {
	n.fixture.t.Helper()
	for i := range count {
		n.publish(subject, number(n, i))
	}
}

// end is published after all numbers. Because the layer keeps the order, late and repeated publications arrive before it.
const end = 1 << 30

// expectNumbers waits for the numbers of each publisher, and checks that all have arrived, once and in order.
func (n *node) expectNumbers(subject string, count int, publishers ...*node) {
	n.fixture.t.Helper()
	for _, p := range publishers {
		n.awaits(subject, number(p, count-1))
	}
	for _, p := range publishers {
		p.publish(subject, number(p, end))
		n.awaits(subject, number(p, end))
	}
	n.expectOrder(subject)
	for _, p := range publishers {
		for i := range count {
			if n.count(subject, number(p, i)) == 0 {
				n.fixture.t.Errorf("subscribe, then publish: link %d did not receive %d of link %d on %q", n.no, i, p.no, subject)
				return
			}
		}
	}
}

// expectOrder checks that each publisher's numbers have arrived in order and at most once.
func (n *node) expectOrder(subject string) {
	n.fixture.t.Helper()
	last, seen := map[int]int{}, map[string]bool{}
	for _, data := range n.received(subject) {
		var who, no int
		if _, err := fmt.Sscanf(data, "%d %d", &who, &no); err != nil {
			n.fixture.t.Errorf("data arrives whole: link %d received %.40q on %q", n.no, data, subject)
			return
		}
		before, any := last[who]
		switch {
		case seen[data] && no != end:
			n.fixture.t.Errorf("at most once: link %d received %d of link %d twice on %q", n.no, no, who, subject)
			return
		case any && no < before:
			n.fixture.t.Errorf("order per publisher and subject: link %d received %d of link %d after %d on %q", n.no, no, who, before, subject)
			return
		}
		last[who], seen[data] = no, true
	}
}

// orderPerPublisher publishes from several links to one subject concurrently, with several subscribers.
func orderPerPublisher(l *fixture) {
	const subject, count = "order", 300
	var publishers, subscribers []*node
	for range 4 {
		publishers = append(publishers, l.open())
	}
	for range 3 {
		n := l.open()
		n.subscribe(subject)
		subscribers = append(subscribers, n)
	}
	inParallel(len(publishers), func(i int) { publishers[i].numbers(subject, count) })
	for _, n := range subscribers {
		n.expectNumbers(subject, count, publishers...)
	}
}

// orderOnConcurrentSubjects publishes from two links to several subjects concurrently, in one goroutine for each subject and
// link.
func orderOnConcurrentSubjects(l *fixture) {
	const subjects, count = 8, 150
	publishers := []*node{l.open(), l.open()}
	n := l.open()
	name := func(i int) string { return fmt.Sprintf("order.%d", i) }
	for i := range subjects {
		n.subscribe(name(i))
	}
	inParallel(2*subjects, func(i int) { publishers[i%2].numbers(name(i/2), count) })
	for i := range subjects {
		n.expectNumbers(name(i), count, publishers...)
	}
}

// orderAcrossGoroutines publishes on one link from several goroutines in turn. A link that uses several connections must not
// do so within a subject.
func orderAcrossGoroutines(l *fixture) {
	const subject, goroutines, each = "order.goroutines", 4, 100
	publisher, n := l.open(), l.open()
	n.subscribe(subject)
	var mu sync.Mutex
	next := 0
	inParallel(goroutines, func(int) {
		for range each {
			mu.Lock()
			publisher.publish(subject, number(publisher, next))
			next++
			mu.Unlock()
		}
	})
	n.expectNumbers(subject, goroutines*each, publisher)
}

// atMostOnce counts publications of the same data.
func atMostOnce(l *fixture) {
	const subject, count = "once", 100
	a, b := l.open(), l.open()
	b.subscribe(subject)
	for range count {
		a.publish(subject, "same")
	}
	a.publish(subject, "end")
	b.awaits(subject, "end")
	a.publish(subject, "end of all")
	b.awaits(subject, "end of all")
	if got := b.count(subject, "same"); got != count {
		l.t.Errorf("at most once: link %d received %d of %d publications", b.no, got, count)
	}
	if got := b.count(subject, "end"); got != 1 {
		l.t.Errorf("at most once: link %d received one publication %d times", b.no, got)
	}
}

// echo subscribes the publisher too. The layer may deliver its own publications, but at most once and in order.
func echo(l *fixture) {
	const subject, count = "echo", 100
	a, b := l.open(), l.open()
	a.subscribe(subject)
	b.subscribe(subject)
	a.numbers(subject, count)
	b.numbers(subject, count)
	b.expectNumbers(subject, count, a)
	a.expectNumbers(subject, count, b)
}
