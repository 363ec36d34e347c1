package chanx_test

import (
	"context"
	"errors"
	"fmt"
	"log/slog"
	"runtime"
	"slices"
	"strings"
	"sync"
	"testing"
	"testing/synctest"
	"time"

	"github.com/chanx-go/chanx"
)

// heard records the events that the OnNode handlers of a cluster receive, by node.
type heard struct {
	mu  sync.Mutex
	all map[int][]string
}

func (h *heard) take() map[int][]string {
	synctest.Wait()
	h.mu.Lock()
	defer h.mu.Unlock()
	all := h.all
	h.all = map[int][]string{}
	return all
}

// listen registers an OnNode handler on the nodes.
func (h *heard) listen(k *cluster, nodes ...int) {
	h.all = map[int][]string{}
	for _, i := range nodes {
		chanx.OnNode(k.nodes[i], func(_ context.Context, e ringEvent) error {
			h.mu.Lock()
			h.all[i] = append(h.all[i], e.How)
			h.mu.Unlock()
			return failure(e.How)
		})
	}
}

// TestNodeEventsRunOnceOnEachNode emits them by each function, alone and with other targets: each node that has a handler
// runs it once, in order.
func TestNodeEventsRunOnceOnEachNode(t *testing.T) {
	inCluster(t, clusterOptions{nodes: 4}, func(t *testing.T, k *cluster) {
		ctx, h := t.Context(), &heard{}
		h.listen(k, 0, 1, 3)
		a, b := k.dial(0, "ann", "g"), k.dial(2, "bob", "g")
		emitters := []func(how string, to ...chanx.Target) error{
			func(how string, to ...chanx.Target) error { return k.nodes[0].Emit(ctx, ringEvent{how}, to...) },
			func(how string, to ...chanx.Target) error { return k.nodes[2].Emit(ctx, ringEvent{how}, to...) },
			func(how string, to ...chanx.Target) error { return a.conn.Emit(ctx, ringEvent{how}, to...) },
			func(how string, to ...chanx.Target) error { return b.conn.Emit(ctx, ringEvent{how}, to...) },
		}
		for i, emit := range emitters {
			var want []string
			for n := range 20 {
				how := fmt.Sprintf("%d.%d", i, n)
				want = append(want, how)
				k.ok(emit(how, chanx.Nodes(), chanx.Nodes()))
			}
			got := h.take()
			if len(got) != 3 || !slices.Equal(got[0], want) || !slices.Equal(got[1], want) || !slices.Equal(got[3], want) {
				t.Errorf("emitter %d: got %v", i, got)
			}
			k.expect("only nodes", nil)
			k.ok(emit("both", chanx.To("g"), chanx.Nodes(), chanx.Local()))
			if got := fmt.Sprint(h.take()); got != "map[0:[both] 1:[both] 3:[both]]" {
				t.Errorf("emitter %d beside a group: %s", i, got)
			}
			k.expect("both", map[*peer]string{a: "(both)", b: "(both)"})
		}
		for i, want := range []uint64{84, 84, 0, 84} {
			if got := k.nodes[i].Stats().NodeEvents["ring"].Count; got != want {
				t.Errorf("node %d counts %d, want %d", i, got, want)
			}
		}
		for what, err := range map[string]error{
			"Server.Broadcast": k.nodes[0].Broadcast(ctx, saidMessage{"x"}, chanx.Nodes()),
			"Conn.Broadcast":   a.conn.Broadcast(ctx, saidMessage{"x"}, chanx.Nodes()),
			"Join":             k.nodes[0].Join(ctx, chanx.Nodes(), "g"),
			"Disconnect":       k.nodes[0].Disconnect(ctx, 4000, "", chanx.Nodes()),
		} {
			if err == nil || !strings.Contains(err.Error(), "target of Emit only") {
				t.Errorf("%s: %v", what, err)
			}
		}
	})
}

