package natslayer

import (
	"slices"
	"sync"

	"github.com/nats-io/nats.go"
)

// table knows which links have subscribed to what. However many links of a layer a subject has, and however many
// subjects there are: each has one subscription of NATS, and all deliver into one channel.
//
// While the layer is not connected the table does not touch the connection: nats.go holds its lock while it connects, which takes
// seconds if a server is silent.
type table struct {
	incoming chan *nats.Msg

	mu     sync.RWMutex
	topics map[string]*topic // by NATS subject
	asked  uint64            // subscriptions made so far
	nc     *nats.Conn        // nil while it is not connected
	of     *nats.Conn        // has the subscriptions; it is nc if that is not nil
	ended  []*nats.Subscription
}

// topic is a subject that somebody has subscribed to. The table's lock guards it.
type topic struct {
	subject string
	name    string             // the NATS subject
	no      uint64             // it was the no'th that was asked for
	sub     *nats.Subscription // nil if it waits for the connection
	links   []*link            // replaced, never changed: whoever has looked it up may go on reading
	refused error              // the broker's, who does not allow it; nil otherwise
	lost    int                // publications that NATS dropped, as far as they have been counted
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
		t.asked++
		s = &topic{subject: subject, name: name, no: t.asked}
		t.topics[name] = s
		t.begin(s)
	}
	s.links = append(slices.Clip(s.links), k)
	k.topics[subject] = s
	return s
}

// begin makes the subscription of a topic, if the layer is connected. The caller holds mu.
func (t *table) begin(s *topic) {
	if t.nc != nil {
		s.sub, _ = t.nc.ChanSubscribe(s.name, t.incoming) // the error is that it has been closed, which the cluster sees
	}
}

// attach makes the subscriptions that a connection does not have yet, and ends those that it should not have any more.
func (t *table) attach(nc *nats.Conn) {
	t.mu.Lock()
	defer t.mu.Unlock()
	fresh := nc != t.of
	if !fresh {
		unsubscribe(t.ended)
	}
	t.nc, t.of, t.ended = nc, nc, nil
	for _, s := range t.topics {
		if fresh || s.sub == nil {
			s.lost, s.refused = 0, nil
			t.begin(s)
		}
	}
}

// detach leaves the connection alone until the next attach.
func (t *table) detach() {
	t.mu.Lock()
	defer t.mu.Unlock()
	t.nc = nil
}

func unsubscribe(subs []*nats.Subscription) {
	for _, sub := range subs {
		_ = sub.Unsubscribe() // the error is that the connection is closed: then there is nothing to end
	}
}

func (t *table) remove(k *link, subject string) {
	t.mu.Lock()
	defer t.mu.Unlock()
	if s := k.topics[subject]; s != nil {
		t.leave(k, s)
	}
}

// removeAll is remove for all subjects of a link.
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

// deliver gives a publication to those who have subscribed.
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

// refuse notes that the broker does not allow a subscription.
func (t *table) refuse(name string, err error) {
	t.mu.Lock()
	defer t.mu.Unlock()
	if s := t.topics[name]; s != nil {
		s.refused = err
	}
}

// forgive forgets refusals when the connection is lost: nats.go makes the subscriptions again when it reconnects.
func (t *table) forgive() {
	t.mu.Lock()
	defer t.mu.Unlock()
	for _, s := range t.topics {
		s.refused = nil
	}
}

// refusal is why a topic has no publications.
func (t *table) refusal(s *topic) error {
	t.mu.RLock()
	defer t.mu.RUnlock()
	return s.refused
}

// losses are how many publications of a subscription NATS has dropped since it was asked last.
func (t *table) losses(sub *nats.Subscription) int {
	t.mu.Lock()
	defer t.mu.Unlock()
	s := t.topics[sub.Subject]
	if s == nil || s.sub != sub {
		return 0
	}
	total, err := sub.Dropped()
	if err != nil { // it has ended
		return 0
	}
	count := total - s.lost
	s.lost = total
	return count
}

// soFar is the number of the last subscription that was asked for.
func (t *table) soFar() uint64 {
	t.mu.RLock()
	defer t.mu.RUnlock()
	return t.asked
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
