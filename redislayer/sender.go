package redislayer

import (
	"context"
	"errors"
	"fmt"
	"slices"

	"github.com/redis/rueidis"
)

// sender sends the publications of an outbox.
type sender struct {
	*outbox
	node  rueidis.Client
	moved map[uint16]rueidis.Client // slots that other nodes have taken over from this one

	batch   []publication
	answers []error // to the batch, by index
	indexes []int   // of the publications in the batch that go to one node
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

// send returns when the batch is answered. It sends a publication again only if Redis refused it because its slot has moved. An
// error means that a connection failed, and that Redis may or may not have received the batch.
func (s *sender) send() error {
	for tries := 0; len(s.batch) > 0; tries++ {
		if err := s.exchange(); err != nil {
			return err
		}
		if s.a.sharded && tries < maxRedirections {
			if err := s.followMoved(); err != nil {
				return err
			}
		}
		left := s.batch[:0]
		for i, p := range s.batch {
			s.batch[i] = publication{}
			if s.answers[i] == errAgain {
				left = append(left, p)
			} else {
				s.complete(&p, s.answers[i])
			}
		}
		s.batch = left
	}
	return nil
}

// exchange sends the batch, to one node after another, and collects the answers.
func (s *sender) exchange() error {
	s.answers = s.answers[:0]
	for range s.batch {
		s.answers = append(s.answers, errAgain)
	}
	for sent := 0; sent < len(s.batch); sent += len(s.indexes) {
		node, commands := s.gather()
		if len(commands) == 1 { // Do costs less than DoMulti
			s.answers[s.indexes[0]] = node.Do(context.Background(), commands[0]).Error()
		} else {
			for i, r := range node.DoMulti(context.Background(), commands...) {
				s.answers[s.indexes[i]] = r.Error()
			}
		}
		for _, i := range s.indexes {
			if !isAnswer(s.answers[i]) {
				return s.answers[i]
			}
		}
	}
	return nil
}

// gather collects the unanswered publications that go to the same node as the first one. The slice of commands is new each
// time, because the writer of rueidis may still read it after a lost connection has ended the call.
func (s *sender) gather() (node rueidis.Client, commands []rueidis.Completed) {
	commands, s.indexes = make([]rueidis.Completed, 0, len(s.batch)), s.indexes[:0]
	for i, p := range s.batch {
		if s.answers[i] != errAgain {
			continue
		}
		to := s.nodeOf(p.command)
		if node == nil {
			node = to
		}
		if to == node {
			commands, s.indexes = append(commands, p.command), append(s.indexes, i)
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

// errAgain marks publications that have no answer yet or must be sent again.
var errAgain = errors.New("to be sent again")

// followMoved records where slots have moved to, and marks the publications to send again. If a later publication to the
// same subject was delivered, because the slot came back meanwhile, the earlier one stays refused.
func (s *sender) followMoved() error {
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
