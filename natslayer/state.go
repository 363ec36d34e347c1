package natslayer

import (
	"context"
	"errors"
	"fmt"
	"sync"
	"sync/atomic"

	"github.com/nats-io/nats.go"

	"github.com/chanx-go/chanx/layer"
)

// phase is how a layer stands to its broker.
type phase int

const (
	joining phase = iota // connected for the first time; calls wait
	up
	down // not connected, or again and not yet known to all; links have been told
)

// state is what the cluster has found out, for those who call links' methods.
type state struct {
	ready     atomic.Bool // phase is up
	anyDenied atomic.Bool

	mu        sync.Mutex
	changed   chan struct{} // closed and replaced with every change
	phase     phase
	cause     error // why it is down
	confirmed uint64
	failed    failure
	broken    bool             // the broker does not allow what the layer cannot do without
	seen      error            // the last violation of permissions that has been dealt with
	denied    map[string]error // NATS subjects that must not be published to; nil if there are none
	links     map[*link]struct{}
}

// maxDenied bounds what is remembered: a subject that is forgotten is denied again.
const maxDenied = 1 << 10

// failure is that subscriptions could not be confirmed: those up to through.
type failure struct {
	count   int
	through uint64
	err     error
}

// wakeAll is called with mu held.
func (s *state) wakeAll() {
	close(s.changed)
	s.changed = make(chan struct{})
}

func (s *state) open(k *link) {
	s.mu.Lock()
	defer s.mu.Unlock()
	s.links[k] = struct{}{}
	if s.phase == down {
		k.tell(layer.Status{Err: s.unavailable()})
	}
}

func (s *state) close(k *link) {
	s.mu.Lock()
	defer s.mu.Unlock()
	delete(s.links, k)
}

// unavailable is the error of calls while the layer is down. The caller holds mu.
func (s *state) unavailable() error { return fmt.Errorf("%w: %w", layer.ErrUnavailable, s.cause) }

// lose has the layer down. Links are told once, whatever else goes wrong until it is up.
func (s *state) lose(cause error) {
	s.mu.Lock()
	defer s.mu.Unlock()
	s.ready.Store(false)
	s.cause = asCause(cause)
	if s.phase != down {
		s.phase = down
		s.tell(layer.Status{Err: s.unavailable()})
	}
	s.wakeAll()
}

// confirm notes that all subscriptions up to the through'th are in effect. If the layer is not up it is now, unless there
// have been more meanwhile.
func (s *state) confirm(through uint64, t *table) {
	s.mu.Lock()
	defer s.mu.Unlock()
	s.confirmed = through
	s.wakeAll()
	if s.phase == up || s.broken || t.soFar() != through {
		return
	}
	if s.phase == down {
		s.tell(layer.Status{Up: true, Gap: true})
	}
	s.phase, s.cause = up, nil
	s.ready.Store(true)
}

func (s *state) fail(through uint64, err error) {
	s.mu.Lock()
	defer s.mu.Unlock()
	s.failed = failure{s.failed.count + 1, through, err}
	s.wakeAll()
}

// tell is called with mu held.
func (s *state) tell(st layer.Status) {
	for k := range s.links {
		k.tell(st)
	}
}

// gap tells all links that publications may have been lost, if they have not been told that the layer is down.
func (s *state) gap() {
	s.mu.Lock()
	defer s.mu.Unlock()
	if s.phase == up {
		s.tell(layer.Status{Up: true, Gap: true})
	}
}

// breakDown is lose until the connection is made anew.
func (s *state) breakDown(cause error) {
	s.lose(cause)
	s.mu.Lock()
	defer s.mu.Unlock()
	s.broken = true
}

// deny notes that a subject must not be published to. What has been is lost.
func (s *state) deny(name string, err error) {
	s.mu.Lock()
	if s.denied == nil || len(s.denied) >= maxDenied {
		s.denied = map[string]error{}
	}
	s.denied[name] = err
	s.anyDenied.Store(true)
	s.mu.Unlock()
	s.gap()
}

func (s *state) denial(name string) error {
	if !s.anyDenied.Load() {
		return nil
	}
	s.mu.Lock()
	defer s.mu.Unlock()
	return s.denied[name]
}

// forgive forgets what was not allowed: the broker is asked again.
func (s *state) forgive() {
	s.mu.Lock()
	defer s.mu.Unlock()
	s.broken, s.denied = false, nil
	s.anyDenied.Store(false)
}

func (s *state) deal(err error) {
	s.mu.Lock()
	defer s.mu.Unlock()
	s.seen = err
}

func (s *state) dealtWith(err error) bool {
	s.mu.Lock()
	defer s.mu.Unlock()
	return s.seen == err
}

func (s *state) isUp() bool { return s.ready.Load() }

// wantsRound reports whether there is something to confirm, or the layer is on its way up.
func (s *state) wantsRound(t *table) bool {
	s.mu.Lock()
	defer s.mu.Unlock()
	return !s.broken && (s.phase != up || s.confirmed < t.soFar())
}

// await waits until ok says so, which is asked with mu held, or has an error.
func (s *state) await(ctx context.Context, ok func() (bool, error)) error {
	for {
		s.mu.Lock()
		met, err := ok()
		changed := s.changed
		s.mu.Unlock()
		if met || err != nil {
			return err
		}
		select {
		case <-changed:
		case <-ctx.Done():
			return ctx.Err()
		}
	}
}

func (l *Layer) awaitUp(ctx context.Context) error {
	s := &l.state
	return s.await(ctx, func() (bool, error) {
		if s.phase == down {
			return false, s.unavailable()
		}
		return s.phase == up, nil
	})
}

// awaitConfirmed waits until a subscription is in effect on all servers.
func (l *Layer) awaitConfirmed(ctx context.Context, t *topic) error {
	s := &l.state
	failures := -1
	err := s.await(ctx, func() (bool, error) {
		if failures < 0 {
			failures = s.failed.count
		}
		switch {
		case s.phase == down:
			return false, s.unavailable()
		case s.phase == up && s.confirmed >= t.no:
			return true, nil
		case s.failed.count > failures && t.no <= s.failed.through:
			return false, s.failed.err
		}
		l.wake()
		return false, nil
	})
	if err != nil {
		return err
	}
	return l.table.refusal(t)
}

func (l *Layer) publish(ctx context.Context, name string, data []byte) error {
	if err := ctx.Err(); err != nil {
		return err
	}
	if !l.state.isUp() {
		if err := l.awaitUp(ctx); err != nil {
			return err
		}
	}
	if err := l.state.denial(name); err != nil {
		return err
	}
	nc := l.conn.Load()
	err := nc.Publish(name, data)
	switch {
	case err == nil:
		return nil
	case errors.Is(err, nats.ErrMaxPayload):
		return fmt.Errorf("the data has %d bytes, more than the broker's max_payload of %d: send less, or raise it there",
			len(data), nc.MaxPayload())
	case isNetwork(err):
		l.failedToWrite()
		return fmt.Errorf("%w: %w", layer.ErrUnavailable, asCause(err))
	default: // the connection is lost, which the cluster is about to notice
		return fmt.Errorf("%w: %w", layer.ErrUnavailable, err)
	}
}
