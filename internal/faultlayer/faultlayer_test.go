package faultlayer_test

import (
	"context"
	"errors"
	"fmt"
	"math/rand/v2"
	"slices"
	"strings"
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

// node is a link and what its receiver has received: "subject:data", and statuses as "up", "up gap" or "down" with the cause.
type node struct {
	layer.Link
	mu  sync.Mutex
	got []string
}

func (n *node) note(s string) {
	n.mu.Lock()
	defer n.mu.Unlock()
	n.got = append(n.got, s)
}

func (n *node) status(s layer.Status) {
	switch {
	case !s.Up:
		n.note("down " + s.Err.Error())
	case s.Gap:
		n.note("up gap")
	default:
		n.note("up")
	}
}

func (n *node) expect(t *testing.T, want ...string) {
	t.Helper()
	n.mu.Lock()
	defer n.mu.Unlock()
	if !slices.Equal(n.got, want) {
		t.Errorf("got %q, want %q", n.got, want)
	}
	n.got = nil
}

func (n *node) publish(t *testing.T, subject, data string) {
	t.Helper()
	must(t, n.Publish(t.Context(), subject, []byte(data)))
}

func must(t *testing.T, err error) {
	t.Helper()
	if err != nil {
		t.Error(err)
	}
}

// pass lets time pass, and waits until all goroutines are blocked.
func pass(d time.Duration) {
	time.Sleep(d) // in a bubble
	synctest.Wait()
}

// bubble runs a test with three nodes on one layer, the last two subscribed to "s".
func bubble(t *testing.T, f faultlayer.Faults, test func(t *testing.T, l *faultlayer.Layer, n []*node)) {
	t.Helper()
	synctest.Test(t, func(t *testing.T) {
		l := faultlayer.New(memlayer.New(), f)
		all := make([]*node, 3)
		for i := range all {
			n := &node{}
			n.Link = l.Open(layer.Receiver{Receive: func(s string, b []byte) { n.note(s + ":" + string(b)) }, Status: n.status})
			all[i] = n
		}
		must(t, all[1].Subscribe(t.Context(), "s"))
		must(t, all[2].Subscribe(t.Context(), "s"))
		test(t, l, all)
		for _, n := range all {
			if err := n.Close(context.Background()); err != nil && !errors.Is(err, layer.ErrClosed) {
				t.Error(err)
			}
		}
	})
}

func TestWithoutFaultsNothingChanges(t *testing.T) {
	bubble(t, faultlayer.Faults{}, func(t *testing.T, l *faultlayer.Layer, n []*node) {
		n[0].publish(t, "s", "1")
		n[1].publish(t, "s", "2")
		n[1].expect(t, "s:1")
		n[2].expect(t, "s:1", "s:2")
		must(t, n[2].Unsubscribe(t.Context(), "s"))
		n[0].publish(t, "s", "3")
		n[1].expect(t, "s:3")
		n[2].expect(t)
		if got := l.Subscribed(2); len(got) != 0 {
			t.Errorf("subscribed to %q", got)
		}
	})
}

func TestDropIsReportedAsGap(t *testing.T) {
	drop := func(d faultlayer.Delivery) faultlayer.Fate {
		return faultlayer.Fate{Drop: d.To == 1 && string(d.Data) == "2"}
	}
	bubble(t, faultlayer.Faults{Deliver: drop}, func(t *testing.T, _ *faultlayer.Layer, n []*node) {
		for _, data := range []string{"1", "2", "3"} {
			n[0].publish(t, "s", data)
		}
		n[1].expect(t, "s:1", "up gap", "s:3")
		n[2].expect(t, "s:1", "s:2", "s:3")
	})
}

// TestDelayKeepsOrder delays a publication by more than later ones. Later publications of the same link wait for it, those of
// other links do not.
func TestDelayKeepsOrder(t *testing.T) {
	delays := map[string]time.Duration{"1": 10 * time.Millisecond, "2": time.Millisecond, "4": 15 * time.Millisecond}
	slow := func(d faultlayer.Delivery) faultlayer.Fate {
		if d.To != 1 {
			return faultlayer.Fate{}
		}
		return faultlayer.Fate{Delay: delays[string(d.Data)]}
	}
	bubble(t, faultlayer.Faults{Deliver: slow}, func(t *testing.T, _ *faultlayer.Layer, n []*node) {
		for _, data := range []string{"1", "2", "3", "4"} {
			n[0].publish(t, "s", data)
		}
		n[2].publish(t, "s", "of another")
		n[1].expect(t, "s:of another")
		n[2].expect(t, "s:1", "s:2", "s:3", "s:4")
		pass(10 * time.Millisecond)
		n[1].expect(t, "s:1", "s:2", "s:3")
		pass(5 * time.Millisecond)
		n[0].publish(t, "s", "5") // no publication is delayed any more
		n[1].expect(t, "s:4", "s:5")
	})
}

func TestOvertakeAndCopiesBreakTheContract(t *testing.T) {
	fates := map[string]faultlayer.Fate{
		"1": {Delay: 10 * time.Millisecond}, "2": {Overtake: true}, "3": {Overtake: true, Delay: time.Millisecond}, "4": {Copies: 1},
	}
	choose := func(d faultlayer.Delivery) faultlayer.Fate { return fates[string(d.Data)] }
	bubble(t, faultlayer.Faults{Deliver: choose}, func(t *testing.T, _ *faultlayer.Layer, n []*node) {
		for _, data := range []string{"1", "2", "3", "4"} {
			n[0].publish(t, "s", data)
		}
		pass(time.Second)
		n[1].expect(t, "s:2", "s:3", "s:1", "s:4", "s:4")
	})
}

func TestDelayedPublicationsArriveAfterUnsubscribe(t *testing.T) {
	slow := func(faultlayer.Delivery) faultlayer.Fate { return faultlayer.Fate{Delay: time.Second} }
	bubble(t, faultlayer.Faults{Deliver: slow}, func(t *testing.T, _ *faultlayer.Layer, n []*node) {
		n[0].publish(t, "s", "before")
		must(t, n[1].Unsubscribe(t.Context(), "s"))
		must(t, n[2].Close(t.Context()))
		n[0].publish(t, "s", "behind")
		pass(time.Minute)
		n[1].expect(t, "s:before")
		n[2].expect(t) // a closed link receives nothing
	})
}

func TestDownAndUp(t *testing.T) {
	slow := func(faultlayer.Delivery) faultlayer.Fate { return faultlayer.Fate{Delay: time.Second} }
	bubble(t, faultlayer.Faults{Deliver: slow}, func(t *testing.T, l *faultlayer.Layer, n []*node) {
		ctx := t.Context()
		must(t, n[1].Subscribe(ctx, "left"))
		n[0].publish(t, "s", "on its way")
		l.Down(1, errors.New("cut"))
		n[0].publish(t, "s", "while it is down")
		for what, err := range map[string]error{
			"publish": n[1].Publish(ctx, "s", nil), "subscribe": n[1].Subscribe(ctx, "new"), "again": n[1].Subscribe(ctx, "s"),
			"unsubscribe": n[1].Unsubscribe(ctx, "left"),
		} {
			if !errors.Is(err, layer.ErrUnavailable) || !strings.HasPrefix(err.Error(), "faultlayer: ") {
				t.Errorf("%s: %v, want layer.ErrUnavailable", what, err)
			}
		}
		pass(time.Minute)
		l.Up(1)
		for _, subject := range []string{"s", "left", "new"} {
			n[0].publish(t, subject, "after")
		}
		pass(time.Minute)
		slices.Sort(n[1].got) // three subjects
		n[1].expect(t, "down cut", "new:after", "s:after", "up gap")
		n[2].expect(t, "s:on its way", "s:while it is down", "s:after")
		if got := l.Subscribed(1); !slices.Equal(got, []string{"new", "s"}) {
			t.Errorf("subscribed to %q", got)
		}
	})
}

// TestAFrozenBrokerAnswersNothing checks that calls wait until their context ends or the link is down.
func TestAFrozenBrokerAnswersNothing(t *testing.T) {
	bubble(t, faultlayer.Faults{}, func(t *testing.T, l *faultlayer.Layer, n []*node) {
		l.Freeze(1)
		n[0].publish(t, "s", "lost")
		ctx, cancel := context.WithTimeout(t.Context(), time.Second)
		defer cancel()
		began := time.Now()
		if err := n[1].Subscribe(ctx, "new"); !errors.Is(err, context.DeadlineExceeded) || time.Since(began) != time.Second {
			t.Errorf("subscribe: %v after %v", err, time.Since(began))
		}
		time.AfterFunc(time.Minute, func() { l.Down(1, errors.New("silent")) })
		if err := n[1].Publish(t.Context(), "s", nil); !errors.Is(err, layer.ErrUnavailable) || time.Since(began) != time.Minute+time.Second {
			t.Errorf("publish: %v after %v", err, time.Since(began))
		}
		l.Up(1)
		n[0].publish(t, "new", "1")
		n[0].publish(t, "s", "2")
		n[1].expect(t, "down silent", "up gap", "new:1", "s:2")
	})
}

func TestCallsAreSlowAndFail(t *testing.T) {
	var calls []string
	call := func(c faultlayer.Call) (time.Duration, error) {
		calls = append(calls, fmt.Sprintf("%d %s %s %s", c.Link, c.Op, c.Subject, c.Data))
		switch c.Subject {
		case "slow":
			return time.Second, nil
		case "bad":
			return 0, fmt.Errorf("test: %w", layer.ErrUnavailable)
		}
		return 0, nil
	}
	bubble(t, faultlayer.Faults{Call: call}, func(t *testing.T, l *faultlayer.Layer, n []*node) {
		calls = nil
		for _, subject := range []string{"bad", "slow"} {
			start, err := time.Now(), n[1].Subscribe(t.Context(), subject)
			if took := time.Since(start); (err != nil) != (subject == "bad") || (took > 0) != (subject == "slow") {
				t.Errorf("subscribe %q: %v after %v", subject, err, took)
			}
		}
		ctx, cancel := context.WithTimeout(t.Context(), time.Millisecond)
		defer cancel()
		for what, err := range map[string]error{"publish": n[0].Publish(ctx, "slow", nil), "subscribe": n[2].Subscribe(ctx, "slow")} {
			if !errors.Is(err, context.DeadlineExceeded) {
				t.Errorf("%s: %v", what, err)
			}
		}
		pass(time.Second) // what is left of the Subscribe
		n[0].publish(t, "slow", "x")
		n[1].expect(t, "slow:x")
		n[2].expect(t, "slow:x")
		if err := n[0].Publish(t.Context(), "bad", nil); !errors.Is(err, layer.ErrUnavailable) {
			t.Errorf("publish: %v", err)
		}
		l.Up(1)
		if got := l.Subscribed(1); !slices.Equal(got, []string{"bad", "s", "slow"}) {
			t.Errorf("subscribed to %q", got)
		}
		if want := "0 publish slow x"; !slices.Contains(calls, want) {
			t.Errorf("calls %q, want %q among them", calls, want)
		}
	})
}

func TestAfterCloseCallsFail(t *testing.T) {
	bubble(t, faultlayer.Faults{}, func(t *testing.T, l *faultlayer.Layer, n []*node) {
		must(t, n[1].Close(t.Context()))
		l.Down(1, errors.New("cut"))
		n[1].expect(t)
		for what, err := range map[string]error{
			"publish": n[1].Publish(t.Context(), "s", nil), "subscribe": n[1].Subscribe(t.Context(), "s"),
			"unsubscribe": n[1].Unsubscribe(t.Context(), "s"), "close": n[1].Close(t.Context()),
		} {
			if !errors.Is(err, layer.ErrClosed) {
				t.Errorf("%s: %v, want layer.ErrClosed", what, err)
			}
		}
	})
}

// TestRandomFatesKeepTheContract checks that with delays and drops the publications of each link arrive in order and at most
// once, and that each loss is reported as a gap.
func TestRandomFatesKeepTheContract(t *testing.T) {
	const each = 300
	odds := faultlayer.Odds{Drop: 0.1, Delay: 0.5, MaxDelay: 20 * time.Millisecond}
	fates := faultlayer.Random(rand.New(rand.NewPCG(1, 2)), odds)
	bubble(t, faultlayer.Faults{Deliver: fates}, func(t *testing.T, _ *faultlayer.Layer, n []*node) {
		var wg sync.WaitGroup
		for i, from := range []*node{n[0], n[2]} {
			wg.Go(func() {
				for k := range each {
					must(t, from.Publish(t.Context(), "s", fmt.Appendf(nil, "%d %d", i, k)))
					time.Sleep(time.Millisecond) // in a bubble
				}
			})
		}
		wg.Wait()
		pass(time.Second)
		last, lost, gaps := [2]int{-1, -1}, 2*each, 0
		for _, s := range n[1].got {
			var i, k int
			if _, err := fmt.Sscanf(s, "s:%d %d", &i, &k); err != nil {
				gaps++
				continue
			}
			if k <= last[i] {
				t.Errorf("publisher %d: received %d after %d", i, k, last[i])
			}
			last[i] = k
			lost--
		}
		if lost == 0 || lost != gaps {
			t.Errorf("%d publications were lost and %d gaps reported", lost, gaps)
		}
	})
}

func TestRandomFatesCanBreakTheContract(t *testing.T) {
	fates := faultlayer.Random(rand.New(rand.NewPCG(3, 4)), faultlayer.Odds{Overtake: 0.5, Copy: 0.5, Delay: 0.5, MaxDelay: time.Second})
	var sum faultlayer.Fate
	for range 100 {
		f := fates(faultlayer.Delivery{})
		sum.Drop, sum.Overtake, sum.Copies = sum.Drop || f.Drop, sum.Overtake || f.Overtake, sum.Copies+f.Copies
		sum.Delay = max(sum.Delay, f.Delay)
	}
	if sum.Drop || !sum.Overtake || sum.Copies == 0 || sum.Delay == 0 || sum.Delay > time.Second {
		t.Errorf("the fates together are %+v", sum)
	}
}

func TestForeignPublicationPanics(t *testing.T) {
	inner := memlayer.New()
	l := faultlayer.New(inner, faultlayer.Faults{})
	a := l.Open(layer.Receiver{Receive: func(string, []byte) {}})
	must(t, a.Subscribe(t.Context(), "s"))
	defer func() {
		if recover() == nil {
			t.Error("no panic")
		}
	}()
	must(t, inner.Open(layer.Receiver{Receive: func(string, []byte) {}}).Publish(t.Context(), "s", nil))
}
