//go:build linux

package main

import (
	"errors"
	"time"

	"github.com/chanx-go/chanx/bench/load"
	"github.com/chanx-go/chanx/bench/measure"
)

// work runs for some time and returns the number of repetitions.
type work func(*load.Load, time.Duration) (int, error)

// worker is a team whose processor time is measured.
type worker struct {
	team
	scale  scale
	conns  int
	size   int // of the messages
	do     work
	delays bool // are measured too
}

// Measure opens connections, warms up, and measures. It closes the connections, so that no team has connections while another
// one is measured.
func (w worker) Measure() (f measure.Figure, err error) {
	l, err := open(w.team, w.conns, w.size)
	if err != nil {
		return f, err
	}
	defer func() { err = errors.Join(err, l.Close(), w.waitIdle()) }()
	if _, err := w.do(l, w.scale.warm); err != nil {
		return f, err
	}
	return w.measure(l)
}

func (w worker) measure(l *load.Load) (f measure.Figure, err error) {
	if w.delays {
		l.Delays = &load.Delays{}
	}
	before, err1 := w.spent()
	n, err2 := w.do(l, w.scale.do)
	after, err3 := w.spent()
	each := func(before, after time.Duration) float64 { return micros(after-before) / float64(n) }
	f = measure.Figure{
		Value: each(before.servers, after.servers), Broker: each(before.broker, after.broker), Load: each(before.load, after.load),
	}
	if w.delays {
		f.P50, f.P99 = micros(l.Delays.Quantile(0.5)), micros(l.Delays.Quantile(0.99))
	}
	return f, errors.Join(err1, err2, err3)
}

func micros(d time.Duration) float64 { return float64(d.Nanoseconds()) / 1000 }

// open returns connections that have all joined the group: each has got an answer.
func open(t team, conns, size int) (*load.Load, error) {
	first := t.nodes[0]
	l, err := load.Open(t.addrs(), conns, first.Server.Talk(size, first.Options))
	if err != nil {
		return nil, err
	}
	if _, err := l.Echo(0, 1); err != nil {
		return nil, errors.Join(err, l.Close())
	}
	return l, nil
}
