package chanx

import (
	"errors"
	"math/bits"
	"runtime"
	"sync/atomic"
	"time"
)

// A counter has several cells, each on a cache line of its own: connections are spread over them, so that cores which
// count at the same time seldom wait for each other. The sum is made when somebody asks.
type (
	handledCounter []handledCell
	sentCounter    []sentCell
)

type handledCell struct {
	count, failed atomic.Uint64
	time          atomic.Int64 // nanoseconds
	_             [cacheLine - 24]byte
}

type sentCell struct {
	count, bytes atomic.Uint64
	_            [cacheLine - 16]byte
}

const cacheLine = 64

// cells is how many a counter has, a power of two: more than cores, or two of them would often meet.
func cells() int { return min(64, 1<<bits.Len(uint(4*runtime.GOMAXPROCS(0)-1))) }

func newHandledCounter() handledCounter { return make(handledCounter, cells()) }
func newSentCounter() sentCounter       { return make(sentCounter, cells()) }

func (h handledCounter) of(c *Conn) *handledCell { return &h[c.shard&uint32(len(h)-1)] }
func (s sentCounter) of(c *Conn) *sentCell       { return &s[c.shard&uint32(len(s)-1)] }

func (h handledCounter) addTo(sum HandledStats) HandledStats {
	for i := range h {
		sum.Failed += h[i].failed.Load() // before the others, of which it is a part
		sum.Count += h[i].count.Load()
		sum.Time += time.Duration(h[i].time.Load())
	}
	return sum
}

func (s sentCounter) addTo(sum SentStats) SentStats {
	for i := range s {
		sum.Count += s[i].count.Load()
		sum.Bytes += s[i].bytes.Load()
	}
	return sum
}

func (s *sentCell) add(count, bytes int) {
	s.count.Add(uint64(count))
	s.bytes.Add(uint64(bytes))
}

// sampling is how many handlers the clock is read for once: to read it takes as long as some handlers.
const sampling = 16

// stopwatch is of one handler. Its weight is how many handlers it stands for; 0: it does not run.
type stopwatch struct {
	cell   *handledCell
	since  time.Duration // from epoch
	weight time.Duration
}

// epoch is where time is counted from: one number is handed around faster than a time.Time.
var epoch = time.Now()

// begin counts a handler that begins. Until there is something to choose from all are measured, so that numbers of what
// happens rarely are exact; and the time only ever grows.
func (h *handledCell) begin(exact bool) stopwatch {
	n := h.count.Add(1)
	switch {
	case exact || n <= sampling:
		return stopwatch{h, time.Since(epoch), 1}
	case n%sampling == 0:
		return stopwatch{h, time.Since(epoch), sampling}
	}
	return stopwatch{}
}

func (w stopwatch) stop() {
	if w.cell != nil {
		w.cell.time.Add(int64((time.Since(epoch) - w.since) * w.weight))
	}
}

// refusals count messages and events that no handler got, by why.
type refusals map[string]*atomic.Uint64

const (
	refusedInvalid  = "invalid"
	refusedInternal = "internal"
)

func newRefusals() refusals {
	r := refusals{}
	for _, why := range []string{
		refusedInvalid, refusedInternal, errRate.Reason, errDuplicate.Reason, errTooBusy.Reason, errCancelled.Reason,
	} {
		r[why] = new(atomic.Uint64)
	}
	return r
}

func (r refusals) add(why string) { r[why].Add(1) }

// addError counts a call that was refused. Without a reason its context has ended while it waited.
func (r refusals) addError(err error) {
	if told, ok := errors.AsType[*Error](err); ok {
		r.add(told.Reason)
		return
	}
	r.add(errCancelled.Reason)
}

func (r refusals) numbers() map[string]uint64 {
	all := map[string]uint64{}
	for why, n := range r {
		all[why] = n.Load()
	}
	return all
}
