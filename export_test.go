package chanx

import (
	"sync/atomic"
	"testing"
	"time"
)

// Subjects is the number of subjects whose members a server counts.
func (s *Server) Subjects() int {
	s.subscriptions.mu.Lock()
	defer s.subscriptions.mu.Unlock()
	return len(s.subscriptions.all)
}

// Knows reports whether a server would deliver to a connection of that id.
func (s *Server) Knows(id string) bool { return len(s.hub.Match(connSubject(id))) > 0 }

// Lingering is the number of subjects that linger.
func (s *Server) Lingering() int {
	s.subscriptions.mu.Lock()
	defer s.subscriptions.mu.Unlock()
	return s.subscriptions.linger.waiting.Len()
}

// DeliveryAllocs is how many allocations a connection costs that receives m, without those of its transport.
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

// WallClock is one whose steps a test makes.
type WallClock struct{ step atomic.Int64 }

// Step moves the clock, but no timer.
func (w *WallClock) Step(d time.Duration) { w.step.Add(int64(d)) }

// SetWallClock gives a server, before it serves, a wall clock of its own.
func SetWallClock(s *Server) *WallClock {
	w := &WallClock{}
	s.now = func() time.Time { return time.Now().Round(0).Add(time.Duration(w.step.Load())) }
	return w
}
