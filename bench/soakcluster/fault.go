//go:build linux

package main

import (
	"context"
	"time"
)

// turn is the time in which one broker and one node are killed and restarted.
const turn = 25 * time.Second

// fail kills and restarts a broker, then a node, then the next broker, and so on.
func (s *soak) fail() error {
	turns := max(1, int(s.cfg.Lasts/turn))
	each := s.cfg.Lasts / time.Duration(turns)
	for i := range turns {
		if err := s.failOnce(i%s.cfg.Brokers, (i+1)%s.cfg.Nodes, each); err != nil {
			return err
		}
	}
	return nil
}

func (s *soak) failOnce(broker, node int, each time.Duration) error {
	rest := func(part time.Duration) { wait(context.Background(), each*part/100) }
	rest(10)
	s.say("broker %d is killed", broker)
	s.brokers.kill(broker)
	rest(25)
	if err := s.brokers.start(broker); err != nil {
		return err
	}
	if err := s.brokers.form(); err != nil {
		return err
	}
	s.say("broker %d is back", broker)
	rest(20)
	if s.cfg.KillNodes {
		s.say("node %d is killed", node)
		s.killNode(node)
		rest(20)
		if err := s.startNode(node); err != nil {
			return err
		}
		s.say("node %d is back", node)
	}
	rest(25)
	return nil
}
