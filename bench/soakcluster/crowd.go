//go:build linux

package main

import (
	"context"
	"fmt"
	"math/rand/v2"
	"slices"
	"time"
)

// joined records a connection, which may receive from now on.
func (s *soak) joined(c *connection) {
	s.mu.Lock()
	defer s.mu.Unlock()
	s.rec.receivers = append(s.rec.receivers, c.receiver)
	if c.guest.conns > 1 {
		s.reconnects++
	}
}

// welcomed records that a connection must receive everything from now on.
func (s *soak) welcomed(c *connection, w welcome, at int64) {
	s.mu.Lock()
	defer s.mu.Unlock()
	c.ready = at
	s.conns = append(s.conns, c)
	if w.Down {
		s.joinedDown++
	}
}

// received records a receipt.
func (s *soak) received(c *connection, m mark, at int64) {
	s.mu.Lock()
	defer s.mu.Unlock()
	c.got = append(c.got, receipt{m.id(), c.by(m.To), m.At, at})
}

// answered records the outcome of a client's request.
func (s *soak) answered(c *connection, o outcome) {
	s.mu.Lock()
	defer s.mu.Unlock()
	asked := c.mine[o.id()]
	if asked == nil {
		s.strange = append(s.strange, fmt.Sprintf("%s got an answer to %v, for which it had not asked", c.name, o.id()))
		return
	}
	delete(c.mine, o.id())
	asked.mark, asked.Done, asked.Error, asked.Unknown = o.mark, o.Done, o.Error, false
}

// lost records the end of a connection.
func (s *soak) lost(c *connection, err error) {
	s.mu.Lock()
	defer s.mu.Unlock()
	c.at.conns--
	s.conns = slices.DeleteFunc(s.conns, func(one *connection) bool { return one == c })
	if c.ended > 0 {
		return
	}
	c.ended = now()
	if s.rec.killed[c.node] == 0 && !s.over {
		s.strange = append(s.strange, fmt.Sprintf("%s lost its connection to %s, which lives: %v", c.name, c.node, err))
	}
}

// talk lets clients send, a burst each.
func (s *soak) talk(ctx context.Context) {
	rnd := rand.New(rand.NewPCG(s.cfg.Seed, 2))
	for wait(ctx, time.Duration(rnd.ExpFloat64()*burst/(s.cfg.Rate/2)*float64(time.Second))) {
		if c, marks := s.askSomebody(rnd); c != nil {
			c.say(marks)
		}
	}
}

// askSomebody records a client's request before sending it, because the answer may be fast.
func (s *soak) askSomebody(rnd *rand.Rand) (c *connection, marks []mark) {
	s.mu.Lock()
	defer s.mu.Unlock()
	if len(s.conns) == 0 {
		return nil, nil
	}
	c = s.conns[rnd.IntN(len(s.conns))]
	for range burst {
		m := c.talk.next()
		marks = append(marks, m)
		c.mine[m.id()] = &sending{mark: m, Node: c.node, Unknown: true}
		s.rec.sendings = append(s.rec.sendings, c.mine[m.id()])
	}
	return c, marks
}

// move lets clients leave without a Close frame, and reconnect.
func (s *soak) move(ctx context.Context) {
	rnd := rand.New(rand.NewPCG(s.cfg.Seed, 3))
	for wait(ctx, time.Duration(rnd.ExpFloat64()/s.cfg.Leaves*float64(time.Second))) {
		s.mu.Lock()
		if len(s.conns) > 0 {
			i := rnd.IntN(len(s.conns))
			c := s.conns[i]
			s.conns = slices.Delete(s.conns, i, i+1)
			c.ended = now()
			close(c.end)
		}
		s.mu.Unlock()
	}
}

// wait waits, and reports whether the run continues.
func wait(ctx context.Context, d time.Duration) bool {
	select {
	case <-ctx.Done():
		return false
	case <-time.After(d):
		return true
	}
}
