package hub

import (
	"slices"
	"sync/atomic"
)

// group has a part for each shard.
type group[M comparable] struct {
	size  int
	parts []part[M]
}

// indexFrom is the number of members from which a map finds them; below, looking through the slice is as fast and
// leaves the many small groups small.
const indexFrom = 32

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
