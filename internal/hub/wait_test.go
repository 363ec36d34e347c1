package hub

import (
	"context"
	"strings"
	"testing"
	"testing/synctest"
	"time"
)

// TestDeliverBlocksWhileTooMuchIsPending: beyond maxPending, Deliver returns when no more than half of it is pending.
func TestDeliverBlocksWhileTooMuchIsPending(t *testing.T) {
	synctest.Test(t, func(t *testing.T) {
		h, m := newHub(1, 1)
		h.Join("g", m[0])
		m[0].hold = make(chan struct{})
		large, less := strings.Repeat("x", maxPending/4*3), strings.Repeat("x", maxPending/4)
		h.Deliver(large, "g")
		m[0].hold <- struct{}{} // the worker has started on it
		handed := false
		go func() {
			h.Deliver(less, "g")
			handed = true
		}()
		synctest.Wait()
		if handed {
			t.Error("Deliver did not block")
		}
		m[0].hold <- struct{}{}
		synctest.Wait()
		if !handed {
			t.Error("Deliver blocks longer than necessary")
		}
		m[0].hold <- struct{}{}
		m[0].hold <- struct{}{}
		h.Flush(context.Background())
		m[0].expect(t, large, less)
		if due := h.shards[0].pending; due != (load{}) {
			t.Errorf("%+v is still pending", due)
		}
	})
}

// TestDeliverBlocksForALimitedTime: a member that delivers while the worker calls it would otherwise wait for itself.
// DeliverMatch never blocks.
func TestDeliverBlocksForALimitedTime(t *testing.T) {
	synctest.Test(t, func(t *testing.T) {
		h, m := newHub(1, 1)
		h.Join("g", m[0])
		m[0].hold = make(chan struct{})
		begin := time.Now()
		h.DeliverMatch(strings.Repeat("x", maxPending), []string{"g"}, 0)
		if d := time.Since(begin); d != 0 {
			t.Errorf("DeliverMatch took %v", d)
		}
		h.Deliver("small", "g")
		if d := time.Since(begin); d != maxWait {
			t.Errorf("Deliver took %v, want %v", d, maxWait)
		}
		close(m[0].hold)
		h.Flush(context.Background())
		h.Deliver("small", "g")
		if d := time.Since(begin); d != maxWait {
			t.Errorf("with an empty queue, Deliver took %v", d-maxWait)
		}
		h.Flush(context.Background())
	})
}
