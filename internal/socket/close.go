package socket

import (
	"context"
	"fmt"
	"time"
)

// Close closes the connection in order (RFC 6455, section 7.1.2): what is queued is flushed, then the Close frame;
// messages and events that wait are dropped; a running Message or Event finishes, its writes fail. The transport is closed
// when the peer has answered, or after CloseTimeout. Code must be one that may be sent; reason is cut to 123 bytes. The
// first cause of the end wins: ErrClosed tells that there was one, and Close did nothing, except that after the peer's
// Close frame it answers at once instead of in turn.
func (c *Conn) Close(code int, reason string) error {
	if !Sendable(code) {
		return fmt.Errorf("socket: close connection: code %d may not be sent", code)
	}
	c.mu.Lock()
	defer c.unlock()
	if c.stopped {
		return ErrClosed
	}
	known := c.why != nil
	c.shut(code, reason)
	if known {
		return ErrClosed
	}
	return nil
}

// CloseAfter is Close once the running Message or Event has returned, however long it takes; until then it may write.
// With none running it is Close. The first event of Start counts as running from Start on.
func (c *Conn) CloseAfter(code int, reason string) error {
	if !Sendable(code) {
		return fmt.Errorf("socket: close connection: code %d may not be sent", code)
	}
	c.mu.Lock()
	defer c.unlock()
	if c.why != nil {
		return ErrClosed
	}
	if !c.busy || c.h == nil {
		c.shut(code, reason)
		return nil
	}
	c.cause(code, reason)
	c.closeSoon = true
	return nil
}

// Abort closes the transport at once, without a Close frame. Unless the end had another cause, Closed is told 1006.
func (c *Conn) Abort() {
	c.mu.Lock()
	defer c.unlock()
	c.kill()
}

// cause is why a connection ends.
type cause struct {
	code   int
	reason string
}

// cause notes how the connection ends; the first one stays.
func (c *Conn) cause(code int, reason string) {
	if c.why == nil {
		c.why = &cause{code, cutReason(reason)}
	}
}

// shut ends the connection from our side. The caller holds mu.
func (c *Conn) shut(code int, reason string) {
	c.cause(code, reason)
	c.stopped = true
	c.dropItems()
	c.sendClose(c.why.code, c.why.reason)
	c.armClose()
	c.wakeReader()
	if !c.started {
		c.started = true
		go c.read() // nobody else would read the peer's answer
	}
	c.ensureRunner()
	c.settle()
}

// sendClose writes the last frame.
func (c *Conn) sendClose(code int, reason string) {
	if c.sealed {
		return
	}
	c.leave()
	var b [maxControl]byte
	c.put(finClose, appendClose(b[:0], code, reason))
	c.sealed = true
	c.wakeWriters()
	c.flush()
}

// leave counts the connection among those that are closing, and tells the handler. Only the first call does something.
func (c *Conn) leave() {
	if c.leaving {
		return
	}
	c.leaving = true
	if !c.refused {
		c.up.counters.closing.Add(1)
	}
	if c.h != nil {
		c.h.Closing()
	}
}

// peerClosed takes the peer's Close frame. Nobody reads behind it.
func (c *Conn) peerClosed(p []byte) item {
	code, reason, bad := parseClose(p)
	if bad != 0 {
		return c.fail(bad, "bad close frame")
	}
	c.cause(code, reason)
	c.ending, c.readDone = true, true
	c.part = nil
	c.armClose()
	return item{kind: endItem}
}

// fail ends the connection because of the peer (RFC 6455, section 7.1.7): what was received before is handled, what
// comes is discarded unseen.
func (c *Conn) fail(code int, reason string) item {
	c.cause(code, reason)
	c.ending, c.raw, c.halfClose = true, true, true
	c.part = nil
	c.armClose()
	return item{kind: endItem}
}

// conclude is the endItem's turn.
func (c *Conn) conclude() {
	c.stopped = true
	c.dropItems()
	c.sendClose(c.why.code, c.why.reason)
	c.settle()
}

// lose is the end of the transport, told by reading.
func (c *Conn) lose() {
	c.readDone = true
	c.kill()
}

