package faultlayer

import (
	"context"
	"encoding/binary"
	"fmt"
	"maps"
	"slices"
	"sync"
	"time"

	"github.com/chanx-go/chanx/layer"
)

// link belongs to one node. Its publications begin with its number, because receivers keep the order for each publishing link.
type link struct {
	layer    *Layer
	no       int
	inner    layer.Link
	receiver layer.Receiver

	// broker is held while subscriptions change and while the link goes down or up.
	broker     sync.Mutex
	subscribed map[string]bool // true if the subscription is in effect, false if it is only remembered

	// calling is held while the receiver is called. Only mu is locked under it.
	calling sync.Mutex

	mu     sync.Mutex
	down   bool
	closed bool
	frozen chan struct{} // closed by Down, Up or Close; nil while the broker answers
	flows  map[source]*flow
}

func newLink(l *Layer, r layer.Receiver) *link {
	return &link{layer: l, receiver: r, subscribed: map[string]bool{}, flows: map[source]*flow{}}
}

// refused returns the error of a call if the link is closed or down.
func (k *link) refused(op Op) error {
	k.mu.Lock()
	defer k.mu.Unlock()
	switch {
	case k.closed:
		return layer.ErrClosed
	case k.down:
		return fmt.Errorf("faultlayer: %s: %w", op, layer.ErrUnavailable)
	}
	return nil
}

// begin applies faults to a call. If the context ends during the wait, it also returns the time left of the wait.
func (k *link) begin(ctx context.Context, op Op, subject string, data []byte) (left time.Duration, err error) {
	if err := k.awaitThaw(ctx); err != nil {
		return 0, err
	}
	if k.layer.faults.Call == nil {
		return 0, k.refused(op)
	}
	wait, err := k.layer.faults.Call(Call{k.no, op, subject, data})
	if wait > 0 {
		start, timer := time.Now(), time.NewTimer(wait)
		defer timer.Stop()
		select {
		case <-timer.C:
		case <-ctx.Done():
			return max(wait-time.Since(start), 1), ctx.Err()
		}
	}
	if refused := k.refused(op); refused != nil {
		err = refused
	}
	return 0, err
}

// awaitThaw waits while the broker is silent.
func (k *link) awaitThaw(ctx context.Context) error {
	k.mu.Lock()
	frozen := k.frozen
	k.mu.Unlock()
	if frozen == nil {
		return nil
	}
	select {
	case <-frozen:
		return nil
	case <-ctx.Done():
		return ctx.Err()
	}
}

func (k *link) freeze() {
	k.mu.Lock()
	defer k.mu.Unlock()
	if k.frozen == nil && !k.closed {
		k.frozen = make(chan struct{})
	}
	k.dropDelayed()
}

// thaw lets waiting calls continue. The caller holds mu.
func (k *link) thaw() {
	if k.frozen != nil {
		close(k.frozen)
		k.frozen = nil
	}
}

// Publish passes data to the inner layer.
func (k *link) Publish(ctx context.Context, subject string, data []byte) error {
	if _, err := k.begin(ctx, Publish, subject, data); err != nil {
		return err
	}
	return k.inner.Publish(ctx, subject, append(binary.AppendUvarint(nil, uint64(k.no)), data...))
}

// Subscribe remembers the subject and, unless there is an error, subscribes to it.
func (k *link) Subscribe(ctx context.Context, subject string) error {
	left, err := k.begin(ctx, Subscribe, subject, nil)
	k.broker.Lock()
	defer k.broker.Unlock()
	if refused := k.refused(Subscribe); refused != nil {
		err = refused
	}
	if _, known := k.subscribed[subject]; !known {
		k.subscribed[subject] = false
	}
	if left > 0 {
		time.AfterFunc(left, func() { k.completeSubscribe(subject) })
	}
	if err != nil {
		return err
	}
	k.subscribed[subject] = true
	return k.inner.Subscribe(ctx, subject)
}

// completeSubscribe makes a subscription effective after the context of its Subscribe has ended.
func (k *link) completeSubscribe(subject string) {
	k.broker.Lock()
	defer k.broker.Unlock()
	if effective, known := k.subscribed[subject]; known && !effective && k.refused(Subscribe) == nil {
		k.resume(subject)
	}
}

// resume makes a remembered subscription effective. If the inner layer fails, it reports that by a status.
func (k *link) resume(subject string) {
	k.subscribed[subject] = true
	_ = k.inner.Subscribe(context.Background(), subject)
}

// Unsubscribe forgets the subject, even if it returns an error.
func (k *link) Unsubscribe(ctx context.Context, subject string) error {
	_, err := k.begin(ctx, Unsubscribe, subject, nil)
	k.broker.Lock()
	defer k.broker.Unlock()
	delete(k.subscribed, subject)
	if innerErr := k.inner.Unsubscribe(ctx, subject); err == nil {
		err = innerErr
	}
	return err
}

// Close detaches the node.
func (k *link) Close(ctx context.Context) error {
	k.broker.Lock()
	defer k.broker.Unlock()
	err := k.inner.Close(ctx)
	clear(k.subscribed)
	k.mu.Lock()
	k.closed = true
	k.thaw()
	k.dropDelayed()
	k.mu.Unlock()
	k.calling.Lock() // wait for a running call of the receiver
	defer k.calling.Unlock()
	return err
}

func (k *link) setDown(cause error) {
	k.broker.Lock()
	defer k.broker.Unlock()
	k.mu.Lock()
	k.down = true
	k.thaw()
	k.dropDelayed()
	k.mu.Unlock()
	k.notify(layer.Status{Err: cause})
}

func (k *link) setUp() {
	k.broker.Lock()
	defer k.broker.Unlock()
	for subject, effective := range k.subscribed {
		if !effective {
			k.resume(subject)
		}
	}
	k.mu.Lock()
	k.down = false
	k.thaw()
	k.mu.Unlock()
	k.notify(layer.Status{Up: true, Gap: true})
}

func (k *link) gap() {
	k.broker.Lock()
	defer k.broker.Unlock()
	k.mu.Lock()
	down := k.down
	k.mu.Unlock()
	if !down {
		k.notify(layer.Status{Up: true, Gap: true})
	}
}

func (k *link) subjects() []string {
	k.broker.Lock()
	defer k.broker.Unlock()
	return slices.Sorted(maps.Keys(k.subscribed))
}

func (k *link) notify(s layer.Status) {
	k.calling.Lock()
	defer k.calling.Unlock()
	if k.receiver.Status != nil && !k.isClosed() {
		k.receiver.Status(s)
	}
}

func (k *link) isClosed() bool {
	k.mu.Lock()
	defer k.mu.Unlock()
	return k.closed
}
