package nodetest

import (
	"fmt"
	"math/rand/v2"
	"strings"
	"sync"

	"github.com/chanx-go/chanx"
)

// sender is a node or a connection that numbers its messages.
type sender struct {
	name string
	node *node
	peer *peer // nil if the sender is the node
}

func (k *cluster) senders() (all []*sender) {
	for _, n := range k.nodes {
		all = append(all, &sender{name: fmt.Sprintf("node%d", n.no), node: n})
	}
	for _, p := range k.peers {
		all = append(all, &sender{name: p.name, node: p.node, peer: p})
	}
	return all
}

func (s *sender) broadcast(k *cluster, text string, to ...chanx.Target) error {
	if s.peer != nil {
		return s.peer.broadcast(k.t.Context(), text, to...)
	}
	return s.node.Broadcast(k.t.Context(), saidMessage{text}, to...)
}

func (s *sender) emit(k *cluster, text string, to ...chanx.Target) error {
	if s.peer != nil {
		return s.peer.conn.Emit(k.t.Context(), ringEvent{text}, to...)
	}
	return s.node.Emit(k.t.Context(), ringEvent{text}, to...)
}

// longName has the maximum length of a name.
var longName = strings.Repeat("l", 200)

// order has all connections and servers of three nodes send concurrently. Every receiver must get everything once, with each
// sender's messages to a target in order, and likewise its events.
func order(s *suite) {
	const each = 40
	// All receivers are in all groups, so each receives through the first target. Entries with the same name have the same
	// first target.
	aims := []struct {
		by string
		to []chanx.Target
	}{
		{"a b", []chanx.Target{chanx.To("a b")}},
		{"a b", []chanx.Target{chanx.To("none", "a b", "日本"), chanx.ToUser("ann")}},
		{"a-b", []chanx.Target{chanx.To("a-b", "a b")}},
		{"a!b", []chanx.Target{chanx.To("a!b")}},
		{"日本", []chanx.Target{chanx.To("日本", "a!b"), chanx.All()}},
		{"long", []chanx.Target{chanx.To(longName)}},
		{"all", []chanx.Target{chanx.All(), chanx.To("a b")}},
	}
	s.withNodes(3, func(k *cluster) {
		for i := range k.nodes {
			k.dial(i, "ann", "a b", "a-b", "a!b", "日本", longName)
			k.dial(i, fmt.Sprint("user", i), "a b", "a-b", "a!b", "日本", longName)
		}
		var work sync.WaitGroup
		for i, from := range k.senders() {
			rnd := rand.New(rand.NewPCG(uint64(i), 7))
			work.Go(func() {
				for n := range each {
					a := aims[rnd.IntN(len(aims))]
					text := numbered(from.name, strings.ReplaceAll(a.by, " ", "_"), n)
					send := from.broadcast
					if rnd.IntN(3) == 0 {
						send = from.emit
					}
					if err := send(k, text, a.to...); err != nil {
						k.t.Errorf("%s: %v", from.name, err)
					}
					if from.peer != nil {
						if err := from.peer.conn.Send(k.t.Context(), rangMessage{numbered(from.name, "itself", n)}); err != nil {
							k.t.Errorf("%s: %v", from.name, err)
						}
					}
				}
			})
		}
		work.Wait()
		for _, p := range k.peers {
			k.expectOrder(p, len(k.senders())*each+each)
		}
	})
}

func numbered(sender, by string, n int) string { return fmt.Sprintf("%s %s %d", sender, by, n) }

// expectOrder receives that many numbered texts, and checks the order of each sender's texts through one target. What the
// connection sent to itself must be in order too.
func (k *cluster) expectOrder(p *peer, want int) {
	k.t.Helper()
	last := map[string]int{}
	for i := range want {
		text := p.next(fmt.Sprintf("receives %d of %d", i, want))
		var from, by string
		var n int
		if _, err := fmt.Sscanf(strings.Trim(text, "()+!"), "%s %s %d", &from, &by, &n); err != nil {
			k.t.Fatalf("%s got %q: %v", p.name, text, err)
		}
		key := from + " to " + by
		switch {
		case strings.HasPrefix(text, "(") && by != "itself":
			key += " by event"
		case from == p.name && by == "itself":
			key = from + " to itself"
		}
		if before, any := last[key]; any && n <= before {
			k.t.Errorf("%s got number %d of %s after %d", p.name, n, key, before)
		}
		last[key] = n
	}
}
