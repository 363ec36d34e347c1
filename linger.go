package chanx

import (
	"container/list"
	"context"
	"errors"
	"fmt"
	"log/slog"
	"strings"
	"time"

	"github.com/chanx-go/chanx/internal/throttle"
	"github.com/chanx-go/chanx/layer"
)

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

	life    context.Context // of calls that nobody waits for
	end     context.CancelFunc
	timeout time.Duration   // of each
	failed  func(err error) // is told of them
}

func (s *subscriptions) init(link layer.Link, l *Limits, failed func(error)) {
	s.link, s.all = link, map[string]*subscription{}
	s.linger.time, s.linger.timeout, s.linger.failed, s.linger.sweep = l.SubscriptionLinger, l.PublishTimeout, failed, s.sweep
	s.linger.life, s.linger.end = context.WithCancel(context.Background())
}

// works reports whether subjects linger at all.
func (l *linger) works() bool { return l.time > 0 && !l.closed }

// add lets a subject linger, unless nothing does any more.
func (l *linger) add(sub *subscription) bool {
	if !l.works() {
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
func (l *linger) oldest(n int, by time.Time) (subjects []string) {
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
		ctx, cancel := context.WithTimeout(l.life, l.timeout)
		s.retire(ctx, l.oldest(maxTogether, time.Now()))
		cancel()
	}
	l.sweeping = false
}

// retire tells the layer that subjects that lingered have no members, unless they have some again. The caller holds mu.
func (s *subscriptions) retire(ctx context.Context, subjects []string) {
	errs := make([]error, len(subjects))
	s.together(len(subjects), func(i int) { errs[i] = s.follow(ctx, subjects[i], false) })
	if s.linger.closed {
		return
	}
	s.mu.Unlock()
	defer s.mu.Lock()
	for i, err := range errs {
		if err != nil && !errors.Is(err, ErrClosed) {
			s.linger.failed(fmt.Errorf("chanx: unsubscribe from %q: %w", strings.TrimPrefix(subjects[i], groupSubject("")), err))
		}
	}
}

// unfollowed is told of each failure to tell the layer who is in a group. There may be as many as subjects.
func (s *Server) unfollowed(err error) {
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
	s.linger.end()
}
