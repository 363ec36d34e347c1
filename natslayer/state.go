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

// phase is the state of the layer's connection to its broker.
type phase int

const (
	joining phase = iota // not up yet for the first time; calls wait
	up
	down // not connected, or reconnected but subscriptions are not confirmed yet; links have been notified
)

// state is what the methods of links need to know. The cluster's goroutine updates it.
type state struct {
	ready     atomic.Bool // phase is up
	anyDenied atomic.Bool

	mu        sync.Mutex
	changed   chan struct{} // closed and replaced with every change
	phase     phase
	cause     error  // why it is down
	confirmed uint64 // all subscriptions up to this number are in effect
	failed    failure
	broken    bool             // the broker denies a subject that the layer needs for itself
	handled   error            // the last permissions violation that handleError has processed
	denied    map[string]error // NATS subjects that must not be published to, and why; may be nil
	links     map[*link]struct{}
}

// maxDenied bounds denied. If a subject is removed, the broker denies it again.
const maxDenied = 1 << 10

// failure records that the subscriptions up to number through could not be confirmed.
type failure struct {
	count   int
	through uint64
	err     error
}

// wakeAll wakes all waiting calls. The caller holds mu.
func (s *state) wakeAll() {
	close(s.changed)
	s.changed = make(chan struct{})
}

func (s *state) open(k *link) {
	s.mu.Lock()
	defer s.mu.Unlock()
	s.links[k] = struct{}{}
	if s.phase == down {
		k.notify(layer.Status{Err: s.unavailable()})
	}
}

func (s *state) close(k *link) {
	s.mu.Lock()
	defer s.mu.Unlock()
	delete(s.links, k)
}

// unavailable is the error of calls while the layer is down. The caller holds mu.
func (s *state) unavailable() error { return fmt.Errorf("%w: %w", layer.ErrUnavailable, s.cause) }

// setDown notifies links once, whatever else fails until the layer is up again.
func (s *state) setDown(cause error) {
	s.mu.Lock()
	defer s.mu.Unlock()
	s.ready.Store(false)
	s.cause = asCause(cause)
	if s.phase != down {
		s.phase = down
		s.notify(layer.Status{Err: s.unavailable()})
	}
	s.wakeAll()
}

// confirm records that all subscriptions up to number through are in effect. If there are no newer ones, the layer is now up.
func (s *state) confirm(through uint64, t *table) {
	s.mu.Lock()
	defer s.mu.Unlock()
	s.confirmed = through
	s.wakeAll()
	if s.phase == up || s.broken || t.lastNo() != through {
		return
	}
	if s.phase == down {
		s.notify(layer.Status{Up: true, Gap: true})
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

// notify passes a status to all links. The caller holds mu.
func (s *state) notify(st layer.Status) {
	for k := range s.links {
		k.notify(st)
	}
}

// gap reports to all links that publications may have been lost. While the layer is down they expect a gap anyway.
func (s *state) gap() {
	s.mu.Lock()
	defer s.mu.Unlock()
	if s.phase == up {
		s.notify(layer.Status{Up: true, Gap: true})
	}
}

// setBroken sets the layer down until it connects again.
func (s *state) setBroken(cause error) {
	s.setDown(cause)
	s.mu.Lock()
	defer s.mu.Unlock()
	s.broken = true
}

// deny records that a subject must not be published to. What was published to it is lost.
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

// clearDenied forgets which subjects were denied, because permissions may differ on a new connection.
func (s *state) clearDenied() {
	s.mu.Lock()
	defer s.mu.Unlock()
	s.broken, s.denied = false, nil
	s.anyDenied.Store(false)
}

func (s *state) markHandled(err error) {
	s.mu.Lock()
	defer s.mu.Unlock()
	s.handled = err
}

func (s *state) isHandled(err error) bool {
	s.mu.Lock()
	defer s.mu.Unlock()
	return s.handled == err
}

func (s *state) isUp() bool { return s.ready.Load() }

// wantsRound reports whether there are subscriptions to confirm, or the layer is not up yet.
func (s *state) wantsRound(t *table) bool {
	s.mu.Lock()
	defer s.mu.Unlock()
	return !s.broken && (s.phase != up || s.confirmed < t.lastNo())
}

// await waits until ok returns true or an error. It calls ok with mu held.
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
	default: // the connection is lost; the cluster's goroutine will notice
		return fmt.Errorf("%w: %w", layer.ErrUnavailable, err)
	}
}
