//go:build linux

package main

import (
	"context"
	"errors"
	"fmt"
	"io"
	"math/rand/v2"
	"sync"
	"time"

	"github.com/chanx-go/chanx"
)

// config is the size of a run.
type config struct {
	Layer     string        // nats or redis
	Brokers   int           // more than one form a cluster
	Nodes     int           // killed in turn, each after a broker
	Clients   int           // each user has two
	Groups    int           // each client is in two
	Rate      float64       // messages and events a second, half of them by clients
	Leaves    float64       // clients a second that leave and reconnect to another node
	Lasts     time.Duration // without start and end
	KillNodes bool
	Seed      uint64
	Out       io.Writer // gets the progress
}

func (c *config) check() error {
	if c.Brokers < 1 || c.Nodes < 1 || c.Clients < 1 || c.Groups < 2 || c.Rate <= 0 || c.Leaves <= 0 || c.Lasts <= 0 {
		return errors.New("it needs at least a broker, a node, a client, two groups, and rates and a time above zero")
	}
	return nil
}

func (c *config) users() int { return (c.Clients + 1) / 2 }

// soak is the state of a run.
type soak struct {
	cfg     config
	rnd     *rand.Rand // for faults and membership
	brokers brokers
	lives   []int // how often each node was started

	mu         sync.Mutex
	nodes      []*nodeProcess // nil while killed
	rec        record
	conns      []*connection // ready ones
	reconnects int
	over       bool                                   // the run has ended, so connections end too
	joinedDown int                                    // connections whose Join returned that the layer is down
	strange    []string                               // violations that the judge does not see
	drops      map[string]map[chanx.DropReason]uint64 // by node
}

// run returns the result; an error means that the run was not possible.
func run(cfg config) (*result, error) {
	if err := cfg.check(); err != nil {
		return nil, err
	}
	b, err := newBrokers(cfg.Layer, cfg.Brokers)
	if err != nil {
		return nil, err
	}
	s := &soak{
		cfg: cfg, brokers: b, rnd: rand.New(rand.NewPCG(cfg.Seed, 0)), lives: make([]int, cfg.Nodes), nodes: make([]*nodeProcess, cfg.Nodes),
		rec:   record{statuses: map[string][]status{}, killed: map[string]int64{}},
		drops: map[string]map[chanx.DropReason]uint64{},
	}
	v, err := s.run()
	stopErr := s.stop()
	if err != nil {
		return nil, errors.Join(err, stopErr)
	}
	if stopErr != nil { // for example, a node found a data race
		s.strange = append(s.strange, stopErr.Error())
	}
	return &result{s, v}, nil
}

func (s *soak) run() (v verdict, err error) {
	s.rec.began = now()
	if err := startAll(s.brokers, s.cfg.Brokers); err != nil {
		return v, err
	}
	for i := range s.nodes {
		if err := s.startNode(i); err != nil {
			return v, err
		}
	}
	clients, leave := context.WithCancel(context.Background())
	var all sync.WaitGroup
	defer func() {
		s.mu.Lock()
		s.over = true
		s.mu.Unlock()
		leave()
		all.Wait()
	}()
	for i := range s.cfg.Clients {
		c := &guest{soak: s, no: i, user: user(i / 2), groups: s.twoGroups()}
		all.Go(func() { c.live(clients) })
	}
	if err := await("all clients are there", s.isWhole); err != nil {
		return v, err
	}
	s.say("all are there: %d nodes, %d clients, %d of the broker", s.cfg.Nodes, s.cfg.Clients, s.cfg.Brokers)
	if err := s.disturbed(); err != nil {
		return v, err
	}
	if err := await("all is whole again, without help", s.isWhole); err != nil {
		s.mu.Lock()
		s.strange = append(s.strange, err.Error())
		s.mu.Unlock()
		return s.verdict(), nil
	}
	if err := s.quieten(); err != nil {
		return v, err
	}
	return s.verdict(), nil
}

func (s *soak) twoGroups() []string {
	i := s.rnd.IntN(s.cfg.Groups)
	return []string{group(i), group((i + 1 + s.rnd.IntN(s.cfg.Groups-1)) % s.cfg.Groups)}
}

// disturbed lets clients talk, leave and reconnect during the faults.
func (s *soak) disturbed() error {
	talking, hush := context.WithCancel(context.Background())
	var work sync.WaitGroup
	work.Go(func() { s.talk(talking) })
	work.Go(func() { s.move(talking) })
	err := s.fail()
	hush()
	work.Wait()
	return err
}

// isWhole reports whether all nodes are up, all clients are connected, and all requests are answered.
func (s *soak) isWhole() bool {
	s.mu.Lock()
	defer s.mu.Unlock()
	for _, n := range s.nodes {
		if n == nil {
			return false
		}
		if all := s.rec.statuses[n.name]; len(all) > 0 && !all[len(all)-1].Up {
			return false
		}
	}
	for _, c := range s.conns {
		if len(c.mine) > 0 {
			return false
		}
	}
	return len(s.conns) == s.cfg.Clients
}

// verdict waits for pending deliveries, then judges.
func (s *soak) verdict() verdict {
	tick := time.NewTicker(500 * time.Millisecond)
	defer tick.Stop()
	for deadline := time.Now().Add(20 * time.Second); ; <-tick.C {
		s.mu.Lock()
		v := judged(&s.rec)
		s.mu.Unlock()
		if len(v.broken) == 0 || time.Now().After(deadline) {
			return v
		}
	}
}

// say prints the progress with the time.
func (s *soak) say(format string, args ...any) {
	fmt.Fprintf(s.cfg.Out, "%7s  %s\n", seconds(now()-s.rec.began), fmt.Sprintf(format, args...))
}

func seconds(micros int64) string { return fmt.Sprintf("%.3f s", float64(micros)/1e6) }
