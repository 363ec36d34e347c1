package socket

import "sync/atomic"

// Drop says what was discarded.
type Drop uint8

// What may be discarded; the unit of n in Handler.Dropped is in each line.
const (
	DroppedMessages  Drop = iota // whole messages received and not handled, because the connection was lost or closed
	DroppedEvents                // events queued and not handled, for the same reason
	EventOverflow                // events refused because the event queue was full
	DroppedFrames                // droppable frames that made room in the send queue
	SupersededFrames             // frames that waited when a later one with their key came
	UnsentBytes                  // bytes queued and not written, because the connection was lost or closed
	SlowClient                   // bytes refused because the send queue was full
	dropKinds        = iota
)

// String names d as a metric label would: the unit, then why.
func (d Drop) String() string {
	return [...]string{
		"messages_unhandled", "events_unhandled", "events_overflow",
		"frames_droppable", "frames_superseded", "bytes_unsent", "bytes_overflow",
	}[d]
}

// Stats are the counters of an Upgrader since it was made. Open, Closing and Refusing go up and down.
type Stats struct {
	Open         int64            // connections upgraded and not yet over
	Closing      int64            // of them, those whose Close frame was written and whose transport is not closed yet
	Refusing     int64            // of them, those made by UpgradeToRefuse whose transport is not closed yet; not in Closing
	HandOvers    int64            // runs that outlived 5 ms on the reader: a new reader took over
	Replacements int64            // idle readers that were replaced by fresh goroutines
	Waits        int64            // times a reader stopped reading because an inbox was full
	Drops        [dropKinds]int64 // by Drop
}

type counters struct {
	open, closing, refusing, handOvers, replacements, waits atomic.Int64
	drops                                                   [dropKinds]atomic.Int64
}

// Stats returns a snapshot. It may be called at any time.
func (u *Upgrader) Stats() Stats {
	n := &u.counters
	s := Stats{
		Open:         n.open.Load(),
		Closing:      n.closing.Load(),
		Refusing:     n.refusing.Load(),
		HandOvers:    n.handOvers.Load(),
		Replacements: n.replacements.Load(),
		Waits:        n.waits.Load(),
	}
	for i := range n.drops {
		s.Drops[i] = n.drops[i].Load()
	}
	return s
}

// A dropNote waits for the lock to be released: the handler is told without it.
type dropRecord struct {
	what Drop
	n    int
}

// drop counts what was discarded and notes it for the handler. The caller holds mu.
func (c *Conn) drop(what Drop, n int) {
	if n > 0 {
		c.up.counters.drops[what].Add(int64(n))
		if c.notes == nil {
			c.notes = new([]dropRecord)
		}
		*c.notes = append(*c.notes, dropRecord{what, n})
	}
}

// unlock releases mu, then tells the handler what was dropped under it. Before Start there is none: it is told then.
func (c *Conn) unlock() {
	notes, h := c.notes, c.h
	if h == nil || notes == nil {
		c.mu.Unlock()
		return
	}
	c.notes = nil
	c.mu.Unlock()
	for _, d := range *notes {
		h.Dropped(d.what, d.n)
	}
}
