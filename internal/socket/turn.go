package socket

import "context"

// Writers that can wait, such as streams, take turns. A writer builds its message only during its turn, so the queued
// bytes and the message being built never exceed Options.SendQueueBytes plus one message.

// WaitTurn waits until no other caller has the turn and at most half of Options.SendQueueBytes is queued, so writers
// that take turns are no faster than the peer reads. The caller must call EndTurn, unless WaitTurn returns an error:
// ErrClosed if nothing more may be written, or ctx's error.
func (c *Conn) WaitTurn(ctx context.Context) error {
	c.mu.Lock()
	defer c.unlock()
	err := c.waitUntil(ctx, func() bool { return !c.turnTaken && c.queued <= c.up.opt.SendQueueBytes/2 })
	if err == nil {
		c.turnTaken = true
	}
	return err
}

// WriteTurn is WriteText without cork, for the caller that has the turn: it waits until the queue has room for p. Its
// errors are those of WaitTurn.
func (c *Conn) WriteTurn(ctx context.Context, p []byte) error {
	if c.deflate && len(p) >= c.up.deflater.min {
		return c.writePreparedTurn(ctx, c.deflateAll([]Prepared{c.up.PrepareText(p)})[0])
	}
	c.mu.Lock()
	defer c.unlock()
	if err := c.waitUntil(ctx, func() bool { return c.hasRoom(headerSize(len(p)) + len(p)) }); err != nil {
		return err
	}
	return c.writeText(p, false)
}

func (c *Conn) writePreparedTurn(ctx context.Context, p Prepared) error {
	c.mu.Lock()
	defer c.unlock()
	if err := c.waitUntil(ctx, func() bool { return c.hasRoom(len(p.b)) }); err != nil {
		return err
	}
	c.appendPrepared(p, false)
	c.flush()
	return nil
}

// EndTurn ends the turn that WaitTurn began.
func (c *Conn) EndTurn() {
	c.mu.Lock()
	defer c.unlock()
	c.turnTaken = false
	c.wakeWriters()
}

// waitUntil waits until writing is possible and ready returns true, or returns an error. The caller holds mu, and holds
// it again when waitUntil returns. ready may depend on the queue and the turn only.
func (c *Conn) waitUntil(ctx context.Context, ready func() bool) error {
	for {
		switch {
		case !c.canWrite():
			return ErrClosed
		case ready():
			return nil
		}
		if c.wake == nil {
			c.wake = make(chan struct{})
		}
		wake := c.wake
		c.unlock()
		var err error
		select {
		case <-wake:
		case <-ctx.Done():
			err = ctx.Err()
		}
		c.mu.Lock()
		if err != nil {
			return err
		}
	}
}

// wakeWriters wakes waitUntil if its condition may have changed.
func (c *Conn) wakeWriters() {
	if c.wake != nil && (!c.canWrite() || c.queued <= c.up.opt.SendQueueBytes/2) {
		close(c.wake)
		c.wake = nil
	}
}
