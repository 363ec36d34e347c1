package natslayer

// NatsSubject returns the NATS subject of a subject.
var NatsSubject = natsSubject

// Stall stops a layer from reading arriving publications.
func (l *Layer) Stall() (resume func()) {
	l.table.mu.Lock()
	return l.table.mu.Unlock
}

// Arrived is how many messages nats.go has read.
func (l *Layer) Arrived() uint64 { return l.conn.Load().Stats().InMsgs }
