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

	// InAny reports whether the member belongs to one of the groups. It may be called at any time, but by no method of
	// the hub that changes groups.
	InAny(Names) bool
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
		g = &group[M]{}
		h.groups[name] = g
	}
	if h.add(g, m) {
		g.size++
	}
}

// Leave removes the member, if it is one. A group without members is forgotten.
func (h *Hub[M, D]) Leave(name string, m M) {
	h.mu.Lock()
	defer h.mu.Unlock()
	g := h.groups[name]
	if g == nil || !h.remove(g, m) {
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
	h.distinct(groups, func(_ int, members []M) { all = append(all, members...) })
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
		return h.isMember(g, m)
	}
	one, bound := h.alone[name]
	return bound && one == m
}

// Deliver hands d to every member of the groups, once to each, and returns when it is in the queue of every shard that
// holds one. Then it waits while too much is due there, but not for ever: it may have been called by a worker, with whom
// it would wait for itself. missed lists those, in slices that must not be changed, whose shard had no room for it: too
// many have waited in vain.
func (h *Hub[M, D]) Deliver(d D, groups ...string) (missed [][]M) {
	out := handing[M, D]{hub: h, d: d}
	out.each, out.kept = h.weigh(d)
	if len(groups) == 1 {
		h.mu.RLock()
		h.members(groups[0], out.push)
		h.mu.RUnlock()
	} else {
		h.distinct(groups, out.push)
	}
	for _, s := range out.full {
		s.wait()
	}
	return out.missed
}

// DeliverMatch hands d to those members of groups[k] that belong to none of the groups before it: one copy of
// something that is sent to each of the groups on its own. It never waits. See Deliver for who is missed.
func (h *Hub[M, D]) DeliverMatch(d D, groups []string, k int) (missed [][]M) {
	out := handing[M, D]{hub: h, d: d}
	out.each, out.kept = h.weigh(d)
	h.matchOnly(groups, k, out.push)
	return out.missed
}

// MatchOnly lists those members of groups[k] that belong to none of the groups before it.
func (h *Hub[M, D]) MatchOnly(groups []string, k int) (all []M) {
	h.matchOnly(groups, k, func(_ int, members []M) { all = append(all, members...) })
	return all
}

// handing is a delivery that is being put into the queues of shards.
type handing[M Member[D], D any] struct {
	hub        *Hub[M, D]
	d          D
	each, kept int
	missed     [][]M
	full       []*shard[M, D] // where too much is due
}

// push does not wait.
func (o *handing[M, D]) push(shard int, members []M) {
	s := &o.hub.shards[shard]
	o.hub.note(o.d, members)
	queued, isFull := s.push(members, o.d, load{int64(o.each+perCopy) * int64(len(members)), int64(o.kept + perDelivery)})
	if !queued {
		o.missed = append(o.missed, members)
	}
	if isFull {
		o.full = append(o.full, s)
	}
}

// Flush returns when everything that was handed over before the call has been delivered, or when ctx ends.
func (h *Hub[M, D]) Flush(ctx context.Context) {
	for i := range h.shards {
		h.shards[i].flush(ctx)
	}
}
