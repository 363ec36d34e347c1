//go:build linux

package main

import (
	"fmt"
	"io"
	"maps"
	"slices"
	"strings"

	"github.com/chanx-go/chanx"
)

// result is the result of a run.
type result struct {
	*soak
	verdict verdict
}

// harmless lists the drops of ended connections, and those that the judge takes from the statuses.
var harmless = []chanx.DropReason{
	chanx.DropMessagesUnhandled, chanx.DropEventsUnhandled, chanx.DropBytesUnsent, chanx.DropEventsUndelivered, chanx.DropFramesUndelivered,
	chanx.DropGaps,
}

// violations returns the judge's findings, and faults of the whole run.
func (r *result) violations() []string {
	all := append(slices.Clone(r.strange), r.verdict.broken...)
	downs := 0
	for node := range r.rec.statuses {
		for _, w := range windows(r.rec.statuses[node]) {
			if w.down {
				downs++
			}
		}
	}
	for node, drops := range r.drops {
		for what, n := range drops {
			if !slices.Contains(harmless, what) {
				all = append(all, fmt.Sprintf("%s dropped %d: %s", node, n, what))
			}
		}
	}
	if downs == 0 {
		all = append(all, "brokers were killed, but no node reported that the layer is down")
	}
	if r.verdict.refused == 0 {
		all = append(all, "brokers were killed, but no call failed")
	}
	if r.verdict.delivered == 0 {
		all = append(all, "nothing was delivered")
	}
	return all
}

// print writes the figures.
func (r *result) print(w io.Writer) {
	v := &r.verdict
	line := func(what, format string, args ...any) {
		fmt.Fprintf(w, "%-28s %s\n", what, fmt.Sprintf(format, args...))
	}
	line("sent", "%d, of which %d refused while the layer was down, %d of unknown outcome", len(r.rec.sendings), v.refused, v.unknown)
	line("delivered", "%d; %d were due", v.delivered, v.due)
	for _, cause := range slices.Sorted(maps.Keys(v.missed)) {
		early := ""
		if v.reach[cause] > 0 {
			early = fmt.Sprintf(", sent at most %s before that was known", seconds(v.reach[cause]))
		}
		line("missed", "%d because %s%s", v.missed[cause], cause, early)
	}
	line("latency", "p50 %s, p99 %s, at most %s", seconds(v.delay(0.5)), seconds(v.delay(0.99)), seconds(v.delay(1)))
	if slow := v.slowest; slow.to != nil {
		line("slowest", "%v by %s, sent at %s, to %s on %s", slow.id, slow.by, seconds(slow.sent-r.rec.began), slow.to.name, slow.to.node)
	}
	line("reconnects", "%d; %d joined while the layer was down", r.reconnects, r.joinedDown)
	for _, node := range slices.Sorted(maps.Keys(r.rec.statuses)) {
		var reports []string
		for _, s := range r.rec.statuses[node] {
			reports = append(reports, fmt.Sprintf("%s %s", seconds(s.At-r.rec.began), s.word()))
		}
		line("layer of "+node, "%s", strings.Join(reports, ", "))
	}
	for _, node := range slices.Sorted(maps.Keys(r.drops)) {
		for _, what := range slices.Sorted(maps.Keys(r.drops[node])) {
			line("dropped by "+node, "%d %s", r.drops[node][what], what)
		}
	}
}

func (s *status) word() string {
	switch {
	case !s.Up:
		return "down"
	case s.Gap:
		return "up with a gap"
	default:
		return "up"
	}
}

// delay returns a quantile of the latency.
func (v *verdict) delay(quantile float64) int64 {
	if len(v.delays) == 0 {
		return 0
	}
	return v.delays[int(quantile*float64(len(v.delays)-1))]
}
