package chanx_test

import (
	"context"
	"errors"
	"fmt"
	"slices"
	"strings"
	"testing"
	"testing/synctest"
	"time"

	"github.com/chanx-go/chanx"
	"github.com/chanx-go/chanx/internal/faultlayer"
	"github.com/chanx-go/chanx/layer"
)

// TestGroupsLeftWhileTheLayerIsDownAreUnsubscribed joins, leaves, opens and closes connections while the layer is down.
func TestGroupsLeftWhileTheLayerIsDownAreUnsubscribed(t *testing.T) {
	inCluster(t, clusterOptions{nodes: 1, linger: -1}, func(t *testing.T, k *cluster) {
		ctx := t.Context()
		stays, leaves, ends := k.dial(0, "ann", "a", "b"), k.dial(0, "bob", "c"), k.dial(0, "cat", "d")
		k.layer.Down(0, errCut)
		k.unavailable("Join", stays.conn.Join(ctx, "e"))
		k.unavailable("Leave", leaves.conn.Leave(ctx, "c"))
		k.unavailable("Leave and", stays.conn.Leave(ctx, "b"))
		k.unavailable("join again", stays.conn.Join(ctx, "b"))
		ends.Abort()
		k.dial(0, "dan", "f")
		k.layer.Up(0)
		k.layer.Up(0) // a gap without an end
		if got := strings.Join(k.layer.Subscribed(0), " "); !strings.HasPrefix(got, "a/ g/a g/b g/e g/f n/") || !strings.HasSuffix(got, " u/ann u/bob u/dan") {
			t.Errorf("subscribed to %q", got)
		}
		if n := k.counts[0].of("gaps"); n != 2 {
			t.Errorf("%d gaps counted, want 2", n)
		}
	})
}

// TestSlowLayerIsWaitedForAsDocumented has a broker that takes its time for each call.
func TestSlowLayerIsWaitedForAsDocumented(t *testing.T) {
	var slow time.Duration
	call := func(faultlayer.Call) (time.Duration, error) { return slow, nil }
	limits := func(_ int, o *chanx.ServerOptions) { o.Limits.PublishTimeout = time.Second }
	o := clusterOptions{nodes: 2, linger: -1, faults: faultlayer.Faults{Call: call}, server: limits}
	inCluster(t, o, func(t *testing.T, k *cluster) {
		ctx := t.Context()
		a, b := k.dial(0, "ann", "g"), k.dial(1, "bob", "g")
		slow = 100 * time.Millisecond
		took := func(what string, want time.Duration, wantErr error, do func() error) {
			t.Helper()
			start := time.Now()
			if err := do(); !errors.Is(err, wantErr) || time.Since(start) != want {
				t.Errorf("%s: %v after %v, want %v after %v", what, err, time.Since(start), wantErr, want)
			}
		}
		short, cancel := context.WithTimeout(ctx, 10*time.Millisecond)
		defer cancel()
		took("Join", slow, nil, func() error { return a.conn.Join(ctx, "x") })
		took("Broadcast in spite of its context", slow, nil, func() error { return a.conn.Broadcast(short, saidMessage{"1"}, chanx.To("x")) })
		took("Join of its context", 0, context.DeadlineExceeded, func() error { return a.conn.Join(short, "y") })
		took("Join of another node", slow, nil, func() error { return b.conn.Join(ctx, "y") })
		k.expect("slowly", map[*peer]string{a: "1+!"})
		go func() { k.ok(k.nodes[0].Broadcast(ctx, saidMessage{"now"}, chanx.All())) }()
		k.expect("before the layer has it", map[*peer]string{a: "now"})
		pass(slow)
		k.expect("when the layer has it", map[*peer]string{b: "now"})
		slow = time.Hour
		took("Broadcast", time.Second, context.DeadlineExceeded, func() error { return a.conn.Broadcast(ctx, saidMessage{"2"}, chanx.To("x")) })
		took("Join", time.Second, context.DeadlineExceeded, func() error { return a.conn.Join(ctx, "z") })
		took("Leave", time.Second, context.DeadlineExceeded, func() error { return a.conn.Leave(ctx, "x") })
		took("Server.Join", 2*time.Second, context.DeadlineExceeded, func() error { return k.nodes[0].Join(ctx, chanx.All(), "z") })
		slow = 0
		pass(2 * time.Hour) // what nobody waited for has happened meanwhile
		k.expect("very slowly", map[*peer]string{a: "2+!"})
		for _, group := range []string{"x", "y", "z"} {
			k.ok(k.nodes[1].Broadcast(ctx, saidMessage{group}, chanx.To(group)))
		}
		k.expect("at last", map[*peer]string{a: "y z", b: "y"})
	})
}

