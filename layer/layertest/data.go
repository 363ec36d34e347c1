package layertest

import (
	"bytes"
	"fmt"
	"strings"
)

// dataArrivesWhole publishes empty data, every byte, and up to 1 MiB.
func dataArrivesWhole(l *fixture) {
	const subject = "whole"
	a, b := l.open(), l.open()
	b.subscribe(subject)
	var bytes []byte
	for i := range 256 {
		bytes = append(bytes, byte(i))
	}
	all := string(bytes)
	for _, data := range []string{"", all, "\r\n", strings.Repeat(all, 256) + "odd", strings.Repeat(all, 1<<12)} {
		a.publish(subject, data)
		b.awaits(subject, data)
	}
	if got := len(b.received(subject)); got != 5 {
		l.t.Errorf("at most once: link %d received %d of 5 publications", b.no, got)
	}
}

// dataOfPublisher overwrites the data as soon as Publish has returned. If the layer still sends it, the receiver gets wrong
// data; if the layer only reads it, the race detector fails the test.
func dataOfPublisher(l *fixture) {
	const subject, rounds = "reused", 200
	a, b := l.open(), l.open()
	b.subscribe(subject)
	ctx, cancel := l.context()
	defer cancel()
	data := make([]byte, 4096)
	text := func(i int) []byte { return bytes.Repeat(fmt.Appendf(nil, "%08d", i), len(data)/8) }
	for i := range rounds {
		copy(data, text(i))
		a.expect("publish", subject, a.link.Publish(ctx, subject, data))
		clear(data)
	}
	a.publish(subject, "end")
	b.awaits(subject, "end")
	for i := range rounds {
		if b.count(subject, string(text(i))) != 1 {
			l.t.Errorf("the publisher may reuse data: link %d did not receive what was in it when Publish was called", b.no)
			return
		}
	}
}

// dataOfReceiver makes receivers keep data while more arrives. At the end of every case nodes check that it has not changed.
func dataOfReceiver(l *fixture) {
	const subjects, rounds = 4, 100
	a, b, c := l.open(), l.open(), l.open()
	name := func(i int) string { return fmt.Sprintf("kept.%d", i) }
	for i := range subjects {
		b.subscribe(name(i))
		c.subscribe(name(i))
	}
	for i := range rounds {
		a.publish(name(i%subjects), number(a, i))
	}
	for i := range rounds {
		b.awaits(name(i%subjects), number(a, i))
		c.awaits(name(i%subjects), number(a, i))
	}
}
