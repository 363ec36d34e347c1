//go:build linux

package main

import (
	"errors"
	"time"

	"github.com/chanx-go/chanx/bench/load"
	"github.com/chanx-go/chanx/bench/measure"
	"github.com/chanx-go/chanx/bench/serve"
)

// work does something for some time and returns how often.
type work func(*load.Load, time.Duration) (int, error)

// worker is a server whose processor time is measured.
type worker struct {
	process *serve.Process
	scale   scale
	conns   int
	size    int // of the messages
	do      work
}

func (w worker) Stop() error { return w.process.Stop() }

// Measure opens connections, lets the server warm up, and measures it. They are closed again: where all servers have
// their turn, none has connections while another one works.
func (w worker) Measure() (f measure.Figure, err error) {
	l, err := open(w.process, w.conns, w.size)
	if err != nil {
		return f, err
	}
	defer func() { err = errors.Join(err, l.Close(), measure.Settle(w.process.Pid())) }()
	if _, err := w.do(l, w.scale.warm); err != nil {
		return f, err
	}
	return w.measure(l)
}

func (w worker) measure(l *load.Load) (f measure.Figure, err error) {
	server, err1 := measure.CPU(w.process.Pid())
	own, err2 := measure.ThreadCPU()
	n, err3 := w.do(l, w.scale.do)
	server2, err4 := measure.CPU(w.process.Pid())
	own2, err5 := measure.ThreadCPU()
	each := func(d time.Duration) float64 { return float64(d.Nanoseconds()) / 1000 / float64(n) }
	return measure.Figure{Value: each(server2 - server), Load: each(own2 - own)}, errors.Join(err1, err2, err3, err4, err5)
}

// open returns connections of which every one has joined the group: it has been answered.
func open(p *serve.Process, conns, size int) (*load.Load, error) {
	l, err := load.Open(p.Addr, conns, p.Server.Talk(size, p.Options))
	if err != nil {
		return nil, err
	}
	if _, err := l.Echo(0, 1); err != nil {
		return nil, errors.Join(err, l.Close())
	}
	return l, nil
}
