//go:build linux

package main

import (
	"errors"
	"fmt"
)

// nodeProcess is a node that runs. The soak's lock guards what is not a channel.
type nodeProcess struct {
	*process
	name   string
	addr   string
	conns  int // connections of clients, including those being opened
	serves chan struct{}
	quiet  chan struct{} // closed when the node has sent its last message
}

// startNode returns when clients can connect.
func (s *soak) startNode(i int) error {
	s.mu.Lock()
	s.lives[i]++
	n := &nodeProcess{name: fmt.Sprintf("n%d.%d", i, s.lives[i]), serves: make(chan struct{}), quiet: make(chan struct{})}
	s.mu.Unlock()
	p, err := spawn(role{Node: &nodeRole{
		Name: n.name, Layer: s.cfg.Layer, URL: s.brokers.urls(i), Rate: s.cfg.Rate / 2 / float64(s.cfg.Nodes),
		Groups: s.cfg.Groups, Users: s.cfg.users(), Seed: s.cfg.Seed + uint64(i)<<40 + uint64(s.lives[i]),
	}}, func(r nodeReport) { s.handleReport(n, r) })
	if err != nil {
		return fmt.Errorf("start %s: %w", n.name, err)
	}
	n.process = p
	if err := awaitReport(p, n.serves); err != nil {
		return fmt.Errorf("start %s: %w", n.name, err)
	}
	s.mu.Lock()
	defer s.mu.Unlock()
	s.nodes[i] = n
	return nil
}

// handleReport records a report of a node.
func (s *soak) handleReport(n *nodeProcess, r nodeReport) {
	s.mu.Lock()
	defer s.mu.Unlock()
	switch {
	case r.Addr != "":
		n.addr = r.Addr
		close(n.serves)
	case r.Status != nil:
		s.rec.statuses[n.name] = append(s.rec.statuses[n.name], *r.Status)
	case r.Sent != nil:
		s.rec.sendings = append(s.rec.sendings, r.Sent)
	case r.Stats != nil:
		s.drops[n.name] = r.Stats.Drops
	case r.Quiet:
		close(n.quiet)
	}
}

func (s *soak) killNode(i int) {
	s.mu.Lock()
	n := s.nodes[i]
	s.nodes[i] = nil
	s.rec.killed[n.name] = now()
	s.mu.Unlock()
	n.kill()
}

// leastBusy reserves a connection on the node with the fewest clients, so that a restarted node gets its share.
func (s *soak) leastBusy() (least *nodeProcess) {
	s.mu.Lock()
	defer s.mu.Unlock()
	for _, n := range s.nodes {
		if n != nil && (least == nil || n.conns < least.conns) {
			least = n
		}
	}
	if least != nil {
		least.conns++
	}
	return least
}

func (s *soak) released(n *nodeProcess) {
	s.mu.Lock()
	defer s.mu.Unlock()
	n.conns--
}

// quieten has the nodes send their last messages.
func (s *soak) quieten() error {
	var errs []error
	for _, n := range s.nodes {
		errs = append(errs, n.order(quietOrder), awaitReport(n.process, n.quiet))
	}
	return errors.Join(errs...)
}

// stop ends all processes. It returns an error if one does not end in order.
func (s *soak) stop() error {
	var errs []error
	for _, n := range s.nodes {
		if n == nil {
			continue
		}
		if err := n.stop(); err != nil {
			errs = append(errs, fmt.Errorf("stop %s: %w", n.name, err))
		}
	}
	return errors.Join(append(errs, s.brokers.stop())...)
}
