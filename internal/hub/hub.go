// Package hub knows which members belong to which group of this node, and hands deliveries to them.
//
// Members are spread over shards. Each shard has one queue and at most one worker, a goroutine that exists only while
// the queue holds something; it gives every member of its shard what is due to it. So each member's deliveries come
// one after the other, in the order in which they were made, and a group's members are served by several cores.
//
// A delivery goes to those who are members when it is made: who joins later does not get it, who leaves later does.
//
// No member is ever waited for, but the workers are: who makes deliveries faster than these can pass them on is slowed
// down. Else one loud sender would fill the memory, and what others have to say would come behind all of it. Who must not
// be slowed down, and many who each wait only for a while, may still be too fast: what a shard has no room for is lost to
// its members, and whoever made the delivery is told to whom. Those who get later ones get them in order.
package hub

import (
	"context"
	"slices"
	"strings"
	"sync"
)

// Member receives deliveries.
type Member[D any] interface {
	comparable

	// Shard is a number that never changes; members with the same number modulo the number of shards share a worker.
	Shard() uint32

	// Deliver takes a run. It must not block and must not keep it. Calls for one member never overlap. If it ends its
	// goroutine, the others get theirs all the same.
	Deliver(*Run[D])
}

// Run is deliveries that go to the same members of a shard, one member after the other.
type Run[D any] struct {
	Items   []D // one or more, oldest first
	Members int

	// Memo is the members': what one has worked out of the items another need not. Calls of Deliver with one run never
	// overlap.
	Memo any
}

// Hub holds the groups. Its methods may be called concurrently.
type Hub[M Member[D], D any] struct {
	mu     sync.RWMutex
	groups map[string]*group[M]
	alone  map[string]M // by Bind
	shards []shard[M, D]
	weigh  func(D) (each, kept int)
	note   func(D, []M)
}

// New returns a hub with that many shards, at least one. weigh tells how many bytes a delivery is for each of its members,
// and how many it keeps in memory. note is called with a delivery and those members of a shard who are about to get
// it, before any of them does: it must not block, and must not change or keep the slice.
func New[M Member[D], D any](shards int, weigh func(D) (each, kept int), note func(D, []M)) *Hub[M, D] {
	return &Hub[M, D]{
		groups: map[string]*group[M]{}, alone: map[string]M{}, shards: make([]shard[M, D], max(shards, 1)), weigh: weigh, note: note,
	}
}

func (h *Hub[M, D]) shardOf(m M) int { return int(m.Shard()) % len(h.shards) }

// Join adds the member, if it is not one yet.
func (h *Hub[M, D]) Join(name string, m M) {
	h.mu.Lock()
	defer h.mu.Unlock()
	g := h.groups[name]
	if g == nil {
		g = &group[M]{parts: make([]part[M], len(h.shards))}
		h.groups[name] = g
	}
	if g.parts[h.shardOf(m)].add(m) {
		g.size++
	}
}

// Leave removes the member, if it is one. A group without members is forgotten.
func (h *Hub[M, D]) Leave(name string, m M) {
	h.mu.Lock()
	defer h.mu.Unlock()
	g := h.groups[name]
	if g == nil || !g.parts[h.shardOf(m)].remove(m) {
		return
	}
	if g.size--; g.size == 0 {
		delete(h.groups, name)
	}
}

// Bind makes name a group whose one member is m, for less memory than Join takes. The name must not be that of another
// group; Unbind ends it.
func (h *Hub[M, D]) Bind(name string, m M) {
	h.mu.Lock()
	defer h.mu.Unlock()
	h.alone[name] = m
}

// Unbind ends what Bind began.
func (h *Hub[M, D]) Unbind(name string) {
	h.mu.Lock()
	defer h.mu.Unlock()
	delete(h.alone, name)
}

// Match lists the members of the groups, each once.
func (h *Hub[M, D]) Match(groups ...string) (all []M) {
	h.mu.RLock()
	defer h.mu.RUnlock()
	for k := range groups {
		h.each(groups, k, func(_ int, members []M) { all = append(all, members...) })
	}
	return all
}

