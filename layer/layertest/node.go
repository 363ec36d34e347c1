package layertest

import (
	"context"
	"errors"
	"runtime"
	"sync"
	"time"

	"github.com/chanx-go/chanx/layer"
)

// arrival is a publication as it was given to a receiver, and what it was then.
type arrival struct {
	given []byte
	data  string
}

type publication struct{ subject, data string }

// node is a link and its receiver, which notes what it is given and checks what must hold in every case. Its methods
// report errors by the test; those that wait must be called by the test's own goroutine.
type node struct {
	lab  *lab
	no   int
	slow func(subject, data string)
	link layer.Link

	mu       sync.Mutex
	changed  chan struct{} // closed and replaced with every arrival and status
	closed   bool
	asked    map[string]bool // subjects that were ever subscribed
	inside   map[string]bool // subjects for which Receive is running
	telling  bool            // Status is running
	got      map[string][]arrival
	counts   map[publication]int
	statuses []layer.Status
}

// receive checks that the call is allowed. The layer's lock or loop that orders the calls also orders them with the end
// of Close, so a call that is seen behind it began behind it.
func (n *node) receive(subject string, data []byte) {
	a := arrival{data, string(data)}
	n.begin(subject, a)
	if n.slow != nil {
		n.slow(subject, a.data)
	}
	n.mu.Lock()
	defer n.mu.Unlock()
	delete(n.inside, subject)
}

func (n *node) begin(subject string, a arrival) {
	n.mu.Lock()
	defer n.mu.Unlock()
	switch {
	case n.closed:
		n.lab.breach("nothing begins after Close: link %d received %.40q on %q", n.no, a.data, subject)
	case n.inside[subject]:
		n.lab.breach("calls for one subject never overlap: link %d received %.40q on %q inside another call", n.no, a.data, subject)
	case !n.asked[subject]:
		n.lab.breach("subjects that differ in one byte are different: link %d received %.40q on %q, which it never subscribed to",
			n.no, a.data, subject)
	}
	n.inside[subject] = true
	n.got[subject] = append(n.got[subject], a)
	n.counts[publication{subject, a.data}]++
	n.wake()
}

// wake has those look again who wait. The caller holds mu.
func (n *node) wake() {
	close(n.changed)
	n.changed = make(chan struct{})
}

func (n *node) status(s layer.Status) {
	n.beginStatus(s)
	for range 100 { // a second call would have to come now to be seen
		runtime.Gosched()
	}
	n.mu.Lock()
	defer n.mu.Unlock()
	n.telling = false
}

func (n *node) beginStatus(s layer.Status) {
	n.mu.Lock()
	defer n.mu.Unlock()
	switch {
	case n.closed:
		n.lab.breach("nothing begins after Close: link %d was told %+v", n.no, s)
	case n.telling:
		n.lab.breach("Status never twice at once: link %d was told %+v inside another call", n.no, s)
	case s.Up != (s.Err == nil):
		n.lab.breach("a status has an error exactly if the link is down: link %d was told %+v", n.no, s)
	}
	n.telling = true
	n.statuses = append(n.statuses, s)
	n.wake()
}

func (n *node) isClosed() bool {
	n.mu.Lock()
	defer n.mu.Unlock()
	return n.closed
}

// expect reports the error of a call that should have none.
func (n *node) expect(call, subject string, err error) {
	n.lab.t.Helper()
	if err != nil {
		n.lab.t.Errorf("link %d: %s %q: %v", n.no, call, subject, err)
	}
}

func (n *node) publish(subject, data string) {
	n.lab.t.Helper()
	ctx, cancel := n.lab.context()
	defer cancel()
	n.expect("publish", subject, n.link.Publish(ctx, subject, []byte(data)))
}

func (n *node) subscribe(subject string) {
	n.lab.t.Helper()
	ctx, cancel := n.lab.context()
	defer cancel()
	n.expect("subscribe", subject, n.trySubscribe(ctx, subject))
}

func (n *node) trySubscribe(ctx context.Context, subject string) error {
	n.mu.Lock()
	n.asked[subject] = true
	n.mu.Unlock()
	return n.link.Subscribe(ctx, subject)
}

func (n *node) unsubscribe(subject string) {
	n.lab.t.Helper()
	ctx, cancel := n.lab.context()
	defer cancel()
	n.expect("unsubscribe", subject, n.link.Unsubscribe(ctx, subject))
}

// close ends the link. From then on the receiver must not be called.
func (n *node) close() {
	n.lab.t.Helper()
	n.expect("close", "", n.tryClose())
}

func (n *node) tryClose() (err error) {
	n.lab.t.Helper()
	n.lab.bounded("Close", func() {
		ctx, cancel := n.lab.context()
		defer cancel()
		err = n.link.Close(ctx)
		n.mu.Lock()
		n.closed = true
		n.mu.Unlock()
	})
	return err
}

// expectClosed calls all methods of a closed link.
func (n *node) expectClosed() {
	n.lab.t.Helper()
	ctx, cancel := n.lab.context()
	defer cancel()
	for call, err := range map[string]error{
		"Publish":     n.link.Publish(ctx, "closed", nil),
		"Subscribe":   n.link.Subscribe(ctx, "closed"),
		"Unsubscribe": n.link.Unsubscribe(ctx, "closed"),
	} {
		if !errors.Is(err, layer.ErrClosed) {
			n.lab.t.Errorf("after Close calls give ErrClosed: %s gave %v", call, err)
		}
	}
}

// within waits for a condition, which is asked with mu held, and reports whether it came true in time.
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

// awaits waits for a publication. That it comes is the rule of Subscribe, then publish.
func (n *node) awaits(subject, data string) {
	n.lab.t.Helper()
	if !n.within(n.lab.features.Wait, func() bool { return n.counts[publication{subject, data}] > 0 }) {
		n.lab.t.Fatalf("subscribe, then publish: link %d did not receive %.40q on %q within %v",
			n.no, data, subject, n.lab.features.Wait)
	}
}

// count is how often a publication has arrived.
func (n *node) count(subject, data string) int {
	n.mu.Lock()
	defer n.mu.Unlock()
	return n.counts[publication{subject, data}]
}

// received is what has arrived on a subject.
func (n *node) received(subject string) (all []string) {
	n.mu.Lock()
	defer n.mu.Unlock()
	for _, a := range n.got[subject] {
		all = append(all, a.data)
	}
	return all
}

// expectOnly wants that nothing else has arrived on a subject.
func (n *node) expectOnly(rule, subject string, data string) {
	n.lab.t.Helper()
	if got := n.received(subject); len(got) != 1 || got[0] != data {
		n.lab.t.Errorf("%s: link %d received %.200q on %q, want only %.40q", rule, n.no, got, subject, data)
	}
}

func (n *node) expectDataUnchanged() {
	n.lab.t.Helper()
	n.mu.Lock()
	defer n.mu.Unlock()
	for subject, all := range n.got {
		for _, a := range all {
			if string(a.given) != a.data {
				n.lab.t.Errorf("data given to a receiver stays: link %d received %.40q on %q, now it is %.40q",
					n.no, a.data, subject, a.given)
				return
			}
		}
	}
}
