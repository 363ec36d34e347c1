package layertest

import (
	"context"
	"fmt"
	"sync"
	"testing"
	"time"

	"go.uber.org/goleak"

	"github.com/chanx-go/chanx/layer"
)

// fixture is a layer and its nodes, for one case.
type fixture struct {
	t        *testing.T
	layer    layer.Layer
	features Features

	mu         sync.Mutex
	nodes      []*node
	violations []string // found by receivers; not reported at once, because the test may be over
}

// maxViolations is how many violations a case reports.
const maxViolations = 5

func (l *fixture) violation(format string, args ...any) {
	l.mu.Lock()
	defer l.mu.Unlock()
	if len(l.violations) < maxViolations {
		l.violations = append(l.violations, fmt.Sprintf(format, args...))
	}
}

func (l *fixture) context() (context.Context, context.CancelFunc) {
	return context.WithTimeout(context.Background(), l.features.Wait)
}

// open attaches a node.
func (l *fixture) open() *node { return l.openSlow(nil) }

// openSlow attaches a node whose receiver calls slow before it returns.
func (l *fixture) openSlow(slow func(subject, data string)) *node {
	n := &node{
		fixture: l, slow: slow, changed: make(chan struct{}),
		everSubscribed: map[string]bool{}, receiving: map[string]bool{}, got: map[string][]arrival{}, counts: map[publication]int{},
	}
	l.mu.Lock()
	n.no = len(l.nodes)
	l.nodes = append(l.nodes, n)
	l.mu.Unlock()
	n.link = l.layer.Open(layer.Receiver{Receive: n.receive, Status: n.status})
	return n
}

// bounded runs a function, and fails the test if it does not return in time.
func (l *fixture) bounded(what string, do func()) {
	l.t.Helper()
	done := make(chan struct{})
	go func() {
		defer close(done)
		do()
	}()
	timer := time.NewTimer(l.features.Wait)
	defer timer.Stop()
	select {
	case <-done:
	case <-timer.C:
		l.t.Fatalf("%s did not return within %v", what, l.features.Wait)
	}
}

// finish closes open links and reports the violations.
func (l *fixture) finish() {
	l.mu.Lock()
	nodes := l.nodes
	l.mu.Unlock()
	for _, n := range nodes {
		if n.link != nil && !n.isClosed() {
			n.close()
		}
		n.expectDataUnchanged()
	}
	l.mu.Lock()
	defer l.mu.Unlock()
	for _, b := range l.violations {
		l.t.Error(b)
	}
}

// expectNoGoroutines waits until no goroutine is left.
func (l *fixture) expectNoGoroutines(before goleak.Option) {
	options := append([]goleak.Option{before}, l.features.Goroutines...)
	for deadline := time.Now().Add(l.features.Wait); ; {
		err := goleak.Find(options...)
		if err == nil {
			return
		}
		if time.Now().After(deadline) {
			l.t.Errorf("no goroutine is left: %v", err)
			return
		}
	}
}

// inParallel runs a function n times concurrently, and returns when all calls have returned.
func inParallel(n int, do func(i int)) {
	var wg sync.WaitGroup
	for i := range n {
		wg.Go(func() { do(i) })
	}
	wg.Wait()
}
