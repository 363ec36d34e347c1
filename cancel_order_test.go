package chanx

import (
	"errors"
	"testing"
)

// TestACancelOvertakesItsMessage checks that a cancel takes effect when it is read, at whatever point between the transport
// and its handler the message is then.
func TestACancelOvertakesItsMessage(t *testing.T) {
	t.Parallel()
	const ref = "7"
	for _, k := range []struct {
		name      string
		ahead     uint64 // messages read before the cancel and not yet begun
		begun     int    // messages begun before the cancel is read
		no        int    // number of the message with the ref
		cancelled bool
	}{
		{"it is on its way", 1, 0, 1, true},
		{"it is being decoded", 1, 1, 1, true},
		{"it waits behind one that is on its way", 2, 0, 2, true},
		{"it waits behind one that runs", 2, 1, 2, true},
		{"it comes behind the cancel, with a ref that is free again", 1, 0, 2, false},
		{"likewise, while the first one runs", 1, 1, 2, false},
		{"nothing is ahead but what has been handled", 0, 1, 2, false},
	} {
		var r refs
		var no uint64
		for range k.begun {
			no = r.nextMessage(nil)
		}
		r.cancel(ref, k.ahead)
		for int(no) < k.no {
			no = r.nextMessage(nil)
		}
		call := &Call{Ref: ref, no: no}
		_, err := r.begin(t.Context(), call)
		if errors.Is(err, errCancelled) != k.cancelled || call.cancel.wasCalled() != k.cancelled {
			t.Errorf("%s: begin says %v", k.name, err)
		}
		r.end(call)
		if r.nextMessage(nil); r.cancels != nil && len(*r.cancels) > 0 {
			t.Errorf("%s: the cancel is still remembered", k.name)
		}
	}
}
