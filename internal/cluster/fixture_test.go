package cluster

import (
	"errors"
	"slices"
	"sync"
	"testing"
	"testing/synctest"
	"time"

	"go.uber.org/goleak"

	"github.com/chanx-go/chanx/internal/faultlayer"
	"github.com/chanx-go/chanx/layer"
	"github.com/chanx-go/chanx/layer/memlayer"
)

func TestMain(m *testing.M) { goleak.VerifyTestMain(m) }

const wait, linger5s = time.Second, 5 * time.Second

var errTestClosed = errors.New("test: closed")

// fixture is a layer with nodes. The calls of node 0 are counted, and can be made slow or fail.
type fixture struct {
	t     *testing.T
	layer *faultlayer.Layer
	nodes []*testNode

	mu    sync.Mutex
	asked map[faultlayer.Op]int
	slow  time.Duration
	fails error
}

// testNode records what a node passes on. memlayer delivers before Publish returns.
type testNode struct {
	*Node
	got     []string // "subject action"
	refused []error
	failed  []error
}

func (n *testNode) clear() { n.got, n.refused, n.failed = nil, nil, nil }

// inFixture runs a test in a bubble, with two nodes.
func inFixture(t *testing.T, test func(t *testing.T, f *fixture)) {
	t.Helper()
	synctest.Test(t, func(t *testing.T) {
		f := &fixture{t: t, asked: map[faultlayer.Op]int{}}
		f.layer = faultlayer.New(memlayer.New(), faultlayer.Faults{Call: f.call})
		for _, id := range []string{"A", "B"} {
			f.open(id)
		}
		test(t, f)
		for _, n := range f.nodes {
			_ = n.Close(t.Context()) // a test may have closed it
		}
		synctest.Wait()
	})
}

func (f *fixture) open(id string) {
	n := &testNode{}
	n.Node = Open(f.layer, Options{
		ID: id, Wait: wait, Linger: linger5s, Closed: errTestClosed, Status: func(layer.Status) {},
		Receive: func(subject string, p Publication, _ int) { n.got = append(n.got, subject+" "+p.Action) },
		Refused: func(_ string, err error) { n.refused = append(n.refused, err) },
		Failed:  func(err error) { n.failed = append(n.failed, err) },
	})
	f.nodes = append(f.nodes, n)
}

func (f *fixture) call(c faultlayer.Call) (time.Duration, error) {
	f.mu.Lock()
	defer f.mu.Unlock()
	if c.Link != 0 {
		return 0, nil
	}
	f.asked[c.Op]++
	return f.slow, f.fails
}

// disturb makes each call of node 0 take that long, or fail.
func (f *fixture) disturb(slow time.Duration, fails error) {
	f.mu.Lock()
	defer f.mu.Unlock()
	f.slow, f.fails = slow, fails
}

// expectAsked checks the number of calls of node 0 since the last time.
func (f *fixture) expectAsked(what string, subscribed, unsubscribed int) {
	f.t.Helper()
	synctest.Wait()
	f.mu.Lock()
	defer f.mu.Unlock()
	if s, u := f.asked[faultlayer.Subscribe], f.asked[faultlayer.Unsubscribe]; s != subscribed || u != unsubscribed {
		f.t.Errorf("%s: %d subscribed, %d unsubscribed, want %d, %d", what, s, u, subscribed, unsubscribed)
	}
	clear(f.asked)
}

// join and leave change the members of subjects by one and bring the layer up to date.
func (f *fixture) join(node int, subjects ...string) error  { return f.change(node, 1, subjects) }
func (f *fixture) leave(node int, subjects ...string) error { return f.change(node, -1, subjects) }

func (f *fixture) change(node, by int, subjects []string) error {
	s := f.nodes[node].Subscriptions
	for _, subject := range subjects {
		s.Count(subject, by)
	}
	return s.Sync(f.t.Context(), wait, "join group", subjects...)
}

func (f *fixture) publish(node int, action string, targets ...string) {
	f.t.Helper()
	n := f.nodes[node]
	f.ok(n.Publish(f.t.Context(), &Publication{Kind: KindMessage, Node: n.ID, Action: action, Targets: targets}))
}

func (f *fixture) expectGot(node int, want ...string) {
	f.t.Helper()
	n := f.nodes[node]
	if !slices.Equal(n.got, want) || len(n.refused) > 0 {
		f.t.Errorf("node %s got %q, refused %v, want %q", n.ID, n.got, n.refused, want)
	}
	n.clear()
}

func (f *fixture) ok(err error) {
	f.t.Helper()
	if err != nil {
		f.t.Error(err)
	}
}

// pass lets time pass in the bubble.
func pass(d time.Duration) {
	time.Sleep(d) // in a bubble
	synctest.Wait()
}
