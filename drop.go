package chanx

import (
	"log/slog"
	"slices"
	"sync"
	"time"
)

// dropped counts and logs what a connection lost.
func (s *Server) dropped(c *Conn, what string, n int) {
	s.countDrop(c, what, n)
	if n = c.incidents.add(what, n); n > 0 {
		c.logDrop(what, n)
	}
}

func (c *Conn) logDrop(what string, n int) {
	c.log(slog.LevelWarn, "chanx: dropped", "what", what, "count", n)
}

// incidents keep what happens again and again, drops of one connection or refusals of layer data, from filling the log:
// there is a line for the first of a kind, and then no more than one a minute, with what has come since.
type incidents struct {
	mu  sync.Mutex
	all []incident
}

type incident struct {
	what string
	said time.Time
	kept int // drops since then
}

const incidentWindow = time.Minute

// add returns how many drops are to be logged now.
func (i *incidents) add(what string, n int) (say int) {
	i.mu.Lock()
	defer i.mu.Unlock()
	at := slices.IndexFunc(i.all, func(one incident) bool { return one.what == what })
	if at < 0 {
		at = len(i.all)
		i.all = append(i.all, incident{what: what})
	}
	one := &i.all[at]
	one.kept += n
	if now := time.Now(); now.Sub(one.said) >= incidentWindow {
		say, one.kept, one.said = one.kept, 0, now
	}
	return say
}

// end returns what has not been logged, and forgets it.
func (i *incidents) end() []incident {
	i.mu.Lock()
	defer i.mu.Unlock()
	rest := slices.DeleteFunc(i.all, func(one incident) bool { return one.kept == 0 })
	i.all = nil
	return rest
}

// skipped counts what the connection's consumer does not know: in a cluster of several versions that is no fault.
func (s *Server) skipped(c *Conn, what string) {
	s.countDrop(c, what, 1)
	c.log(slog.LevelDebug, "chanx: skipped", "what", what)
}

// countDrop counts what was lost; c is nil if it was of no connection.
func (s *Server) countDrop(c *Conn, what string, n int) {
	s.mu.Lock()
	s.drops[what] += uint64(n)
	s.mu.Unlock()
	if s.opts.Observer != nil {
		s.opts.Observer.Drop(c, what, n)
	}
}
