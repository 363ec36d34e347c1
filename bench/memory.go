//go:build linux

package main

import (
	"errors"
	"fmt"

	"github.com/chanx-go/chanx/bench/load"
	"github.com/chanx-go/chanx/bench/measure"
	"github.com/chanx-go/chanx/bench/serve"
)

// memory measures a connection that is in a group with all others, has been used, and is idle now.
func (s scale) memory(conns int) measure.Workload {
	return measure.Workload{
		Name: "memory", Title: fmt.Sprintf("memory a connection, %s in one group, after use", thousands(s.conns(conns))), Unit: "KB",
		Servers: names(func(s *serve.Server) bool { return s.Uses != "" }), Rounds: 1,
		Start: func(server string) (measure.Subject, error) {
			opts := s.options("memory", server)
			if server == serve.Chanx.Name { // it shrinks idle connections when it pings them
				opts.PingInterval = s.idle
			}
			t, err := start(server, opts)
			return memoryWorker{t, s, s.conns(conns)}, err
		},
	}
}

// memoryWorker is a team whose memory is measured.
type memoryWorker struct {
	team  // one process
	scale scale
	conns int
}

// Measure compares the resident memory after all connections have been used with that of a server that has already served
// some connections, so that the fixed cost of a server is not counted.
func (h memoryWorker) Measure() (f measure.Figure, err error) {
	if err := h.warm(); err != nil {
		return f, err
	}
	before, err := h.resident()
	if err != nil {
		return f, err
	}
	l, err := open(h.team, h.conns, serve.Size)
	if err != nil {
		return f, err
	}
	defer func() { err = errors.Join(err, l.Close()) }()
	if err := use(l); err != nil {
		return f, err
	}
	if err := l.Idle(3 * h.scale.idle); err != nil {
		return f, err
	}
	after, err := h.resident()
	return measure.Figure{Value: float64(after-before) / 1000 / float64(h.conns)}, err
}

func (h memoryWorker) warm() (err error) {
	l, err := open(h.team, min(h.conns, 100), serve.Size)
	if err != nil {
		return err
	}
	defer func() { err = errors.Join(err, l.Close(), h.waitIdle()) }()
	return use(l)
}

// use lets every connection send and receive.
func use(l *load.Load) error {
	for _, do := range []func() (int, error){
		func() (int, error) { return l.Echo(0, 1) },
		func() (int, error) { return l.Echo(0, 4) },
		func() (int, error) { return l.Say(0, 1) },
		func() (int, error) { return l.Say(0, 4) },
		func() (int, error) { return l.Echo(0, 1) },
	} {
		if _, err := do(); err != nil {
			return err
		}
	}
	return nil
}

func (h memoryWorker) resident() (int64, error) {
	p := h.nodes[0]
	if err := p.Collect(); err != nil {
		return 0, err
	}
	return measure.Resident(p.Pid())
}
