package redislayer

import (
	"context"

	"github.com/chanx-go/chanx/layer"
)

// subscription is the state of a subject. It is kept until Redis has confirmed that the subscription has ended.
type subscription struct {
	wanted  bool
	active  bool   // publications are passed on, because Redis has confirmed the last Subscribe
	sent    bool   // Redis may have the subscription
	pending *batch // the batch with the last change, until Redis has confirmed it; then nil
}

// batch is a set of changes that are sent together.
type batch struct {
	subjects map[string]struct{}
	done     chan struct{} // closed when Redis has confirmed all, or the attachment has failed
	err      error         // may be read once done is closed
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

// Subscribe waits until Redis has confirmed the subscription.
func (k *link) Subscribe(ctx context.Context, subject string) error {
	b, err := k.want(subject)
	if err == nil {
		err = b.wait(ctx)
	}
	return k.wrap("subscribe", subject, err)
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

// Unsubscribe waits until Redis has confirmed the end of the subscription. While the link is down it returns nil at once.
func (k *link) Unsubscribe(ctx context.Context, subject string) error {
	b, err := k.forget(subject)
	if err == nil {
		err = b.wait(ctx)
	}
	return k.wrap("unsubscribe", subject, err)
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

// change adds a subject to the next batch. Until Redis has confirmed a new Subscribe, no publications to it are passed on,
// because those that arrive before the confirmation were published while it was not wanted. The caller holds mu.
func (k *link) change(subject string, e *subscription) {
	e.active = false
	e.pending = k.next
	k.next.subjects[subject] = struct{}{}
	select {
	case k.wake <- struct{}{}:
	default:
	}
}

// flush sends the next batch. After an error the attachment has failed.
func (k *link) flush(a *attachment) error {
	b, subscribe, unsubscribe := k.begin()
	err := a.change(subscribe, unsubscribe)
	if err != nil {
		b.finish(unavailable(err))
		return err
	}
	k.confirm(b)
	b.finish(nil)
	return nil
}

// begin takes the next batch.
func (k *link) begin() (b *batch, subscribe, unsubscribe []string) {
	k.mu.Lock()
	defer k.mu.Unlock()
	b, k.next = k.next, newBatch()
	k.current = b
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

// confirm records that Redis has confirmed a batch. It skips subjects that have been changed again meanwhile.
func (k *link) confirm(b *batch) {
	k.mu.Lock()
	defer k.mu.Unlock()
	k.current = nil
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

// subscribed is called when Redis has confirmed a subscription, before its first publication. The confirmation counts only if
// it answers the last change.
func (k *link) subscribed(subject string) {
	k.mu.Lock()
	defer k.mu.Unlock()
	if e := k.subjects[subject]; e != nil && e.wanted && e.pending != nil && e.pending == k.current {
		e.active = true
	}
}

func (k *link) unsubscribed(subject string) (asked bool) {
	k.mu.Lock()
	defer k.mu.Unlock()
	e := k.subjects[subject]
	return e == nil || !e.active
}

func (k *link) message(subject string, data []byte) {
	k.mu.Lock()
	e := k.subjects[subject]
	active := e != nil && e.active
	k.mu.Unlock()
	if active {
		k.receiver.Receive(subject, data)
	}
}
