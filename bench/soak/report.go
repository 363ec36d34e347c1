//go:build linux

package main

import (
	"fmt"
	"io"
	"maps"
	"slices"
	"strings"
	"sync"
	"time"

	"github.com/chanx-go/chanx/bench/measure"
	"github.com/chanx-go/chanx/bench/soak/host"
)

// maxViolations is the number of printed violations. There may be one for every message.
const maxViolations = 20

// report collects violations. Its methods may be called concurrently.
type report struct {
	out io.Writer

	mu         sync.Mutex
	violations int
}

func (r *report) printf(format string, args ...any) {
	r.mu.Lock()
	defer r.mu.Unlock()
	fmt.Fprintf(r.out, format+"\n", args...)
}

// violation records a violation and prints it.
func (r *report) violation(format string, args ...any) {
	r.mu.Lock()
	defer r.mu.Unlock()
	r.violations++
	if r.violations <= maxViolations {
		fmt.Fprintf(r.out, "VIOLATION "+format+"\n", args...)
	}
}

// end prints the result.
func (r *report) end(seed uint64) (ok bool) {
	r.mu.Lock()
	defer r.mu.Unlock()
	if r.violations > 0 {
		fmt.Fprintf(r.out, "\nFAILED: %d violations, the first %d are above; again with -seed %d\n", r.violations, min(r.violations, maxViolations), seed)
		return false
	}
	fmt.Fprintln(r.out, "\nnothing was wrong")
	return true
}

// drops formats counts by reason.
func drops(all map[string]uint64) string {
	var list []string
	for _, what := range slices.Sorted(maps.Keys(all)) {
		list = append(list, fmt.Sprintf("%d %s", all[what], what))
	}
	if len(list) == 0 {
		return "none"
	}
	return strings.Join(list, "; ")
}

// usage is what a host holds when its clients have gone.
type usage struct {
	host.State
	resident int64 // bytes
}

func (r usage) String() string {
	return fmt.Sprintf("%d goroutines, heap %.1f MB, resident %.1f MB", r.Goroutines, mega(r.Heap), mega(r.resident))
}

func mega(n int64) float64 { return float64(n) / 1e6 }

// The memory that a host may hold beyond its baseline: pools and maps that have grown, and pages that the system has not
// reclaimed, in bytes.
const (
	moreHeap     = 2e6
	moreResident = 20e6
)

const (
	pollEvery = 250 * time.Millisecond
	pollFor   = 20 * time.Second
)

// baseline waits until a host has not changed for a while, so that the groups and timers of its first clients have gone.
func baseline(p *host.Process, still time.Duration) (r usage, err error) {
	changed := time.Now()
	for began := changed; time.Since(began) < pollFor; time.Sleep(pollEvery) {
		before := r
		if r, err = readUsage(p); err != nil {
			return r, err
		}
		if r.Connections != 0 || r.Goroutines != before.Goroutines {
			changed = time.Now()
		}
		if time.Since(changed) > still {
			return r, nil
		}
	}
	return r, fmt.Errorf("soak: after %s the host still changes: %d connections, %s", pollFor, r.Connections, r)
}

// awaitBaseline waits until a host holds no more than before. If it never does, compare reports that.
func awaitBaseline(p *host.Process, before usage) (r usage, err error) {
	for began := time.Now(); time.Since(began) < pollFor; time.Sleep(pollEvery) {
		if r, err = readUsage(p); err != nil {
			return r, err
		}
		if r.Connections == 0 && r.Goroutines <= before.Goroutines && r.Heap <= before.Heap+moreHeap/2 {
			return r, nil
		}
	}
	return r, nil
}

func readUsage(p *host.Process) (r usage, err error) {
	if r.State, err = p.State(); err != nil {
		return r, err
	}
	r.resident, err = measure.Resident(p.Pid())
	return r, err
}

// compare reports what a host holds that it did not hold before.
func (r *report) compare(scene string, before, after usage, figures bool) {
	if after.Connections != 0 {
		r.violation("%s: %d connections are still open", scene, after.Connections)
	}
	if after.Goroutines > before.Goroutines {
		r.violation("%s: %d goroutines, and before there were %d", scene, after.Goroutines, before.Goroutines)
	}
	if after.Faults > 0 {
		r.violation("%s: the server has logged %d errors, see above", scene, after.Faults)
	}
	if figures && (after.Heap > before.Heap+moreHeap || after.resident > before.resident+moreResident) {
		r.violation("%s: heap %.1f MB and resident %.1f MB, and before %.1f and %.1f", scene, mega(after.Heap), mega(after.resident),
			mega(before.Heap), mega(before.resident))
	}
}

// printDrops prints what a host has dropped so far.
func (r *report) printDrops(p *host.Process) error {
	st, err := p.State()
	if err == nil {
		r.printf("drops: %s", drops(st.Drops))
	}
	return err
}
