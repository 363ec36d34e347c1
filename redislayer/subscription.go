package redislayer

import (
	"context"

	"github.com/chanx-go/chanx/layer"
)

// subscription is what is known of a subject. It is kept until Redis has confirmed its end.
type subscription struct {
	wanted  bool
	on      bool   // its publications are passed on: confirmed since it was last asked for
	sent    bool   // Redis may know of it
	pending *batch // what makes it as it is wanted, or nil
}

// batch is a set of changes that are made together.
type batch struct {
	subjects map[string]struct{}
	done     chan struct{} // closed when Redis has confirmed all, or will not
	err      error         // to be read when done is closed
}

func newBatch() *batch { return &batch{subjects: map[string]struct{}{}, done: make(chan struct{})} }

func (b *batch) finish(err error) {
	b.err = err
	close(b.done)
}

// wait returns at once for a nil batch: nothing is pending.
func (b *batch) wait(ctx context.Context) error {
	if b == nil {
		return nil
	}
	select {
	case <-b.done:
		return b.err
	case <-ctx.Done():
		return ctx.Err()
	}
}

// Subscribe waits until Redis has confirmed it.
func (k *link) Subscribe(ctx context.Context, subject string) error {
	b, err := k.want(subject)
	if err == nil {
		err = b.wait(ctx)
	}
	return k.explain("subscribe", subject, err)
}

func (k *link) want(subject string) (*batch, error) {
	k.mu.Lock()
	defer k.mu.Unlock()
	if k.closed {
		return nil, layer.ErrClosed
	}
	e := k.subjects[subject]
	if e == nil {
		e = &subscription{}
		k.subjects[subject] = e
	}
	if !e.wanted {
		e.wanted = true
		k.change(subject, e)
	}
	if k.err != nil {
		return nil, unavailable(k.err)
	}
	return e.pending, nil
}

// Unsubscribe waits until Redis has confirmed it. While the link is down there is nothing to confirm, and no error.
func (k *link) Unsubscribe(ctx context.Context, subject string) error {
	b, err := k.forget(subject)
	if err == nil {
		err = b.wait(ctx)
	}
	return k.explain("unsubscribe", subject, err)
}

func (k *link) forget(subject string) (*batch, error) {
	k.mu.Lock()
	defer k.mu.Unlock()
	if k.closed {
		return nil, layer.ErrClosed
	}
	e := k.subjects[subject]
	if e == nil {
		return nil, nil
	}
	if !e.sent {
		delete(k.subjects, subject)
		delete(k.next.subjects, subject)
		return nil, nil
	}
	if e.wanted {
		e.wanted = false
		k.change(subject, e)
	}
	if k.err != nil {
		return nil, nil
	}
	return e.pending, nil
}

// change puts a subject into the next batch. Until Redis has confirmed that it begins again, nothing of it is passed on: what
// was published while it was not wanted is in front of that. The caller holds mu.
func (k *link) change(subject string, e *subscription) {
	e.on = false
	e.pending = k.next
	k.next.subjects[subject] = struct{}{}
	select {
	case k.wake <- struct{}{}:
	default:
	}
}

// flush makes the changes that wait. After an error the attachment has failed.
func (k *link) flush(a *attachment) error {
	b, subscribe, unsubscribe := k.begin()
	err := a.change(subscribe, unsubscribe)
	if err != nil {
		b.finish(unavailable(err))
		return err
	}
	k.settle(b)
	b.finish(nil)
	return nil
}

// begin takes the batch that waits.
func (k *link) begin() (b *batch, subscribe, unsubscribe []string) {
	k.mu.Lock()
	defer k.mu.Unlock()
	b, k.next = k.next, newBatch()
	k.underWay = b
	for subject := range b.subjects {
		e := k.subjects[subject]
		e.sent = true
		if e.wanted {
			subscribe = append(subscribe, subject)
		} else {
			unsubscribe = append(unsubscribe, subject)
		}
	}
	return b, subscribe, unsubscribe
}

// settle notes what is confirmed, but for subjects that have been changed again meanwhile.
func (k *link) settle(b *batch) {
	k.mu.Lock()
	defer k.mu.Unlock()
	k.underWay = nil
	for subject := range b.subjects {
		e := k.subjects[subject]
		if e.pending != b {
			continue
		}
		e.pending = nil
		if !e.wanted {
			delete(k.subjects, subject)
		}
	}
}

// subscribed is called when Redis has confirmed a subscription, before anything that it brings. It counts if it is the answer to
// the last change.
func (k *link) subscribed(subject string) {
	k.mu.Lock()
	defer k.mu.Unlock()
	if e := k.subjects[subject]; e != nil && e.wanted && e.pending != nil && e.pending == k.underWay {
		e.on = true
	}
}

func (k *link) unsubscribed(subject string) (asked bool) {
	k.mu.Lock()
	defer k.mu.Unlock()
	e := k.subjects[subject]
	return e == nil || !e.on
}

func (k *link) message(subject string, data []byte) {
	k.mu.Lock()
	e := k.subjects[subject]
	on := e != nil && e.on
	k.mu.Unlock()
	if on {
		k.receiver.Receive(subject, data)
	}
}
