package redislayer

import (
	"context"
	"errors"
	"fmt"
	"slices"

	"github.com/redis/rueidis"
)

// sender sends what waits in an outbox.
type sender struct {
	*outbox
	node  rueidis.Client
	moved map[uint16]rueidis.Client // slots that other nodes have taken over from this one

	batch   []publication
	answers []error // to the batch
	places  []int   // in the batch of what goes to one node
}

// run returns when the attachment has failed.
func (s *sender) run() {
	for {
		select {
		case <-s.wake:
		case <-s.a.done:
			return
		}
		for s.batch = s.take(s.batch); len(s.batch) > 0; s.batch = s.take(s.batch) {
			if err := s.send(); err != nil {
				s.a.fail(err)
				return
			}
		}
	}
}

// send returns when the batch is answered. What Redis has not taken because its slot is elsewhere now is sent there, the rest
// not again. An error is one of the way to Redis, and nobody knows how much it has taken.
func (s *sender) send() error {
	for tries := 0; len(s.batch) > 0; tries++ {
		if err := s.exchange(); err != nil {
			return err
		}
		if s.a.sharded && tries < maxRedirections {
			if err := s.follow(); err != nil {
				return err
			}
		}
		left := s.batch[:0]
		for i, p := range s.batch {
			s.batch[i] = publication{}
			if s.answers[i] == errAgain {
				left = append(left, p)
			} else {
				s.settle(&p, s.answers[i])
			}
		}
		s.batch = left
	}
	return nil
}

// exchange sends the batch, to one node after the other, and gets the answers.
func (s *sender) exchange() error {
	s.answers = s.answers[:0]
	for range s.batch {
		s.answers = append(s.answers, errAgain)
	}
	for asked := 0; asked < len(s.batch); asked += len(s.places) {
		node, commands := s.gather()
		if len(commands) == 1 { // which costs less
			s.answers[s.places[0]] = node.Do(context.Background(), commands[0]).Error()
		} else {
			for i, r := range node.DoMulti(context.Background(), commands...) {
				s.answers[s.places[i]] = r.Error()
			}
		}
		for _, i := range s.places {
			if !isAnswer(s.answers[i]) {
				return s.answers[i]
			}
		}
	}
	return nil
}

// gather collects what is not answered and goes to the same node as the first. The slice of commands is rueidis's from then on:
// its writer may still read it when the connection is lost and they have been answered by that.
func (s *sender) gather() (node rueidis.Client, commands []rueidis.Completed) {
	commands, s.places = make([]rueidis.Completed, 0, len(s.batch)), s.places[:0]
	for i, p := range s.batch {
		if s.answers[i] != errAgain {
			continue
		}
		to := s.nodeOf(p.command)
		if node == nil {
			node = to
		}
		if to == node {
			commands, s.places = append(commands, p.command), append(s.places, i)
		}
	}
	return node, commands
}

func (s *sender) nodeOf(c rueidis.Completed) rueidis.Client {
	if len(s.moved) > 0 {
		if node := s.moved[c.Slot()]; node != nil {
			return node
		}
	}
	return s.node
}

// errAgain stands where there is no answer that counts.
var errAgain = errors.New("to be sent again")

// follow finds out where slots have moved to, and what to send again. What a later publication to its subject has overtaken,
// because the slot came back meanwhile, stays refused.
func (s *sender) follow() error {
	overtaken := map[string]bool{}
	for i, p := range slices.Backward(s.batch) {
		address, moved := movedTo(s.answers[i])
		switch {
		case s.answers[i] == nil:
			overtaken[p.subject] = true
		case moved && !overtaken[p.subject]:
			node := s.a.nodes[address]
			if node == nil {
				return fmt.Errorf("%w: to %s", errMoved, address)
			}
			s.moved[p.command.Slot()] = node
			s.answers[i] = errAgain
		}
	}
	return nil
}

func movedTo(answer error) (address string, moved bool) {
	var r *rueidis.RedisError
	if !errors.As(answer, &r) {
		return "", false
	}
	return r.IsMoved()
}
