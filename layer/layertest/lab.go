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

// lab is where a case happens: a layer and its nodes.
type lab struct {
	t        *testing.T
	layer    layer.Layer
	features Features

	mu       sync.Mutex
	nodes    []*node
	breaches []string // found by receivers, which may be called when the test is over
}

// maxBreaches is how many are kept of a case: one that is broken is often broken many times.
const maxBreaches = 5

func (l *lab) breach(format string, args ...any) {
	l.mu.Lock()
	defer l.mu.Unlock()
	if len(l.breaches) < maxBreaches {
		l.breaches = append(l.breaches, fmt.Sprintf(format, args...))
	}
}

func (l *lab) context() (context.Context, context.CancelFunc) {
	return context.WithTimeout(context.Background(), l.features.Wait)
}

// open attaches a node.
func (l *lab) open() *node { return l.openSlow(nil) }

// openSlow attaches a node whose receiver does something before it returns.
func (l *lab) openSlow(slow func(subject, data string)) *node {
	n := &node{
		lab: l, slow: slow, changed: make(chan struct{}),
		asked: map[string]bool{}, inside: map[string]bool{}, got: map[string][]arrival{}, counts: map[publication]int{},
	}
	l.mu.Lock()
	n.no = len(l.nodes)
	l.nodes = append(l.nodes, n)
	l.mu.Unlock()
	n.link = l.layer.Open(layer.Receiver{Receive: n.receive, Status: n.status})
	return n
}

// bounded runs something that should end in time, and has nothing else to stop it.
func (l *lab) bounded(what string, do func()) {
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
		l.t.Fatalf("%s did not end within %v", what, l.features.Wait)
	}
}

// finish closes what is open and says what the receivers have found.
func (l *lab) finish() {
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
	for _, b := range l.breaches {
		l.t.Error(b)
	}
}

// expectNoGoroutines gives those that are about to end the time to do so.
func (l *lab) expectNoGoroutines(before goleak.Option) {
	options := append([]goleak.Option{before}, l.features.Goroutines...)
	for deadline := time.Now().Add(l.features.Wait); ; {
		err := goleak.Find(options...)
		if err == nil {
			return
		}
		if time.Now().After(deadline) {
			l.t.Errorf("no goroutine stays: %v", err)
			return
		}
	}
}

// inParallel runs functions at the same time and returns when all have returned.
func inParallel(n int, do func(i int)) {
	var wg sync.WaitGroup
	for i := range n {
		wg.Go(func() { do(i) })
	}
	wg.Wait()
}
