package hub

import (
	"context"
	"fmt"
	"runtime"
	"slices"
	"strings"
	"sync"
	"testing"
	"testing/synctest"
)

// blockedHub returns a hub with one shard, whose worker blocks inside the member "gate" until it is released.
func blockedHub(members int) (*Hub[*member, string], []*member, *member) {
	h, ms := newHub(1, members)
	gate := &member{n: 100, hold: make(chan struct{})}
	h.Join("gate", gate)
	for _, m := range ms {
		h.Join("g", m)
	}
	h.Deliver("stop", "gate")
	gate.hold <- struct{}{}
	return h, ms, gate
}

func heap() int64 {
	runtime.GC()
	var m runtime.MemStats
	runtime.ReadMemStats(&m)
	return int64(m.HeapAlloc)
}

// TestMemoryIsBounded makes deliveries of several times maxMemory while the worker is blocked. Every member that misses
// one is reported.
func TestMemoryIsBounded(t *testing.T) {
	const size, slack = 1 << 20, 32 << 20
	h, ms, gate := blockedHub(3)
	before, taken := heap(), 0
	for i := range 2 * maxMemory / size {
		missed := h.DeliverMatch(fmt.Sprint(i)+strings.Repeat("x", size), []string{"g"}, 0)
		switch {
		case len(missed) == 0 && taken == i:
			taken++
		case len(missed) != 1 || !slices.Equal(missed[0], ms):
			t.Fatalf("%d of %d are queued, %d slices missed the last", taken, i, len(missed))
		}
	}
	if grown := heap() - before; grown > maxMemory+slack || grown < maxMemory/2 {
		t.Errorf("the heap has grown by %d MiB, want %d at most", grown>>20, maxMemory>>20)
	}
	close(gate.hold)
	h.Flush(context.Background())
	h.DeliverMatch("later", []string{"g"}, 0)
	h.Flush(context.Background())
	for _, m := range ms {
		for i, got := range m.got[:taken] {
			if !strings.HasPrefix(got, fmt.Sprint(i)+"x") {
				t.Fatalf("delivery %d is %.10s", i, got)
			}
		}
		if !slices.Equal(m.got[taken:], []string{"later"}) {
			t.Errorf("got %d after the queued ones, want the one delivered when there was room", len(m.got[taken:]))
		}
	}
	if due := h.shards[0].pending; due != (load{}) {
		t.Errorf("%+v is still pending", due)
	}
}

// TestWorkIsBounded sends a small message to a large group: little memory, but much work for the worker. An empty queue
// takes a delivery of any size.
func TestWorkIsBounded(t *testing.T) {
	h, ms, gate := blockedHub(1000)
	part := strings.Repeat("x", maxBacklog/10/len(ms))
	queued := 0
	for len(h.DeliverMatch(part, []string{"g"}, 0)) == 0 {
		queued++
	}
	if queued < 9 || queued > 11 {
		t.Errorf("%d are queued, want about 10", queued)
	}
	if due := h.shards[0].pending; due.memory > maxMemory/10 {
		t.Errorf("the limit of work was not reached: %+v", due)
	}
	if missed := h.DeliverMatch("x", []string{"gate", "g"}, 1); len(missed) != 1 || len(missed[0]) != len(ms) {
		t.Errorf("%d slices of members missed it", len(missed))
	}
	close(gate.hold)
	h.Flush(context.Background())
	if missed := h.DeliverMatch(part+strings.Repeat(part, 20), []string{"g"}, 0); len(missed) != 0 {
		t.Error("an empty queue has no room")
	}
	h.Flush(context.Background())
}

// TestSnapshotsOfChangingGroupsCountAsMemory: a member that leaves between two deliveries causes a new list of the
// members, which is memory. Without a change, deliveries share one list.
func TestSnapshotsOfChangingGroupsCountAsMemory(t *testing.T) {
	h, ms, gate := blockedHub(1000)
	grow := func() int64 {
		before := h.shards[0].pending.memory
		h.DeliverMatch("", []string{"g"}, 0)
		return h.shards[0].pending.memory - before
	}
	if first, again := grow(), grow(); first != perDelivery+1000*perMember || again != perDelivery {
		t.Errorf("memory %d, then %d", first, again)
	}
	h.Leave("g", ms[0])
	if n := grow(); n != perDelivery+999*perMember {
		t.Errorf("memory %d for a new list", n)
	}
	close(gate.hold)
	h.Flush(context.Background())
}

// TestManyBlockedCallersCannotFillTheMemory: each caller blocks and then delivers again. Their deliveries stay bounded.
func TestManyBlockedCallersCannotFillTheMemory(t *testing.T) {
	synctest.Test(t, func(t *testing.T) {
		h, ms, gate := blockedHub(1)
		large := strings.Repeat("x", maxPending/4)
		var mu sync.Mutex
		missed := 0
		var wg sync.WaitGroup
		for range 10 {
			wg.Go(func() {
				for range 4 {
					lost := h.Deliver(large, "g")
					mu.Lock()
					missed += len(lost)
					mu.Unlock()
				}
			})
		}
		wg.Wait()
		if held := h.shards[0].pending.memory; held > maxMemory+maxPending {
			t.Errorf("%d MiB are held", held>>20)
		}
		close(gate.hold)
		h.Flush(context.Background())
		if got := len(ms[0].got); missed == 0 || got+missed != 40 {
			t.Errorf("%d got, %d missed, of 40", got, missed)
		}
	})
}
