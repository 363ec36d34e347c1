package chanx

import (
	"container/list"
	"context"
	"errors"
	"fmt"
	"log/slog"
	"strings"
	"sync"
	"time"

	"github.com/chanx-go/chanx/internal/throttle"
	"github.com/chanx-go/chanx/layer"
)

// subscriptions keeps the layer subscribed to the subjects that have members on this node. Members are counted at once,
// when they join and leave. The goroutine that changed the count then calls the layer, which is brought to the count at
// that time. After the last member has left, the layer stays subscribed for a while.
type subscriptions struct {
	link   layer.Link
	linger linger
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

// count adds members, or removes them, and reports whether the first came or the last left. It does not wait.
func (s *subscriptions) count(subject string, by int) (turned bool) {
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

// isWanted reports whether a subject has members.
func (s *subscriptions) isWanted(subject string) bool {
	s.mu.Lock()
	defer s.mu.Unlock()
	sub := s.all[subject]
	return sub != nil && sub.members > 0
}

// maxConcurrentCalls bounds the goroutines of a server that call the layer, however many connections join groups. A layer
// batches concurrent calls.
const maxConcurrentCalls = 128

// sync subscribes to those subjects that have members, and unsubscribes from those without, unless they linger. When it
// returns without an error, publications of other nodes arrive for all subjects with members. The errors are in the
// order of the subjects; nil means no error.
func (s *subscriptions) sync(ctx context.Context, subjects []string) []error {
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
func (s *subscriptions) countChanges(subjects []string) (n int) {
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
func (s *subscriptions) concurrently(n int, do func(i int)) {
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
func (s *subscriptions) syncTogether(ctx context.Context, subjects []string) []error {
	errs := make([]error, len(subjects))
	s.concurrently(len(subjects), func(i int) { errs[i] = s.syncOne(ctx, subjects[i], true) })
	return errs
}

// syncEach calls syncOne for one subject after the other. Without an error it allocates nothing.
func (s *subscriptions) syncEach(ctx context.Context, subjects []string) (errs []error) {
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
func (s *subscriptions) syncOne(ctx context.Context, subject string, lingers bool) (err error) {
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
			return ErrClosed
		}
	}
}

// waitIdle waits until no call for the subject is in progress. It returns nil if the subject is not known, or if ctx
// has ended.
func (s *subscriptions) waitIdle(ctx context.Context, subject string) (*subscription, error) {
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
func (s *subscriptions) callLink(ctx context.Context, subject string, sub *subscription, want bool) (err error) {
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

// syncSubscriptions brings the layer up to date with subjects whose members have changed, within PublishTimeout.
func (s *Server) syncSubscriptions(ctx context.Context, verb string, subjects ...string) error {
	return s.syncSubscriptionsWithin(ctx, s.limits.PublishTimeout, verb, subjects...)
}

// syncSubscriptionsWithin is syncSubscriptions with its own time-out. A layer that takes longer counts as unavailable.
func (s *Server) syncSubscriptionsWithin(ctx context.Context, d time.Duration, verb string, subjects ...string) error {
	if len(subjects) == 0 {
		return nil
	}
	lazy := newLazyTimeout(ctx, d)
	defer lazy.stop()
	errs := s.subscriptions.sync(lazy, subjects)
	for i, err := range errs {
		if err != nil {
			subject := strings.TrimPrefix(subjects[i], groupSubject(""))
			errs[i] = fmt.Errorf("chanx: %s %q: %w", verb, subject, lazy.wrapError(err))
		}
	}
	return errors.Join(errs...)
}

// subscribeTime is how long an opening may wait for one call of the layer. It is a part of the time left, so that a
// silent broker makes no opening fail.
func (s *Server) subscribeTime(ctx context.Context) time.Duration {
	left := s.limits.OpenTimeout
	if deadline, ok := ctx.Deadline(); ok {
		left = min(left, time.Until(deadline))
	}
	return min(left/4, s.limits.PublishTimeout)
}

// maxLingering bounds the lingering subjects, however many groups clients join and leave: beyond it the oldest is
// unsubscribed.
const maxLingering = 8192

// linger holds the subjects that the layer is subscribed to although they have no members, the oldest first, and one
// timer, which runs only while there are any. The lock of subscriptions guards it.
type linger struct {
	time     time.Duration // zero means off
	waiting  list.List     // of *subscription
	timer    *time.Timer
	sweep    func()
	sweeping bool
	closed   bool

	ctx     context.Context // of calls without a waiting caller
	cancel  context.CancelFunc
	timeout time.Duration   // of each such call
	onError func(err error) // receives their errors
}

func (s *subscriptions) init(link layer.Link, l *Limits, failed func(error)) {
	s.link, s.all, s.calls = link, map[string]*subscription{}, make(chan struct{}, maxConcurrentCalls)
	s.linger.time, s.linger.timeout, s.linger.onError, s.linger.sweep = l.SubscriptionLinger, l.PublishTimeout, failed, s.sweep
	s.linger.ctx, s.linger.cancel = context.WithCancel(context.Background())
}

// enabled reports whether subjects linger at all.
func (l *linger) enabled() bool { return l.time > 0 && !l.closed }

// add lets a subject linger. It reports false if lingering is off or has ended.
func (l *linger) add(sub *subscription) bool {
	if !l.enabled() {
		return false
	}
	if sub.place == nil {
		sub.until = time.Now().Add(l.time)
		sub.place = l.waiting.PushBack(sub)
		l.arm()
	}
	return true
}

func (l *linger) remove(sub *subscription) {
	if sub.place == nil {
		return
	}
	l.waiting.Remove(sub.place)
	sub.place = nil
	if l.waiting.Len() == 0 && l.timer != nil {
		l.timer.Stop()
	}
}

func (l *linger) first() *subscription { return l.waiting.Front().Value.(*subscription) }

// takeOldest removes and returns up to n subjects that have lingered long enough at the time by, or any for the zero
// time.
func (l *linger) takeOldest(n int, by time.Time) (subjects []string) {
	for len(subjects) < n && l.waiting.Len() > 0 && (by.IsZero() || !l.first().until.After(by)) {
		subjects = append(subjects, l.first().subject)
		l.remove(l.first())
	}
	return subjects
}

// arm sets the timer for the first subject. While sweep runs, it sets the timer itself.
func (l *linger) arm() {
	if l.waiting.Len() != 1 || l.sweeping {
		return
	}
	if l.timer == nil {
		l.timer = time.AfterFunc(l.time, l.sweep)
	} else {
		l.timer.Reset(l.time)
	}
}

// sweep unsubscribes from subjects that have lingered long enough.
func (s *subscriptions) sweep() {
	s.mu.Lock()
	defer s.mu.Unlock()
	l := &s.linger
	l.sweeping = true
	for l.waiting.Len() > 0 {
		if left := time.Until(l.first().until); left > 0 {
			l.timer.Reset(left)
			break
		}
		ctx, cancel := context.WithTimeout(l.ctx, l.timeout)
		s.unsubscribeLingering(ctx, l.takeOldest(maxConcurrentCalls, time.Now()))
		cancel()
	}
	l.sweeping = false
}

// unsubscribeLingering unsubscribes from subjects that lingered, unless they have members again. The caller holds mu.
func (s *subscriptions) unsubscribeLingering(ctx context.Context, subjects []string) {
	errs := make([]error, len(subjects))
	s.concurrently(len(subjects), func(i int) { errs[i] = s.syncOne(ctx, subjects[i], false) })
	if s.linger.closed {
		return
	}
	s.mu.Unlock()
	defer s.mu.Lock()
	for i, err := range errs {
		if err != nil && !errors.Is(err, ErrClosed) {
			s.linger.onError(fmt.Errorf("chanx: unsubscribe from %q: %w", strings.TrimPrefix(subjects[i], groupSubject("")), err))
		}
	}
}

// logSyncError logs a failure to subscribe or unsubscribe. There may be as many failures as subjects.
func (s *Server) logSyncError(err error) {
	s.logThrottled(slog.LevelWarn, "chanx: channel layer does not follow", throttle.Types(err), "error", err)
}

// close forgets the lingering subjects: closing the link unsubscribes from all.
func (s *subscriptions) close() {
	s.mu.Lock()
	defer s.mu.Unlock()
	s.linger.closed = true
	for s.linger.waiting.Len() > 0 {
		sub := s.linger.first()
		s.linger.remove(sub)
		delete(s.all, sub.subject)
	}
	s.linger.cancel()
}

// tolerateMembership returns err, or nil if ServerOptions.BrokerLoss tolerates that the layer does not know about a
// change of membership yet. It learns of it as soon as it can.
func (s *Server) tolerateMembership(err error) error {
	if !s.tolerates(err) {
		return err
	}
	s.logThrottled(slog.LevelWarn, "chanx: channel layer does not follow", "", "error", err)
	return nil
}
