package chanx_test

import (
	"context"
	"slices"
	"strings"
	"testing"
	"testing/synctest"

	"github.com/chanx-go/chanx"
)

func TestBadTargetsAreErrors(t *testing.T) {
	inCluster(t, clusterOptions{nodes: 2}, func(t *testing.T, k *cluster) {
		p := k.dial(0, "ann", "g")
		ctx, s := t.Context(), k.nodes[1]
		many := make([]string, 513)
		for i := range many {
			many[i] = strings.Repeat("x", 1+i%100) + strings.Repeat("y", i/100)
		}
		for name, bad := range map[string]struct {
			to   chanx.Target
			says string
		}{
			"empty group":       {chanx.To("g", ""), "group name: it is empty"},
			"empty user":        {chanx.ToUser("ann", ""), "user id: it is empty"},
			"empty connection":  {chanx.ToConn(""), "connection id: it is empty"},
			"long group":        {chanx.To(strings.Repeat("x", 201)), "201 bytes"},
			"control character": {chanx.To("g\n"), "control character U+000A"},
			"invalid UTF-8":     {chanx.ToUser("\xff"), "not valid UTF-8"},
			"nil":               {nil, "target"},
			"too many":          {chanx.To(many...), "513 targets, more than 512: use a group"},
		} {
			for verb, err := range map[string]error{
				"Conn.Broadcast":   p.conn.Broadcast(ctx, saidMessage{name}, bad.to),
				"Conn.Emit":        p.conn.Emit(ctx, ringEvent{name}, bad.to),
				"Server.Broadcast": s.Broadcast(ctx, saidMessage{name}, bad.to),
				"Server.Emit":      s.Emit(ctx, ringEvent{name}, bad.to),
				"Disconnect":       s.Disconnect(ctx, 4000, "", bad.to),
				"Join":             s.Join(ctx, bad.to, "new"),
				"Leave":            s.Leave(ctx, bad.to, "g"),
			} {
				if err == nil || !strings.Contains(err.Error(), bad.says) || !strings.HasPrefix(err.Error(), "chanx: ") {
					t.Errorf("%s of %s: %v, want %q", verb, name, err, bad.says)
				}
			}
		}
		for verb, err := range map[string]error{
			"Broadcast": s.Broadcast(ctx, saidMessage{}), "Emit": s.Emit(ctx, ringEvent{}), "Disconnect": s.Disconnect(ctx, 4000, ""),
		} {
			if err == nil || !strings.Contains(err.Error(), "no target: say To(") {
				t.Errorf("%s without target: %v", verb, err)
			}
		}
		if err := s.Disconnect(ctx, 1006, "", chanx.All()); err == nil || !strings.Contains(err.Error(), "1006 may not be sent") {
			t.Errorf("Disconnect with 1006: %v", err)
		}
		if err := s.Join(ctx, chanx.All(), "fine", ""); err == nil || !strings.Contains(err.Error(), "group name: it is empty") {
			t.Errorf("Join of a group without a name: %v", err)
		}
		k.expect("errors", nil)
		if got := p.conn.Groups(); !slices.Equal(got, []string{"g"}) || p.Ended() != nil {
			t.Errorf("after all that it is in %q, ended %v", got, p.Ended())
		}
	})
}

// TestWorkersNeedNoConsumer has a node that serves nobody: it reaches all, and what it may not have declared is decided
// where it arrives.
func TestWorkersNeedNoConsumer(t *testing.T) {
	inCluster(t, clusterOptions{nodes: 1}, func(t *testing.T, k *cluster) {
		p := k.dial(0, "ann", "g")
		worker := chanx.NewServer(&chanx.ServerOptions{Layer: k.layer, Logger: quiet})
		k.ok(worker.Broadcast(t.Context(), saidMessage{"1"}, chanx.To("g")))
		k.ok(worker.Broadcast(t.Context(), knockMessage{}, chanx.To("g"))) // declared nowhere
		k.ok(worker.Emit(t.Context(), newsEvent{}, chanx.All()))
		k.ok(worker.Emit(t.Context(), ringEvent{"2"}, chanx.ToUser("ann")))
		k.ok(worker.Join(t.Context(), chanx.ToUser("ann"), "h"))
		synctest.Wait() // the other node hears of h now
		k.ok(worker.Broadcast(t.Context(), saidMessage{"3"}, chanx.To("h")))
		k.expect("by a worker", map[*peer]string{p: "1 (2) 3"})
		for _, what := range []string{"copies_undeclared", "events_undeclared"} {
			if n := k.counts[0].of(what); n != 1 {
				t.Errorf("%d of %q counted, want 1", n, what)
			}
		}
		k.ok(worker.Disconnect(t.Context(), 4000, "by the worker", chanx.All()))
		synctest.Wait()
		if reason := p.ExpectClosed(4000); reason != "by the worker" {
			t.Errorf("reason %q", reason)
		}
		k.ok(worker.Shutdown(context.Background()))
	})
}
