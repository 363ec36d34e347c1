package chanx_test

import (
	"context"
	"errors"
	"log/slog"
	"slices"
	"strings"
	"sync/atomic"
	"testing"
	"time"

	"github.com/chanx-go/chanx"
	"github.com/chanx-go/chanx/internal/faultlayer"
	"github.com/chanx-go/chanx/layer"
)

// TestBrokerLoss has the layer go down: what has its effect on this node is an error or not, as the option says.
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
			log := &journal{}
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
				if len(lines) > 2 || (len(lines) > 0) != (want > 0) { // one a minute, and a silent layer takes ten seconds for each
					t.Errorf("log %q", lines)
				}
				expect("Disconnect", srv.Disconnect(ctx, 4000, "", chanx.All()), false)
				slow.Store(0)
				time.Sleep(2 * time.Hour) // in a bubble: the calls of a silent layer return
			})
		})
	}
}

// TestBrokerLossHidesNothingElse: what the layer refuses, a bad call, the end of a context and a closed server are errors.
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