// Count tells how many members a group has.
func (h *Hub[M, D]) Count(name string) int {
	h.mu.RLock()
	defer h.mu.RUnlock()
	if g := h.groups[name]; g != nil {
		return g.size
	}
	return 0
}

// Groups tells how many groups there are whose names begin with prefix.
func (h *Hub[M, D]) Groups(prefix string) (n int) {
	h.mu.RLock()
	defer h.mu.RUnlock()
	for name := range h.groups {
		if strings.HasPrefix(name, prefix) {
			n++
		}
	}
	return n
}

// Has reports whether the member belongs to the group.
func (h *Hub[M, D]) Has(name string, m M) bool {
	h.mu.RLock()
	defer h.mu.RUnlock()
	return h.has(name, m)
}

func (h *Hub[M, D]) has(name string, m M) bool {
	if g := h.groups[name]; g != nil {
		return g.parts[h.shardOf(m)].find(m) >= 0
	}
	one, bound := h.alone[name]
	return bound && one == m
}

// Deliver hands d to every member of the groups, once to each, and returns when it is in the queue of every shard that
// holds one. Then it waits while too much is due there, but not for ever: it may have been called by a worker, with whom
// it would wait for itself. missed lists those, in slices that must not be changed, whose shard had no room for it: too
// many have waited in vain.
func (h *Hub[M, D]) Deliver(d D, groups ...string) (missed [][]M) {
	missed, full := h.hand(d, groups)
	for _, s := range full {
		s.wait()
	}
	return missed
}

// hand returns the shards where too much is due. It must not wait: a worker may need a lock of who waits for h.mu.
func (h *Hub[M, D]) hand(d D, groups []string) (missed [][]M, full []*shard[M, D]) {
	h.mu.RLock()
	defer h.mu.RUnlock()
	for k := range groups {
		m, f := h.deliverMatch(d, groups, k)
		missed, full = append(missed, m...), append(full, f...)
	}
	return missed, full
}

// DeliverMatch hands d to those members of groups[k] that belong to none of the groups before it: one copy of
// something that is sent to each of the groups on its own. It never waits. See Deliver for who is missed.
func (h *Hub[M, D]) DeliverMatch(d D, groups []string, k int) (missed [][]M) {
	h.mu.RLock()
	defer h.mu.RUnlock()
	missed, _ = h.deliverMatch(d, groups, k)
	return missed
}

func (h *Hub[M, D]) deliverMatch(d D, groups []string, k int) (missed [][]M, full []*shard[M, D]) {
	each, kept := h.weigh(d)
	h.each(groups, k, func(shard int, members []M) {
		s := &h.shards[shard]
		h.note(d, members)
		queued, isFull := s.push(members, d, load{int64(each+perCopy) * int64(len(members)), int64(kept + perDelivery)})
		if !queued {
			missed = append(missed, members)
		}
		if isFull {
			full = append(full, s)
		}
	})
	return missed, full
}

// each gives f, shard by shard, the members of groups[k] that belong to none of the groups before it.
func (h *Hub[M, D]) each(groups []string, k int, f func(shard int, members []M)) {
	before := groups[:k]
	if m, bound := h.alone[groups[k]]; bound && !h.hasAny(before, m) {
		f(h.shardOf(m), []M{m})
	}
	g := h.groups[groups[k]]
	if g == nil {
		return
	}
	for i := range g.parts {
		members := g.parts[i].snapshot()
		if k > 0 {
			members = slices.DeleteFunc(slices.Clone(members), func(m M) bool { return h.hasAny(before, m) })
		}
		if len(members) > 0 {
			f(i, members)
		}
	}
}

func (h *Hub[M, D]) hasAny(groups []string, m M) bool {
	return slices.ContainsFunc(groups, func(name string) bool { return h.has(name, m) })
}

// Flush returns when everything that was handed over before the call has been delivered, or when ctx ends.
func (h *Hub[M, D]) Flush(ctx context.Context) {
	for i := range h.shards {
		h.shards[i].flush(ctx)
	}
}
