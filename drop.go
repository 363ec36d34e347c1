package chanx

import "log/slog"

// What is discarded, as keys of Stats.Drops, which says when: the unit that is counted, then why. Package socket has others.
const (
	dropRefusedFrames    = "frames_refused"
	dropRefusedEvents    = "events_refused"
	dropUndeclaredEvents = "events_undeclared"
	dropNodeOverflow     = "events_node_overflow"
	dropUnhandledEvents  = "events_node_unhandled"
	dropInvalidEvents    = "events_invalid"
	dropLostCancels      = "cancels_overflow"
	dropUndeclaredCopies = "copies_undeclared"
	dropOverload         = "copies_overload"
	dropUnreadable       = "publications_unreadable"
	dropOtherVersion     = "publications_other_version"
	dropUnauthentic      = "publications_unauthentic"
	dropTooLong          = "publications_too_long"
	dropUnsent           = "publications_unsent"
	dropGaps             = "gaps"
)

// dropped counts and logs what a connection lost. The warning is about all connections, which one it was is said at level
// debug: many may lose something at once.
func (s *Server) dropped(c *Conn, what string, n int) {
	s.countDrop(c, what, n)
	s.logDrop(what, n)
	if s.logger.Enabled(c.ctx, slog.LevelDebug) {
		c.debug("chanx: dropped", "what", what, "count", n)
	}
}

// skipped counts what the connection's consumer does not know: in a cluster of several versions that is no fault.
func (s *Server) skipped(c *Conn, what string) {
	s.countDrop(c, what, 1)
	if s.logger.Enabled(c.ctx, slog.LevelDebug) {
		c.debug("chanx: skipped", "what", what)
	}
}

// countDrop counts what was lost; c is nil if it was of no connection.
func (s *Server) countDrop(c *Conn, what string, n int) {
	s.mu.Lock()
	s.drops[what] += uint64(n)
	s.mu.Unlock()
	if s.observer != nil {
		s.observer.Drop(c, what, n)
	}
}

// missed sees to what the hub had no room for: it is counted. A command to close is carried out at once instead, ahead of
// what waits: whoever is disconnected must not stay because the server is busy.
func (s *Server) missed(d *delivery, by [][]*connSink) {
	n := 0
	for _, part := range by {
		if d.kind != kindClose {
			n += len(part)
			s.events.missed(d, part)
			continue
		}
		for _, l := range part {
			(*Conn)(l).runDisconnect(d)
		}
	}
	if n == 0 {
		return
	}
	s.countDrop(nil, dropOverload, n)
	s.logDrop(dropOverload, n)
}
