package chanx

import (
	"math/bits"
	"runtime"
	"sync"
	"testing"
	"unsafe"
)

// TestCounterCellsFillCacheLines checks that each cell has its own cache line, that there are enough cells, and that
// consecutive connections use all of them.
func TestCounterCellsFillCacheLines(t *testing.T) {
	h, s := newHandledCounter(), newSentCounter()
	if n := len(h); n != len(s) || bits.OnesCount(uint(n)) != 1 || n > 64 || n < min(64, 4*runtime.GOMAXPROCS(0)) {
		t.Errorf("%d and %d cells", len(h), len(s))
	}
	if unsafe.Sizeof(h[0]) != cacheLine || unsafe.Sizeof(s[0]) != cacheLine {
		t.Errorf("cells of %d and %d bytes", unsafe.Sizeof(h[0]), unsafe.Sizeof(s[0]))
	}
	if a, b := uintptr(unsafe.Pointer(&h[0])), uintptr(unsafe.Pointer(&s[0])); a%cacheLine != 0 || b%cacheLine != 0 {
		t.Errorf("cells at %x and %x", a, b)
	}
	seen := map[*handledCell]bool{}
	for _, c := range speakers(len(h)) {
		seen[h.of(c)] = true
	}
	if len(seen) != len(h) {
		t.Errorf("%d connections have %d of %d cells", len(h), len(seen), len(h))
	}
}

// TestConcurrentCountsAddUp checks that no count is lost when many goroutines count concurrently.
func TestConcurrentCountsAddUp(t *testing.T) {
	h, s := newHandledCounter(), newSentCounter()
	const each = 1000
	conns := speakers(8)
	var wg sync.WaitGroup
	for range 4 {
		for _, c := range conns {
			wg.Go(func() {
				for n := range each {
					w := h.of(c).begin(false)
					w.stop()
					s.of(conns[n%2]).add(1, 3)
				}
			})
		}
	}
	wg.Wait()
	all := uint64(4 * len(conns) * each)
	if got := h.addTo(HandledStats{Count: 1, Failed: 2, Time: -1}); got.Count != all+1 || got.Failed != 2 || got.Time < 0 {
		t.Errorf("%+v, want %d", got, all+1)
	}
	if got := s.addTo(SentStats{Bytes: 1}); got != (SentStats{all, 3*all + 1}) {
		t.Errorf("%+v, want %d", got, all)
	}
}

// TestRefusalsHaveEveryReason checks that each reason has a counter; addError would panic for one without.
func TestRefusalsHaveEveryReason(t *testing.T) {
	r := newRefusals()
	for _, err := range []error{errRate, errDuplicate, errTooBusy, errCancelled, errNotOpen} {
		r.addError(err)
	}
	if n := r.numbers(); n["cancelled"] != 2 || n["rate_limited"] != 1 || n["duplicate_ref"] != 1 || n["too_busy"] != 1 || len(n) != 6 {
		t.Errorf("%v", n)
	}
}

// TestDropsOfTheTransportHaveReasons checks that each kind of drop of package socket has a DropReason of its own.
func TestDropsOfTheTransportHaveReasons(t *testing.T) {
	seen := map[DropReason]bool{"": true}
	for kind, why := range socketDrops {
		if seen[why] {
			t.Errorf("kind %d has the reason %q", kind, why)
		}
		seen[why] = true
	}
}
