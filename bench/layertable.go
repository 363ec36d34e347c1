//go:build linux

package main

import (
	"fmt"

	"github.com/chanx-go/chanx/bench/measure"
)

// layerTable has a line for each workload and formation.
func layerTable(rows []measure.Row) string {
	t := table{{
		"work", "layer", "servers, a delivery (µs)", "ratio", "broker, a delivery (µs)", "p50 (µs)", "p99 (µs)", "load (µs)",
	}}
	for _, r := range rows {
		for _, name := range r.Servers {
			t = append(t, []string{
				r.Title, name,
				ends(r.Value(name)), ends(r.Ratio(name)),
				ends(r.Part(name, func(f measure.Figure) float64 { return f.Broker })),
				ends(r.Part(name, func(f measure.Figure) float64 { return f.P50 })),
				ends(r.Part(name, func(f measure.Figure) float64 { return f.P99 })),
				single(r.Part(name, loadOf)),
			})
		}
	}
	return t.String()
}

// ends formats a median and, in brackets, the minimum and maximum.
func ends(s measure.Summary, ok bool) string {
	if !ok {
		return "–"
	}
	return fmt.Sprintf("%s (%s)", single(s, true), span(s, true))
}
