package layertest

import (
	"fmt"
	"strings"
)

// rubbish is what a stranger publishes.
func rubbish() (all [][]byte) {
	for _, s := range []string{
		"", "x", "+", "-", "{}", "null", "\x00", "\r\n", "+OK\r\n", "-ERR\r\n", "PUB a 1\r\nx\r\n", "+N", "+*", "+a.b", "+>", "+a b",
		"+" + strings.Repeat("N", 56), "+" + strings.Repeat("N", 4<<10), strings.Repeat("\xff", 1<<16), strings.Repeat("x", 512<<10),
	} {
		all = append(all, []byte(s))
	}
	return all
}

// stranger has somebody at the broker publish rubbish, while links do what they do.
func stranger(l *lab) {
	const rule, count = "what a stranger publishes breaks nothing", 50
	subjects := []string{"open.to.all", "never subscribed", ""}
	a, b, c := l.open(), l.open(), l.open()
	b.subscribe("open.to.all")
	c.subscribe("quiet")
	say := l.features.Stranger(l.t, l.layer)
	for i, data := range rubbish() {
		for _, subject := range subjects {
			say(subject, data)
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

// expectNoLoss wants that a link was not told that the broker is lost.
func (n *node) expectNoLoss(rule string) {
	n.lab.t.Helper()
	n.mu.Lock()
	defer n.mu.Unlock()
	for _, s := range n.statuses {
		if !s.Up {
			n.lab.t.Errorf("%s: link %d was told %+v", rule, n.no, s)
			return
		}
	}
}
