package chanx

import (
	"context"
	"fmt"
	"sync"
)

// parallel tracks calls that run beside a connection's queue: streams and handlers with Concurrent.
type parallel struct {
	mu      sync.Mutex
	running int32
	ending  bool // whenIdle was called: each new call holds the queue until it ends
	of      map[*task]int
	changed chan struct{} // closed when a call ends; nil while no goroutine waits
	idle    []func()      // called when no call runs any more
}

// enter reserves a place for a call; most is the limit for all calls. Of a handler with Concurrent(n) at most n calls
// run: the next one waits here, and blocks the queue.
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

// whenIdle calls f once no call runs, which may be now. From now on each new call holds the queue until it ends, so f
// is called even if the client goes on to start streams.
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

// wait returns when no call runs.
func (p *parallel) wait() {
	done := make(chan struct{})
	p.whenIdle(func() { close(done) })
	<-done
}

// spawn runs a call beside the queue. It waits for the call of a stream's handler, which returns the iterator, and,
// while the connection is ending, for the end of each call.
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

// stream sends the items of a handler's iterator. The iterator has returned before the final frame is sent.
func (c *Conn) stream(ctx context.Context, k *Call) error {
	err := guard(func() error {
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
		err = nil // the client has gone
	}
	c.conclude(ctx, k, nil, err)
	return err
}

// sendItem waits until the client has read most of what was sent before and there is room for the item, so a stream is
// no faster than its reader. Only then does it encode the item. A connection encodes one item at a time, however many
// streams it has.
func (c *Conn) sendItem(ctx context.Context, item Message, ref string) error {
	if err := ctx.Err(); err != nil {
		return err
	}
	wire := c.transport()
	if err := wire.WaitTurn(ctx); err != nil {
		return wireError(err)
	}
	defer wire.EndTurn() // even if a method of the item panics
	return c.writeBy(item, ref, func(wire transport, b []byte) error { return wire.WriteTurn(ctx, b) })
}
