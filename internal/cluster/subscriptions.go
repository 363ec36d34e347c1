package cluster

import (
	"container/list"
	"context"
	"errors"
	"fmt"
	"sync"
	"time"

	"github.com/chanx-go/chanx/layer"
)

// Subscriptions keeps the layer subscribed to the subjects that have members on this node. Members are counted at once,
// when they join and leave. The goroutine that changed the count then calls the layer, which is brought to the count at
// that time. After the last member has left, the layer stays subscribed for a while. Its methods may be called
// concurrently.
type Subscriptions struct {
	link   layer.Link
	linger linger
	closed error         // what sync returns once the link is closed
	calls  chan struct{} // one element for each goroutine of concurrently

	mu  sync.Mutex
	all map[string]*subscription
}

type subscription struct {
	subject    string
	members    int
	subscribed bool          // the layer is subscribed, or remembers the subject
	busy       chan struct{} // closed when the current call of the link returns; nil without one

	place *list.Element // set while the subject lingers: then it has no members and is not busy
	until time.Time
}

func newSubscriptions(o Options) *Subscriptions {
	s := &Subscriptions{closed: o.Closed, all: map[string]*subscription{}, calls: make(chan struct{}, maxConcurrentCalls)}
	s.linger = linger{time: o.Linger, timeout: o.Wait, onError: o.Failed, sweep: s.sweep}
	s.linger.ctx, s.linger.cancel = context.WithCancel(context.Background())
	return s
}

// Len is the number of subjects whose members are counted, with those that linger.
func (s *Subscriptions) Len() int {
	s.mu.Lock()
	defer s.mu.Unlock()
	return len(s.all)
}

// Lingering is the number of subjects that linger.
func (s *Subscriptions) Lingering() int {
	s.mu.Lock()
	defer s.mu.Unlock()
	return s.linger.waiting.Len()
}

// Count adds members, or removes them, and reports whether the first came or the last left: then Sync must be called. It
// does not wait.
func (s *Subscriptions) Count(subject string, by int) (turned bool) {
	s.mu.Lock()
	defer s.mu.Unlock()
	sub := s.all[subject]
	if sub == nil {
		sub = &subscription{subject: subject}
		s.all[subject] = sub
	}
	before := sub.members
	if sub.members += by; sub.members > 0 {
		s.linger.remove(sub)
	}
	return (before > 0) != (sub.members > 0)
}

// IsWanted reports whether a subject has members.
func (s *Subscriptions) IsWanted(subject string) bool {
	s.mu.Lock()
	defer s.mu.Unlock()
	sub := s.all[subject]
	return sub != nil && sub.members > 0
}

// Sync brings the layer up to date with subjects whose members have changed, within d. When it returns without an error,
// publications of other nodes arrive for all subjects with members. A layer that takes longer counts as unavailable. The
// error joins those of the subjects, as "chanx: verb subject: cause".
func (s *Subscriptions) Sync(ctx context.Context, d time.Duration, verb string, subjects ...string) error {
	if len(subjects) == 0 {
		return nil
	}
	lazy := newLazyTimeout(ctx, d)
	defer lazy.stop()
	errs := s.sync(lazy, subjects)
	for i, err := range errs {
		if err != nil {
			errs[i] = fmt.Errorf("chanx: %s %q: %w", verb, shortName(subjects[i]), lazy.wrapError(err))
		}
	}
	return errors.Join(errs...)
}

// maxConcurrentCalls bounds the goroutines of a server that call the layer, however many connections join groups. A layer
// batches concurrent calls.
const maxConcurrentCalls = 128

// sync subscribes to those subjects that have members, and unsubscribes from those without, unless they linger. The
// errors are in the order of the subjects; nil means no error.
func (s *Subscriptions) sync(ctx context.Context, subjects []string) []error {
	s.mu.Lock()
	defer s.mu.Unlock()
	var errs []error
	if s.countChanges(subjects) < 2 {
		errs = s.syncEach(ctx, subjects)
	} else {
		errs = s.syncTogether(ctx, subjects)
	}
	if over := s.linger.waiting.Len() - maxLingering; over > 0 {
		s.unsubscribeLingering(ctx, s.linger.takeOldest(over, time.Time{}))
	}
	return errs
}

