package chanx_test

import (
	"fmt"
	"log/slog"
	"strconv"
	"strings"
	"testing"
	"testing/synctest"
	"time"

	"github.com/chanx-go/chanx"
	"github.com/chanx-go/chanx/layer"
)

// plug is an Observer that blocks the workers of the hub at a frame of an action, until its gate is closed.
type plug struct {
	dropCounter
	action string
	gate   chan struct{}
	link   layer.Link // of flood
	bulk   []byte
}

func (p *plug) Out(_ *chanx.Conn, action string, _ int) {
	if action == p.action {
		<-p.gate
	}
}

// overloadedCluster runs a test with a cluster in which the workers of node 1 can be blocked. log has the lines of node 1.
func overloadedCluster(t *testing.T, test func(t *testing.T, k *cluster, p *plug, log *logRecorder)) {
	t.Helper()
	p, log := &plug{dropCounter: dropCounter{drops: map[chanx.DropReason]int{}}, action: "said"}, &logRecorder{}
	o := clusterOptions{nodes: 2, server: func(node int, o *chanx.ServerOptions) {
		o.Limits.SendQueueBytes = -1
		if node == 1 {
			o.Observer, o.Logger = p, slog.New(log)
		}
	}}
	inCluster(t, o, func(t *testing.T, k *cluster) {
		p.gate = make(chan struct{}) // a channel made in the bubble
		test(t, k, p, log)
	})
}

const busy = "copies_overload"

// fill publishes from node 0 to the group g: first a message that blocks the workers of node 1, then large messages that no
// consumer declares, until one is dropped.
func (p *plug) fill(k *cluster) {
	k.t.Helper()
	k.ok(k.nodes[0].Broadcast(k.t.Context(), saidMessage{"0"}, chanx.To("g")))
	synctest.Wait()
	for p.of(busy) == 0 {
		p.flood(k, 1)
	}
}

func (p *plug) flood(k *cluster, n int) {
	k.t.Helper()
	ctx := k.t.Context()
	if p.link == nil { // encoding takes long, so the data is encoded once and published many times
		p.link = k.layer.Open(layer.Receiver{Receive: func(_ string, data []byte) { p.bulk = data }})
		k.ok(p.link.Subscribe(ctx, "g/g"))
		k.ok(k.nodes[0].Broadcast(ctx, bulkMessage{Bulk: strings.Repeat("x", 15<<20)}, chanx.To("g")))
		k.ok(p.link.Unsubscribe(ctx, "g/g"))
		n--
	}
	for range n {
		k.ok(p.link.Publish(ctx, "g/g", p.bulk))
	}
	synctest.Wait()
}

// TestPublicationsOfOthersAreBounded checks that publications of other nodes are queued up to a bound while the workers do
// not keep up. Those beyond it are counted, once for each member that missed one; the others arrive in order.
func TestPublicationsOfOthersAreBounded(t *testing.T) {
	overloadedCluster(t, func(t *testing.T, k *cluster, p *plug, _ *logRecorder) {
		ann, bob := k.dial(1, "ann", "g"), k.dial(1, "bob", "g")
		say := func(n int) {
			k.ok(k.nodes[0].Broadcast(t.Context(), saidMessage{fmt.Sprint(n)}, chanx.To("g")))
		}
		const many, bulky = 20, 9
		for n := range many {
			say(n)
			if synctest.Wait(); n < bulky {
				p.flood(k, 1)
			}
		}
		before := p.of(busy)
		close(p.gate)
		synctest.Wait()
		say(many)
		missed := 0
		for peer, got := range k.received() {
			last := -1
			for _, text := range got {
				n, err := strconv.Atoi(text)
				if err != nil || n <= last {
					t.Errorf("%s got %q behind %d", peer.name, text, last)
				}
				last = n
			}
			if missed += many + 1 - len(got); last != many || len(got) < 5 {
				t.Errorf("%s got %q, want what was said first, and when there was room", peer.name, got)
			}
		}
		filler := 2*bulky - p.of("copies_undeclared")
		if missed == 0 || filler == 0 || before != missed+filler || k.nodes[1].Stats().Drops[busy] != uint64(before) {
			t.Errorf("%d copies are counted, want %d and %d; %v", before, missed, filler, k.nodes[1].Stats().Drops)
		}
		if ann.Ended() != nil || bob.Ended() != nil {
			t.Errorf("they ended with %v, %v", ann.Ended(), bob.Ended())
		}
	})
}

// TestOverloadIsLoggedOnceAMinute checks that the line has the number of lost messages.
func TestOverloadIsLoggedOnceAMinute(t *testing.T) {
	overloadedCluster(t, func(t *testing.T, k *cluster, p *plug, log *logRecorder) {
		k.dial(1, "ann", "g")
		p.fill(k)
		p.flood(k, 2)
		pass(time.Minute)
		p.flood(k, 1)
		got := strings.Join(log.take(), "\n")
		want := "WARN dropped what=" + busy + " count=1\nWARN dropped what=" + busy + " count=2"
		if got != want || p.of(busy) != 4 {
			t.Errorf("%d are counted, logged is\n%s", p.of(busy), got)
		}
		close(p.gate)
	})
}

// TestDisconnectReachesAnOverloadedServer checks that Disconnect, by each kind of target, overtakes queued publications.
func TestDisconnectReachesAnOverloadedServer(t *testing.T) {
	for by := range 2 {
		overloadedCluster(t, func(t *testing.T, k *cluster, p *plug, _ *logRecorder) {
			ann, bob := k.dial(1, "ann", "g"), k.dial(1, "bob", "g")
			p.fill(k)
			n := p.of(busy)
			k.ok(k.nodes[by].Disconnect(t.Context(), 4401, "revoked", chanx.ToUser("ann")))
			ann.ExpectClosed(4401)
			if bob.Ended() != nil || p.of(busy) != n {
				t.Errorf("bob ended with %v; %d more drops", bob.Ended(), p.of(busy)-n)
			}
			close(p.gate)
		})
	}
}
