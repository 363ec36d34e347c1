package natslayer

import (
	"slices"
	"sync"

	"github.com/nats-io/nats.go"
)

// table records which links have subscribed to which subjects. Each subject has one NATS subscription, however many links
// it has. All NATS subscriptions deliver into one channel.
//
// While the layer is not connected, the table does not use the connection: nats.go holds a lock while it connects, which
// takes seconds if a server is silent.
type table struct {
	incoming chan *nats.Msg

	mu     sync.RWMutex
	topics map[string]*topic    // by NATS subject
	last   uint64               // number of the last topic
	nc     *nats.Conn           // nil while not connected
	owner  *nats.Conn           // the connection that has the subscriptions; the same as nc unless nc is nil
	ended  []*nats.Subscription // to be ended at the next attach
}

// topic is a subject with subscribed links. The table's lock guards it.
type topic struct {
	subject string
	name    string             // the NATS subject
	no      uint64             // topics are numbered in the order in which they were added
	sub     *nats.Subscription // nil until there is a connection
	links   []*link            // replaced, never modified: deliver reads it without the lock
	refused error              // why the broker does not allow the subscription, or nil
	lost    int                // publications dropped by nats.go that have been counted
}

// add subscribes a link. It returns nil if the link is closed.
func (t *table) add(k *link, subject, name string) *topic {
	t.mu.Lock()
	defer t.mu.Unlock()
	if k.isClosed() {
		return nil
	}
	if known := k.topics[subject]; known != nil {
		return known
	}
	s := t.topics[name]
	if s == nil {
		t.last++
		s = &topic{subject: subject, name: name, no: t.last}
		t.topics[name] = s
		t.begin(s)
	}
	s.links = append(slices.Clip(s.links), k)
	k.topics[subject] = s
	return s
}

// begin makes the NATS subscription of a topic if the layer is connected. The caller holds mu.
func (t *table) begin(s *topic) {
	if t.nc != nil {
		s.sub, _ = t.nc.ChanSubscribe(s.name, t.incoming) // it fails only if the connection is closed, which the cluster notices
	}
}

// attach makes the missing subscriptions on a connection, and ends those that are no longer wanted.
func (t *table) attach(nc *nats.Conn) {
	t.mu.Lock()
	defer t.mu.Unlock()
	fresh := nc != t.owner
	if !fresh {
		unsubscribe(t.ended)
	}
	t.nc, t.owner, t.ended = nc, nc, nil
	for _, s := range t.topics {
		if fresh || s.sub == nil {
			s.lost, s.refused = 0, nil
			t.begin(s)
		}
	}
}

// detach stops the use of the connection until the next attach.
func (t *table) detach() {
	t.mu.Lock()
	defer t.mu.Unlock()
	t.nc = nil
}

func unsubscribe(subs []*nats.Subscription) {
	for _, sub := range subs {
		_ = sub.Unsubscribe() // it fails only if the connection is closed: then there is nothing to end
	}
}

func (t *table) remove(k *link, subject string) {
	t.mu.Lock()
	defer t.mu.Unlock()
	if s := k.topics[subject]; s != nil {
		t.leave(k, s)
	}
}

// removeAll removes all subjects of a link.
func (t *table) removeAll(k *link) {
	t.mu.Lock()
	defer t.mu.Unlock()
	for _, s := range k.topics {
		t.leave(k, s)
	}
}

func (t *table) leave(k *link, s *topic) {
	delete(k.topics, s.subject)
	s.links = slices.DeleteFunc(slices.Clone(s.links), func(o *link) bool { return o == k })
	if len(s.links) == 0 {
		t.end(s)
	}
}

func (t *table) end(s *topic) {
	delete(t.topics, s.name)
	switch {
	case s.sub == nil:
	case t.nc == nil:
		t.ended = append(t.ended, s.sub)
	default:
		unsubscribe([]*nats.Subscription{s.sub})
	}
}

// deliver queues a publication for the subscribed links.
func (t *table) deliver(m *nats.Msg) {
	t.mu.RLock()
	s := t.topics[m.Subject]
	if s == nil { // the subscription has ended
		t.mu.RUnlock()
		return
	}
	subject, links := s.subject, s.links
	t.mu.RUnlock()
	for _, k := range links {
		k.push(subject, m.Data)
	}
}

// refuse records that the broker does not allow a subscription.
func (t *table) refuse(name string, err error) {
	t.mu.Lock()
	defer t.mu.Unlock()
	if s := t.topics[name]; s != nil {
		s.refused = err
	}
}

// clearRefused forgets refusals when the connection is lost: nats.go makes the subscriptions again when it reconnects.
func (t *table) clearRefused() {
	t.mu.Lock()
	defer t.mu.Unlock()
	for _, s := range t.topics {
		s.refused = nil
	}
}

// refusal returns why the broker does not allow the topic, or nil.
func (t *table) refusal(s *topic) error {
	t.mu.RLock()
	defer t.mu.RUnlock()
	return s.refused
}

// losses returns how many publications of a subscription nats.go has dropped since the last call.
func (t *table) losses(sub *nats.Subscription) int {
	t.mu.Lock()
	defer t.mu.Unlock()
	s := t.topics[sub.Subject]
	if s == nil || s.sub != sub {
		return 0
	}
	total, err := sub.Dropped()
	if err != nil { // the subscription has ended
		return 0
	}
	count := total - s.lost
	s.lost = total
	return count
}

// lastNo is the number of the last topic.
func (t *table) lastNo() uint64 {
	t.mu.RLock()
	defer t.mu.RUnlock()
	return t.last
}

// clear ends all subscriptions.
func (t *table) clear() {
	t.mu.Lock()
	defer t.mu.Unlock()
	for _, s := range t.topics {
		t.end(s)
	}
	unsubscribe(t.ended)
	t.ended = nil
}
