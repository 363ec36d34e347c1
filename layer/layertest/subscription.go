package layertest

import "fmt"

// subscribeThenPublish has a new subject each round, so that each time the broker has to learn of the subscription.
func subscribeThenPublish(l *lab) {
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

// unsubscribeStops ends one subscription of two, and takes it up again: that works too, and what was published between
// is not made up for.
func unsubscribeStops(l *lab) {
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

// expectOff wants that a node is not subscribed to a subject. A witness tells when the broker has handed out what was
// published to it, a second subject when it has done so on the way to the node, and at last the subject itself that it
// has not been overtaken. Then the node is subscribed.
func (n *node) expectOff(rule, subject string, publisher *node) {
	n.lab.t.Helper()
	unwanted, beacon := "unwanted on "+subject, "beacon of "+subject
	witness := n.lab.open()
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
		n.lab.t.Errorf("%s: link %d received on %q what was published when it was not subscribed", rule, n.no, subject)
	}
}

// subscribingAgain does it often: a second subscription would show by a second copy, an expensive one by the time.
func subscribingAgain(l *lab) {
	const subject, times = "again", 1000
	a, b := l.open(), l.open()
	b.subscribe(subject)
	l.bounded("subscribing again costs little: doing it 1000 times", func() {
		for range times {
			b.subscribe(subject)
		}
	})
	a.numbers(subject, 10)
	b.expectNumbers(subject, 10, a)
	b.unsubscribe(subject) // once is enough
	b.expectOff("to subscribe again changes nothing", subject, a)
}
