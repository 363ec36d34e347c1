package socket

import "context"

// Several writers that can wait, such as streams, take turns: a writer makes its message in its turn only, so that what
// they have made and what is queued is at most Options.SendQueueBytes and one message.

// WaitTurn returns when no other caller has the turn and no more than half of Options.SendQueueBytes waits: who takes turns
// is no faster than the peer reads. EndTurn must follow, unless WaitTurn fails: with ErrClosed when nothing may be written
// any more, or when ctx ends.
func (c *Conn) WaitTurn(ctx context.Context) error {
	c.mu.Lock()
	defer c.unlock()
	err := c.waitUntil(ctx, func() bool { return !c.turnTaken && c.queued <= c.up.opt.SendQueueBytes/2 })
	if err == nil {
		c.turnTaken = true
	}
	return err
}

// WriteTurn is WriteText without cork, for who has the turn: it waits until p has room. It fails like WaitTurn.
func (c *Conn) WriteTurn(ctx context.Context, p []byte) error {
	if c.deflate && len(p) >= c.up.deflater.min {
		return c.writeFrameTurn(ctx, c.deflateFrames([]Frame{c.up.PrepareText(p)})[0])
	}
	c.mu.Lock()
	defer c.unlock()
	if err := c.waitUntil(ctx, func() bool { return c.hasRoom(headerSize(len(p)) + len(p)) }); err != nil {
		return err
	}
	return c.writeText(p, false)
}

func (c *Conn) writeFrameTurn(ctx context.Context, f Frame) error {
	c.mu.Lock()
	defer c.unlock()
	if err := c.waitUntil(ctx, func() bool { return c.hasRoom(len(f.b)) }); err != nil {
		return err
	}
	c.appendPrepared(f, false)
	c.flush()
	return nil
}

// EndTurn ends what WaitTurn began.
func (c *Conn) EndTurn() {
	c.mu.Lock()
	defer c.unlock()
	c.turnTaken = false
	c.wakeWriters()
}

// waitUntil returns with mu held, as it was called, when something may be written and is reports true, or with an error.
// is looks at the queue and the turn only.
func (c *Conn) waitUntil(ctx context.Context, ready func() bool) error {
	for {
		switch {
		case c.writeDone || c.broken:
			return ErrClosed
		case ready():
			return nil
		}
		if c.writable == nil {
			c.writable = make(chan struct{})
		}
		writable := c.writable
		c.unlock()
		var err error
		select {
		case <-writable:
		case <-ctx.Done():
			err = ctx.Err()
		}
		c.mu.Lock()
		if err != nil {
			return err
		}
	}
}

// wakeWriters ends waiting where it has to look again.
func (c *Conn) wakeWriters() {
	if c.writable != nil && (c.writeDone || c.queued <= c.up.opt.SendQueueBytes/2) {
		close(c.writable)
		c.writable = nil
	}
}
