package measure

import (
	"errors"
	"fmt"
	"slices"
)

// Workload is one row of the table: the same work for several servers.
type Workload struct {
	Name    string // for the flag -run
	Table   string // the table of its row
	Title   string
	Unit    string
	Servers []string // the columns that have a figure
	Base    string   // the server that is the base of the ratios; empty: no ratios, or those to Figure.Base
	Rounds  int      // zero: the caller's number

	// Start starts a server. It is measured once in each round, and stopped after the last one.
	Start func(server string) (Subject, error)
}

// Subject is a started server.
type Subject interface {
	Measure() (Figure, error) // Measure runs the workload for some time.
	Stop() error              // Stop ends the server.
}

// Figure is the result of one server in one round.
type Figure struct {
	Value float64 // in the unit of the workload
	Base  float64 // the base of the ratio, if it is not another server's figure; else zero
	Load  float64 // processor time of the load generator, which must not be the bottleneck; zero if not measured

	Allocs   float64 // allocations; zero if not counted
	Broker   float64 // processor time of a broker, not part of Value; zero if there is none
	P50, P99 float64 // percentiles of the time of a delivery, in microseconds; zero if not measured
}

// Row is a workload with its figures.
type Row struct {
	Workload
	Figures map[string][]Figure // of each server, by round
}

// Run measures all servers of w in turn. Each round begins with another server.
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

// Summary is the median, minimum and maximum of figures.
type Summary struct{ Median, Min, Max float64 }

// Summarize summarizes figures. There must be at least one.
func Summarize(all []float64) Summary {
	s := slices.Sorted(slices.Values(all))
	n := len(s)
	return Summary{(s[(n-1)/2] + s[n/2]) / 2, s[0], s[n-1]}
}

// Value summarizes the figures of a server.
func (r Row) Value(server string) (s Summary, ok bool) {
	return r.summary(server, func(_ int, f Figure) (float64, bool) { return f.Value, true })
}

// Part summarizes a part of each figure of a server, as returned by of, without zeros.
func (r Row) Part(server string, of func(Figure) float64) (s Summary, ok bool) {
	return r.summary(server, func(_ int, f Figure) (float64, bool) { return of(f), of(f) != 0 })
}

// Ratio summarizes the figures of a server, each divided by the base of the same round.
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
