package layertest

import (
	"fmt"
	"strings"
)

// garbage returns the data of foreign publications.
func garbage() (all [][]byte) {
	for _, s := range []string{
		"", "x", "+", "-", "{}", "null", "\x00", "\r\n", "+OK\r\n", "-ERR\r\n", "PUB a 1\r\nx\r\n", "+N", "+*", "+a.b", "+>", "+a b",
		"+" + strings.Repeat("N", 56), "+" + strings.Repeat("N", 4<<10), strings.Repeat("\xff", 1<<16), strings.Repeat("x", 512<<10),
	} {
		all = append(all, []byte(s))
	}
	return all
}

// foreignPublications publishes garbage by the broker's own means while links are used.
func foreignPublications(l *fixture) {
	const rule, count = "foreign publications break nothing", 50
	subjects := []string{"open.to.all", "never subscribed", ""}
	a, b, c := l.open(), l.open(), l.open()
	b.subscribe("open.to.all")
	c.subscribe("quiet")
	publish := l.features.ForeignClient(l.t, l.layer)
	for i, data := range garbage() {
		for _, subject := range subjects {
			publish(subject, data)
		}
		fresh := fmt.Sprintf("fresh.%d", i)
		c.subscribe(fresh)
		a.publish(fresh, "here")
		c.awaits(fresh, "here")
	}
	a.numbers("quiet", count)
	c.expectNumbers("quiet", count, a)
	a.publish("open.to.all", "here")
	b.awaits("open.to.all", "here")
	for _, n := range []*node{a, b, c} {
		n.expectNoLoss(rule)
	}
}

// expectNoLoss checks that a link has not reported that the broker is lost.
func (n *node) expectNoLoss(rule string) {
	n.fixture.t.Helper()
	n.mu.Lock()
	defer n.mu.Unlock()
	for _, s := range n.statuses {
		if !s.Up {
			n.fixture.t.Errorf("%s: link %d got status %+v", rule, n.no, s)
			return
		}
	}
}
