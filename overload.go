package chanx

import (
	"sync"
	"time"
)

// overloaded is what a drop is called for which nobody is to blame but the load.
const overloaded = "copies that the server was too busy for"

// missed sees to what the hub had no room for: it is counted. A command to close is carried out at once instead, ahead of
// what waits: whoever is disconnected must not stay because the server is busy.
func (s *Server) missed(d *delivery, by [][]*link) {
	n := 0
	for _, part := range by {
		if d.kind != kindClose {
			n += len(part)
			continue
		}
		for _, l := range part {
			(*Conn)(l).obey(d)
		}
	}
	if n == 0 {
		return
	}
	s.countDrop(nil, overloaded, n)
	if all, logs := s.overload.note(n); logs {
		s.logger.Warn("chanx: dropped", "what", overloaded, "count", all)
	}
}

// bout is a time in which the same thing goes wrong again and again. It is logged when it begins, and then once a minute.
type bout struct {
	mu    sync.Mutex
	quiet time.Time // until then
	n     int       // not logged yet
}

const boutQuiet = time.Minute

// note counts n more, and reports whether to log now, and how many.
func (b *bout) note(n int) (all int, logs bool) {
	b.mu.Lock()
	defer b.mu.Unlock()
	b.n += n
	now := time.Now()
	if now.Before(b.quiet) {
		return 0, false
	}
	all, b.n, b.quiet = b.n, 0, now.Add(boutQuiet)
	return all, true
}
