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

// subscriptions keeps the layer subscribed to the subjects that have members here. Members are counted at once, where
// they come and go; the layer is told after that, by whoever changed the count, and learns what holds then. It is told of
// the last one's leaving only when nobody has come back for a while.
type subscriptions struct {
	link   layer.Link
	linger linger

	mu  sync.Mutex
	all map[string]*subscription
}

type subscription struct {
	subject    string
	members    int
	subscribed bool          // the layer has it, or remembers it
	busy       chan struct{} // closed when the call of the link that is under way has returned; nil if there is none

	place *list.Element // among those that linger; nil if it does not: then it has no members, and is not busy
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

// maxTogether is how many calls of the link are made at once. A layer sends together what is asked for together.
const maxConcurrentCalls = 128

// settle brings the layer to what the members of subjects ask for now, but lets a subject linger that has none. When it returns
// without an error, publications of other nodes arrive where there are members. Errors are those of the subjects, in their
// order; nil is none.
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

// changes is how many of the subjects the layer has to be told of. The caller holds mu.
func (s *subscriptions) countChanges(subjects []string) (n int) {
	for _, subject := range subjects {
		sub := s.all[subject]
		if sub != nil && (sub.members > 0) != sub.subscribed && (sub.members > 0 || !s.linger.enabled()) {
			n++
		}
	}
	return n
}

// together does n things at once, each with mu held, as it is by the caller. What waits lets the others go on.
func (s *subscriptions) concurrently(n int, do func(i int)) {
	s.mu.Unlock()
	defer s.mu.Lock()
	for first := 0; first < n; first += maxConcurrentCalls {
		var all sync.WaitGroup
		for i := first; i < min(first+maxConcurrentCalls, n); i++ {
			all.Go(func() {
				s.mu.Lock()
				defer s.mu.Unlock()
				do(i)
			})
		}
		all.Wait()
	}
}

// followTogether is follow of all subjects at once.
func (s *subscriptions) syncTogether(ctx context.Context, subjects []string) []error {
	errs := make([]error, len(subjects))
	s.concurrently(len(subjects), func(i int) { errs[i] = s.syncOne(ctx, subjects[i], true) })
	return errs
}

// followEach is follow of one subject after the other. Without an error it allocates nothing.
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

// follow is settle of one subject. Calls of the link for it come after each other; what members ask for meanwhile is done
// by the one that is under way, so that a caller may give up waiting. The caller holds mu.
func (s *subscriptions) syncOne(ctx context.Context, subject string, lingers bool) (err error) {
	for asked := false; ; asked = true {
		sub, waitErr := s.waitIdle(ctx, subject)
		if sub == nil {
			return waitErr
		}
		want := sub.members > 0
		if want == sub.subscribed && (asked || !want) { // else to ask again tells whether the broker is there
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

// idle waits until no call for the subject is under way. It is nil if the subject is not known, or the wait ended.
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

// tell calls the link. A subscription that fails is remembered by the layer, one that ends is forgotten, whatever the
// error says.
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

// settle tells the layer of subjects whose members have changed, within PublishTimeout.
func (s *Server) syncSubscriptions(ctx context.Context, verb string, subjects ...string) error {
	return s.syncSubscriptionsWithin(ctx, s.limits.PublishTimeout, verb, subjects...)
}

// settleWithin is settle within a time of its own. A layer that takes longer is unavailable; ctx is not asked for that.
func (s *Server) syncSubscriptionsWithin(ctx context.Context, d time.Duration, verb string, subjects ...string) error {
	if len(subjects) == 0 {
		return nil
	}
	patient := newLazyTimeout(ctx, d)
	defer patient.stop()
	errs := s.subscriptions.sync(patient, subjects)
	for i, err := range errs {
		if err != nil {
			subject := strings.TrimPrefix(subjects[i], groupSubject(""))
			errs[i] = fmt.Errorf("chanx: %s %q: %w", verb, subject, patient.wrapError(err))
		}
	}
	return errors.Join(errs...)
}

// subscribeTime is how long an opening may wait for the layer at a time: a part of what it has left, so that a broker that is
// silent makes no opening fail.
func (s *Server) subscribeTime(ctx context.Context) time.Duration {
	left := s.limits.OpenTimeout
	if deadline, ok := ctx.Deadline(); ok {
		left = min(left, time.Until(deadline))
	}
	return min(left/4, s.limits.PublishTimeout)
}

// maxLingering bounds the subjects that linger, whatever clients join and leave: beyond it the oldest is given up.
const maxLingering = 8192

// linger is the subjects that the layer still has though they have no members, the oldest first, and the timer that ends
// them: one, armed only while there are any. It is guarded by the lock of the subscriptions.
type linger struct {
	time     time.Duration // zero: none
	waiting  list.List     // of *subscription
	timer    *time.Timer
	sweep    func()
	sweeping bool
	closed   bool

	ctx     context.Context // of calls that nobody waits for
	cancel  context.CancelFunc
	timeout time.Duration   // of each
	onError func(err error) // is told of them
}

func (s *subscriptions) init(link layer.Link, l *Limits, failed func(error)) {
	s.link, s.all = link, map[string]*subscription{}
	s.linger.time, s.linger.timeout, s.linger.onError, s.linger.sweep = l.SubscriptionLinger, l.PublishTimeout, failed, s.sweep
	s.linger.ctx, s.linger.cancel = context.WithCancel(context.Background())
}

// works reports whether subjects linger at all.
func (l *linger) enabled() bool { return l.time > 0 && !l.closed }

// add lets a subject linger, unless nothing does any more.
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

// oldest takes out up to n of those that have lingered long enough by a time, or of all for the zero time.
func (l *linger) takeOldest(n int, by time.Time) (subjects []string) {
	for len(subjects) < n && l.waiting.Len() > 0 && (by.IsZero() || !l.first().until.After(by)) {
		subjects = append(subjects, l.first().subject)
		l.remove(l.first())
	}
	return subjects
}

// arm sets the timer for the first. While sweep runs, that looks after itself.
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

// sweep ends what has lingered long enough.
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

// retire tells the layer that subjects that lingered have no members, unless they have some again. The caller holds mu.
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

// logSyncError logs of each failure to tell the layer who is in a group. There may be as many as subjects.
func (s *Server) logSyncError(err error) {
	s.logThrottled(slog.LevelWarn, "chanx: channel layer does not follow", throttle.Types(err), "error", err)
}

// close forgets what lingers: to close the link ends it all.
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

// tolerateMembership is err, unless it is tolerated that the layer does not follow a change of membership yet. It follows
// as soon as it can.
func (s *Server) tolerateMembership(err error) error {
	if !s.tolerates(err) {
		return err
	}
	s.logThrottled(slog.LevelWarn, "chanx: channel layer does not follow", "", "error", err)
	return nil
}
