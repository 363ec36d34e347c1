package chanx

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
