package chanx

import (
	"context"
	"sync"
	"time"

	"github.com/chanx-go/chanx/internal/socket"
)

const (
	maxEmitWait       = time.Second // of Emit, for connections whose event queues are full
	eventQueueReserve = 8           // times Limits.EventQueue: what may wait for a connection at most
)

// hardEventQueue is how many events may wait for a connection at most. The maximum of int is off.
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
	behind   map[*Conn]*lag // those that were waited for and have not handled half of their queue since
	emitting map[*Conn]int  // those whose handlers wait in Emit
}

// lag is a connection that has fallen behind.
type lag struct {
	deadline   time.Time     // when nobody waits for it any more
	done       chan struct{} // closed when it has caught up, or when its own handler waits
	progressed bool          // it has handled an event since
}

// queued counts an event for the connections that are about to get it, and notes those that have too many. The hub calls
// it; only the caller of the hub reads what is noted.
func (q *eventQueues) queued(d *delivery, to []*connSink) {
	if d.kind != kindEvent {
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

// missed takes back what queued has counted.
func (q *eventQueues) missed(d *delivery, by []*connSink) {
	if d.kind == kindEvent {
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

// wait slows down who has emitted an event, until those that were behind have caught up, or have had maxEmitWait since
// they fell behind. It does not wait for from, whose method Emit is, nor for the connection whose handler was given ctx:
// that handler would wait for itself.
func (q *eventQueues) wait(ctx context.Context, from *Conn, behind []*Conn) {
	if len(behind) == 0 {
		return
	}
	caller := connOf(ctx)
	q.enter(caller)
	defer q.leave(caller)
	lags := make([]*lag, len(behind)) // first all, so that their times run together
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

// enter notes that a handler of c waits. Who waits for c need not go on: c handles nothing meanwhile.
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
			c.mount.srv.dropped(c, socket.EventOverflow.String(), 1)
			c.closeBecause(&CloseError{socket.CloseTryLater, "event queue is full"})
		}
	}
}

// isStuck reports, once, that a connection has handled no event while it was waited for.
func (q *eventQueues) isStuck(c *Conn, g *lag) bool {
	q.mu.Lock()
	defer q.mu.Unlock()
	if g.progressed || q.behind[c] != g {
		return false
	}
	g.progressed = true
	return true
}

// lagOf is nil if there is nothing to wait for.
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
