package main

import (
	"fmt"
	"slices"
	"testing"
)

// TestANodeMayDie lets two people talk with tabs at every node, and kills one node: its tabs reconnect to another node with
// the whole history, and no other tab loses its connection.
func TestANodeMayDie(t *testing.T) {
	for name := range brokers {
		t.Run(name, func(t *testing.T) {
			h := startHouse(t, name)
			var all []*tab
			for _, p := range []*person{h.login("Ann"), h.login("Bob")} {
				for i := range nodes {
					all = append(all, p.openAt(fmt.Sprintf("node-%d", i+1)))
				}
			}
			for _, speaker := range all {
				talk(speaker, all)
			}

			h.kill("node-2")
			for i, b := range all {
				if b.node == "node-2" {
					all[i] = comeBack(b)
				}
			}
			for _, speaker := range all {
				talk(speaker, all)
			}

			h.revive("node-2")
			late := all[0].who.openAt("node-2")
			if n := 2 * len(all); len(late.past) != n {
				t.Errorf("the history has %d posts, want %d", len(late.past), n)
			}
			all = append(all, late)
			talk(late, all)
			talk(all[0], all)

			if name == "redis" {
				h.kill("redis")
				h.revive("redis")
				h.shown.await(t, nodes, `node-\d \| .* up=true gap=true`)
				for _, speaker := range all {
					talk(speaker, all)
				}
			}
			h.end()
			for _, b := range all {
				if code := b.ends(); code != 1001 {
					t.Errorf("%s on %s: closed with %d, want 1001", b.who.name, b.node, code)
				}
			}
		})
	}
}

// comeBack opens a tab to replace one whose node is gone.
func comeBack(lost *tab) *tab {
	t := lost.t
	t.Helper()
	if code := lost.ends(); code != -1 {
		t.Errorf("%s on %s: closed with %d, want an end without a word", lost.who.name, lost.node, code)
	}
	b := lost.who.open()
	if b.node == lost.node || len(b.past) != 2*nodes {
		t.Errorf("%s comes back on %s with %d posts, want another node and %d", b.who.name, b.node, len(b.past), 2*nodes)
	}
	theirs := slices.DeleteFunc(slices.Clone(b.past), func(p post) bool { return !p.IsMine })
	if len(theirs) != nodes {
		t.Errorf("%s comes back and finds %d posts to be theirs, want %d", b.who.name, len(theirs), nodes)
	}
	return b
}
