package chanx_test

import (
	"context"
	"slices"
	"strings"
	"testing"
	"testing/synctest"

	"github.com/chanx-go/chanx"
	"github.com/chanx-go/chanx/chanxtest"
	"github.com/chanx-go/chanx/layer/memlayer"
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

// TestWorkersNeedNoConsumer has a node without consumers. It can send to all nodes; the receiving node checks whether its
// consumers declare the type.
func TestWorkersNeedNoConsumer(t *testing.T) {
	inCluster(t, clusterOptions{nodes: 1}, func(t *testing.T, k *cluster) {
		p := k.dial(0, "ann", "g")
		worker := chanx.NewServer(&chanx.ServerOptions{Layer: k.layer, Logger: quiet})
		k.ok(worker.Broadcast(t.Context(), saidMessage{"1"}, chanx.To("g")))
		k.ok(worker.Broadcast(t.Context(), knockMessage{}, chanx.To("g"))) // no consumer declares it
		k.ok(worker.Emit(t.Context(), newsEvent{}, chanx.All()))
		k.ok(worker.Emit(t.Context(), ringEvent{"2"}, chanx.ToUser("ann")))
		k.ok(worker.Join(t.Context(), chanx.ToUser("ann"), "h"))
		synctest.Wait() // so that the other node has subscribed to h
		k.ok(worker.Broadcast(t.Context(), saidMessage{"3"}, chanx.To("h")))
		k.expect("by a worker", map[*peer]string{p: "1 (2) 3"})
		for _, what := range []chanx.DropReason{"copies_undeclared", "events_undeclared"} {
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

// TestLocalIsThisNodeOnly has every node broadcast to Local, alone and with other targets: each connection receives one
// copy.
func TestLocalIsThisNodeOnly(t *testing.T) {
	diary := &watcher{name: "a"}
	o := clusterOptions{nodes: 2, server: func(node int, o *chanx.ServerOptions) {
		if node == 0 {
			o.Observer = diary
		}
	}}
	inCluster(t, o, func(t *testing.T, k *cluster) {
		ctx := t.Context()
		a, b, c := k.dial(0, "ann", "g"), k.dial(0, "bob", "h"), k.dial(1, "cat", "g", "h")
		every, g, none := chanx.Local(), chanx.Local("g"), chanx.Local([]string{}...)
		for i, x := range []struct {
			to   []chanx.Target
			want map[*peer]string
		}{
			{[]chanx.Target{every}, map[*peer]string{a: "x", b: "x"}},
			{[]chanx.Target{g}, map[*peer]string{a: "x"}},
			{[]chanx.Target{g, every, g}, map[*peer]string{a: "x", b: "x"}},
			{[]chanx.Target{none}, nil},
			{[]chanx.Target{g, chanx.To("h")}, map[*peer]string{a: "x", b: "x", c: "x"}},
			{[]chanx.Target{chanx.To("g"), every}, map[*peer]string{a: "x", b: "x", c: "x"}},
			{[]chanx.Target{chanx.ToUser("cat"), chanx.Local("g", "h")}, map[*peer]string{a: "x", b: "x", c: "x"}},
		} {
			diary.take()
			k.ok(k.nodes[0].Broadcast(ctx, saidMessage{"x"}, x.to...))
			k.expect("broadcast", x.want)
			k.ok(k.nodes[0].Emit(ctx, ringEvent{"x"}, x.to...))
			events := map[*peer]string{}
			for p := range x.want {
				events[p] = "(x)"
			}
			k.expect("emit", events)
			published := strings.Count(strings.Join(diary.take(), "\n"), "publish ")
			if want := map[bool]int{true: 2, false: 0}[i > 3]; published != want {
				t.Errorf("case %d: published %d times, want %d", i, published, want)
			}
		}
		k.ok(a.conn.Broadcast(ctx, saidMessage{"y"}, every, chanx.ExceptSelf()))
		k.expect("of a connection", map[*peer]string{b: "y"})
		k.ok(a.conn.Broadcast(ctx, saidMessage{"y"}, g))
		k.expect("to itself", map[*peer]string{a: "y+!"})
		k.ok(c.conn.Emit(ctx, ringEvent{"z"}, every))
		k.expect("an event of a connection", map[*peer]string{c: "(z)"})

		k.ok(k.nodes[0].Join(ctx, every, "new"))
		k.ok(k.nodes[1].Broadcast(ctx, saidMessage{"new"}, chanx.To("new")))
		k.expect("join", map[*peer]string{a: "new", b: "new"})
		k.ok(k.nodes[0].Leave(ctx, g, "new"))
		k.ok(k.nodes[1].Broadcast(ctx, saidMessage{"left"}, chanx.To("new")))
		k.expect("leave", map[*peer]string{b: "left"})
		k.ok(k.nodes[0].Disconnect(ctx, 4000, "", g))
		synctest.Wait()
		if a.Ended() == nil || b.Ended() != nil || c.Ended() != nil {
			t.Errorf("ended: %v, %v, %v", a.Ended(), b.Ended(), c.Ended())
		}
		if err := k.nodes[0].Broadcast(ctx, saidMessage{"x"}, chanx.Local("")); err == nil {
			t.Error("a bad name is no error")
		}
	})
}

func TestLocalDoesNotNeedTheLayer(t *testing.T) {
	inCluster(t, clusterOptions{nodes: 1}, func(t *testing.T, k *cluster) {
		a := k.dial(0, "ann", "g")
		k.layer.Down(0, errCut)
		k.ok(k.nodes[0].Broadcast(t.Context(), saidMessage{"x"}, chanx.Local()))
		k.expect("down", map[*peer]string{a: "x"})
	})
}

// TestLocalOfAConsumer checks that it reaches the connections of each server on which the consumer is mounted, also if the
// servers share a layer.
func TestLocalOfAConsumer(t *testing.T) {
	synctest.Test(t, func(t *testing.T) {
		l, c := memlayer.New(), newDesk(nil)
		var clients []*chanxtest.Conn
		var servers []*chanx.Server
		for range 2 {
			srv := serve(&chanx.ServerOptions{Layer: l, Logger: quiet}, "/desk/{name}", c)
			servers = append(servers, srv)
			clients = append(clients, chanxtest.Dial(t, srv, "/desk/one", asUser("ann")))
		}
		synctest.Wait()
		for range 2 {
			for _, client := range clients {
				for range client.Pending() {
					client.Next()
				}
			}
			if err := c.Emit(t.Context(), ringEvent{"x"}, chanx.Local()); err != nil {
				t.Error(err)
			}
			synctest.Wait()
			for i, client := range clients {
				if got := client.Pending(); len(got) != 1 {
					t.Errorf("server %d: got %q", i, got)
				}
			}
		}
		for _, srv := range servers {
			if err := srv.Shutdown(t.Context()); err != nil {
				t.Error(err)
			}
		}
	})
}

// TestNoTargetAndNoGroupIsAnError checks that the error says what to do.
func TestNoTargetAndNoGroupIsAnError(t *testing.T) {
	inCluster(t, clusterOptions{nodes: 1}, func(t *testing.T, k *cluster) {
		ctx := t.Context()
		p := k.dial(0, "ann")
		for what, err := range map[string]error{
			"broadcast":             p.conn.Broadcast(ctx, saidMessage{"x"}),
			"broadcast except self": p.conn.Broadcast(ctx, saidMessage{"x"}, chanx.ExceptSelf()),
			"emit":                  p.conn.Emit(ctx, ringEvent{"x"}),
		} {
			if err == nil || !strings.Contains(err.Error(), "no target") || !strings.Contains(err.Error(), "chanx.To(") {
				t.Errorf("%s: %v", what, err)
			}
		}
		k.ok(p.conn.Broadcast(ctx, saidMessage{"x"}, chanx.To()))
		k.ok(p.conn.Emit(ctx, ringEvent{"x"}, chanx.To()))
		k.expect("nobody", nil)
		k.ok(p.conn.Join(ctx, "g"))
		k.ok(p.conn.Broadcast(ctx, saidMessage{"x"}))
		k.expect("a group", map[*peer]string{p: "x+!"})
		p.Close(1000, "")
		synctest.Wait()
		if err := p.conn.Broadcast(ctx, saidMessage{"x"}); err != chanx.ErrClosed {
			t.Errorf("after its end: %v", err)
		}
	})
}
