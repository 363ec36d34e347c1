// Package hub knows which members belong to which group of this node, and delivers to them.
//
// Members are spread over shards. A shard has one queue and at most one worker, a goroutine that runs only while the
// queue is not empty. The worker passes deliveries to the members of its shard. So each member gets its deliveries one
// after the other, in the order in which they were made, and several cores serve the members of a group.
//
// A delivery goes to the members at the time of the call: a member that joins later does not get it, one that leaves
// later does.
//
// Deliveries never wait for a member, but they wait for the workers. Hub.Deliver blocks for up to one second for each
// shard with too much pending work (backpressure). Otherwise one fast sender would fill the memory and delay the
// deliveries of all others. Callers that must not block, and many callers that block at once, can still produce more
// than the workers deliver. A shard without room then rejects the delivery, and the caller gets the list of its members
// that miss it. Members that miss a delivery still get later ones in order.
package hub

import (
	"context"
	"strings"
	"sync"
)

// Member receives deliveries.
type Member[D any] interface {
	comparable

	// Shard returns a number that never changes. Members with the same number modulo the number of shards share a
	// worker.
	Shard() uint32

	// Deliver takes a run. It must neither block nor keep the run. Calls for one member never overlap. If it ends its
	// goroutine, the other members still get their deliveries.
	Deliver(*Run[D])

	// InAny reports whether the member belongs to one of the groups. The hub may call it at any time, except in methods
	// that change groups.
	InAny(Names) bool
}

// Run is one or more deliveries to the same members of a shard. The members get it one after the other.
type Run[D any] struct {
	Items   []D // one or more, oldest first
	Members int

	// Memo is for the members: one may store there what it computed from Items, for the next ones. Calls of Deliver
	// with one run never overlap.
	Memo any
}

// Hub holds the groups. Its methods may be called concurrently.
type Hub[M Member[D], D any] struct {
	mu      sync.RWMutex
	groups  map[string]*group[M]
	single  map[string]M // set by Bind
	shards  []shard[M, D]
	size    func(D) (each, kept int)
	onQueue func(D, []M)
}

// New returns a hub with that many shards, at least one. size returns how many bytes a delivery has for each member,
// and how many it keeps in memory. onQueue is called with a delivery and the members of a shard that are about to get
// it, before any of them does. It must not block, and must neither change nor keep the slice.
func New[M Member[D], D any](shards int, size func(D) (each, kept int), onQueue func(D, []M)) *Hub[M, D] {
	return &Hub[M, D]{
		groups: map[string]*group[M]{}, single: map[string]M{}, shards: make([]shard[M, D], max(shards, 1)), size: size, onQueue: onQueue,
	}
}

func (h *Hub[M, D]) shardOf(m M) int { return int(m.Shard()) % len(h.shards) }

// Join adds a member to a group. It does nothing if it is one already.
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

// Leave removes a member from a group. It does nothing if it is not one. A group without members is deleted.
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

// Bind makes name a group whose only member is m. It takes less memory than Join. The name must not be that of another
// group. Unbind reverses it.
func (h *Hub[M, D]) Bind(name string, m M) {
	h.mu.Lock()
	defer h.mu.Unlock()
	h.single[name] = m
}

// Unbind removes a group made by Bind.
func (h *Hub[M, D]) Unbind(name string) {
	h.mu.Lock()
	defer h.mu.Unlock()
	delete(h.single, name)
}

// Match returns the members of the groups, each once.
func (h *Hub[M, D]) Match(groups ...string) (all []M) {
	h.distinct(groups, func(_ int, members []M) { all = append(all, members...) })
	return all
}

// Count returns how many members a group has.
func (h *Hub[M, D]) Count(name string) int {
	h.mu.RLock()
	defer h.mu.RUnlock()
	if g := h.groups[name]; g != nil {
		return g.size
	}
	return 0
}

// Groups returns how many groups have names that begin with prefix.
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

// Has reports whether m belongs to the group.
func (h *Hub[M, D]) Has(name string, m M) bool {
	h.mu.RLock()
	defer h.mu.RUnlock()
	return h.has(name, m)
}

func (h *Hub[M, D]) has(name string, m M) bool {
	if g := h.groups[name]; g != nil {
		return h.isMember(g, m)
	}
	one, bound := h.single[name]
	return bound && one == m
}

// Deliver queues d for every member of the groups, once for each. Backpressure: it blocks for up to one second for each
// of their shards that has too much pending work. It does not block longer because a worker may call it, which would
// otherwise wait for itself. missed lists the members whose shard had no room; the slices must not be changed.
func (h *Hub[M, D]) Deliver(d D, groups ...string) (missed [][]M) {
	out := fanout[M, D]{hub: h, d: d}
	out.each, out.kept = h.size(d)
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

// DeliverMatch queues d for the members of groups[k] that belong to none of the groups before it. Callers use it to
// send a copy to each of the groups, so that a member of several gets one. It never blocks. missed is as for Deliver.
func (h *Hub[M, D]) DeliverMatch(d D, groups []string, k int) (missed [][]M) {
	out := fanout[M, D]{hub: h, d: d}
	out.each, out.kept = h.size(d)
	h.matchOnly(groups, k, out.push)
	return out.missed
}

// MatchOnly returns the members of groups[k] that belong to none of the groups before it.
func (h *Hub[M, D]) MatchOnly(groups []string, k int) (all []M) {
	h.matchOnly(groups, k, func(_ int, members []M) { all = append(all, members...) })
	return all
}

// fanout puts one delivery into the queues of shards.
type fanout[M Member[D], D any] struct {
	hub        *Hub[M, D]
	d          D
	each, kept int
	missed     [][]M
	full       []*shard[M, D] // shards with too much pending work
}

// push never blocks.
func (o *fanout[M, D]) push(shard int, members []M) {
	s := &o.hub.shards[shard]
	o.hub.onQueue(o.d, members)
	queued, isFull := s.push(members, o.d, load{int64(o.each+perCopy) * int64(len(members)), int64(o.kept + perDelivery)})
	if !queued {
		o.missed = append(o.missed, members)
	}
	if isFull {
		o.full = append(o.full, s)
	}
}

// Flush returns when everything queued before the call has been delivered, or when ctx ends.
func (h *Hub[M, D]) Flush(ctx context.Context) {
	for i := range h.shards {
		h.shards[i].flush(ctx)
	}
}
