//go:build linux

package main

import (
	"context"
	"time"
)

// turn is how long a broker and a node take to be killed and started again, if there is time.
const turn = 25 * time.Second

// fail has a broker killed and started again, and then a node, and so on with the next ones.
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
