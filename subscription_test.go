package chanx_test

import (
	"context"
	"errors"
	"strings"
	"sync"
	"testing"
	"testing/synctest"
	"time"

	"github.com/chanx-go/chanx"
	"github.com/chanx-go/chanx/chanxtest"
	"github.com/chanx-go/chanx/internal/faultlayer"
	"github.com/chanx-go/chanx/layer"
)

// calls is a layer that counts the calls of Subscribe and Unsubscribe for groups.
type calls struct {
	mu    sync.Mutex
	of    map[faultlayer.Op]int
	slow  time.Duration
	fails error
}

func (c *calls) call(f faultlayer.Call) (time.Duration, error) {
	if !strings.HasPrefix(f.Subject, "g/") || f.Link != 0 {
		return 0, nil
	}
	c.mu.Lock()
	defer c.mu.Unlock()
	c.of[f.Op]++
	return c.slow, c.fails
}

// setSlow sets the duration of each call.
func (c *calls) setSlow(d time.Duration) {
	c.mu.Lock()
	defer c.mu.Unlock()
	c.slow = d
}

// took returns the numbers of calls since the last time.
func (c *calls) took() (subscribed, unsubscribed int) {
	synctest.Wait()
	c.mu.Lock()
	defer c.mu.Unlock()
	subscribed, unsubscribed = c.of[faultlayer.Subscribe], c.of[faultlayer.Unsubscribe]
	clear(c.of)
	return subscribed, unsubscribed
}

const linger = 5 * time.Second // the default

func lingering(t *testing.T, test func(t *testing.T, k *cluster, asked *calls)) {
	t.Helper()
	asked := &calls{of: map[faultlayer.Op]int{}}
	inCluster(t, clusterOptions{nodes: 2, faults: faultlayer.Faults{Call: asked.call}}, func(t *testing.T, k *cluster) {
		test(t, k, asked)
	})
}

// expectCalls checks the numbers of calls since the last time.
func expectCalls(t *testing.T, what string, asked *calls, subscribed, unsubscribed int) {
	t.Helper()
	if s, u := asked.took(); s != subscribed || u != unsubscribed {
		t.Errorf("%s: %d were subscribed, %d unsubscribed, want %d, %d", what, s, u, subscribed, unsubscribed)
	}
}

func TestSubscriptionsLinger(t *testing.T) {
	lingering(t, func(t *testing.T, k *cluster, asked *calls) {
		ctx := t.Context()
		ann, bob := k.dial(0, "ann", "g", "h"), k.dial(0, "bob")
		expectCalls(t, "joined", asked, 2, 0)
		k.ok(ann.conn.Leave(ctx, "g"))
		pass(time.Second)
		k.ok(ann.conn.Leave(ctx, "h"))
		pass(linger - time.Second - 1)
		expectCalls(t, "left", asked, 0, 0)
		pass(1)
		expectCalls(t, "the first has lingered", asked, 0, 1)
		k.ok(bob.conn.Join(ctx, "h"))
		expectCalls(t, "another has come: the broker is asked whether it is there", asked, 1, 0)
		pass(time.Minute)
		k.ok(k.nodes[1].Broadcast(ctx, saidMessage{"hi"}, chanx.To("g", "h")))
		k.expect("of what is left", map[*peer]string{bob: "hi"})
		bob.Abort()
		expectCalls(t, "the last has gone", asked, 0, 0)
		pass(linger)
		expectCalls(t, "and lingered", asked, 0, 1)
		ann.Abort()
		pass(linger)
		if got := k.layer.Subscribed(0); len(got) != 0 || k.nodes[0].Subjects() != 0 {
			t.Errorf("subscribed to %q, %d subjects counted", got, k.nodes[0].Subjects())
		}
	})
}

