//go:build abuse

package abuse_test

import (
	"errors"
	"fmt"
	"maps"
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

// How a bystander is judged. It must be served while an attack goes on: each answer within patience, and the mean no worse
// than a multiple of what it is without the attack, or than a time that people do not mind. Attackers run in the same
// process, with the race detector, on a machine that others use too, and what they take of its time is not the server's
// doing. So there is another bystander, of a server that nobody attacks, whose questions take turns with those of the
// first: who is slow because of the machine is so at both. Means are compared, for on a busy machine an answer takes
// either next to no time or that of a turn of the scheduler, between which a median leaps. The bounds tell starvation from
// work, not fast from slow; the figures are logged.
const (
	quietTrips = 100
	fewTrips   = 12 // fewer may all be lucky for one bystander, and unlucky for the other
	worstRatio = 20 // to the mean without the attack, or to that of the other bystander
	worstMean  = 250 * time.Millisecond
	worstOfFew = 5 * time.Second // likewise, of a few trips
)

// What an attack may take: as bytes on the heap that are in use, and as goroutines for each connection that raiders have
// opened, those of the raiders among them.
const (
	usualHeap       = 32 << 20
	usualGoroutines = 4
	moreGoroutines  = 64 // of the test, the runtime and net/http
)

// bystander asks, is answered, and asks again.
type bystander struct {
	f     *fort
	conn  *raider
	trips atomic.Int64
	heard atomic.Int64 // of what is said in the square
}

func newBystander(f *fort) *bystander {
	path := "/ws"
	if f.plan.apart {
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
	quiet                 time.Duration // mean without the attack
	median, mean, slowest time.Duration
	aside                 time.Duration // mean of the other bystander, at the same time
	heap                  int64         // the most by which it has grown
	goroutines            int64         // likewise
	knocks                int64         // connections of the attack
}

func (g figures) String() string {
	us := func(d time.Duration) time.Duration { return d.Round(time.Microsecond) }
	return fmt.Sprintf("bystander: mean %v without, %v with the attack (%.1f ×), %v aside; %d trips, median %v, slowest %v; "+
		"heap +%.1f MB; %d connections, goroutines +%d", us(g.quiet), us(g.mean), float64(g.mean)/float64(g.quiet),
		us(g.aside), g.trips, us(g.median), us(g.slowest), float64(g.heap)/1e6, g.knocks, g.goroutines)
}

// judge compares the figures with what may be.
func (g figures) judge(t *testing.T, p plan) {
	t.Helper()
	most := max(worstRatio*g.quiet, worstRatio*g.aside, worstMean)
	if g.trips < fewTrips {
		most = max(most, worstOfFew)
	}
	if g.mean > most {
		t.Errorf("the bystander is starved: its mean may be %v", most)
	}
	if g.heap > p.heap {
		t.Errorf("the heap has grown by %d bytes, may by %d", g.heap, p.heap)
	}
	if most := p.goroutines*g.knocks + moreGoroutines; g.goroutines > most {
		t.Errorf("there were %d more goroutines, may be %d", g.goroutines, most)
	}
}

// during runs an attack beside the bystander, and waits until nothing is left of it: no connection and no goroutine. Its
// connections end as is said; nil: somehow.
func (f *fort) during(want ends, attack func()) {
	f.t.Helper()
	defer debug.SetGCPercent(debug.SetGCPercent(20)) // what is in use is then known at any time, and not much later
	var quiet, busy, aside []time.Duration
	for range quietTrips {
		d, err := f.by.trip()
		if err != nil {
			f.t.Fatal(err)
		}
		quiet = append(quiet, d)
	}
	runtime.GC()
	goroutines, heap, knocks, seen := runtime.NumGoroutine(), heapInUse(), f.knocks.Load(), f.seen.sees()
	var g figures
	var attacked, over atomic.Bool
	var bystanding sync.WaitGroup
	defer bystanding.Wait()
	defer over.Store(true)
	bystanding.Go(func() {
		for !over.Load() {
			d, err := f.by.trip()
			e, asideErr := f.aside.trip()
			if err := errors.Join(err, asideErr); err != nil {
				f.t.Error(err)
				return
			}
			if !attacked.Load() || len(busy) == 0 {
				busy, aside = append(busy, d), append(aside, e)
				g.heap = max(g.heap, heapInUse()-heap)
				g.goroutines = max(g.goroutines, int64(runtime.NumGoroutine()-goroutines))
			}
		}
	})
	attack()
	attacked.Store(true)
	eventually(f.t, "only the bystander is left", func() bool { s := f.seen.sees(); return f.t.Failed() || s.opened-s.ended() == 1 })
	eventually(f.t, "the goroutines of the attack have ended", func() bool { return f.t.Failed() || runtime.NumGoroutine() <= goroutines+1 })
	over.Store(true)
	bystanding.Wait()
	if got := f.seen.sees().since(seen); want != nil && !maps.Equal(got, want) {
		f.t.Errorf("connections ended with %v, want %v", got, want)
	}
	if f.t.Failed() {
		return
	}
	g.trips, g.quiet, g.mean, g.aside = len(busy), mean(quiet), mean(busy), mean(aside)
	slices.Sort(busy)
	g.median, g.slowest = busy[len(busy)/2], busy[len(busy)-1]
	g.knocks = f.knocks.Load() - knocks
	f.t.Log(g)
	g.judge(f.t, f.plan)
}

func mean(all []time.Duration) (d time.Duration) {
	for _, one := range all {
		d += one
	}
	return d / time.Duration(len(all))
}

// heapInUse is what objects took on the heap that the last collection of garbage has found to be in use.
func heapInUse() int64 {
	s := []metrics.Sample{{Name: "/gc/heap/live:bytes"}}
	metrics.Read(s)
	return int64(s[0].Value.Uint64())
}
