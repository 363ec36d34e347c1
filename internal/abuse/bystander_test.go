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

// Limits for a bystander's answers. It must be served during an attack: the mean and the slowest time of its answers must
// not exceed a multiple of those without the attack, or an absolute time that people do not mind. The attackers run in the
// same process, with the race detector, on a shared machine, and the server is not to blame for the processor time that
// they take. So a second bystander uses a server that is not attacked, and the two send requests in turn: a slow machine
// slows both. Means are compared rather than medians, because on a busy machine an answer takes either almost no time or
// a whole turn of the scheduler, and a median jumps between the two. The limits detect starvation, not slowness; the
// figures are logged.
const (
	quietTrips   = 100
	tripsEvery   = time.Millisecond // at most this often: the attack should use the machine, not the bystanders
	fewTrips     = 20               // a mean of fewer may be chance
	worstRatio   = 20               // to the times without the attack, or those of the other bystander
	worstMean    = 250 * time.Millisecond
	worstSlowest = 5 * time.Second
)

// Limits for an attack: bytes of the heap in use, and goroutines per connection that raiders have opened, including the
// raiders' own.
const (
	usualHeap       = 32 << 20
	usualGoroutines = 4
	moreGoroutines  = 64 // for the test, the runtime and net/http
)

// bystander is a client that sends a request, waits for the answer, and repeats.
type bystander struct {
	f     *fort
	conn  *raider
	trips atomic.Int64
	heard atomic.Int64 // broadcasts received
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
	err := b.conn.SetDeadline(time.Now().Add(maxWait))
	if err == nil {
		err = b.conn.leave()
	}
	if err != nil {
		b.f.t.Errorf("bystander: %v", err)
	}
}

// trip sends a request and waits for its answer.
func (b *bystander) trip() (time.Duration, error) {
	begin := time.Now()
	n := b.trips.Add(1)
	err := b.conn.SetDeadline(begin.Add(maxWait))
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

// rest waits until the bystander has made this many trips: time in which something must not happen.
func (b *bystander) rest(t *testing.T, trips int64) {
	t.Helper()
	until := b.trips.Load() + trips
	eventually(t, "the bystander has made its trips", func() bool { return b.trips.Load() >= until })
}

// figures are the effects of an attack on the server's other users and the process.
type figures struct {
	quiet, busy, aside sample // busy and aside are measured at the same time
	heap               int64  // largest growth
	goroutines         int64  // largest growth
	knocks             int64  // connections of the attack
}

// sample is how long answers took.
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

// judge compares the figures with their limits.
func (g figures) judge(t *testing.T, p plan) {
	t.Helper()
	if most := max(worstRatio*g.quiet.mean, worstRatio*g.aside.mean, worstMean); g.busy.mean > most && g.busy.trips >= fewTrips {
		t.Errorf("the bystander is starved: the limit for the mean is %v", most)
	}
	if most := max(worstRatio*g.quiet.slowest, worstRatio*g.aside.slowest, worstSlowest); g.busy.slowest > most {
		t.Errorf("the bystander is starved: the limit for the slowest is %v", most)
	}
	if g.heap > p.heap {
		t.Errorf("the heap has grown by %d bytes, want at most %d", g.heap, p.heap)
	}
	if most := p.goroutines*g.knocks + moreGoroutines; g.goroutines > most {
		t.Errorf("there were %d more goroutines, want at most %d", g.goroutines, most)
	}
}

// bothTrips lets each bystander make one trip. They take turns in being first, because the second one already has a
// processor.
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

// during runs an attack beside the bystander, then waits until no connection and no goroutine of it is left. want is
// how its connections end; nil allows anything.
func (f *fort) during(want ends, attack func()) {
	f.t.Helper()
	defer debug.SetGCPercent(debug.SetGCPercent(20)) // so that heapInUse is up to date
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
	lately := heapInUse() - heap // if the attack was shorter than one trip
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

// heapInUse is the size of the objects that the last garbage collection found in use.
func heapInUse() int64 {
	s := []metrics.Sample{{Name: "/gc/heap/live:bytes"}}
	metrics.Read(s)
	return int64(s[0].Value.Uint64())
}
