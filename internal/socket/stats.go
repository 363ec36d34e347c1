package socket

import "sync/atomic"

// A Drop is the kind of something discarded.
type Drop uint8

// Kinds of drops. Each line begins with the unit of n in Handler.Dropped.
const (
	DroppedMessages  Drop = iota // complete messages received and not handled, because the connection was lost or closed
	DroppedEvents                // events queued and not handled, for the same reason
	EventOverflow                // events not queued because the event queue was full
	DroppedFrames                // droppable messages that made room in the send queue
	SupersededFrames             // messages replaced in the send queue by a later one with the same key
	UnsentBytes                  // bytes queued and not written, because the connection was lost or closed
	SlowClient                   // bytes not queued because the send queue was full
	dropKinds        = iota
)

// Stats are the counters of an Upgrader since it was made. Open, Closing and Refusing are gauges: they go up and down.
type Stats struct {
	Open         int64            // connections upgraded and not yet ended
	Closing      int64            // open connections whose Close frame was written and whose transport is not closed yet
	Refusing     int64            // open connections made by UpgradeToRefuse whose transport is not closed yet; not in Closing
	HandOvers    int64            // runs longer than 5 ms on the reader's goroutine: a new reader took over
	Replacements int64            // idle readers that were replaced by fresh goroutines
	Pauses       int64            // pauses of a reader because an inbox was full
	Drops        [dropKinds]int64 // by Drop
}

type counters struct {
	open, closing, refusing, handOvers, replacements, pauses atomic.Int64
	drops                                                    [dropKinds]atomic.Int64
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
		Pauses:       n.pauses.Load(),
	}
	for i := range n.drops {
		s.Drops[i] = n.drops[i].Load()
	}
	return s
}

// A report is told to the handler once mu is released: a drop of n units or, if answer is set, an answer of n bytes.
type report struct {
	answer bool
	what   Drop
	n      int
}

// report records r for the handler. The caller holds mu.
func (c *Conn) report(r report) {
	if c.reports == nil {
		c.reports = new([]report)
	}
	*c.reports = append(*c.reports, r)
}

// drop counts n discarded units and records them for the handler. The caller holds mu.
func (c *Conn) drop(what Drop, n int) {
	if n > 0 {
		c.up.counters.drops[what].Add(int64(n))
		c.report(report{what: what, n: n})
	}
}

// unlock releases mu, then passes the reports to the handler. Drops before Start are reported after Start.
func (c *Conn) unlock() {
	reports, h := c.reports, c.h
	if h == nil || reports == nil {
		c.mu.Unlock()
		return
	}
	c.reports = nil
	c.mu.Unlock()
	for _, r := range *reports {
		if r.answer {
			h.Answered(r.n)
		} else {
			h.Dropped(r.what, r.n)
		}
	}
}
