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

// How a bystander is judged. It must be served while an attack goes on: the mean and the slowest of its answers are no
// worse than a multiple of what they are without the attack, or than a time that people do not mind. Attackers run in the
// same process, with the race detector, on a machine that others use too, and what they take of its time is not the
// server's doing. So there is another bystander, of a server that nobody attacks, whose questions take turns with those
// of the first: who is slow because of the machine is so at both. Means are compared, for on a busy machine an answer
// takes either next to no time or that of a turn of the scheduler, between which a median leaps. The bounds tell
// starvation from work, not fast from slow; the figures are logged.
const (
	quietTrips   = 100
	tripsEvery   = time.Millisecond // at most: the attack is to take the machine, not the bystanders
	fewTrips     = 20               // the mean of fewer may be one of luck, good for one bystander and bad for the other
	worstRatio   = 20               // to what it is without the attack, or for the other bystander
	worstMean    = 250 * time.Millisecond
	worstSlowest = 5 * time.Second
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
	quiet, busy, aside sample // the last two at the same time
	heap               int64  // the most by which it has grown
	goroutines         int64  // likewise
	knocks             int64  // connections of the attack
}

// sample is how long answers have taken.
type sample struct {
	trips                 int
	mean, median, slowest time.Duration
}

func sampleOf(all []time.Duration) (s sample) {
	slices.Sort(all)
	for _, d := range all {
		s.mean += d / time.Duration(len(all))
	}
	s.trips, s.median, s.slowest = len(all), all[len(all)/2], all[len(all)-1]
	return s
}

func (s sample) String() string {
	us := func(d time.Duration) time.Duration { return d.Round(time.Microsecond) }
	return fmt.Sprintf("%v (median %v, slowest %v)", us(s.mean), us(s.median), us(s.slowest))
}

func (g figures) String() string {
	return fmt.Sprintf("bystander: %v without, %v with the attack, %v aside, %.1f × that; %d trips; heap +%.1f MB; %d connections, goroutines +%d",
		g.quiet, g.busy, g.aside, float64(g.busy.mean)/float64(g.aside.mean), g.busy.trips, float64(g.heap)/1e6, g.knocks, g.goroutines)
}

// judge compares the figures with what may be.
func (g figures) judge(t *testing.T, p plan) {
	t.Helper()
	if most := max(worstRatio*g.quiet.mean, worstRatio*g.aside.mean, worstMean); g.busy.mean > most && g.busy.trips >= fewTrips {
		t.Errorf("the bystander is starved: the mean may be %v", most)
	}
	if most := max(worstRatio*g.quiet.slowest, worstRatio*g.aside.slowest, worstSlowest); g.busy.slowest > most {
		t.Errorf("the bystander is starved: the slowest may be %v", most)
	}
	if g.heap > p.heap {
		t.Errorf("the heap has grown by %d bytes, may by %d", g.heap, p.heap)
	}
	if most := p.goroutines*g.knocks + moreGoroutines; g.goroutines > most {
		t.Errorf("there were %d more goroutines, may be %d", g.goroutines, most)
	}
}

// bothTrips lets each bystander ask once. Who is second has a processor already, which is why they take turns.
func (f *fort) bothTrips(asideFirst bool) (by, aside time.Duration, err error) {
	var asideErr error
	if asideFirst {
		aside, asideErr = f.aside.trip()
	}
	by, err = f.by.trip()
	if !asideFirst {
		aside, asideErr = f.aside.trip()
	}
	return by, aside, errors.Join(err, asideErr)
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
		pace := time.NewTicker(tripsEvery)
		defer pace.Stop()
		for ; !over.Load(); <-pace.C {
			d, e, err := f.bothTrips(len(busy)%2 == 0)
			if err != nil {
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
	lately := heapInUse() - heap // if it has lasted for no trip
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
	g.quiet, g.busy, g.aside = sampleOf(quiet), sampleOf(busy), sampleOf(aside)
	g.heap, g.knocks = max(g.heap, lately), f.knocks.Load()-knocks
	f.t.Log(g)
	g.judge(f.t, f.plan)
}

// heapInUse is what objects took on the heap that the last collection of garbage has found to be in use.
func heapInUse() int64 {
	s := []metrics.Sample{{Name: "/gc/heap/live:bytes"}}
	metrics.Read(s)
	return int64(s[0].Value.Uint64())
}
