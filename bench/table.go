//go:build linux

package main

import (
	"fmt"
	"slices"
	"strings"
	"unicode/utf8"

	"github.com/chanx-go/chanx/bench/measure"
)

// tables returns all tables that have rows.
func tables(rows []measure.Row) string {
	var all []string
	if r := of("", rows); len(r) > 0 {
		all = append(all, overview(r), details(r))
	}
	if r := of(decodeTable, rows); len(r) > 0 {
		all = append(all, codingTable(r))
	}
	if r := of(layersTable, rows); len(r) > 0 {
		all = append(all, layerTable(r))
	}
	return strings.Join(all, "\n")
}

// of returns the rows of a table.
func of(table string, rows []measure.Row) []measure.Row {
	return slices.DeleteFunc(slices.Clone(rows), func(r measure.Row) bool { return r.Table != table })
}

// overview has a line for each workload and a column for each server.
func overview(rows []measure.Row) string {
	columns := everyServer
	t := table{append([]string{"work", ""}, columns...)}
	for _, r := range rows {
		line := []string{r.Title, r.Unit}
		for _, server := range columns {
			line = append(line, cell(r, server))
		}
		t = append(t, line)
	}
	return t.String()
}

// cell formats a median, followed by the median of the ratios.
func cell(r measure.Row, server string) string {
	v, ok := r.Value(server)
	if !ok {
		return "–"
	}
	if q, ok := r.Ratio(server); ok {
		return fmt.Sprintf("%s (%s×)", digits(v.Median), digits(q.Median))
	}
	return digits(v.Median)
}

// details has a line for each workload and server.
func details(rows []measure.Row) string {
	t := table{{"work", "server", "median", "min–max", "ratio", "min–max", "load"}}
	for _, r := range rows {
		for _, server := range r.Servers {
			v, _ := r.Value(server)
			line := []string{r.Name, server, digits(v.Median) + " " + r.Unit, span(v, true), "", "", ""}
			q, ok := r.Ratio(server)
			line[4], line[5] = single(q, ok), span(q, ok)
			line[6] = single(r.Part(server, loadOf))
			t = append(t, line)
		}
	}
	return t.String()
}

func loadOf(f measure.Figure) float64 { return f.Load }

func single(s measure.Summary, ok bool) string {
	if !ok {
		return "–"
	}
	return digits(s.Median)
}

func span(s measure.Summary, ok bool) string {
	if !ok {
		return "–"
	}
	return digits(s.Min) + "–" + digits(s.Max)
}

// digits formats the significant digits.
func digits(v float64) string {
	switch {
	case v < 10:
		return fmt.Sprintf("%.2f", v)
	case v < 100:
		return fmt.Sprintf("%.1f", v)
	}
	return fmt.Sprintf("%.0f", v)
}

// table has lines of cells, the first of which are the headings. It is written as aligned Markdown.
type table [][]string

func (t table) String() string {
	widths := make([]int, len(t[0]))
	for _, line := range t {
		for i, c := range line {
			widths[i] = max(widths[i], utf8.RuneCountInString(c))
		}
	}
	var b strings.Builder
	write := func(line []string) {
		for i, c := range line {
			b.WriteString("| " + c + strings.Repeat(" ", widths[i]-utf8.RuneCountInString(c)+1))
		}
		b.WriteString("|\n")
	}
	write(t[0])
	rule := slices.Clone(t[0])
	for i := range rule {
		rule[i] = strings.Repeat("-", widths[i])
	}
	write(rule)
	for _, line := range t[1:] {
		write(line)
	}
	return b.String()
}