// countChanges returns the number of subjects for which the layer must be called. The caller holds mu.
func (s *Subscriptions) countChanges(subjects []string) (n int) {
	for _, subject := range subjects {
		sub := s.all[subject]
		if sub != nil && (sub.members > 0) != sub.subscribed && (sub.members > 0 || !s.linger.enabled()) {
			n++
		}
	}
	return n
}

// concurrently calls do n times, each time with mu held, and as many at once as there are free goroutines. Without one it
// calls do itself. The caller holds mu. A call that waits releases mu meanwhile.
func (s *Subscriptions) concurrently(n int, do func(i int)) {
	var all sync.WaitGroup
	for i := range n {
		select {
		case s.calls <- struct{}{}:
			all.Go(func() {
				defer func() { <-s.calls }()
				s.mu.Lock()
				defer s.mu.Unlock()
				do(i)
			})
		default:
			do(i)
		}
	}
	s.mu.Unlock()
	all.Wait()
	s.mu.Lock()
}

// syncTogether calls syncOne for all subjects concurrently.
func (s *Subscriptions) syncTogether(ctx context.Context, subjects []string) []error {
	errs := make([]error, len(subjects))
	s.concurrently(len(subjects), func(i int) { errs[i] = s.syncOne(ctx, subjects[i], true) })
	return errs
}

// syncEach calls syncOne for one subject after the other. Without an error it allocates nothing.
func (s *Subscriptions) syncEach(ctx context.Context, subjects []string) (errs []error) {
	for i, subject := range subjects {
		err := s.syncOne(ctx, subject, true)
		if err != nil && errs == nil {
			errs = make([]error, len(subjects))
		}
		if err != nil {
			errs[i] = err
		}
	}
	return errs
}

// syncOne is sync for one subject. Calls of the layer for a subject are made one after the other. The goroutine that
// makes them also carries out changes that happen meanwhile, so that other callers may stop waiting. The caller holds
// mu.
func (s *Subscriptions) syncOne(ctx context.Context, subject string, lingers bool) (err error) {
	for asked := false; ; asked = true {
		sub, waitErr := s.waitIdle(ctx, subject)
		if sub == nil {
			return waitErr
		}
		want := sub.members > 0
		if want == sub.subscribed && (asked || !want) { // subscribing again checks whether the broker is up
			if !want {
				delete(s.all, subject)
			}
			return err
		}
		if !want && lingers && s.linger.add(sub) {
			return err
		}
		err = s.callLink(ctx, subject, sub, want)
		if errors.Is(err, layer.ErrClosed) {
			if sub.members == 0 {
				delete(s.all, subject)
			}
			return s.closed
		}
	}
}

// waitIdle waits until no call for the subject is in progress. It returns nil if the subject is not known, or if ctx
// has ended.
func (s *Subscriptions) waitIdle(ctx context.Context, subject string) (*subscription, error) {
	for {
		sub := s.all[subject]
		if sub == nil || sub.busy == nil {
			return sub, nil
		}
		busy := sub.busy
		s.mu.Unlock()
		select {
		case <-busy:
		case <-ctx.Done():
		}
		s.mu.Lock()
		if err := ctx.Err(); err != nil {
			return nil, err
		}
	}
}

// callLink calls the layer. Whatever the error, the layer remembers a failed subscription and forgets an ended one.
func (s *Subscriptions) callLink(ctx context.Context, subject string, sub *subscription, want bool) (err error) {
	sub.busy = make(chan struct{})
	s.mu.Unlock()
	if want {
		err = s.link.Subscribe(ctx, subject)
	} else {
		err = s.link.Unsubscribe(ctx, subject)
	}
	s.mu.Lock()
	sub.subscribed = want
	close(sub.busy)
	sub.busy = nil
	return err
}
