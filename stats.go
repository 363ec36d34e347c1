package chanx

import "maps"

// Stats are numbers of one server, which is one node, at the time of the call.
type Stats struct {
	Connections int               // open, or on their way in
	Drops       map[string]uint64 // what was discarded since the server was made, by what it was
}

// Stats counts. What it calls a drop is what an Observer's Drop is told.
func (s *Server) Stats() Stats {
	s.mu.Lock()
	defer s.mu.Unlock()
	return Stats{Connections: len(s.conns), Drops: maps.Clone(s.drops)}
}
