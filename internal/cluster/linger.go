package cluster

import (
	"container/list"
	"context"
	"errors"
	"fmt"
	"time"
)

// maxLingering bounds the lingering subjects, however many groups clients join and leave: beyond it the oldest is
// unsubscribed.
const maxLingering = 8192

// linger holds the subjects that the layer is subscribed to although they have no members, the oldest first, and one
// timer, which runs only while there are any. The lock of Subscriptions guards it.
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
func (s *Subscriptions) sweep() {
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
func (s *Subscriptions) unsubscribeLingering(ctx context.Context, subjects []string) {
	errs := make([]error, len(subjects))
	s.concurrently(len(subjects), func(i int) { errs[i] = s.syncOne(ctx, subjects[i], false) })
	if s.linger.closed {
		return
	}
	s.mu.Unlock()
	defer s.mu.Lock()
	for i, err := range errs {
		if err != nil && !errors.Is(err, s.closed) {
			s.linger.onError(fmt.Errorf("chanx: unsubscribe from %q: %w", shortName(subjects[i]), err))
		}
	}
}

// close forgets the lingering subjects: closing the link unsubscribes from all.
func (s *Subscriptions) close() {
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
