//go:build linux

package main

import (
	"context"
	"encoding/json"
	"errors"
	"fmt"
	"sync"
	"time"

	"github.com/chanx-go/chanx/bench/soak/host"
	"github.com/chanx-go/chanx/bench/soak/peer"
)

const (
	window  = 64 // unanswered messages of one talker
	dialers = 16 // concurrent dials
)

// playShutdown has clients that send until the server closes the connection. Every message that a handler received must have
// been answered.
func playShutdown(ctx context.Context, r *report, s settings) (err error) {
	p, err := host.Start(host.Options{})
	if err != nil {
		return err
	}
	defer func() { err = errors.Join(err, p.Stop()) }()
	all, err := talkers(ctx, p, s.scale.talkers)
	if err != nil {
		return err
	}
	var writers, readers sync.WaitGroup
	for i, t := range all {
		writers.Go(func() { t.talk(i) })
		readers.Go(func() { t.listen(i) })
	}
	select {
	case <-time.After(s.scale.talk):
	case <-ctx.Done():
	}
	end, err := p.Shutdown()
	if err != nil {
		return err
	}
	readers.Wait()
	for _, t := range all {
		_ = t.peer.Reset() // it is closed already
	}
	writers.Wait()
	r.judgeShutdown(all, end)
	return nil
}

func (r *report) judgeShutdown(all []*talker, end host.End) {
	if end.Error != "" {
		r.violation("shutdown: %s", end.Error)
	}
	handled, answered := 0, 0
	for i, t := range all {
		handled += end.Handled[i]
		answered += t.heard
		if t.err != nil || t.heard != end.Handled[i] {
			r.violation("shutdown: client %d had %d answers to %d messages that were handled, then: %v", i, t.heard, end.Handled[i], t.err)
		}
	}
	r.printf("%d clients: %d messages were handled, %d answered; the shutdown took %.2f s", len(all), handled, answered, end.Took.Seconds())
	r.printf("drops: %s", drops(end.State.Drops))
	if end.State.Connections != 0 || end.State.Faults != 0 {
		r.violation("shutdown: %d connections are left, %d errors were logged", end.State.Connections, end.State.Faults)
	}
}

// talker is a client that sends until the server closes the connection.
type talker struct {
	peer  *peer.Peer
	slots chan struct{}
	ended chan struct{}
	heard int
	err   error // the reason, if the connection did not end as it had to
}

// talkers opens n connections, some at a time, to all doors in turn.
func talkers(ctx context.Context, p *host.Process, n int) ([]*talker, error) {
	all := make([]*talker, n)
	errs := make([]error, dialers)
	var wg sync.WaitGroup
	for d := range dialers {
		wg.Go(func() {
			for i := d; i < n && errs[d] == nil; i += dialers {
				all[i], errs[d] = newTalker(ctx, p, p.Doors[i%len(p.Doors)])
			}
		})
	}
	wg.Wait()
	return all, errors.Join(errs...)
}

func newTalker(ctx context.Context, p *host.Process, door host.Door) (*talker, error) {
	o := peer.Options{Deflate: door.Deflate}
	if door.TLS {
		o.TLS = p.Trust
	}
	c, err := peer.Dial(ctx, door.Addr, host.TallyPath, o)
	return &talker{peer: c, slots: make(chan struct{}, window), ended: make(chan struct{})}, err
}

// talk sends until a write fails. The goroutine that reads records the reason.
func (t *talker) talk(i int) {
	for n := 0; ; n++ {
		select {
		case t.slots <- struct{}{}:
		case <-t.ended:
			return
		}
		if t.peer.Write(fmt.Appendf(nil, `{"action":"tally","payload":{"i":%d,"n":%d}}`, i, n)) != nil {
			return
		}
	}
}

func (t *talker) listen(i int) {
	defer close(t.ended)
	for {
		text, err := t.peer.Read()
		if err != nil {
			var closed *peer.Closed
			if !errors.As(err, &closed) || closed.Code != 1001 {
				t.err = err
			}
			return
		}
		var answer struct{ Payload host.Tally }
		if err := json.Unmarshal(text, &answer); err != nil || answer.Payload != (host.Tally{I: i, N: t.heard}) {
			t.err = fmt.Errorf("answer %d is %s", t.heard, text)
			return
		}
		t.heard++
		<-t.slots
	}
}
