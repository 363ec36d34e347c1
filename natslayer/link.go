package natslayer

import (
	"context"
	"fmt"
	"sync"

	"github.com/chanx-go/chanx/layer"
)

// link is one node's. A goroutine of its own hands out what waits for its receiver, publications and statuses alike, so
// that no two calls overlap and a slow receiver holds up nobody else.
type link struct {
	layer    *Layer
	receiver layer.Receiver
	topics   map[string]*topic // by subject; the table's lock guards it

	mu           sync.Mutex
	closed       bool
	queue        []item
	waiting      int // publications that the receiver has not been given, in the queue or taken from it
	waitingBytes int
	overflowing  bool          // what came last was dropped, which is told
	wake         chan struct{} // tells run that there is something
	ended        chan struct{} // closed when run has returned
}

// item is a publication, or a status if there is one.
type item struct {
	subject string
	data    []byte
	status  *layer.Status
}

func (k *link) isClosed() bool {
	k.mu.Lock()
	defer k.mu.Unlock()
	return k.closed
}

// push queues a publication, unless too much waits.
func (k *link) push(subject string, data []byte) {
	k.mu.Lock()
	defer k.mu.Unlock()
	if k.closed {
		return
	}
	if k.waiting >= k.layer.opts.PendingMessages || len(data) > k.layer.opts.PendingBytes-k.waitingBytes {
		k.layer.dropped.Add(1)
		if !k.overflowing {
			k.overflowing = true
			k.append(item{status: &layer.Status{Up: true, Gap: true}})
		}
		return
	}
	k.overflowing = false
	k.waiting++
	k.waitingBytes += len(data)
	k.append(item{subject: subject, data: data})
}

// tell queues a status, whatever else waits. One that says the same as the one before it is left out, so that no number of
// losses fills the queue.
func (k *link) tell(s layer.Status) {
	k.mu.Lock()
	defer k.mu.Unlock()
	if k.closed {
		return
	}
	if n := len(k.queue); n > 0 && k.queue[n-1].status != nil && *k.queue[n-1].status == s {
		return
	}
	k.append(item{status: &s})
}

// append is called with mu held.
func (k *link) append(it item) {
	k.queue = append(k.queue, it)
	select {
	case k.wake <- struct{}{}:
	default:
	}
}

func (k *link) run() {
	defer close(k.ended)
	for range k.wake {
		for batch := k.take(nil); batch != nil; batch = k.take(batch) {
			for i := range batch {
				if k.isClosed() {
					return
				}
				k.deliver(&batch[i])
			}
		}
		if k.isClosed() {
			return
		}
	}
}

// take gives run what waits, and the queue the slice that run is done with.
func (k *link) take(done []item) []item {
	k.mu.Lock()
	defer k.mu.Unlock()
	if len(k.queue) == 0 {
		return nil
	}
	batch := k.queue
	k.queue = nil
	if cap(done) <= 1024 { // a larger one is left to the collector: a burst should not be held for ever
		k.queue = done[:0]
	}
	return batch
}

func (k *link) deliver(it *item) {
	if it.status != nil {
		if k.receiver.Status != nil {
			k.receiver.Status(*it.status)
		}
		return
	}
	k.receiver.Receive(it.subject, it.data)
	size := len(it.data)
	*it = item{}
	k.mu.Lock()
	defer k.mu.Unlock()
	k.waiting--
	k.waitingBytes -= size
}

// Publish hands data to the connection, which sends it at once but does not wait for the broker.
func (k *link) Publish(ctx context.Context, subject string, data []byte) error {
	if k.isClosed() {
		return layer.ErrClosed
	}
	name, err := natsSubject(k.layer.opts.Prefix, subject)
	if err == nil {
		err = k.layer.publish(ctx, name, data)
	}
	if err != nil {
		return fmt.Errorf("natslayer: publish to %q: %w", subject, err)
	}
	return nil
}

// Subscribe waits until all servers of the cluster that have nodes know of the subscription.
func (k *link) Subscribe(ctx context.Context, subject string) error {
	name, err := natsSubject(k.layer.opts.Prefix, subject)
	if err != nil {
		return fmt.Errorf("natslayer: subscribe to %q: %w", subject, err)
	}
	t := k.layer.table.add(k, subject, name)
	if t == nil {
		return layer.ErrClosed
	}
	err = k.layer.awaitConfirmed(ctx, t)
	if k.isClosed() {
		return layer.ErrClosed
	}
	if err != nil {
		return fmt.Errorf("natslayer: subscribe to %q: %w", subject, err)
	}
	return nil
}

// Unsubscribe takes effect at once: the broker need not know of it for publications to stop.
func (k *link) Unsubscribe(_ context.Context, subject string) error {
	if k.isClosed() {
		return layer.ErrClosed
	}
	k.layer.table.remove(k, subject)
	return nil
}

// Close waits until a call of the receiver that is under way has returned.
func (k *link) Close(context.Context) error {
	k.mu.Lock()
	if k.closed {
		k.mu.Unlock()
		return layer.ErrClosed
	}
	k.closed = true
	k.queue = nil
	close(k.wake)
	k.mu.Unlock()
	k.layer.forget(k)
	<-k.ended
	return nil
}
