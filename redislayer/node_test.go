package redislayer_test

import (
	"errors"
	"slices"
	"strconv"
	"sync"
	"testing"
	"time"

	"github.com/chanx-go/chanx/layer"
)

// node is a link and what its receiver has received.
type node struct {
	t *testing.T
	layer.Link

	mu       sync.Mutex
	changed  chan struct{} // closed and replaced with every arrival and status
	got      map[string][]string
	statuses []layer.Status
}

func open(t *testing.T, l layer.Layer) *node { return openSlow(t, l, func() {}) }

// openSlow opens a link whose receiver calls slow before it records a publication.
func openSlow(t *testing.T, l layer.Layer, slow func()) *node {
	n := &node{t: t, changed: make(chan struct{}), got: map[string][]string{}}
	n.Link = l.Open(layer.Receiver{
		Receive: func(subject string, data []byte) {
			slow()
			n.note(func() { n.got[subject] = append(n.got[subject], string(data)) })
		},
		Status: func(s layer.Status) { n.note(func() { n.statuses = append(n.statuses, s) }) },
	})
	return n
}

func (n *node) note(do func()) {
	n.mu.Lock()
	defer n.mu.Unlock()
	do()
	close(n.changed)
	n.changed = make(chan struct{})
}

// awaits waits for a condition. It calls is with mu held.
func (n *node) awaits(what string, is func() bool) {
	n.t.Helper()
	late := time.NewTimer(testTimeout)
	defer late.Stop()
	for {
		n.mu.Lock()
		met, changed, statuses := is(), n.changed, n.statuses
		n.mu.Unlock()
		if met {
			return
		}
		select {
		case <-changed:
		case <-late.C:
			n.t.Fatalf("%s: not within %v; statuses %+v", what, testTimeout, statuses)
		}
	}
}

func (n *node) subscribe(subjects ...string) {
	n.t.Helper()
	for _, s := range subjects {
		if err := n.Subscribe(n.t.Context(), s); err != nil {
			n.t.Fatalf("subscribe: %v", err)
		}
	}
}

func (n *node) publish(subject, data string) {
	n.t.Helper()
	if err := n.Publish(n.t.Context(), subject, []byte(data)); err != nil {
		n.t.Fatalf("publish: %v", err)
	}
}

// reaches publishes repeatedly until another link receives it: publications accepted before a loss is noticed may be lost.
func (n *node) reaches(other *node, subject, data string) {
	n.t.Helper()
	eventually(n.t, data+" arrives on "+subject, func() bool {
		if err := n.Publish(n.t.Context(), subject, []byte(data)); err != nil && !errors.Is(err, layer.ErrUnavailable) {
			n.t.Fatal(err)
		}
		other.mu.Lock()
		defer other.mu.Unlock()
		return slices.Contains(other.got[subject], data)
	})
}

func (n *node) receives(subject, data string) {
	n.t.Helper()
	n.awaits("receive "+data+" on "+subject, func() bool { return slices.Contains(n.got[subject], data) })
}

// expect checks that exactly these publications have arrived on a subject.
func (n *node) expect(subject string, want ...string) {
	n.t.Helper()
	n.mu.Lock()
	defer n.mu.Unlock()
	if !slices.Equal(n.got[subject], want) {
		n.t.Errorf("received %q on %q, want %q", n.got[subject], subject, want)
	}
}

// expectIncreasing checks that the numbers on a subject have arrived in order, each at most once. Some may be missing.
func (n *node) expectIncreasing(subject string) {
	n.t.Helper()
	n.mu.Lock()
	defer n.mu.Unlock()
	last := -1
	for _, data := range n.got[subject] {
		number, err := strconv.Atoi(data)
		if err != nil {
			continue
		}
		if number <= last {
			n.t.Errorf("received %d after %d on %q", number, last, subject)
			return
		}
		last = number
	}
}

// recovers waits until the link has reported a loss and its end since a mark in its statuses. It may report further losses, but
// nothing else.
func (n *node) recovers(mark int) {
	n.t.Helper()
	n.awaits("down, and up again", func() bool { return len(n.statuses) >= mark+2 && n.statuses[len(n.statuses)-1].Up })
	n.mu.Lock()
	defer n.mu.Unlock()
	for i, s := range n.statuses[mark:] {
		if want := i%2 == 1; s.Up != want || s.Gap != want || (s.Err == nil) != want {
			n.t.Errorf("got statuses %+v", n.statuses[mark:])
			return
		}
	}
}

func (n *node) mark() int {
	n.mu.Lock()
	defer n.mu.Unlock()
	return len(n.statuses)
}
