package chanx_test

import (
	"context"
	"fmt"
	"math/rand/v2"
	"strings"
	"sync"
	"testing"
	"time"

	"github.com/chanx-go/chanx"
	"github.com/chanx-go/chanx/internal/faultlayer"
)

// TestOrderUnderRandomDelays has all connections and servers of three nodes send at the same time, over links of which
// each publication takes its own time: whoever listens hears everything once, and each sender's messages to a target in
// order.
func TestOrderUnderRandomDelays(t *testing.T) {
	const each = 60
	odds := faultlayer.Odds{Delay: 0.7, MaxDelay: 20 * time.Millisecond}
	faults := faultlayer.Faults{Deliver: faultlayer.Random(rand.New(rand.NewPCG(5, 6)), odds)}
	inCluster(t, clusterOptions{nodes: 3, faults: faults}, func(t *testing.T, k *cluster) {
		for node := range 3 {
			k.dial(node, "ann", "g", "h")
			k.dial(node, fmt.Sprintf("user%d", node), "h", "g")
		}
		senders := map[string]func(context.Context, saidMessage, ...chanx.Target) error{}
		for i, s := range k.nodes {
			senders[fmt.Sprintf("node%d", i)] = func(ctx context.Context, m saidMessage, to ...chanx.Target) error {
				return s.Broadcast(ctx, m, to...)
			}
		}
		for _, p := range k.peers {
			senders[p.name] = func(ctx context.Context, m saidMessage, to ...chanx.Target) error {
				var opts []chanx.BroadcastOption
				for _, one := range to {
					opts = append(opts, one)
				}
				return p.conn.Broadcast(ctx, m, opts...)
			}
		}
		// What each is called is the target by which all receivers get it: the first that they match.
		aims := []struct {
			by string
			to []chanx.Target
		}{
			{"g", []chanx.Target{chanx.To("g")}},
			{"h", []chanx.Target{chanx.To("h", "g"), chanx.All()}},
			{"g", []chanx.Target{chanx.To("none", "g", "h"), chanx.ToUser("ann")}},
			{"all", []chanx.Target{chanx.All(), chanx.To("g")}},
		}
		var work sync.WaitGroup
		for name, send := range senders {
			rnd := rand.New(rand.NewPCG(uint64(len(name)), 7))
			work.Go(func() {
				for n := range each {
					a := aims[rnd.IntN(len(aims))]
					k.ok(send(t.Context(), saidMessage{fmt.Sprintf("%s %s %d", name, a.by, n)}, a.to...))
					time.Sleep(time.Duration(rnd.Int64N(int64(2 * time.Millisecond)))) // in a bubble
				}
			})
		}
		work.Wait()
		pass(time.Second)
		for p, got := range k.received() {
			last := map[string]int{}
			for _, text := range got {
				var sender, by string
				var n int
				if _, err := fmt.Sscanf(strings.TrimRight(text, "+!"), "%s %s %d", &sender, &by, &n); err != nil {
					t.Fatalf("got %q: %v", text, err)
				}
				if before, ok := last[sender+by]; ok && n <= before {
					t.Errorf("%s got number %d of %s to %s behind %d", p.name, n, sender, by, before)
				}
				last[sender+by] = n
			}
			if want := len(senders) * each; len(got) != want {
				t.Errorf("%s got %d messages, want %d", p.name, len(got), want)
			}
		}
	})
}
