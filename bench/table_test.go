//go:build linux

package main

import (
	"testing"

	"github.com/chanx-go/chanx/bench/measure"
)

func TestTables(t *testing.T) {
	rows := []measure.Row{
		{
			Workload: measure.Workload{Name: "echo", Title: "an echo", Unit: "µs", Servers: []string{"bare", "chanx"}, Base: "bare"},
			Figures: map[string][]measure.Figure{
				"bare":  {{Value: 8, Load: 6}, {Value: 10, Load: 6}},
				"chanx": {{Value: 12, Load: 7}, {Value: 11, Load: 8}},
			},
		},
		{
			Workload: measure.Workload{Name: "memory", Title: "memory", Unit: "KB", Servers: []string{"chanx"}},
			Figures:  map[string][]measure.Figure{"chanx": {{Value: 123.4}}},
		},
	}
	const wantOverview = `| work    |    | bare         | corked | chanx        | by hand | gws | gorilla | coder | centrifuge |
| ------- | -- | ------------ | ------ | ------------ | ------- | --- | ------- | ----- | ---------- |
| an echo | µs | 9.00 (1.00×) | –      | 11.5 (1.30×) | –       | –   | –       | –     | –          |
| memory  | KB | –            | –      | 123          | –       | –   | –       | –     | –          |
`
	if got := overview(rows); got != wantOverview {
		t.Errorf("the overview is\n%s", got)
	}
	const wantDetails = `| work   | server | median  | min–max   | ratio | min–max   | load |
| ------ | ------ | ------- | --------- | ----- | --------- | ---- |
| echo   | bare   | 9.00 µs | 8.00–10.0 | 1.00  | 1.00–1.00 | 6.00 |
| echo   | chanx  | 11.5 µs | 11.0–12.0 | 1.30  | 1.10–1.50 | 7.50 |
| memory | chanx  | 123 KB  | 123–123   | –     | –         | –    |
`
	if got := details(rows); got != wantDetails {
		t.Errorf("the details are\n%s", got)
	}
}

func TestLayerTable(t *testing.T) {
	rows := []measure.Row{{
		Workload: measure.Workload{Table: layersTable, Title: "to all", Servers: []string{"memory", "NATS"}, Base: "memory"},
		Figures: map[string][]measure.Figure{
			"memory": {{Value: 4, Load: 2, P50: 300, P99: 1000}, {Value: 8, Load: 3, P50: 500, P99: 3000}},
			"NATS":   {{Value: 5, Broker: 1, Load: 2, P50: 400, P99: 2000}, {Value: 12, Broker: 2, Load: 2, P50: 400, P99: 2000}},
		},
	}}
	const want = `| work   | layer  | servers, a delivery (µs) | ratio            | broker, a delivery (µs) | p50 (µs)      | p99 (µs)         | load (µs) |
| ------ | ------ | ------------------------ | ---------------- | ----------------------- | ------------- | ---------------- | --------- |
| to all | memory | 6.00 (4.00–8.00)         | 1.00 (1.00–1.00) | –                       | 400 (300–500) | 2000 (1000–3000) | 2.50      |
| to all | NATS   | 8.50 (5.00–12.0)         | 1.38 (1.25–1.50) | 1.50 (1.00–2.00)        | 400 (400–400) | 2000 (2000–2000) | 2.00      |
`
	if got := tables(rows); got != want {
		t.Errorf("the table is\n%s", got)
	}
}

func TestCodingTable(t *testing.T) {
	rows := []measure.Row{{
		Workload: measure.Workload{Table: decodeTable, Title: "decode", Servers: []string{"encoding/json", "chanx"}, Base: "encoding/json"},
		Figures: map[string][]measure.Figure{
			"encoding/json": {{Value: 2, Allocs: 11}, {Value: 3, Allocs: 11}},
			"chanx":         {{Value: 1, Allocs: 4}, {Value: 1.2, Allocs: 4.002}},
		},
	}}
	const want = `| work   | with          | a message (µs)   | ratio            | allocations |
| ------ | ------------- | ---------------- | ---------------- | ----------- |
| decode | encoding/json | 2.50 (2.00–3.00) | 1.00 (1.00–1.00) | 11.0        |
| decode | chanx         | 1.10 (1.00–1.20) | 0.45 (0.40–0.50) | 4.00        |
`
	if got := tables(rows); got != want {
		t.Errorf("the table is\n%s", got)
	}
}
