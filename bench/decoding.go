//go:build linux

package main

import (
	"errors"
	"os"
	"runtime"
	"slices"
	"time"

	"github.com/chanx-go/chanx/bench/decode"
	"github.com/chanx-go/chanx/bench/measure"
)

// decodeTable is the table of workloads without connections.
const decodeTable = "decode"

// decode decodes and validates a frame.
func (s scale) decode() measure.Workload {
	return s.coding("decode", "decode and check", func(w *decode.Way) error {
		_, err := w.Decode(decode.Right)
		return err
	})
}

// decodeAndEncode also encodes the value again.
func (s scale) decodeAndEncode() measure.Workload {
	return s.coding("decode-encode", "decode and check, then encode", func(w *decode.Way) error {
		m, err := w.Decode(decode.Right)
		if err != nil {
			return err
		}
		_, err = w.Encode(m)
		return err
	})
}

// decodeWrong finds all errors of a frame.
func (s scale) decodeWrong() measure.Workload {
	return s.coding("decode-wrong", "decode and check, all five fields wrong", func(w *decode.Way) error {
		if _, err := w.Decode(decode.Wrong); err == nil {
			return errors.New("it finds no error")
		}
		return nil
	})
}

// coding is a workload of this process: its columns are ways.
func (s scale) coding(name, title string, do func(*decode.Way) error) measure.Workload {
	w := measure.Workload{Name: name, Table: decodeTable, Title: title, Unit: cpuUnit, Base: decode.Alone.Name}
	for _, way := range decode.All {
		w.Servers = append(w.Servers, way.Name)
	}
	w.Start = func(name string) (measure.Subject, error) {
		way := decode.All[slices.Index(w.Servers, name)]
		return inProcess{s, func() error { return do(way) }}, nil
	}
	return w
}

// inProcess is a workload inside this process: nothing else runs meanwhile, so its cost is that of the process.
type inProcess struct {
	scale scale
	do    func() error
}

// Measure warms up, then measures.
func (p inProcess) Measure() (f measure.Figure, err error) {
	if _, err := p.repeat(p.scale.warm); err != nil {
		return f, err
	}
	made := mallocs()
	before, err1 := measure.CPU(os.Getpid())
	n, err2 := p.repeat(p.scale.do)
	after, err3 := measure.CPU(os.Getpid())
	f = measure.Figure{Value: micros(after-before) / float64(n), Allocs: float64(mallocs()-made) / float64(n)}
	return f, errors.Join(err1, err2, err3)
}

// repeat repeats the work for a time, and returns the number of repetitions.
func (p inProcess) repeat(d time.Duration) (n int, err error) {
	const turn = 100 // repetitions between readings of the clock
	for end := time.Now().Add(d); n == 0 || time.Now().Before(end); n += turn {
		for range turn {
			if err := p.do(); err != nil {
				return n, err
			}
		}
	}
	return n, nil
}

// Stop does nothing: there is no process to end.
func (inProcess) Stop() error { return nil }

// mallocs returns the number of allocations of this process.
func mallocs() uint64 {
	var m runtime.MemStats
	runtime.ReadMemStats(&m)
	return m.Mallocs
}

// codingTable has a line for each workload and way.
func codingTable(rows []measure.Row) string {
	t := table{{"work", "with", "a message (µs)", "ratio", "allocations"}}
	for _, r := range rows {
		for _, name := range r.Servers {
			t = append(t, []string{
				r.Title, name, ends(r.Value(name)), ends(r.Ratio(name)),
				single(r.Part(name, func(f measure.Figure) float64 { return f.Allocs })),
			})
		}
	}
	return t.String()
}
