package natslayer

import (
	"context"
	"fmt"
	"sync"

	"github.com/chanx-go/chanx/layer"
)

// link belongs to one node. Its goroutine passes queued publications and statuses to the receiver, so calls never overlap
// and a slow receiver delays no other link.
type link struct {
	layer    *Layer
	receiver layer.Receiver
	topics   map[string]*topic // by subject; the table's lock guards it

	mu           sync.Mutex
	closed       bool
	queue        []item
	waiting      int // publications that the receiver has not handled yet, in the queue or in run's batch
	waitingBytes int
	overflowing  bool          // the last publication was dropped, and the gap is in the queue
	wake         chan struct{} // holds a token when the queue has items; closed by Close
	ended        chan struct{} // closed when run has returned
}

// item is a status if status is set, else a publication.
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

// push queues a publication, or drops it if too many wait.
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

// notify queues a status, even if the queue is full. It skips a status equal to the last item, so that repeated losses
// cannot fill the queue.
func (k *link) notify(s layer.Status) {
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

// append adds to the queue and wakes run. The caller holds mu.
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

// take returns the queue, and reuses done, the batch that run has finished, as the next queue.
func (k *link) take(done []item) []item {
	k.mu.Lock()
	defer k.mu.Unlock()
	if len(k.queue) == 0 {
		return nil
	}
	batch := k.queue
	k.queue = nil
	if cap(done) <= 1024 { // do not keep the memory of a burst for ever
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

// Publish passes data to the connection, which sends it at once. It does not wait for the broker.
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

// Subscribe waits until all servers of the cluster that have nodes know the subscription.
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

// Unsubscribe takes effect at once, because the layer itself stops delivering. It does not wait for the broker.
func (k *link) Unsubscribe(_ context.Context, subject string) error {
	if k.isClosed() {
		return layer.ErrClosed
	}
	k.layer.table.remove(k, subject)
	return nil
}

// Close waits for a running call of the receiver to return.
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
