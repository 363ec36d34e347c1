package chanx

// missed sees to what the hub had no room for: it is counted. A command to close is carried out at once instead, ahead of
// what waits: whoever is disconnected must not stay because the server is busy.
func (s *Server) missed(d *delivery, by [][]*link) {
	n := 0
	for _, part := range by {
		if d.kind != kindClose {
			n += len(part)
			s.events.missed(d, part)
			continue
		}
		for _, l := range part {
			(*Conn)(l).obey(d)
		}
	}
	if n == 0 {
		return
	}
	s.countDrop(nil, dropOverload, n)
	s.logDrop(dropOverload, n)
}