// TestDataForLingeringSubjectsIsIgnored checks that it does not count as a drop.
func TestDataForLingeringSubjectsIsIgnored(t *testing.T) {
	lingering(t, func(t *testing.T, k *cluster, _ *calls) {
		p := k.dial(0, "ann", "g")
		k.ok(p.conn.Leave(t.Context(), "g"))
		link := k.layer.Open(layer.Receiver{Receive: func(string, []byte) {}})
		for _, data := range []string{"", "nonsense"} {
			k.ok(link.Publish(t.Context(), "g/g", []byte(data)))
		}
		k.ok(k.nodes[1].Broadcast(t.Context(), saidMessage{"x"}, chanx.To("g")))
		k.ok(k.nodes[1].Join(t.Context(), chanx.To("g"), "h"))
		k.expect("that lingers", nil)
		if s := k.nodes[0].Stats(); len(s.Drops) != 0 {
			t.Errorf("drops %v", s.Drops)
		}
		k.ok(link.Publish(t.Context(), "u/ann", []byte("\x01")))
		if n := k.counts[0].of("publications_unreadable"); n != 1 {
			t.Errorf("with a member %d are counted, want 1", n)
		}
		k.ok(link.Close(context.Background()))
	})
}

// TestShutdownDoesNotWaitForLingers checks that Shutdown waits neither for the linger time nor for a slow Unsubscribe.
func TestShutdownDoesNotWaitForLingers(t *testing.T) {
	for what, after := range map[string]time.Duration{"they linger": 0, "the broker is told": linger} {
		lingering(t, func(t *testing.T, k *cluster, asked *calls) {
			p := k.dial(0, "ann", "g", "h")
			asked.slow = time.Hour
			p.Abort()
			pass(after)
			start := time.Now()
			if err := k.nodes[0].Shutdown(context.Background()); err != nil || time.Since(start) != 0 {
				t.Errorf("%s: %v after %v", what, err, time.Since(start))
			}
			if l := k.nodes[0].Lingering(); l != 0 {
				t.Errorf("%s: %d linger behind Shutdown", what, l)
			}
			pass(2 * linger)
		})
	}
}

// TestNothingLingersAfterShutdown checks this also for a group of a connection that ends after Shutdown.
func TestNothingLingersAfterShutdown(t *testing.T) {
	lingering(t, func(t *testing.T, k *cluster, _ *calls) {
		release := make(chan struct{})
		c := newState()
		c.OnOpen(func(s *state, ctx context.Context) error { return s.Join(ctx, "g") })
		c.OnClose(func(*state, context.Context, *chanx.CloseError) { <-release })
		k.nodes[0].Handle("/stuck", c)
		chanxtest.Dial(t, k.nodes[0], "/stuck", nil)
		synctest.Wait()
		ctx, cancel := context.WithTimeout(t.Context(), time.Second)
		defer cancel()
		if err := k.nodes[0].Shutdown(ctx); !errors.Is(err, context.DeadlineExceeded) {
			t.Errorf("Shutdown: %v", err)
		}
		close(release)
		synctest.Wait()
		if n := k.nodes[0].Lingering(); n != 0 || k.nodes[0].Stats().Connections != 0 {
			t.Errorf("%d linger, %d connections", n, k.nodes[0].Stats().Connections)
		}
	})
}

// TestFailedUnsubscriptionsAreLogged checks that they are logged once a minute, and that the subjects are forgotten.
func TestFailedUnsubscriptionsAreLogged(t *testing.T) {
	log, asked := &logRecorder{}, &calls{of: map[faultlayer.Op]int{}}
	o := clusterOptions{nodes: 1, faults: faultlayer.Faults{Call: asked.call}, server: logOfNode0(log)}
	inCluster(t, o, func(t *testing.T, k *cluster) {
		p := k.dial(0, "ann", "g", "h")
		asked.fails = errCut
		k.ok(p.conn.Leave(t.Context(), "g", "h"))
		pass(linger)
		want := `WARN channel layer call failed error=chanx: unsubscribe from "g": the cable is cut
DEBUG channel layer call failed error=chanx: unsubscribe from "h": the cable is cut`
		if got := strings.Join(log.take(), "\n"); got != want {
			t.Errorf("log\n%s", got)
		}
		if n := k.nodes[0].Subjects(); n != 3 {
			t.Errorf("%d subjects are counted, want those of the connection", n)
		}
	})
}
