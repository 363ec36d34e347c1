package redislayer_test

import (
	"context"
	"errors"
	"fmt"
	"math/rand/v2"
	"sync"
	"testing"
	"time"

	"github.com/redis/rueidis"

	"github.com/chanx-go/chanx/layer"
)

// TestSubscriptionsReturnAfterALostConnection makes Redis close the connections with subscriptions, as it does when a
// subscriber is too slow.
func TestSubscriptionsReturnAfterALostConnection(t *testing.T) {
	t.Parallel()
	const subjects = 10000
	s := startServer(t)
	l := connect(t, s.url(), nil)
	a, b := open(t, l), open(t, l)
	name := func(i int) string { return fmt.Sprintf("s.%d", i) }
	var all sync.WaitGroup
	for part := range 8 {
		all.Go(func() {
			for i := part; i < subjects; i += 8 {
				if err := b.Subscribe(t.Context(), name(i)); err != nil {
					t.Error(err)
				}
			}
		})
	}
	all.Wait()
	a.publish(name(0), "before")
	b.receives(name(0), "before")
	s.must(t, "CLIENT", "KILL", "TYPE", "pubsub")
	b.recovers(0)
	for i := range subjects {
		a.publish(name(i), "after")
	}
	for i := range subjects {
		b.receives(name(i), "after")
	}
	b.expect(name(0), "before", "after")
}

// TestPublishingRecoversAfterALostConnection closes the connections that publish. Only publications in transit may be lost.
func TestPublishingRecoversAfterALostConnection(t *testing.T) {
	t.Parallel()
	s := startServer(t)
	l := connect(t, s.url(), nil)
	a, b := open(t, l), open(t, l)
	b.subscribe("s")
	a.publish("s", "1")
	s.must(t, "CLIENT", "KILL", "TYPE", "normal")
	a.reaches(b, "s", "2")
}

// TestAPublicationIsNotRepeated loses the answer to a publication that Redis has delivered. The link then closes its other
// connection too.
func TestAPublicationIsNotRepeated(t *testing.T) {
	t.Parallel()
	s := startServer(t)
	p := startProxy(t, address(s.port), "once")
	a, b := open(t, connect(t, p.url(), nil)), open(t, connect(t, s.url(), nil))
	b.subscribe("s")
	a.publish("s", "before")
	a.publish("s", "once")
	b.receives("s", "once")
	a.recovers(0)
	a.publish("s", "after")
	b.receives("s", "after")
	b.expect("s", "before", "once", "after")
}

// TestASlowReceiverIsDisconnected publishes more than Redis buffers for a subscriber that does not read.
func TestASlowReceiverIsDisconnected(t *testing.T) {
	t.Parallel()
	s := startServer(t, "--client-output-buffer-limit", "pubsub 8mb 8mb 0")
	l := connect(t, s.url(), nil)
	held := make(chan struct{})
	a, quick, slow := open(t, l), open(t, l), openSlow(t, l, func() { <-held })
	release := sync.OnceFunc(func() { close(held) })
	defer release()
	quick.subscribe("s")
	slow.subscribe("s")
	for i := range 32 { // at the pace of the quick receiver, which must stay connected
		a.publish("s", fmt.Sprintf("%1048576d", i))
		quick.awaits("receive", func() bool { return len(quick.got["s"]) > i })
	}
	release()
	slow.recovers(0)
	a.publish("s", "after")
	slow.receives("s", "after")
	if quick.mark() > 0 {
		t.Error("the quick receiver was disconnected too")
	}
}

// TestASilentBrokerIsDetected stops the process. Its connections stay open, as in a network that drops everything.
func TestASilentBrokerIsDetected(t *testing.T) {
	t.Parallel()
	s := startServer(t)
	l := connect(t, s.url(), nil)
	a, idle := open(t, l), open(t, l)
	a.subscribe("s")
	idle.subscribe("s")
	s.pause(t)
	began := time.Now()
	a.publish("s", "lost")
	for _, n := range []*node{a, idle} {
		n.awaits("down", func() bool { return len(n.statuses) > 0 })
		if took := time.Since(began); took > 10*time.Second {
			t.Errorf("detected after %v", took)
		}
	}
	for call, err := range map[string]error{
		"publish": a.Publish(t.Context(), "s", nil), "subscribe": a.Subscribe(t.Context(), "s"),
	} {
		if !errors.Is(err, layer.ErrUnavailable) || errors.Is(err, context.DeadlineExceeded) {
			t.Errorf("%s: %v, want ErrUnavailable", call, err)
		}
	}
	if err := a.Unsubscribe(t.Context(), "s"); err != nil {
		t.Errorf("unsubscribe: %v", err)
	}
	s.resume(t)
	a.recovers(0)
}

// TestTheLastCallDecidesASubscription subscribes, unsubscribes and cancels at random while connections are killed. At the end
// Redis has exactly the subscriptions whose last call was Subscribe.
func TestTheLastCallDecidesASubscription(t *testing.T) {
	t.Parallel()
	const subjects, rounds = 20, 150
	s := startServer(t)
	l := connect(t, s.url(), nil)
	a, b := open(t, l), open(t, l)
	wanted := make([]bool, subjects)
	name := func(i int) string { return fmt.Sprintf("s.%d", i) }
	var all sync.WaitGroup
	for i := range subjects {
		all.Go(func() {
			for range rounds {
				ctx, cancel := context.WithCancel(t.Context())
				if rand.N(2) == 0 {
					go cancel()
				}
				wanted[i] = rand.N(2) == 0
				do := b.Unsubscribe
				if wanted[i] {
					do = b.Subscribe
				}
				if err := do(ctx, name(i)); err != nil && !errors.Is(err, context.Canceled) && !errors.Is(err, layer.ErrUnavailable) {
					t.Error(err)
				}
				cancel()
			}
		})
	}
	for range 10 {
		s.must(t, "CLIENT", "KILL", "TYPE", "pubsub")
	}
	all.Wait()
	count := 0
	for i, w := range wanted {
		if w {
			count++
			eventually(t, "subscribe "+name(i), func() bool { return b.Subscribe(t.Context(), name(i)) == nil })
		}
	}
	eventually(t, "the subscriptions of Redis", func() bool { return channels(t, s, "CHANNELS") == count })
	for i, w := range wanted {
		if w {
			a.reaches(b, name(i), "end")
		}
	}
}

// channels returns how many channels have subscribers.
func channels(t *testing.T, s *server, command string) int {
	t.Helper()
	c, err := rueidis.NewClient(rueidis.ClientOption{InitAddress: []string{address(s.port)}, ForceSingleClient: true, DisableCache: true})
	if err != nil {
		t.Fatal(err)
	}
	defer c.Close()
	list, err := c.Do(t.Context(), c.B().Arbitrary("PUBSUB", command).Build()).AsStrSlice()
	if err != nil {
		t.Fatal(err)
	}
	return len(list)
}
