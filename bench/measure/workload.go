package measure

import (
	"errors"
	"fmt"
	"slices"
)

// Workload is one row of the table: the same work for several servers.
type Workload struct {
	Name    string // chooses it
	Table   string // where it belongs
	Title   string
	Unit    string
	Servers []string // the columns in which it has a figure
	Base    string   // the server whose figures the ratios are to; empty: there are no ratios, or Figure.Base makes them
	Rounds  int      // zero: as many as the caller wants

	// Start makes a server ready. It is measured once in each round, and stopped after the last one.
	Start func(server string) (Subject, error)
}

// Subject is a server that is ready to be measured.
type Subject interface {
	Measure() (Figure, error) // Measure lets it work for a while.
	Stop() error              // Stop ends it.
}

// Figure is what one server showed in one round.
type Figure struct {
	Value float64 // in the unit of the workload
	Base  float64 // what the ratio is to, where it is not another server's figure; else zero
	Load  float64 // processor time of the load for the same, where that matters: it must not be the bottleneck

	Allocs   float64 // allocations for the same, where they are counted
	Broker   float64 // processor time of a broker for the same, which Value does not have; zero if there is none
	P50, P99 float64 // how long half of the deliveries took at most, and 99 of 100, where that is measured; in microseconds
}

// Row is a workload with its figures.
type Row struct {
	Workload
	Figures map[string][]Figure // of each server, by round
}

// Run measures all servers of w in turns. In each round another one begins.
func Run(w Workload, rounds int) (row Row, err error) {
	if w.Rounds != 0 {
		rounds = min(w.Rounds, rounds)
	}
	row = Row{w, map[string][]Figure{}}
	subjects := make([]Subject, len(w.Servers))
	defer func() {
		for _, s := range subjects {
			if s != nil {
				err = errors.Join(err, s.Stop())
			}
		}
	}()
	for i, name := range w.Servers {
		s, err := w.Start(name)
		if err != nil {
			return row, fmt.Errorf("measure: %s: %w", w.Name, err)
		}
		subjects[i] = s
	}
	for r := range rounds {
		for i := range subjects {
			k := (r + i) % len(subjects)
			f, err := subjects[k].Measure()
			if err != nil {
				return row, fmt.Errorf("measure: %s: %s: %w", w.Name, w.Servers[k], err)
			}
			row.Figures[w.Servers[k]] = append(row.Figures[w.Servers[k]], f)
		}
	}
	return row, nil
}

// Summary is the middle and the ends of some figures.
type Summary struct{ Median, Min, Max float64 }

// Summarize sums figures up. There must be at least one.
func Summarize(all []float64) Summary {
	s := slices.Sorted(slices.Values(all))
	n := len(s)
	return Summary{(s[(n-1)/2] + s[n/2]) / 2, s[0], s[n-1]}
}

// Value sums up the figures of a server.
func (r Row) Value(server string) (s Summary, ok bool) {
	return r.summary(server, func(_ int, f Figure) (float64, bool) { return f.Value, true })
}

// Part sums up what of says of each figure of a server, but for those of which it says zero.
func (r Row) Part(server string, of func(Figure) float64) (s Summary, ok bool) {
	return r.summary(server, func(_ int, f Figure) (float64, bool) { return of(f), of(f) != 0 })
}

// Ratio sums up the figures of a server, each divided by the base of the same round.
func (r Row) Ratio(server string) (s Summary, ok bool) {
	return r.summary(server, func(round int, f Figure) (float64, bool) {
		base := f.Base
		if all := r.Figures[r.Base]; base == 0 && len(all) > round {
			base = all[round].Value
		}
		return f.Value / base, base != 0
	})
}

func (r Row) summary(server string, of func(round int, f Figure) (float64, bool)) (Summary, bool) {
	var all []float64
	for round, f := range r.Figures[server] {
		if v, ok := of(round, f); ok {
			all = append(all, v)
		}
	}
	if len(all) == 0 {
		return Summary{}, false
	}
	return Summarize(all), true
}
