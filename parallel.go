package chanx

import (
	"context"
	"fmt"
	"sync"
)

// parallel counts what runs beside a connection's queue: streams and handlers with Concurrent.
type parallel struct {
	mu      sync.Mutex
	running int32
	ending  bool // somebody waits for the end of all: what begins now holds the queue until it ends
	of      map[*task]int
	changed chan struct{} // closed when one ends; nil while nobody waits
	idle    []func()      // to be called when nothing runs any more
}

// enter takes a place for a call, of most in all. Of one handler with Concurrent(n) no more than n run: the next waits
// here, and with it the queue.
func (p *parallel) enter(ctx context.Context, t *task, most int) error {
	p.mu.Lock()
	for t.concurrent > 0 && p.of[t] >= t.concurrent {
		if p.changed == nil {
			p.changed = make(chan struct{})
		}
		changed := p.changed
		p.mu.Unlock()
		select {
		case <-changed:
		case <-ctx.Done():
			return ctx.Err()
		}
		p.mu.Lock()
	}
	defer p.mu.Unlock()
	if int(p.running) >= most {
		return errTooBusy
	}
	p.running++
	if t.concurrent > 0 {
		if p.of == nil {
			p.of = map[*task]int{}
		}
		p.of[t]++
	}
	return nil
}

func (p *parallel) leave(t *task) {
	p.mu.Lock()
	p.running--
	if t.concurrent > 0 {
		p.of[t]--
	}
	if p.changed != nil {
		close(p.changed)
		p.changed = nil
	}
	var idle []func()
	if p.running == 0 {
		idle, p.idle = p.idle, nil
	}
	p.mu.Unlock()
	for _, f := range idle {
		f()
	}
}

// whenIdle calls f once nothing runs, which may be now. A client that goes on to ask for streams cannot put it off for
// ever, and one that is about to begin when f is called has ended before the queue goes on.
func (p *parallel) whenIdle(f func()) {
	p.mu.Lock()
	p.ending = true
	if p.running > 0 {
		p.idle = append(p.idle, f)
		p.mu.Unlock()
		return
	}
	p.mu.Unlock()
	f()
}

func (p *parallel) isEnding() bool {
	p.mu.Lock()
	defer p.mu.Unlock()
	return p.ending
}

// wait returns when nothing runs.
func (p *parallel) wait() {
	done := make(chan struct{})
	p.whenIdle(func() { close(done) })
	<-done
}

// spawn runs a call beside the queue. Of a stream, the call that makes the iterator is waited for; while the server shuts
// down, of every call its end.
func (c *Conn) spawn(ctx context.Context, k *Call) {
	if err := c.parallel.enter(ctx, k.task, c.mount.srv.limits.MaxConcurrent); err != nil {
		c.refuseCall(ctx, k, err)
		return
	}
	free, ended := make(chan struct{}), make(chan struct{})
	k.releaseQueue = sync.OnceFunc(func() { close(free) })
	if k.task.stream == nil {
		k.releaseQueue()
	}
	ctx = k.limit(ctx)
	go func() {
		defer close(ended)
		defer c.parallel.leave(k.task)
		defer k.releaseQueue()
		running := c.mount.srv.longCallsOf(c)
		defer running.end(running.begin(c, k.Action))
		c.serve(ctx, k)
	}()
	<-free
	if c.parallel.isEnding() {
		<-ended
	}
}

// stream sends what the iterator of a handler yields. The iterator has returned before the terminal frame is sent.
func (c *Conn) stream(ctx context.Context, k *Call) error {
	err := c.guard(func() error {
		items := k.task.stream(c, ctx, k.value)
		k.releaseQueue()
		if items == nil {
			return fmt.Errorf("chanx: stream %q: the handler returned no iterator", k.Action)
		}
		for item, err := range items {
			if err == nil {
				err = c.sendItem(ctx, item, k.Ref)
			}
			if err != nil {
				return err
			}
		}
		return nil
	})
	if err != nil && c.hasGone() && consistsOf(err, ErrClosed) {
		err = nil // there is nobody to be told
	}
	c.conclude(ctx, k, nil, err)
	return err
}

// sendItem waits until the client has taken most of what was sent before, and the item has room: a stream is no faster than
// its reader. Only then is an item encoded, and one at a time, however many streams the client has.
func (c *Conn) sendItem(ctx context.Context, item Message, ref string) error {
	if err := ctx.Err(); err != nil {
		return err
	}
	wire := c.transport()
	if err := wire.WaitTurn(ctx); err != nil {
		return wireError(err)
	}
	defer wire.EndTurn() // also if a method of the item panics
	return c.writeBy(item, ref, func(wire transport, b []byte) error { return wire.WriteTurn(ctx, b) })
}
