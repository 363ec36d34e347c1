package redislayer

import (
	"context"
	"fmt"
	"math/rand/v2"
	"sync"
	"time"

	"github.com/chanx-go/chanx/layer"
)

// A link that has lost the broker waits before it tries to connect, each time twice as long, between these two. A random part
// of the pause is left out, so that the links of a broker that comes back do not come all at once.
const (
	minPause = 50 * time.Millisecond
	maxPause = time.Second
)

// link makes one attachment after the other. All changes of subscriptions are made by its own goroutine, a batch at a time: calls
// say what is wanted, wake it, and wait. So a call that gives up leaves nothing half done.
type link struct {
	layer    *Layer
	receiver layer.Receiver

	ctx     context.Context // ends when the link is closed
	cancel  context.CancelFunc
	ended   chan struct{} // closed when the goroutine has ended
	decided chan struct{} // closed when the first attempt to connect has ended
	wake    chan struct{} // holds a token when next has something
	owed    error         // what is lost and not told; the goroutine's

	mu       sync.Mutex
	closed   bool
	up       *attachment // nil while the link is not up
	err      error       // why the link is down; nil while it is up, and until the first attempt has ended
	subjects map[string]*subscription
	next     *batch // changes that wait
	underWay *batch // changes that Redis has been told of, or nil
}

func newLink(l *Layer, r layer.Receiver) *link {
	ctx, cancel := context.WithCancel(context.Background())
	return &link{
		layer: l, receiver: r, ctx: ctx, cancel: cancel,
		ended: make(chan struct{}), decided: make(chan struct{}), wake: make(chan struct{}, 1),
		subjects: map[string]*subscription{}, next: newBatch(),
	}
}

// run lives through one attachment after the other, and tells of the time between.
func (k *link) run() {
	defer close(k.ended)
	decide := sync.OnceFunc(func() { close(k.decided) })
	defer decide()
	defer func() {
		if k.owed != nil {
			k.tell(layer.Status{Gap: true, Err: k.owed})
		}
	}()
	down := false // it has been told so
	for pause := minPause; ; pause = min(2*pause, maxPause) {
		began := time.Now()
		err := k.live(func() {
			decide()
			if down {
				down = false
				k.tell(layer.Status{Up: true, Gap: true})
			}
			k.owed = nil
		})
		decide()
		if k.ctx.Err() != nil {
			return
		}
		if !down {
			down = true
			k.tell(layer.Status{Err: fmt.Errorf("redislayer: reach %v: %w", k.layer.config, err)})
		}
		if time.Since(began) > maxPause {
			pause = minPause
		}
		if !k.rest(pause/2 + rand.N(pause/2)) {
			return
		}
	}
}

// live connects, makes the subscriptions that are remembered, calls up, and serves until the attachment has failed.
func (k *link) live(up func()) error {
	a, err := connect(k.ctx, k.layer.config, k)
	if err != nil {
		k.lose(err)
		return err
	}
	err = k.serve(a, up)
	k.lose(err)
	a.close() // returns when nothing is received any more
	if k.owed == nil {
		k.owed = a.untold()
	}
	return err
}

func (k *link) serve(a *attachment, up func()) error {
	for !k.ready(a) {
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
			k.tell(layer.Status{Up: true, Gap: true, Err: err})
		case <-a.done:
			return a.err
		}
	}
}

// ready has calls use the attachment if no subscription waits any more.
func (k *link) ready(a *attachment) bool {
	k.mu.Lock()
	defer k.mu.Unlock()
	if len(k.next.subjects) > 0 {
		return false
	}
	k.up, k.err = a, nil
	return true
}

// lose has calls fail, those that wait too, and puts all that is wanted into the batch of the next attachment.
func (k *link) lose(err error) {
	k.mu.Lock()
	defer k.mu.Unlock()
	k.up, k.err = nil, err
	k.underWay = nil
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

func (k *link) tell(s layer.Status) {
	if k.receiver.Status != nil {
		k.receiver.Status(s)
	}
}

// rest reports whether the link goes on.
func (k *link) rest(d time.Duration) bool {
	t := time.NewTimer(d)
	defer t.Stop()
	select {
	case <-t.C:
		return true
	case <-k.ctx.Done():
		return false
	}
}

// attached waits until the first attempt to connect has ended.
func (k *link) attached(ctx context.Context) (*attachment, error) {
	select {
	case <-k.decided:
	default:
		select {
		case <-k.decided:
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

// explain says what an error is about. A call that has failed because the link was closed says that.
func (k *link) explain(verb, subject string, err error) error {
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

// drainTime is how long Close waits for Redis to answer what was accepted.
const drainTime = 5 * time.Second

// Close waits until what was accepted is sent, up to five seconds and no longer than the context, and for a call of the receiver
// that is running. What is lost is told by Status before it returns.
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
		ctx, cancel := context.WithTimeout(ctx, drainTime)
		a.drain(ctx)
		cancel()
	}
	k.cancel()
	<-k.ended
	k.layer.forget(k)
	return nil
}
