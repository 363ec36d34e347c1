package chanx_test

import (
	"context"
	"errors"
	"fmt"
	"log/slog"
	"slices"
	"strings"
	"sync/atomic"
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

// TestCallsWaitForASlowLayer has a layer whose calls take long.
func TestCallsWaitForASlowLayer(t *testing.T) {
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
		pass(2 * time.Hour) // so that the calls nobody waited for have returned
		k.expect("very slowly", map[*peer]string{a: "2+!"})
		for _, group := range []string{"x", "y", "z"} {
			k.ok(k.nodes[1].Broadcast(ctx, saidMessage{group}, chanx.To(group)))
		}
		k.expect("at last", map[*peer]string{a: "y z", b: "y"})
	})
}

// TestConcurrentJoinsWaitForOneSubscription checks that each of two overlapping Joins of a group returns only when the node
// is subscribed, and that a Join that overlaps with the last Leave is not lost.
func TestConcurrentJoinsWaitForOneSubscription(t *testing.T) {
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

func TestFailedSubscriptionsAreLoggedAndRetried(t *testing.T) {
	log := &logRecorder{}
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
			`WARN channel layer call failed error=chanx: subscribe to "a/": refused: layer: broker unavailable`,
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

// TestGroupErrorsNameTheGroup checks that the error for several groups names each of them.
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

// TestBrokerLoss takes the layer down. A call that had its effect on this node then returns an error or not, depending on
// ServerOptions.BrokerLoss.
func TestBrokerLoss(t *testing.T) {
	for name, k := range map[string]struct {
		loss chanx.BrokerLoss
		fail func(*cluster)
	}{
		"reported":         {chanx.ReportBrokerLoss, func(k *cluster) { k.layer.Down(0, errCut) }},
		"tolerated":        {chanx.TolerateBrokerLoss, func(k *cluster) { k.layer.Down(0, errCut) }},
		"reported, silent": {chanx.ReportBrokerLoss, nil}, "tolerated, silent": {chanx.TolerateBrokerLoss, nil},
	} {
		t.Run(name, func(t *testing.T) {
			var slow atomic.Int64 // how long each call of the layer takes
			log := &logRecorder{}
			inCluster(t, clusterOptions{
				nodes: 1, linger: -1, faults: faultlayer.Faults{Call: func(faultlayer.Call) (time.Duration, error) { return time.Duration(slow.Load()), nil }},
				server: func(_ int, o *chanx.ServerOptions) { o.BrokerLoss, o.Logger = k.loss, slog.New(log) },
			}, func(t *testing.T, c *cluster) {
				ctx, srv := t.Context(), c.nodes[0]
				p := c.dial(0, "ann", "g", "h")
				if k.fail != nil {
					k.fail(c)
				} else {
					slow.Store(int64(time.Hour))
				}
				expect := func(what string, err error, tolerable bool) {
					t.Helper()
					if tolerable && k.loss == chanx.TolerateBrokerLoss {
						c.ok(err)
					} else if !errors.Is(err, layer.ErrUnavailable) {
						t.Errorf("%s: %v", what, err)
					}
				}
				expect("Broadcast", p.conn.Broadcast(ctx, saidMessage{"1"}, chanx.To("g", "h")), true)
				expect("Server.Broadcast", srv.Broadcast(ctx, saidMessage{"2"}, chanx.To("g")), true)
				expect("Emit", p.conn.Emit(ctx, ringEvent{"3"}, chanx.To("g")), true)
				expect("Server.Emit", srv.Emit(ctx, ringEvent{"4"}, chanx.All()), true)
				expect("Join", p.conn.Join(ctx, "new"), true)
				expect("Leave", p.conn.Leave(ctx, "h"), true)
				expect("Server.Join", srv.Join(ctx, chanx.To("g"), "x"), false)
				expect("Server.Leave", srv.Leave(ctx, chanx.To("g"), "x"), false)
				c.expect("here", map[*peer]string{p: "1+! 2 (3) (4)"})
				if got := p.conn.Groups(); !slices.Equal(got, []string{"g", "new"}) {
					t.Errorf("groups %q", got)
				}
				want := 0
				if k.loss == chanx.TolerateBrokerLoss {
					want = 5 // one of them has two targets
				}
				if n := c.counts[0].of("publications_unsent"); n != want || int(srv.Stats().Drops["publications_unsent"]) != want {
					t.Errorf("%d unsent are counted, want %d", n, want)
				}
				lines := slices.DeleteFunc(log.take(), func(l string) bool { return !strings.Contains(l, "publications_unsent") })
				if len(lines) > 2 || (len(lines) > 0) != (want > 0) { // one a minute; each call of a silent layer takes ten seconds
					t.Errorf("log %q", lines)
				}
				expect("Disconnect", srv.Disconnect(ctx, 4000, "", chanx.All()), false)
				slow.Store(0)
				time.Sleep(2 * time.Hour) // in a bubble: the calls of a silent layer return
			})
		})
	}
}

// TestBrokerLossHidesNothingElse checks that a refusal of the layer, an invalid call, an ended context and a closed server
// still are errors.
func TestBrokerLossHidesNothingElse(t *testing.T) {
	errTooLarge := errors.New("too large")
	var refuse error
	inCluster(t, clusterOptions{
		nodes: 1, faults: faultlayer.Faults{Call: func(faultlayer.Call) (time.Duration, error) { return 0, refuse }},
		server: func(_ int, o *chanx.ServerOptions) { o.BrokerLoss = chanx.TolerateBrokerLoss },
	}, func(t *testing.T, c *cluster) {
		ctx := t.Context()
		p := c.dial(0, "ann", "g")
		refuse = errTooLarge
		if err := p.conn.Broadcast(ctx, saidMessage{"x"}); !errors.Is(err, errTooLarge) {
			t.Errorf("refused by the layer: %v", err)
		}
		refuse = nil
		if err := p.conn.Broadcast(ctx, knockMessage{}); err == nil {
			t.Error("a message that is not declared was sent")
		}
		ended, cancel := context.WithCancel(ctx)
		cancel()
		if err := p.conn.Join(ended, "new"); err != nil && !errors.Is(err, context.Canceled) {
			t.Errorf("with an ended context: %v", err)
		}
	})
	srv := chanx.NewServer(&chanx.ServerOptions{BrokerLoss: chanx.TolerateBrokerLoss, Logger: quiet})
	shutDown(t, srv)
	if err := srv.Broadcast(t.Context(), saidMessage{"x"}, chanx.All()); !errors.Is(err, chanx.ErrClosed) {
		t.Errorf("of a closed server: %v", err)
	}
	if said := panicOf(func() { chanx.NewServer(&chanx.ServerOptions{BrokerLoss: 2}) }); !strings.Contains(said, "ServerOptions.BrokerLoss 2") {
		t.Errorf("panic %q", said)
	}
}