// TestAJoinerWaitsForTheSubscriptionOfAnother: what another node publishes after Join has returned arrives, whoever of the
// node was first to join; and a Join that overlaps with the last Leave is not lost.
func TestAJoinerWaitsForTheSubscriptionOfAnother(t *testing.T) {
	var slow time.Duration
	call := func(c faultlayer.Call) (time.Duration, error) { return slow, nil }
	inCluster(t, clusterOptions{nodes: 2, linger: -1, faults: faultlayer.Faults{Call: call}}, func(t *testing.T, k *cluster) {
		ctx := t.Context()
		a, b := k.dial(0, "ann"), k.dial(0, "bob")
		slow = time.Second
		go func() { k.ok(a.conn.Join(ctx, "g")) }()
		synctest.Wait()
		k.ok(b.conn.Join(ctx, "g"))
		slow = 0
		k.ok(k.nodes[1].Broadcast(ctx, saidMessage{"1"}, chanx.To("g")))
		k.expect("joined", map[*peer]string{a: "1", b: "1"})
		k.ok(b.conn.Leave(ctx, "g"))
		slow = time.Second
		go func() { k.ok(a.conn.Leave(ctx, "g")) }()
		synctest.Wait()
		given, cancel := context.WithTimeout(ctx, time.Millisecond)
		defer cancel()
		start := time.Now()
		if err := b.conn.Join(given, "g"); !errors.Is(err, context.DeadlineExceeded) || time.Since(start) != time.Millisecond {
			t.Errorf("Join: %v after %v", err, time.Since(start))
		}
		pass(time.Minute)
		slow = 0
		k.ok(k.nodes[1].Broadcast(ctx, saidMessage{"2"}, chanx.To("g")))
		k.expect("joined behind a leave", map[*peer]string{b: "2"})
	})
}

func TestFailedSubscriptionsAreLoggedAndHeal(t *testing.T) {
	log := &journal{}
	fails := true
	call := func(c faultlayer.Call) (time.Duration, error) {
		if fails && c.Link == 0 && c.Op != faultlayer.Publish {
			return 0, fmt.Errorf("refused: %w", layer.ErrUnavailable)
		}
		return 0, nil
	}
	o := clusterOptions{nodes: 2, linger: -1, faults: faultlayer.Faults{Call: call}, server: logOfNode0(log)}
	inCluster(t, o, func(t *testing.T, k *cluster) {
		p := k.dial(0, "ann")
		k.ok(k.nodes[1].Broadcast(t.Context(), saidMessage{"lost"}, chanx.All()))
		k.expect("without subscription", nil)
		k.layer.Down(0, errCut)
		k.layer.Up(0)
		k.ok(k.nodes[1].Join(t.Context(), chanx.ToUser("ann"), "g"))
		k.ok(k.nodes[1].Broadcast(t.Context(), saidMessage{"1"}, chanx.All()))
		k.expect("healed", map[*peer]string{p: "1"})
		p.Abort()
		synctest.Wait()
		fails = false
		got := strings.Join(log.take(), "\n")
		for _, want := range []string{
			`WARN channel layer does not follow error=chanx: subscribe to "a/": refused: layer: broker unavailable`,
			`chanx: subscribe to "u/ann": refused`,
			"WARN channel layer up=false gap=false error=the cable is cut", "WARN channel layer up=true gap=true error=<nil>",
			`chanx: join group "g": refused`, `chanx: unsubscribe from "g": refused`,
		} {
			if !strings.Contains(got, want) {
				t.Errorf("the log lacks %q:\n%s", want, got)
			}
		}
	})
}

// TestGroupErrorsNameTheGroup: an error of several groups tells of each.
func TestGroupErrorsNameTheGroup(t *testing.T) {
	inCluster(t, clusterOptions{nodes: 1, linger: -1}, func(t *testing.T, k *cluster) {
		p := k.dial(0, "ann", "old")
		k.layer.Down(0, errCut)
		var lines []string
		for _, err := range []error{p.conn.Join(t.Context(), "g", "h"), p.conn.Leave(t.Context(), "old"), p.conn.Broadcast(t.Context(), saidMessage{}, chanx.To("g", "h"))} {
			lines = append(lines, strings.Split(err.Error(), "\n")...)
		}
		want := []string{
			`chanx: join group "g": faultlayer: subscribe: layer: broker unavailable`, `chanx: join group "h": faultlayer: subscribe: layer: broker unavailable`,
			`chanx: leave group "old": faultlayer: unsubscribe: layer: broker unavailable`,
			`chanx: publish "said" to "g/g": faultlayer: publish: layer: broker unavailable`, `chanx: publish "said" to "g/h": faultlayer: publish: layer: broker unavailable`,
		}
		if !slices.Equal(lines, want) {
			t.Errorf("got\n%s", strings.Join(lines, "\n"))
		}
	})
}
