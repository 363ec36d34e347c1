//go:build linux

package main

import (
	"bytes"
	"context"
	"errors"
	"fmt"
	"strconv"
	"strings"
	"sync/atomic"
	"time"

	"github.com/chanx-go/chanx/bench/soak/host"
	"github.com/chanx-go/chanx/bench/soak/peer"
)

// audience is a set of subscribers, of which the first ones may be slow. The last one also publishes.
type audience struct {
	all       []*subscriber
	began     time.Time
	published atomic.Int64
	over      atomic.Bool // nothing more is published
}

// subscriber is one client of an audience. Its fields, except the atomic ones, belong to the goroutine that listens until
// that has ended.
type subscriber struct {
	peer    *peer.Peer
	began   time.Time
	paced   *audience // it reads one post of four until all are published; nil: it reads as fast as it can
	heard   atomic.Int64
	ended   atomic.Bool
	numbers []int
	late    []time.Duration
	err     error
}

func gatherAudience(ctx context.Context, p *host.Process, n int, ph *phase) (*audience, error) {
	a := &audience{began: time.Now()}
	for i := range n {
		var o peer.Options
		if i < ph.slow {
			o.ReadBuffer = smallBuffer
		}
		c, err := peer.Dial(ctx, p.Plain().Addr, host.SlowPath, o)
		if err != nil {
			return a, err
		}
		sub := &subscriber{peer: c, began: a.began}
		if i < ph.slow && i%2 == 1 {
			sub.paced = a
		}
		a.all = append(a.all, sub)
	}
	return a, a.ready()
}

// ready returns when all are in the group: a ping is answered after the connection has joined it.
func (a *audience) ready() error {
	for _, s := range a.all {
		if err := s.peer.Write([]byte(`{"action":"ping"}`)); err != nil {
			return err
		}
		if text, err := s.peer.Read(); err != nil || string(text) != `{"action":"pong"}` {
			return fmt.Errorf("ping was answered %q, %v", text, err)
		}
	}
	return nil
}

func (a *audience) dismiss() {
	for _, s := range a.all {
		_ = s.peer.Reset() // some have ended already
	}
}

// publish sends posts at a steady rate. If the machine is too busy, it waits for the subscribers that read, so that their
// queues never fill up.
func (a *audience) publish(ctx context.Context, ph *phase) error {
	defer a.over.Store(true)
	speaker := a.all[len(a.all)-1].peer
	pad := strings.Repeat("x", postBytes)
	steps := time.NewTicker(ph.step)
	defer steps.Stop()
	for n := 1; n <= posts; n++ {
		<-steps.C
		for a.behind(ph.slow, n) > mostBehind && ctx.Err() == nil {
			<-steps.C
		}
		if ctx.Err() != nil {
			return ctx.Err()
		}
		text := fmt.Appendf(nil, `{"action":"publish","payload":{"kind":%q,"n":%d,"at":%d,"pad":%q}}`, ph.kind, n, time.Since(a.began), pad)
		if err := speaker.Write(text); err != nil {
			return err
		}
		a.published.Add(1)
	}
	return nil
}

// behind returns the largest number of posts that a subscriber which reads has not received yet, before post number n.
func (a *audience) behind(slow, n int) (most int) {
	for _, s := range a.all[slow:] {
		if !s.ended.Load() {
			most = max(most, n-1-int(s.heard.Load()))
		}
	}
	return most
}

// listen reads until the last post, or until the connection ends.
func (s *subscriber) listen() {
	defer s.ended.Store(true)
	for n := 0; n < posts; {
		s.dawdle()
		text, err := s.peer.Read()
		now := time.Since(s.began)
		var at time.Duration
		if err == nil {
			n, at, err = post(text)
		}
		if err != nil {
			s.err = err
			return
		}
		s.numbers, s.late = append(s.numbers, n), append(s.late, now-at)
		s.heard.Add(1)
	}
}

func (s *subscriber) dawdle() {
	for a := s.paced; a != nil && !a.over.Load() && a.published.Load() < 4*(s.heard.Load()+1); {
		time.Sleep(time.Millisecond)
	}
}

// post parses the number and time of a post without decoding the rest.
func post(text []byte) (n int, at time.Duration, err error) {
	_, rest, _ := bytes.Cut(text, []byte(`"payload":{"n":`))
	number, rest, _ := bytes.Cut(rest, []byte(`,"at":`))
	stamp, rest, ok := bytes.Cut(rest, []byte(`,"pad":"`))
	n, err1 := strconv.Atoi(string(number))
	nanos, err2 := strconv.ParseInt(string(stamp), 10, 64)
	if err := errors.Join(err1, err2); err != nil || !ok || !bytes.HasSuffix(rest, []byte(`false}`)) && !bytes.HasSuffix(rest, []byte(`true}`)) {
		return 0, 0, fmt.Errorf("it is no post: %.100q (%v)", text, err)
	}
	return n, time.Duration(nanos), nil
}

// gaps reports whether the received numbers differ from 1, 2, 3, …
func (s *subscriber) gaps() bool {
	for i, n := range s.numbers {
		if n != i+1 {
			return true
		}
	}
	return false
}

// judge returns what is wrong with the treatment of a slow subscriber, or "".
func (s *subscriber) judge(kind string) string {
	var closed *peer.Closed
	switch {
	case kind != host.Plain{}.Action() && s.err != nil:
		return fmt.Sprintf("it was not kept: %v", s.err)
	case kind == host.Plain{}.Action() && (!errors.As(s.err, &closed) || closed.Code != 1013):
		return fmt.Sprintf("it was not closed with 1013 after %d posts of %d: %v", len(s.numbers), posts, s.err)
	case kind == host.Plain{}.Action():
		if s.gaps() {
			return fmt.Sprintf("before it was closed, some posts are missing: %v", s.numbers)
		}
		return ""
	case !s.gaps():
		return "it has all posts, so none was dropped"
	}
	newest := map[int]int{}
	for i, n := range s.numbers {
		if i > 0 && n <= s.numbers[i-1] {
			return fmt.Sprintf("post %d comes after %d", n, s.numbers[i-1])
		}
		newest[n%host.Keys] = n
	}
	for k := range host.Keys {
		if kind == (host.Newest{}).Action() && newest[k] <= posts-host.Keys {
			return fmt.Sprintf("of key %d it has %d as the newest of %d", k, newest[k], posts)
		}
	}
	return ""
}

// fate describes how the connection of a slow subscriber ended.
func (s *subscriber) fate() string {
	var closed *peer.Closed
	if errors.As(s.err, &closed) {
		return fmt.Sprintf("closed with %d", closed.Code)
	}
	if s.err != nil {
		return s.err.Error()
	}
	return "kept, with the newest"
}
