package redislayer

import (
	"context"
	"fmt"
	"math/rand/v2"
	"sync"
	"time"

	"github.com/chanx-go/chanx/layer"
)

// The pause before a link tries to reconnect doubles from minPause to maxPause. It is shortened at random, so that not all
// links return at once to a broker that comes back.
const (
	minPause = 50 * time.Millisecond
	maxPause = time.Second
)

// link makes one attachment after another. Its goroutine makes all changes of subscriptions, in batches: Subscribe and
// Unsubscribe record what is wanted, wake the goroutine, and wait for the batch. So a call whose context ends leaves nothing
// half done.
type link struct {
	layer    *Layer
	receiver layer.Receiver

	ctx        context.Context // ends when the link is closed
	cancel     context.CancelFunc
	ended      chan struct{} // closed when the goroutine has ended
	attempted  chan struct{} // closed when the first attempt to connect has ended
	wake       chan struct{} // holds a token when next has changes
	unreported error         // why publications were lost, if no status has reported it; used by the goroutine only

	mu       sync.Mutex
	closed   bool
	up       *attachment // nil while the link is not up
	err      error       // why the link is down; nil while it is up, and until the first attempt has ended
	subjects map[string]*subscription
	next     *batch // changes that have not been sent
	current  *batch // changes that have been sent to Redis and not confirmed, or nil
}

func newLink(l *Layer, r layer.Receiver) *link {
	ctx, cancel := context.WithCancel(context.Background())
	return &link{
		layer: l, receiver: r, ctx: ctx, cancel: cancel,
		ended: make(chan struct{}), attempted: make(chan struct{}), wake: make(chan struct{}, 1),
		subjects: map[string]*subscription{}, next: newBatch(),
	}
}

// run makes one attachment after another, and reports when the link is down and up.
func (k *link) run() {
	defer close(k.ended)
	attempted := sync.OnceFunc(func() { close(k.attempted) })
	defer attempted()
	defer func() {
		if k.unreported != nil {
			k.notify(layer.Status{Gap: true, Err: k.unreported})
		}
	}()
	down := false // the receiver has been notified
	for pause := minPause; ; pause = min(2*pause, maxPause) {
		began := time.Now()
		err := k.runAttachment(func() {
			attempted()
			if down {
				down = false
				k.notify(layer.Status{Up: true, Gap: true})
			}
			k.unreported = nil
		})
		attempted()
		if k.ctx.Err() != nil {
			return
		}
		if !down {
			down = true
			k.notify(layer.Status{Err: fmt.Errorf("redislayer: reach %v: %w", k.layer.config, err)})
		}
		if time.Since(began) > maxPause {
			pause = minPause
		}
		if !k.sleep(pause/2 + rand.N(pause/2)) {
			return
		}
	}
}

// runAttachment connects, restores the remembered subscriptions, calls up, and serves until the attachment fails.
func (k *link) runAttachment(up func()) error {
	a, err := connect(k.ctx, k.layer.config, k)
	if err != nil {
		k.setDown(err)
		return err
	}
	err = k.serve(a, up)
	k.setDown(err)
	a.close() // from now on it calls no method of the link
	if k.unreported == nil {
		k.unreported = a.unreported()
	}
	return err
}

func (k *link) serve(a *attachment, up func()) error {
	for !k.setUp(a) {
		if err := k.flush(a); err != nil {
			return err
		}
	}
	up()
	for {
		select {
		case <-k.wake:
			if err := k.flush(a); err != nil {
				return err
			}
		case err := <-a.lost:
			k.notify(layer.Status{Up: true, Gap: true, Err: err})
		case <-a.done:
			return a.err
		}
	}
}

// setUp makes calls use the attachment, unless there are subscriptions to restore.
func (k *link) setUp(a *attachment) bool {
	k.mu.Lock()
	defer k.mu.Unlock()
	if len(k.next.subjects) > 0 {
		return false
	}
	k.up, k.err = a, nil
	return true
}

// setDown fails waiting and later calls, and queues all wanted subscriptions for the next attachment.
func (k *link) setDown(err error) {
	k.mu.Lock()
	defer k.mu.Unlock()
	k.up, k.err = nil, err
	k.current = nil
	k.next.finish(unavailable(err))
	k.next = newBatch()
	for subject, e := range k.subjects {
		e.sent = false
		if e.wanted {
			k.change(subject, e)
		} else {
			delete(k.subjects, subject)
		}
	}
}

func (k *link) notify(s layer.Status) {
	if k.receiver.Status != nil {
		k.receiver.Status(s)
	}
}

// sleep returns false if the link is closed meanwhile.
func (k *link) sleep(d time.Duration) bool {
	t := time.NewTimer(d)
	defer t.Stop()
	select {
	case <-t.C:
		return true
	case <-k.ctx.Done():
		return false
	}
}

// attached returns the current attachment. It waits until the first attempt to connect has ended.
func (k *link) attached(ctx context.Context) (*attachment, error) {
	select {
	case <-k.attempted:
	default:
		select {
		case <-k.attempted:
		case <-ctx.Done():
			return nil, ctx.Err()
		}
	}
	k.mu.Lock()
	defer k.mu.Unlock()
	if k.closed {
		return nil, layer.ErrClosed
	}
	if k.up == nil {
		return nil, unavailable(k.err)
	}
	return k.up, nil
}

// wrap adds the call to an error. If the link has been closed, it returns layer.ErrClosed instead.
func (k *link) wrap(verb, subject string, err error) error {
	if err == nil {
		return nil
	}
	k.mu.Lock()
	defer k.mu.Unlock()
	if k.closed {
		return layer.ErrClosed
	}
	return fmt.Errorf("redislayer: %s %q: %w", verb, subject, err)
}

// drainTimeout is how long Close waits for Redis to answer the accepted publications.
const drainTimeout = 5 * time.Second

// Close waits until Redis has answered all accepted publications, for at most five seconds and at most until the context ends,
// and for a running call of the receiver. If publications were lost, Status reports it before Close returns.
func (k *link) Close(ctx context.Context) error {
	k.mu.Lock()
	if k.closed {
		k.mu.Unlock()
		return layer.ErrClosed
	}
	k.closed = true
	a := k.up
	k.mu.Unlock()
	if a != nil {
		ctx, cancel := context.WithTimeout(ctx, drainTimeout)
		a.drain(ctx)
		cancel()
	}
	k.cancel()
	<-k.ended
	k.layer.forget(k)
	return nil
}
