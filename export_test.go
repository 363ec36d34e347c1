package chanx

import (
	"sync/atomic"
	"testing"
	"time"

	"github.com/chanx-go/chanx/internal/cluster"
)

// Subjects returns the number of subjects whose members a server counts.
func (s *Server) Subjects() int {
	return s.node.Subscriptions.Len()
}

// Knows reports whether a server would deliver to a connection of that id.
func (s *Server) Knows(id string) bool { return len(s.hub.Match(cluster.ConnSubject(id))) > 0 }

// Lingering returns the number of subjects that are still subscribed although they have no member.
func (s *Server) Lingering() int {
	return s.node.Subscriptions.Lingering()
}

// DeliveryAllocs returns the number of allocations for delivering m to a connection, without those of its transport.
func DeliveryAllocs(s *Server, c *Conn, m Message) (float64, error) {
	d, err := s.encode(m)
	if err != nil {
		return 0, err
	}
	setOver := func(over bool) {
		c.mu.Lock()
		defer c.mu.Unlock()
		c.ended = over
	}
	setOver(true)
	defer setOver(false)
	return testing.AllocsPerRun(100, func() { c.deliverEach([]*delivery{d}) }), nil
}

// WallClock is a wall clock that a test can set.
type WallClock struct{ step atomic.Int64 }

// Step sets the clock forward by d, or back if d is negative. Timers do not notice.
func (w *WallClock) Step(d time.Duration) { w.step.Add(int64(d)) }

// SetWallClock replaces the wall clock of a server. Call it before the server serves.
func SetWallClock(s *Server) *WallClock {
	w := &WallClock{}
	s.now = func() time.Time { return time.Now().Round(0).Add(time.Duration(w.step.Load())) }
	return w
}
