//go:build linux

package main

import (
	"errors"
	"net/netip"
	"time"

	"github.com/chanx-go/chanx/bench/measure"
	"github.com/chanx-go/chanx/bench/serve"
)

// team is a server process, or several with the broker between them.
type team struct {
	nodes  []*serve.Process // all run the same server
	broker *serve.Broker    // nil if there is none
}

// start starts a single server.
func start(server string, opts serve.Options) (team, error) {
	return startTeam(server, "", 1, opts)
}

// startTeam starts a broker of that kind, unless it is empty, and servers that use it.
func startTeam(server, broker string, nodes int, opts serve.Options) (t team, err error) {
	s, err := serve.Named(server)
	if err != nil {
		return t, err
	}
	if broker != "" {
		if t.broker, err = serve.StartBroker(broker); err != nil {
			return t, err
		}
		opts.Broker = t.broker.Address
	}
	for i := range nodes {
		p, err := serve.Start(s, ofNode(opts, i))
		if err != nil {
			return t, errors.Join(err, t.Stop())
		}
		t.nodes = append(t.nodes, p)
	}
	return t, nil
}

// Stop ends the servers, then the broker.
func (t team) Stop() (err error) {
	for _, p := range t.nodes {
		err = errors.Join(err, p.Stop())
	}
	if t.broker != nil {
		err = errors.Join(err, t.broker.Stop())
	}
	return err
}

func (t team) addrs() (all []netip.AddrPort) {
	for _, p := range t.nodes {
		all = append(all, p.Addr)
	}
	return all
}

// waitIdle waits until all processes are idle.
func (t team) waitIdle() (err error) {
	for _, p := range t.nodes {
		err = errors.Join(err, measure.WaitIdle(p.Pid()))
	}
	if t.broker != nil {
		err = errors.Join(err, measure.WaitIdle(t.broker.Pid()))
	}
	return err
}

// spending is processor time.
type spending struct{ servers, broker, load time.Duration }

func (t team) spent() (s spending, err error) {
	for _, p := range t.nodes {
		d, err1 := measure.CPU(p.Pid())
		s.servers, err = s.servers+d, errors.Join(err, err1)
	}
	if t.broker != nil {
		d, err1 := measure.CPU(t.broker.Pid())
		s.broker, err = d, errors.Join(err, err1)
	}
	d, err1 := measure.ThreadCPU()
	s.load = d
	return s, errors.Join(err, err1)
}