// TestFailedNodeEventsAreLoggedAndCounted checks that errors, panics, Goexit and invalid data are logged and counted, and that
// later events are handled.
func TestFailedNodeEventsAreLoggedAndCounted(t *testing.T) {
	log := &logRecorder{}
	inCluster(t, clusterOptions{nodes: 2, server: logOfNode0(log)}, func(t *testing.T, k *cluster) {
		ctx := t.Context()
		var got []string
		chanx.OnNode(k.nodes[0], func(_ context.Context, e ringEvent) error {
			got = append(got, e.How)
			if e.How == "exit" {
				runtime.Goexit()
			}
			return failure(e.How)
		})
		for _, how := range []string{"internal", "panic", "exit", "fine", "close"} {
			k.ok(k.nodes[1].Emit(ctx, ringEvent{how}, chanx.Nodes()))
		}
		k.ok(k.nodes[1].Emit(ctx, otherRing{1}, chanx.Nodes()))
		k.ok(k.nodes[1].Emit(ctx, newsEvent{}, chanx.Nodes()))
		k.ok(k.nodes[0].Emit(ctx, ringEvent{"last"}, chanx.Nodes()))
		synctest.Wait()
		if want := []string{"internal", "panic", "exit", "fine", "close", "last"}; !slices.Equal(got, want) {
			t.Errorf("got %q, want %q", got, want)
		}
		s := k.nodes[0].Stats()
		if e := s.NodeEvents["ring"]; e.Count != 6 || e.Failed != 4 || s.Drops["events_invalid"] != 1 || s.Drops["events_undeclared"] != 1 {
			t.Errorf("counted are %+v, %v", e, s.Drops)
		}
		var lines []string
		for _, line := range warnings(log.take()) {
			line, _, _ = strings.Cut(line, " error=")
			lines = append(lines, line)
		}
		slices.Sort(lines)
		want := "ERROR event is not valid event=ring;" + strings.Repeat("ERROR node event handler failed event=ring;", 4) + "WARN dropped what=events_invalid count=1"
		if got := strings.Join(lines, ";"); got != want {
			t.Errorf("logged %s", got)
		}
		for range often {
			k.ok(k.nodes[1].Emit(ctx, ringEvent{"internal"}, chanx.Nodes()))
		}
		synctest.Wait()
		if lines := warnings(log.take()); len(lines) != 0 {
			t.Errorf("%d lines of one kind within a minute", len(lines))
		}
	})
}

// TestNodeEventsAreHandledOneAtATime checks also the bound of their queue: Emit on the same node waits for a second, and
// events of other nodes beyond the bound are dropped.
func TestNodeEventsAreHandledOneAtATime(t *testing.T) {
	inCluster(t, clusterOptions{nodes: 2}, func(t *testing.T, k *cluster) {
		ctx, gate := t.Context(), make(chan struct{})
		running, handled := 0, 0
		chanx.OnNode(k.nodes[0], func(context.Context, ringEvent) error {
			if running++; running > 1 {
				t.Error("two handlers run at once")
			}
			<-gate
			running--
			handled++
			return nil
		})
		k.ok(k.nodes[1].Emit(ctx, ringEvent{}, chanx.Nodes()))
		synctest.Wait() // its handler runs now
		for range 1499 {
			k.ok(k.nodes[1].Emit(ctx, ringEvent{}, chanx.Nodes()))
		}
		synctest.Wait()
		dropped := k.counts[0].of("events_node_overflow")
		if dropped != 1500-1024-1 {
			t.Errorf("%d are dropped, want what 1024 and the one that runs leave", dropped)
		}
		start := time.Now()
		k.ok(k.nodes[0].Emit(ctx, ringEvent{}, chanx.Nodes()))
		if took := time.Since(start); took != time.Second || k.counts[0].of("events_node_overflow") != dropped+1 {
			t.Errorf("Emit took %v, dropped are %d", took, k.counts[0].of("events_node_overflow"))
		}
		go func() {
			time.Sleep(time.Second / 2) // in a bubble
			gate <- struct{}{}
		}()
		start = time.Now()
		k.ok(k.nodes[0].Emit(ctx, ringEvent{}, chanx.Nodes()))
		if took := time.Since(start); took != time.Second/2 {
			t.Errorf("with room after half a second, Emit took %v", took)
		}
		close(gate)
		synctest.Wait()
		if handled != 1026 {
			t.Errorf("%d are handled", handled)
		}
	})
}