// kill is every end without a handshake, and the end of a handshake that did not come to its own. The caller holds mu.
func (c *Conn) kill() {
	c.cause(CloseAbnormal, "")
	c.leave()
	c.stopped, c.sealed = true, true
	c.wakeWriters()
	c.disconnect()
	c.dropItems()
	c.wakeReader()
	c.ensureRunner()
}

// dropItems discards what has not been handled.
func (c *Conn) dropItems() {
	if c.rest != nil {
		rest := c.rest
		c.rest = nil
		c.drop(DroppedMessages, c.skip(rest))
	}
	for {
		it, ok := c.inbox.pop()
		switch {
		case !ok:
			return
		case it.kind == messageItem:
			c.drop(DroppedMessages, 1)
		case it.kind == eventItem:
			c.drop(DroppedEvents, 1)
		}
	}
}

// armClose bounds the closing.
func (c *Conn) armClose() {
	if t := c.up.opt.CloseTimeout; t > 0 && c.closeTimer == nil && !c.gone {
		c.closeTimer = time.AfterFunc(t, c.Abort)
	}
}

// settle closes what is done: the write side behind the last frame after a violation, the transport when the peer is
// through too.
func (c *Conn) settle() {
	if !c.sealed || c.gone || c.writing || c.queued > 0 {
		return
	}
	if c.readDone {
		c.disconnect()
	} else if c.halfClose {
		c.halfClose = false
		c.closeWrite()
	}
}

// closeWrite tells the peer that nothing follows, so that it closes: after a violation its answer cannot be recognised.
func (c *Conn) closeWrite() {
	if w, ok := c.nc.(interface{ CloseWrite() error }); ok {
		c.aside(w.CloseWrite, func() {})
	}
}

// disconnect closes the transport.
func (c *Conn) disconnect() {
	if c.gone {
		return
	}
	c.gone = true
	if c.closeTimer != nil {
		c.closeTimer.Stop()
	}
	c.tellLost()
	if !c.writing { // else drain still has the bytes in hand
		c.discardOut()
	}
	c.aside(c.nc.Close, func() {
		c.closed = true
		if c.refused {
			c.up.counters.refusing.Add(-1)
		} else {
			c.up.counters.closing.Add(-1)
		}
		c.finish()
	})
}

// aside calls f, then done, under mu. On a TCP connection f does not block; under TLS it does for a while, to say goodbye
// first. What it fails of, the loss of the transport, is told by reading.
func (c *Conn) aside(f func() error, done func()) {
	if c.rc != nil {
		_ = f()
		done()
		return
	}
	go func() {
		_ = f()
		c.mu.Lock()
		defer c.unlock()
		done()
	}()
}

// tellLost calls Lost, at most once, and only while somebody may be interested.
func (c *Conn) tellLost() {
	if c.h != nil && !c.lost {
		c.lost = true
		c.h.Lost()
	}
}

// finish takes the connection off the books once nothing is written any more, its transport is closed and its handler has
// been told.
func (c *Conn) finish() {
	if c.removed || c.writing || !c.closed || c.h != nil && !c.told {
		return
	}
	c.removed = true
	c.up.wheel.remove(c)
	c.up.left()
}

// left counts a connection less, and wakes those that wait for the last one.
func (u *Upgrader) left() {
	if u.counters.open.Add(-1) > 0 {
		return
	}
	u.mu.Lock()
	defer u.mu.Unlock()
	if u.none != nil {
		close(u.none)
		u.none = nil
	}
}

// Wait returns when no connection is open: every transport is closed and every Closed has returned. It fails when ctx
// ends first.
func (u *Upgrader) Wait(ctx context.Context) error {
	u.mu.Lock()
	if u.counters.open.Load() == 0 {
		u.mu.Unlock()
		return nil
	}
	if u.none == nil {
		u.none = make(chan struct{})
	}
	none := u.none
	u.mu.Unlock()
	select {
	case <-none:
		return nil
	case <-ctx.Done():
		return fmt.Errorf("socket: wait for connections: %w", ctx.Err())
	}
}
