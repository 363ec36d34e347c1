//go:build linux

package main

import (
	"context"
	"errors"
	"fmt"
	"slices"
	"strings"
	"sync"
	"time"

	"github.com/chanx-go/chanx/bench/measure"
	"github.com/chanx-go/chanx/bench/soak/host"
)

// The posts of one phase are larger than a queue and the small buffers together.
const (
	posts       = 300
	postBytes   = 8000
	mostBehind  = host.Keys - 1 // undelivered posts of a subscriber that reads: at most one for each key
	queueBytes  = 1 << 20       // Limits.SendQueueBytes, at its default
	smallBuffer = 32 << 10
	moreMemory  = 16 << 20 // memory that slow clients may cost beyond their queues: garbage not yet collected
	maxRatio    = 2        // of the 99th percentiles with and without slow clients
)

// phase is one period of publishing, with or without slow subscribers. Every second slow one does not read until the end.
type phase struct {
	kind    string
	slow    int
	step    time.Duration   // from one post to the next
	others  []time.Duration // the delays of posts for subscribers that read
	peak    int64           // of the host's resident memory, in bytes
	dropped map[string]uint64
	became  string // how the slow ones ended
}

// playSlow alternates phases: of each kind one without, then one with slow subscribers.
func playSlow(ctx context.Context, r *report, s settings) (err error) {
	p, err := host.Start(host.Options{PingInterval: time.Minute, WriteTimeout: time.Minute, WriteBuffer: smallBuffer})
	if err != nil {
		return err
	}
	defer func() { err = errors.Join(err, p.Stop()) }()
	kinds := []string{host.Plain{}.Action(), host.Spare{}.Action(), host.Newest{}.Action()}
	rounds := 1
	if s.scale.figures { // several phases, for the median
		rounds = max(3, int(s.length/2/(2*posts*s.scale.step)/time.Duration(len(kinds))))
	}
	warm := &phase{kind: kinds[0], step: s.scale.step}
	if err := warm.play(ctx, r, s, p); err != nil {
		return err
	}
	before, err := baseline(p, s.scale.still)
	if err != nil {
		return err
	}
	all := map[string][]*phase{}
	for range rounds {
		for _, k := range kinds {
			for _, slow := range []int{0, s.scale.slow} {
				ph := &phase{kind: k, slow: slow, step: s.scale.step}
				if err := ph.play(ctx, r, s, p); err != nil {
					return err
				}
				all[k] = append(all[k], ph)
			}
		}
	}
	for _, k := range kinds {
		r.comparePhases(k, all[k], s)
	}
	after, err := awaitBaseline(p, before)
	if err != nil {
		return err
	}
	r.printf("before: %s\nafter:  %s\ndrops: %s", before, after, drops(after.Drops))
	r.compare("slow", before, after, s.scale.figures)
	return nil
}

// play publishes, and checks that the subscribers that read receive everything in order, and how the slow ones end.
func (ph *phase) play(ctx context.Context, r *report, s settings, p *host.Process) (err error) {
	a, err := gatherAudience(ctx, p, s.scale.subscribers, ph)
	defer a.dismiss()
	if err != nil {
		return err
	}
	before, err := readUsage(p)
	if err != nil {
		return err
	}
	if err := measure.ResetPeak(p.Pid()); err != nil {
		return err
	}
	var readers, slow sync.WaitGroup
	for _, sub := range a.all[ph.slow:] {
		readers.Go(sub.listen)
	}
	for _, sub := range a.all[:ph.slow] {
		if sub.paced != nil {
			slow.Go(sub.listen)
		}
	}
	err = a.publish(ctx, ph)
	if err != nil {
		a.dismiss()
	}
	readers.Wait()
	if err != nil {
		slow.Wait()
		return err
	}
	if ph.peak, err = measure.Peak(p.Pid()); err != nil {
		return err
	}
	ph.judgeReaders(r, a.all[ph.slow:])
	for _, sub := range a.all[:ph.slow] {
		if sub.paced == nil {
			slow.Go(sub.listen)
		}
	}
	slow.Wait()
	ph.judgeSlow(r, a.all[:ph.slow])
	after, err := readUsage(p)
	if err != nil {
		return err
	}
	ph.dropped = since(before.Drops, after.Drops)
	if ph.slow > 0 && len(ph.dropped) == 0 {
		r.violation("slow: %s: nothing is counted as dropped", ph.kind)
	}
	return nil
}

// since returns the counts that have grown, and by how much.
func since(before, after map[string]uint64) map[string]uint64 {
	grown := map[string]uint64{}
	for what, n := range after {
		if n -= before[what]; n > 0 {
			grown[what] = n
		}
	}
	return grown
}

// judgeReaders checks that every subscriber that reads received every post in order, and records the delays.
func (ph *phase) judgeReaders(r *report, all []*subscriber) {
	for i, sub := range all {
		if sub.err != nil || len(sub.numbers) != posts || sub.gaps() {
			r.violation("slow: %s, %d slow: subscriber %d, who reads, has %d posts of %d: %v", ph.kind, ph.slow, i, len(sub.numbers), posts, sub.err)
		}
		ph.others = append(ph.others, sub.late...)
	}
}

// judgeSlow checks the slow subscribers after they have read everything.
func (ph *phase) judgeSlow(r *report, all []*subscriber) {
	var became []string
	for i, sub := range all {
		if why := sub.judge(ph.kind); why != "" {
			r.violation("slow: %s: slow subscriber %d: %s", ph.kind, i, why)
		}
		became = append(became, sub.fate())
	}
	slices.Sort(became)
	var list []string
	for _, one := range slices.Compact(slices.Clone(became)) {
		list = append(list, fmt.Sprintf("%d %s", count(became, one), one))
	}
	ph.became = strings.Join(list, ", ")
}

func count(all []string, one string) (n int) {
	for _, x := range all {
		if x == one {
			n++
		}
	}
	return n
}

// comparePhases compares each phase of one kind that has slow subscribers with the one before it.
func (r *report) comparePhases(kind string, all []*phase, s settings) {
	var ratios []float64
	for i := 0; i+1 < len(all); i += 2 {
		without, with := all[i], all[i+1]
		a, b := percentile(without.others, 99), percentile(with.others, 99)
		ratios = append(ratios, float64(b)/float64(a))
		more := with.peak - without.peak
		r.printf("%-9s p50 %s, p99 %s; with %d who are slow p50 %s, p99 %s (%.2f ×); peak memory %+.1f MB; they: %s; drops: %s", kind,
			round(percentile(without.others, 50)), round(a), with.slow, round(percentile(with.others, 50)), round(b), float64(b)/float64(a),
			mega(more), with.became, drops(with.dropped))
		if most := int64(s.scale.slow*queueBytes + moreMemory); s.scale.figures && more > most {
			r.violation("slow: %s: %.1f MB more with %d slow subscribers; at most %.1f MB", kind, mega(more), with.slow, mega(most))
		}
	}
	slices.Sort(ratios)
	m := ratios[len(ratios)/2]
	r.printf("%-9s median of the ratios: %.2f", kind, m)
	if s.scale.figures && m > maxRatio {
		r.violation("slow: %s: the 99th percentile of the others is %.2f × that without, in the median of %d rounds", kind, m, len(ratios))
	}
}

func round(d time.Duration) time.Duration { return d.Round(10 * time.Microsecond) }

// percentile sorts all and returns its percentile p.
func percentile(all []time.Duration, p int) time.Duration {
	if len(all) == 0 {
		return 0
	}
	slices.Sort(all)
	return all[min(len(all)*p/100, len(all)-1)]
}