// TestShutdownWaitsForNodeEvents checks that it waits for their handlers until its context ends.
func TestShutdownWaitsForNodeEvents(t *testing.T) {
	for _, longTimeout := range []bool{true, false} {
		synctest.Test(t, func(t *testing.T) {
			srv := chanx.NewServer(&chanx.ServerOptions{Logger: quiet})
			var ends []error
			chanx.OnNode(srv, func(ctx context.Context, _ ringEvent) error {
				select {
				case <-time.After(time.Second):
				case <-ctx.Done():
				}
				ends = append(ends, ctx.Err())
				return nil
			})
			for range 5 {
				if err := srv.Emit(t.Context(), ringEvent{}, chanx.Nodes()); err != nil {
					t.Error(err)
				}
			}
			ctx, cancel := context.WithTimeout(t.Context(), map[bool]time.Duration{true: time.Minute, false: 1500 * time.Millisecond}[longTimeout])
			defer cancel()
			err := srv.Shutdown(ctx)
			synctest.Wait()
			drops := srv.Stats().Drops["events_node_unhandled"]
			switch {
			case longTimeout && (err != nil || drops != 0 || !slices.Equal(ends, make([]error, 5))):
				t.Errorf("Shutdown: %v, the handlers end with %v, %d are dropped", err, ends, drops)
			case !longTimeout && (!errors.Is(err, context.DeadlineExceeded) || drops != 3 || len(ends) != 2 || ends[1] == nil):
				t.Errorf("Shutdown: %v, the handlers end with %v, %d are dropped", err, ends, drops)
			}
			if err := srv.Emit(t.Context(), ringEvent{}, chanx.Nodes()); !errors.Is(err, chanx.ErrClosed) {
				t.Errorf("Emit after Shutdown: %v", err)
			}
		})
	}
}

// TestUnsignedNodeEventsAreRefused checks that an event which is not signed with a key of the cluster reaches no handler.
func TestUnsignedNodeEventsAreRefused(t *testing.T) {
	keys := func(node int, o *chanx.ServerOptions) {
		o.LayerAuth.Keys = [][]byte{secret([]string{"a", "a", "b"}[node])}
	}
	inCluster(t, clusterOptions{nodes: 3, server: keys}, func(t *testing.T, k *cluster) {
		h := &heard{}
		h.listen(k, 0)
		for i, want := range []string{"map[0:[x]]", "map[0:[x]]", "map[]"} {
			k.ok(k.nodes[i].Emit(t.Context(), ringEvent{"x"}, chanx.Nodes()))
			if got := fmt.Sprint(h.take()); got != want {
				t.Errorf("from node %d: %s", i, got)
			}
		}
	})
}

// TestOnNodeWhileTheLayerIsDown checks that a handler registered then receives events when the layer is up.
func TestOnNodeWhileTheLayerIsDown(t *testing.T) {
	inCluster(t, clusterOptions{nodes: 2}, func(t *testing.T, k *cluster) {
		h := &heard{}
		k.layer.Down(0, errCut)
		h.listen(k, 0)
		k.unavailable("Emit", k.nodes[0].Emit(t.Context(), ringEvent{"here"}, chanx.Nodes()))
		k.layer.Up(0)
		synctest.Wait()
		k.ok(k.nodes[1].Emit(t.Context(), ringEvent{"there"}, chanx.Nodes()))
		if got := fmt.Sprint(h.take()); got != "map[0:[here there]]" {
			t.Errorf("got %s", got)
		}
	})
}

func TestOnNodeRefusesMistakes(t *testing.T) {
	srv := chanx.NewServer(&chanx.ServerOptions{Logger: slog.New(slog.DiscardHandler)})
	defer srv.Shutdown(t.Context())
	chanx.OnNode(srv, func(context.Context, ringEvent) error { return nil })
	for says, register := range map[string]func(){
		"it is a pointer":         func() { chanx.OnNode(srv, func(context.Context, *ringEvent) error { return nil }) },
		"its handler is nil":      func() { chanx.OnNode[newsEvent](srv, nil) },
		"name is empty":           func() { chanx.OnNode(srv, func(context.Context, emptyEvent) error { return nil }) },
		"already":                 func() { chanx.OnNode(srv, func(context.Context, ringEvent) error { return nil }) },
		"it is an interface":      func() { chanx.OnNode(srv, func(context.Context, chanx.Event) error { return nil }) },
		"register node event":     func() { chanx.OnNode(srv, func(context.Context, chanEvent) error { return nil }) },
		"travels without a frame": func() { chanx.OnNode(srv, func(context.Context, framedEvent) error { return nil }) },
	} {
		func() {
			defer func() {
				if text := fmt.Sprint(recover()); !strings.HasPrefix(text, "chanx: register ") || !strings.Contains(text, says) {
					t.Errorf("panic %q, want %q", text, says)
				}
			}()
			register()
		}()
	}
}

type (
	emptyEvent struct{}
	chanEvent  struct {
		C chan int `json:"c"`
	}
	framedEvent struct {
		Key string `json:"key" frame:"true"`
	}
)

func (emptyEvent) Event() string  { return "" }
func (chanEvent) Event() string   { return "chan" }
func (framedEvent) Event() string { return "framed" }
