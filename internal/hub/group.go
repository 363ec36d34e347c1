package hub

import (
	"slices"
	"sync/atomic"
)

// group is the members of a name. It changes under the hub's lock.
//
// A small group has one list, so that its memory does not depend on the number of shards. A large one has a part for each
// shard.
type group[M comparable] struct {
	size  int
	few   []M // in the order of their shards; nil if there are parts
	parts []part[M]

	// shared is set when a delivery refers to few. The slots up to its length then stay as they are: joining and leaving
	// copy first.
	shared atomic.Bool
}

// indexFrom is the number of members from which a map finds them; below, looking through the slice is as fast and
// leaves the many small groups small.
const indexFrom = 32

// splitFrom is the number of members, at least and for each shard, from which a group has parts.
const splitFrom, splitFromPerShard = 32, 8

func (h *Hub[M, D]) splitFrom() int { return max(splitFrom, splitFromPerShard*len(h.shards)) }

// place finds a member of a group with one list, or where it belongs.
func (h *Hub[M, D]) place(g *group[M], m M) (at int, found bool) {
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
	_, found := h.place(g, m)
	return found
}

func (h *Hub[M, D]) add(g *group[M], m M) bool {
	if g.parts != nil {
		return g.parts[h.shardOf(m)].add(m)
	}
	at, found := h.place(g, m)
	if found {
		return false
	}
	if g.shared.Swap(false) {
		g.few = slices.Clip(g.few) // Insert makes a new list
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

// merge makes one list of the parts again.
func (h *Hub[M, D]) merge(g *group[M]) {
	for i := range g.parts {
		g.few = append(g.few, g.parts[i].members...)
	}
	g.parts = nil
	g.shared.Store(false) // nobody has the new list
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
	at, found := h.place(g, m)
	if !found {
		return false
	}
	if g.shared.Swap(false) {
		g.few = slices.Clone(g.few)
	}
	g.few = slices.Delete(g.few, at, at+1)
	return true
}

// members gives f the members of a name, shard by shard, as they are now. The hub's lock is held for reading at least.
func (h *Hub[M, D]) members(name string, f func(shard int, members []M)) {
	if m, bound := h.alone[name]; bound {
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

// part is the members of a group that belong to one shard. It changes under the hub's lock.
type part[M comparable] struct {
	members []M
	index   map[M]int // position in members; nil while there are few

	// shared is set when a delivery refers to members. The slots up to its length then stay as they are: joining
	// appends behind them, leaving copies first.
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

// snapshot is the members as they are now; the hub's lock is held for reading at least.
func (p *part[M]) snapshot() []M {
	if len(p.members) == 0 {
		return nil
	}
	p.shared.Store(true)
	return p.members
}
