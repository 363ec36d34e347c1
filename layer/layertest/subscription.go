package layertest

import "fmt"

// subscribeThenPublish uses a new subject in each round, so that the broker has to learn of each subscription.
func subscribeThenPublish(l *fixture) {
	const rounds = 100
	a, b, c := l.open(), l.open(), l.open()
	name := func(i int) string { return fmt.Sprintf("flow.%d", i) }
	for i := range rounds {
		b.subscribe(name(i))
		a.publish(name(i), "of a")
		c.publish(name(i), "of c")
	}
	for i := range rounds {
		b.awaits(name(i), "of a")
		b.awaits(name(i), "of c")
	}
}

// unsubscribeStops ends one subscription of two, and then subscribes again. What was published between does not arrive.
func unsubscribeStops(l *fixture) {
	a, b := l.open(), l.open()
	b.subscribe("stop")
	b.subscribe("go on")
	a.publish("stop", "first")
	b.awaits("stop", "first")
	b.unsubscribe("stop")
	b.unsubscribe("stop") // no error
	b.unsubscribe("never subscribed")
	a.publish("go on", "first")
	b.awaits("go on", "first")
	b.expectOff("unsubscribe stops", "stop", a)
}

// expectOff checks that a node is not subscribed to a subject. It publishes to the subject and waits: for another link to
// receive it, for a later publication on a second subject to reach the node, and, after subscribing the node, for a later
// publication on the subject itself. The node stays subscribed.
func (n *node) expectOff(rule, subject string, publisher *node) {
	n.fixture.t.Helper()
	unwanted, beacon := "unwanted on "+subject, "beacon of "+subject
	witness := n.fixture.open()
	witness.subscribe(subject)
	n.subscribe(beacon)
	publisher.publish(subject, unwanted)
	publisher.publish(beacon, "passed")
	witness.awaits(subject, unwanted)
	n.awaits(beacon, "passed")
	n.subscribe(subject)
	publisher.publish(subject, "wanted again")
	n.awaits(subject, "wanted again")
	if n.count(subject, unwanted) > 0 {
		n.fixture.t.Errorf("%s: link %d received on %q what was published when it was not subscribed", rule, n.no, subject)
	}
}

// subscribingAgain subscribes often. A second subscription would cause a second copy, an expensive one would take too long.
func subscribingAgain(l *fixture) {
	const subject, times = "again", 1000
	a, b := l.open(), l.open()
	b.subscribe(subject)
	l.bounded("subscribing again is cheap: 1000 calls", func() {
		for range times {
			b.subscribe(subject)
		}
	})
	a.numbers(subject, 10)
	b.expectNumbers(subject, 10, a)
	b.unsubscribe(subject) // once is enough
	b.expectOff("subscribing again changes nothing", subject, a)
}
