package chanx

import (
	"context"
	"sync"
	"time"

	"github.com/chanx-go/chanx/internal/cluster"
	"github.com/chanx-go/chanx/internal/socket"
)

const (
	maxEmitWait       = time.Second // how long Emit waits for connections whose event queues are full
	eventQueueReserve = 8           // multiplied by Limits.EventQueue: maximum of events that wait for a connection
)

// hardEventQueue is the maximum number of events that wait for a connection; -1 means no limit.
func (l *Limits) hardEventQueue() int {
	if l.EventQueue > maxInt/eventQueueReserve {
		return -1
	}
	return l.EventQueue * eventQueueReserve
}

// eventQueues makes Emit wait for connections that have more than limit events to handle.
type eventQueues struct {
	limit int // Limits.EventQueue

	mu       sync.Mutex
	behind   map[*Conn]*lag // connections that Emit waited for, until they have handled half of their queue
	emitting map[*Conn]int  // connections whose handlers wait in Emit
}

// lag describes a connection that has fallen behind.
type lag struct {
	deadline   time.Time     // Emit does not wait longer
	done       chan struct{} // closed when the connection has caught up, or its own handler waits in Emit
	progressed bool          // the connection has handled an event since
}

// queued counts an event for the connections that are about to receive it, and adds those that have too many to
// d.behind. The hub calls it; only the caller of the hub reads d.behind.
func (q *eventQueues) queued(d *delivery, to []*connSink) {
	if d.Kind != cluster.KindEvent {
		return
	}
	for _, l := range to {
		if int(l.events.Add(1)) > q.limit {
			d.behind = append(d.behind, (*Conn)(l))
		}
	}
}

// taken counts an event that no longer waits.
func (q *eventQueues) taken(c *Conn) {
	n := int(c.events.Add(-1))
	if n < q.limit/2 {
		return
	}
	q.mu.Lock()
	defer q.mu.Unlock()
	if g := q.behind[c]; g != nil {
		g.progressed = true
	}
	if n == q.limit/2 {
		q.release(c)
	}
}

// missed reverts what queued has counted.
func (q *eventQueues) missed(d *delivery, by []*connSink) {
	if d.Kind == cluster.KindEvent {
		for _, l := range by {
			q.taken((*Conn)(l))
		}
	}
}

// release ends the waiting for a connection. The caller holds mu.
func (q *eventQueues) release(c *Conn) {
	if g := q.behind[c]; g != nil {
		close(g.done)
		delete(q.behind, c)
	}
}

// forget is called when a connection has ended.
func (q *eventQueues) forget(c *Conn) {
	if int(c.events.Load()) > q.limit/2 {
		q.mu.Lock()
		defer q.mu.Unlock()
		q.release(c)
	}
}

// wait blocks the emitter of an event until the connections in behind have caught up, each for at most maxEmitWait
// since it fell behind. It does not wait for from, whose method Emit is, nor for the connection whose handler was given
// ctx: that handler would wait for itself.
func (q *eventQueues) wait(ctx context.Context, from *Conn, behind []*Conn) {
	if len(behind) == 0 {
		return
	}
	caller := connOf(ctx)
	q.enter(caller)
	defer q.leave(caller)
	lags := make([]*lag, len(behind)) // create all first, so that their deadlines start together
	for i, c := range behind {
		if c != from && c != caller && c.transport() != nil {
			lags[i] = q.lagOf(c)
		}
	}
	for i, g := range lags {
		if g != nil {
			q.waitFor(ctx, behind[i], g)
		}
	}
}

// enter records that a handler of c waits in Emit. It ends the waiting for c, because c handles no events meanwhile.
func (q *eventQueues) enter(c *Conn) {
	if c == nil {
		return
	}
	q.mu.Lock()
	defer q.mu.Unlock()
	if q.emitting == nil {
		q.emitting = map[*Conn]int{}
	}
	q.emitting[c]++
	q.release(c)
}

func (q *eventQueues) leave(c *Conn) {
	if c == nil {
		return
	}
	q.mu.Lock()
	defer q.mu.Unlock()
	if q.emitting[c]--; q.emitting[c] == 0 {
		delete(q.emitting, c)
	}
}

func (q *eventQueues) waitFor(ctx context.Context, c *Conn, g *lag) {
	late := time.NewTimer(time.Until(g.deadline))
	defer late.Stop()
	select {
	case <-g.done:
	case <-c.ctx.Done():
	case <-ctx.Done():
	case <-late.C:
		if q.isStuck(c, g) {
			c.mount.srv.dropped(c, DropEventsOverflow, 1)
			c.closeBecause(&CloseError{socket.CloseTryLater, "event queue is full"})
		}
	}
}

// isStuck reports, once, that a connection has handled no event while emitters waited for it.
func (q *eventQueues) isStuck(c *Conn, g *lag) bool {
	q.mu.Lock()
	defer q.mu.Unlock()
	if g.progressed || q.behind[c] != g {
		return false
	}
	g.progressed = true
	return true
}

// lagOf returns the lag of a connection, or nil if Emit should not wait for it.
func (q *eventQueues) lagOf(c *Conn) *lag {
	q.mu.Lock()
	defer q.mu.Unlock()
	if int(c.events.Load()) <= q.limit/2 || q.emitting[c] > 0 || c.ctx.Err() != nil {
		return nil
	}
	g := q.behind[c]
	if g == nil {
		if q.behind == nil {
			q.behind = map[*Conn]*lag{}
		}
		g = &lag{deadline: time.Now().Add(maxEmitWait), done: make(chan struct{})}
		q.behind[c] = g
	}
	if !time.Now().Before(g.deadline) {
		return nil
	}
	return g
}
