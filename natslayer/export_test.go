package natslayer

// NatsSubject is where a subject's publications travel.
var NatsSubject = natsSubject

// Stall keeps a layer from taking what arrives.
func (l *Layer) Stall() (resume func()) {
	l.table.mu.Lock()
	return l.table.mu.Unlock
}

// Arrived is how many messages nats.go has read.
func (l *Layer) Arrived() uint64 { return l.conn.Load().Stats().InMsgs }
