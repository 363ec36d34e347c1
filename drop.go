package chanx

import (
	"log/slog"

	"github.com/chanx-go/chanx/internal/cluster"
)

// Reasons for discarding something: the keys of Stats.Drops, whose comment explains them. Each names the unit that is
// counted, then the reason. Package socket has more of them.
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

// dropped counts and logs what a connection lost. The warning does not name the connection, because many connections
// may lose something at once; a line at level debug does.
func (s *Server) dropped(c *Conn, what string, n int) {
	s.countDrop(c, what, n)
	s.logDrop(what, n)
	if s.logger.Enabled(c.ctx, slog.LevelDebug) {
		c.debug("chanx: dropped", "what", what, "count", n)
	}
}

// skipped counts a message or event that the connection's consumer does not declare. That is normal in a cluster of
// several releases, so it is not logged as a warning.
func (s *Server) skipped(c *Conn, what string) {
	s.countDrop(c, what, 1)
	if s.logger.Enabled(c.ctx, slog.LevelDebug) {
		c.debug("chanx: skipped", "what", what)
	}
}

// countDrop counts a loss. c is nil if no single connection lost it.
func (s *Server) countDrop(c *Conn, what string, n int) {
	s.mu.Lock()
	s.drops[what] += uint64(n)
	s.mu.Unlock()
	if s.observer != nil {
		s.observer.Drop(c, what, n)
	}
}

// missed counts the copies that the hub had no room for. A command to close is carried out at once instead, ahead of
// queued messages: an overloaded server must still disconnect clients.
func (s *Server) missed(d *delivery, by [][]*connSink) {
	n := 0
	for _, part := range by {
		if d.Kind != cluster.KindClose {
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
