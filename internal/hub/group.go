package hub

import (
	"slices"
	"sync/atomic"
)

// group holds the members of one group. The hub's lock guards it.
//
// A small group has one list, so that its memory does not depend on the number of shards. A large group has a part for
// each shard.
type group[M comparable] struct {
	size  int
	few   []M // in the order of their shards; nil if the group has parts
	parts []part[M]

	// shared is set when a delivery refers to few. Then add and remove copy it first.
	shared atomic.Bool
}

// indexFrom is the number of members from which a part has a map. Below it, searching the slice is as fast and takes
// less memory.
const indexFrom = 32

// splitFrom and splitFromPerShard are the numbers of members, in all and for each shard, from which a group has parts.
const splitFrom, splitFromPerShard = 32, 8

func (h *Hub[M, D]) splitFrom() int { return max(splitFrom, splitFromPerShard*len(h.shards)) }

// search returns the position of a member in a group with one list, or the position at which to insert it.
func (h *Hub[M, D]) search(g *group[M], m M) (at int, found bool) {
	shard := h.shardOf(m)
	at, _ = slices.BinarySearchFunc(g.few, shard, func(o M, shard int) int { return h.shardOf(o) - shard })
	for ; at < len(g.few) && h.shardOf(g.few[at]) == shard; at++ {
		if g.few[at] == m {
			return at, true
		}
	}
	return at, false
}

func (h *Hub[M, D]) isMember(g *group[M], m M) bool {
	if g.parts != nil {
		return g.parts[h.shardOf(m)].find(m) >= 0
	}
	_, found := h.search(g, m)
	return found
}

func (h *Hub[M, D]) add(g *group[M], m M) bool {
	if g.parts != nil {
		return g.parts[h.shardOf(m)].add(m)
	}
	at, found := h.search(g, m)
	if found {
		return false
	}
	if g.shared.Swap(false) {
		g.few = slices.Clip(g.few) // so that Insert copies it
	}
	g.few = slices.Insert(g.few, at, m)
	if len(g.few) >= h.splitFrom() {
		h.split(g)
	}
	return true
}

func (h *Hub[M, D]) split(g *group[M]) {
	g.parts = make([]part[M], len(h.shards))
	for _, m := range g.few {
		g.parts[h.shardOf(m)].add(m)
	}
	g.few = nil
}

// merge replaces the parts of a group by one list.
func (h *Hub[M, D]) merge(g *group[M]) {
	for i := range g.parts {
		g.few = append(g.few, g.parts[i].members...)
	}
	g.parts = nil
	g.shared.Store(false) // no delivery refers to the new list
}

func (h *Hub[M, D]) remove(g *group[M], m M) bool {
	if g.parts != nil {
		if !g.parts[h.shardOf(m)].remove(m) {
			return false
		}
		if g.size-1 <= h.splitFrom()/4 {
			h.merge(g)
		}
		return true
	}
	at, found := h.search(g, m)
	if !found {
		return false
	}
	if g.shared.Swap(false) {
		g.few = slices.Clone(g.few)
	}
	g.few = slices.Delete(g.few, at, at+1)
	return true
}

// members calls f with the current members of a group, shard by shard. The caller holds the hub's lock, at least for
// reading.
func (h *Hub[M, D]) members(name string, f func(shard int, members []M)) {
	if m, bound := h.single[name]; bound {
		f(h.shardOf(m), []M{m})
	}
	g := h.groups[name]
	if g == nil {
		return
	}
	if g.parts == nil {
		g.shared.Store(true)
	}
	for i := 0; i < len(g.few); {
		shard, end := h.shardOf(g.few[i]), i+1
		for end < len(g.few) && h.shardOf(g.few[end]) == shard {
			end++
		}
		f(shard, g.few[i:end:end])
		i = end
	}
	for i := range g.parts {
		if members := g.parts[i].snapshot(); len(members) > 0 {
			f(i, members)
		}
	}
}

// part holds the members of a group in one shard. The hub's lock guards it.
type part[M comparable] struct {
	members []M
	index   map[M]int // position in members; nil below indexFrom

	// shared is set when a delivery refers to members. Then remove copies it first; add only appends behind what the
	// delivery sees.
	shared atomic.Bool
}

func (p *part[M]) find(m M) int {
	if p.index == nil {
		return slices.Index(p.members, m)
	}
	if i, ok := p.index[m]; ok {
		return i
	}
	return -1
}

func (p *part[M]) add(m M) bool {
	if p.find(m) >= 0 {
		return false
	}
	p.members = append(p.members, m)
	if p.index != nil {
		p.index[m] = len(p.members) - 1
	} else if len(p.members) >= indexFrom {
		p.index = make(map[M]int, 2*indexFrom)
		for i, m := range p.members {
			p.index[m] = i
		}
	}
	return true
}

func (p *part[M]) remove(m M) bool {
	i := p.find(m)
	if i < 0 {
		return false
	}
	if p.shared.Swap(false) {
		p.members = slices.Clone(p.members)
	}
	last := len(p.members) - 1
	moved := p.members[last]
	p.members[i] = moved
	clear(p.members[last:])
	p.members = p.members[:last]
	if p.index != nil {
		p.index[moved] = i
		delete(p.index, m)
		if last < indexFrom/2 {
			p.index = nil
		}
	}
	return true
}

// snapshot returns the current members. The caller holds the hub's lock, at least for reading.
func (p *part[M]) snapshot() []M {
	if len(p.members) == 0 {
		return nil
	}
	p.shared.Store(true)
	return p.members
}
