//go:build abuse

package abuse_test

import (
	"fmt"
	"runtime"
	"runtime/debug"
	"runtime/metrics"
	"slices"
	"strings"
	"sync"
	"sync/atomic"
	"testing"
	"time"

	"github.com/gobwas/ws"
)

// How a bystander is judged. It must be served while an attack goes on: each answer within patience, and the median no
// worse than a multiple of what it is without the attack, or than a time that people do not mind. Attackers run in the
// same process, with the race detector, on a machine that others use too: the bounds tell starvation from work, not
// fast from slow. The figures are logged.
const (
	quietTrips  = 100
	worstRatio  = 20
	worstMedian = 250 * time.Millisecond
)

// bystander asks, is answered, and asks again.
type bystander struct {
	f     *fort
	conn  *raider
	trips atomic.Int64
	heard atomic.Int64 // of what is said in the square
}

func newBystander(f *fort, apart bool) *bystander {
	path := "/ws"
	if apart {
		path += "?apart"
	}
	conn, err := f.enter(path)
	if err != nil {
		f.t.Fatalf("bystander: %v", err)
	}
	return &bystander{f: f, conn: conn}
}

func (b *bystander) leave() {
	err := b.conn.SetDeadline(time.Now().Add(patience))
	if err == nil {
		err = b.conn.leave()
	}
	if err != nil {
		b.f.t.Errorf("bystander: %v", err)
	}
}

// trip is a question and its answer.
func (b *bystander) trip() (time.Duration, error) {
	begin := time.Now()
	n := b.trips.Add(1)
	err := b.conn.SetDeadline(begin.Add(patience))
	if err == nil {
		err = b.conn.say(text(message("ask", fmt.Sprintf(`{"Text":"%d"}`, n))))
	}
	want := message("answer", fmt.Sprintf(`{"Text":"%d"}`, n))
	for err == nil {
		var op ws.OpCode
		var got string
		op, got, err = b.conn.next()
		switch {
		case err != nil:
		case op == ws.OpText && got == want:
			return time.Since(begin), nil
		case op == ws.OpText && strings.HasPrefix(got, `{"action":"said",`):
			b.heard.Add(1)
		case op != ws.OpPing:
			err = fmt.Errorf("got %#x %.200q", op, got)
		}
	}
	return 0, fmt.Errorf("bystander, question %d: %w", n, err)
}

// rest lets the bystander make so many trips: time for what must not happen.
func (b *bystander) rest(t *testing.T, trips int64) {
	t.Helper()
	until := b.trips.Load() + trips
	eventually(t, "the bystander has made its trips", func() bool { return b.trips.Load() >= until })
}

// figures are what an attack has done to the rest.
type figures struct {
	trips                 int
	quiet                 time.Duration // median
	median, mean, slowest time.Duration
	heap                  int64 // the most by which it has grown
}

func (g figures) String() string {
	us := func(d time.Duration) time.Duration { return d.Round(time.Microsecond) }
	return fmt.Sprintf("bystander: median %v without, %v with the attack (%.1f ×); %d trips, mean %v, slowest %v; heap +%.1f MB",
		us(g.quiet), us(g.median), float64(g.median)/float64(g.quiet), g.trips, us(g.mean), us(g.slowest), float64(g.heap)/1e6)
}

// during runs an attack beside the bystander, and waits until nothing is left of it: no connection and no goroutine.
func (f *fort) during(attack func()) (g figures) {
	f.t.Helper()
	defer debug.SetGCPercent(debug.SetGCPercent(20)) // the figure of the heap is then hardly one of garbage
	var quiet, busy []time.Duration
	for range quietTrips {
		d, err := f.by.trip()
		if err != nil {
			f.t.Fatal(err)
		}
		quiet = append(quiet, d)
	}
	runtime.GC()
	goroutines, heap := runtime.NumGoroutine(), heapBytes()
	var attacked, over atomic.Bool
	var bystanding sync.WaitGroup
	defer bystanding.Wait()
	defer over.Store(true)
	bystanding.Go(func() {
		for !over.Load() {
			d, err := f.by.trip()
			if err != nil {
				f.t.Error(err)
				return
			}
			if !attacked.Load() || len(busy) == 0 {
				busy = append(busy, d)
				g.heap = max(g.heap, heapBytes()-heap)
			}
		}
	})
	attack()
	attacked.Store(true)
	eventually(f.t, "only the bystander is left", func() bool { s := f.seen.sees(); return f.t.Failed() || s.opened-s.ended() == 1 })
	eventually(f.t, "the goroutines of the attack have ended", func() bool { return f.t.Failed() || runtime.NumGoroutine() <= goroutines+1 })
	over.Store(true)
	bystanding.Wait()
	if f.t.Failed() {
		return g
	}
	g.trips, g.quiet, g.median, g.slowest = len(busy), median(quiet), median(busy), slices.Max(busy)
	for _, d := range busy {
		g.mean += d / time.Duration(len(busy))
	}
	f.t.Log(g)
	if g.median > max(worstRatio*g.quiet, worstMedian) {
		f.t.Errorf("the bystander is starved: %v", g)
	}
	return g
}

func median(d []time.Duration) time.Duration {
	slices.Sort(d)
	return d[len(d)/2]
}

// heapBytes is what objects take on the heap, those included that are garbage and not yet swept.
func heapBytes() int64 {
	s := []metrics.Sample{{Name: "/memory/classes/heap/objects:bytes"}}
	metrics.Read(s)
	return int64(s[0].Value.Uint64())
}
