package layertest

import (
	"context"
	"errors"
	"runtime"
	"sync"
	"time"

	"github.com/chanx-go/chanx/layer"
)

// arrival is the data given to a receiver, and a copy made at that time.
type arrival struct {
	given []byte
	data  string
}

type publication struct{ subject, data string }

// node is a link and its receiver, which records what it gets and checks the rules that hold in every case. Methods that wait
// must be called by the test's own goroutine, because they may call t.Fatal.
type node struct {
	fixture *fixture
	no      int
	slow    func(subject, data string)
	link    layer.Link

	mu       sync.Mutex
	changed  chan struct{} // closed and replaced with every arrival and status
	closed   bool
	inStatus bool // Status is running
	got      map[string][]arrival
	counts   map[publication]int
	statuses []layer.Status

	everSubscribed map[string]bool // subjects
	receiving      map[string]bool // subjects for which Receive is running
}

// receive checks that the call is allowed. What orders the layer's calls, a lock or a loop, also orders them with the end of
// Close. So a call seen after Close also began after it.
func (n *node) receive(subject string, data []byte) {
	a := arrival{data, string(data)}
	n.begin(subject, a)
	if n.slow != nil {
		n.slow(subject, a.data)
	}
	n.mu.Lock()
	defer n.mu.Unlock()
	delete(n.receiving, subject)
}

func (n *node) begin(subject string, a arrival) {
	n.mu.Lock()
	defer n.mu.Unlock()
	switch {
	case n.closed:
		n.fixture.violation("no call begins after Close: link %d received %.40q on %q", n.no, a.data, subject)
	case n.receiving[subject]:
		n.fixture.violation("calls for one subject never overlap: link %d received %.40q on %q during another call", n.no, a.data, subject)
	case !n.everSubscribed[subject]:
		n.fixture.violation("subjects that differ in one byte are different: link %d received %.40q on %q, which it never subscribed to",
			n.no, a.data, subject)
	}
	n.receiving[subject] = true
	n.got[subject] = append(n.got[subject], a)
	n.counts[publication{subject, a.data}]++
	n.wake()
}

// wake makes within check its condition again. The caller holds mu.
func (n *node) wake() {
	close(n.changed)
	n.changed = make(chan struct{})
}

func (n *node) status(s layer.Status) {
	n.beginStatus(s)
	for range 100 { // give an overlapping call time to begin
		runtime.Gosched()
	}
	n.mu.Lock()
	defer n.mu.Unlock()
	n.inStatus = false
}

func (n *node) beginStatus(s layer.Status) {
	n.mu.Lock()
	defer n.mu.Unlock()
	switch {
	case n.closed:
		n.fixture.violation("no call begins after Close: link %d got status %+v", n.no, s)
	case n.inStatus:
		n.fixture.violation("calls of Status never overlap: link %d got status %+v during another call", n.no, s)
	case s.Up != (s.Err == nil):
		n.fixture.violation("a status has an error exactly if the link is down: link %d got status %+v", n.no, s)
	}
	n.inStatus = true
	n.statuses = append(n.statuses, s)
	n.wake()
}

func (n *node) isClosed() bool {
	n.mu.Lock()
	defer n.mu.Unlock()
	return n.closed
}

// expect reports an error of a call that should succeed.
func (n *node) expect(call, subject string, err error) {
	n.fixture.t.Helper()
	if err != nil {
		n.fixture.t.Errorf("link %d: %s %q: %v", n.no, call, subject, err)
	}
}

func (n *node) publish(subject, data string) {
	n.fixture.t.Helper()
	ctx, cancel := n.fixture.context()
	defer cancel()
	n.expect("publish", subject, n.link.Publish(ctx, subject, []byte(data)))
}

func (n *node) subscribe(subject string) {
	n.fixture.t.Helper()
	ctx, cancel := n.fixture.context()
	defer cancel()
	n.expect("subscribe", subject, n.trySubscribe(ctx, subject))
}

func (n *node) trySubscribe(ctx context.Context, subject string) error {
	n.mu.Lock()
	n.everSubscribed[subject] = true
	n.mu.Unlock()
	return n.link.Subscribe(ctx, subject)
}

func (n *node) unsubscribe(subject string) {
	n.fixture.t.Helper()
	ctx, cancel := n.fixture.context()
	defer cancel()
	n.expect("unsubscribe", subject, n.link.Unsubscribe(ctx, subject))
}

// close closes the link. From then on the receiver must not be called.
func (n *node) close() {
	n.fixture.t.Helper()
	n.expect("close", "", n.tryClose())
}

func (n *node) tryClose() (err error) {
	n.fixture.t.Helper()
	n.fixture.bounded("Close", func() {
		ctx, cancel := n.fixture.context()
		defer cancel()
		err = n.link.Close(ctx)
		n.mu.Lock()
		n.closed = true
		n.mu.Unlock()
	})
	return err
}

// expectClosed checks that the methods of a closed link return ErrClosed.
func (n *node) expectClosed() {
	n.fixture.t.Helper()
	ctx, cancel := n.fixture.context()
	defer cancel()
	for call, err := range map[string]error{
		"Publish":     n.link.Publish(ctx, "closed", nil),
		"Subscribe":   n.link.Subscribe(ctx, "closed"),
		"Unsubscribe": n.link.Unsubscribe(ctx, "closed"),
	} {
		if !errors.Is(err, layer.ErrClosed) {
			n.fixture.t.Errorf("calls after Close return ErrClosed: %s gave %v", call, err)
		}
	}
}

// within waits until ok returns true, and reports whether it did in time. It calls ok with mu held.
func (n *node) within(limit time.Duration, ok func() bool) bool {
	timer := time.NewTimer(limit)
	defer timer.Stop()
	for {
		n.mu.Lock()
		met, changed := ok(), n.changed
		n.mu.Unlock()
		if met {
			return true
		}
		select {
		case <-changed:
		case <-timer.C:
			return false
		}
	}
}

// awaits waits for a publication. The rule "Subscribe, then publish" says that it arrives.
func (n *node) awaits(subject, data string) {
	n.fixture.t.Helper()
	if !n.within(n.fixture.features.Wait, func() bool { return n.counts[publication{subject, data}] > 0 }) {
		n.fixture.t.Fatalf("subscribe, then publish: link %d did not receive %.40q on %q within %v",
			n.no, data, subject, n.fixture.features.Wait)
	}
}

// count returns how often a publication has arrived.
func (n *node) count(subject, data string) int {
	n.mu.Lock()
	defer n.mu.Unlock()
	return n.counts[publication{subject, data}]
}

// received returns the data that has arrived on a subject.
func (n *node) received(subject string) (all []string) {
	n.mu.Lock()
	defer n.mu.Unlock()
	for _, a := range n.got[subject] {
		all = append(all, a.data)
	}
	return all
}

// expectOnly checks that nothing else has arrived on a subject.
func (n *node) expectOnly(rule, subject string, data string) {
	n.fixture.t.Helper()
	if got := n.received(subject); len(got) != 1 || got[0] != data {
		n.fixture.t.Errorf("%s: link %d received %.200q on %q, want only %.40q", rule, n.no, got, subject, data)
	}
}

func (n *node) expectDataUnchanged() {
	n.fixture.t.Helper()
	n.mu.Lock()
	defer n.mu.Unlock()
	for subject, all := range n.got {
		for _, a := range all {
			if string(a.given) != a.data {
				n.fixture.t.Errorf("data given to a receiver does not change: link %d received %.40q on %q, which is now %.40q",
					n.no, a.data, subject, a.given)
				return
			}
		}
	}
}
