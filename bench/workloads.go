//go:build linux

package main

import (
	"fmt"
	"time"

	"github.com/chanx-go/chanx/bench/load"
	"github.com/chanx-go/chanx/bench/measure"
	"github.com/chanx-go/chanx/bench/serve"
)

// scale is the size of the workloads.
type scale struct {
	conns    func(int) int // scales a workload's number of connections
	warm, do time.Duration // for each server in a round
	idle     time.Duration // ping interval when idle connections are measured
	profiles string        // directory for profiles of the server processes; empty: none
}

var (
	full  = scale{func(n int) int { return n }, 150 * time.Millisecond, 500 * time.Millisecond, 3 * time.Second, ""}
	quick = scale{func(n int) int { return max(n/50, 10) }, 10 * time.Millisecond, 50 * time.Millisecond, time.Second, ""}
)

const cpuUnit = "µs"

// workloads are the rows of the table.
func workloads(s scale) []measure.Workload {
	return []measure.Workload{
		s.echo(100, 1, everyServer), s.echo(100, 16, everyServer),
		s.fanOut(1000, 1, everyServer), s.fanOut(1000, 16, everyServer),
		s.fanOut(100, 1, everyServer), s.fanOut(100, 16, everyServer),
		s.echo(1000, 1, grownServers), s.echo(10000, 1, grownServers), s.fanOut(10000, 1, grownServers),
		s.memory(10000), s.deflate(1000), s.decode(), s.decodeAndEncode(), s.decodeWrong(),
		s.layers(100, 1), s.layers(100, 16), s.nodes(500, 1), s.nodes(500, 16),
	}
}

var (
	everyServer = names(func(*serve.Server) bool { return true })
	// grownServers show how the cost of a message grows with the number of connections; each takes a minute.
	grownServers = []string{"bare", "chanx", "gws", "by hand", "centrifuge"}
)

func names(which func(*serve.Server) bool) (all []string) {
	for _, s := range serve.All {
		if which(s) {
			all = append(all, s.Name)
		}
	}
	return all
}

// echo lets conns connections each send inFlight messages at once, and again when all are answered.
func (s scale) echo(conns, inFlight int, servers []string) measure.Workload {
	return s.work(conns, measure.Workload{
		Name:    fmt.Sprintf("echo-%d-%d", conns, inFlight),
		Title:   fmt.Sprintf("echo, %s connections, %d in flight, a message", thousands(s.conns(conns)), inFlight),
		Servers: servers,
	}, func(l *load.Load, d time.Duration) (int, error) { return l.Echo(d, inFlight) })
}

// fanOut sends burst messages to conns connections, and again when all have received them.
func (s scale) fanOut(conns, burst int, servers []string) measure.Workload {
	return s.work(conns, measure.Workload{
		Name:    fmt.Sprintf("fanout-%d-%d", conns, burst),
		Title:   fmt.Sprintf("fan-out to %s, %s, a delivery", thousands(s.conns(conns)), bursts(burst)),
		Servers: servers,
	}, func(l *load.Load, d time.Duration) (int, error) { return l.Say(d, burst) })
}

func bursts(n int) string {
	if n > 1 {
		return fmt.Sprintf("bursts of %d", n)
	}
	return "isolated"
}

// work completes a workload whose figure is the server's processor time for each unit that do counts.
func (s scale) work(conns int, w measure.Workload, do work) measure.Workload {
	w.Unit, w.Base = cpuUnit, "bare"
	rounds := 0
	if conns >= 10000 {
		rounds = 3 // opening so many takes longer than the work
	}
	w.Rounds = rounds
	w.Start = func(server string) (measure.Subject, error) {
		t, err := start(server, s.options(w.Name, server))
		return worker{team: t, scale: s, conns: s.conns(conns), size: serve.Size, do: do}, err
	}
	return w
}

func thousands(n int) string {
	if n < 10000 {
		return fmt.Sprint(n)
	}
	return fmt.Sprintf("%d,%03d", n/1000, n%1000)
}
