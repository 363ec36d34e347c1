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

// held returns a hub with one shard whose worker is inside the member "gate", until that is let go.
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

// TestMemoryIsBounded makes large deliveries, of several times what may be held, that no worker takes. Every member
// that misses one is told of.
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
			t.Fatalf("%d of %d are taken, %d slices missed the last", taken, i, len(missed))
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
			t.Errorf("got %d behind what was taken, want the one that was made when there was room", len(m.got[taken:]))
		}
	}
	if due := h.shards[0].pending; due != (load{}) {
		t.Errorf("%+v is still due", due)
	}
}

// TestWorkIsBounded has a message that is small, to a group that is large: no memory to speak of, but the worker would
// be busy with it for long. What finds an empty queue is taken, however much it is.
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
		t.Errorf("it is not the work that was too much, but %+v", due)
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

// TestChangingGroupsHoldTheirSnapshots: who leaves between two deliveries makes a new list of the members, which is
// memory; without a change it is one list.
func TestChangingGroupsHoldTheirSnapshots(t *testing.T) {
	h, ms, gate := blockedHub(1000)
	grow := func() int64 {
		before := h.shards[0].pending.memory
		h.DeliverMatch("", []string{"g"}, 0)
		return h.shards[0].pending.memory - before
	}
	if first, again := grow(), grow(); first != perDelivery+1000*perMember || again != perDelivery {
		t.Errorf("held %d, then %d", first, again)
	}
	h.Leave("g", ms[0])
	if n := grow(); n != perDelivery+999*perMember {
		t.Errorf("held %d for a new list", n)
	}
	close(gate.hold)
	h.Flush(context.Background())
}

// TestManyWaitersCannotFillTheMemory: each waits, and then again with the next; what they make meanwhile is bounded all
// the same.
func TestManyWaitersCannotFillTheMemory(t *testing.T) {
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
