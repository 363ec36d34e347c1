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
	known := c.cause != nil
	c.beginClose(code, reason)
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
	if c.cause != nil {
		return ErrClosed
	}
	if !c.running || c.h == nil {
		c.beginClose(code, reason)
		return nil
	}
	c.setCause(code, reason)
	c.closeAfterRun = true
	return nil
}

// Abort closes the transport at once, without a Close frame. Unless the end had another cause, Closed is told 1006.
func (c *Conn) Abort() {
	c.mu.Lock()
	defer c.unlock()
	c.abort()
}

// cause is why a connection ends.
type closeCause struct {
	code   int
	reason string
}

// cause notes how the connection ends; the first one stays.
func (c *Conn) setCause(code int, reason string) {
	if c.cause == nil {
		c.cause = &closeCause{code, cutReason(reason)}
	}
}

// shut ends the connection from our side. The caller holds mu.
func (c *Conn) beginClose(code int, reason string) {
	c.setCause(code, reason)
	c.stopped = true
	c.dropItems()
	c.sendClose(c.cause.code, c.cause.reason)
	c.startCloseTimer()
	c.resumeReading()
	if !c.started {
		c.started = true
		go c.read() // nobody else would read the peer's answer
	}
	c.ensureRunner()
	c.closeIfDone()
}

// sendClose writes the last frame.
func (c *Conn) sendClose(code int, reason string) {
	if c.writeDone {
		return
	}
	c.callClosing()
	var b [maxControl]byte
	c.appendFrame(finClose, appendClose(b[:0], code, reason))
	c.writeDone = true
	c.wakeWriters()
	c.flush()
}

// leave counts the connection among those that are closing, and tells the handler. Only the first call does something.
func (c *Conn) callClosing() {
	if c.closingCalled {
		return
	}
	c.closingCalled = true
	if !c.refused {
		c.up.counters.closing.Add(1)
	}
	if c.h != nil {
		c.h.Closing()
	}
}

// peerClosed takes the peer's Close frame. Nobody reads behind it.
func (c *Conn) receiveClose(p []byte) item {
	code, reason, bad := parseClose(p)
	if bad != 0 {
		return c.fail(bad, "bad close frame")
	}
	c.setCause(code, reason)
	c.endQueued, c.readDone = true, true
	c.part = nil
	c.startCloseTimer()
	return item{kind: endItem}
}

// fail ends the connection because of the peer (RFC 6455, section 7.1.7): what was received before is handled, what
// comes is discarded unseen.
func (c *Conn) fail(code int, reason string) item {
	c.setCause(code, reason)
	c.endQueued, c.unparsed, c.halfClose = true, true, true
	c.part = nil
	c.startCloseTimer()
	return item{kind: endItem}
}

// conclude is the endItem's turn.
func (c *Conn) handleEnd() {
	c.stopped = true
	c.dropItems()
	c.sendClose(c.cause.code, c.cause.reason)
	c.closeIfDone()
}

// lose is the end of the transport, told by reading.
func (c *Conn) readFailed() {
	c.readDone = true
	c.abort()
}

// kill is every end without a handshake, and the end of a handshake that did not come to its own. The caller holds mu.
func (c *Conn) abort() {
	c.setCause(CloseAbnormal, "")
	c.callClosing()
	c.stopped, c.writeDone = true, true
	c.wakeWriters()
	c.disconnect()
	c.dropItems()
	c.resumeReading()
	c.ensureRunner()
}

// dropItems discards what has not been handled.
func (c *Conn) dropItems() {
	if c.rest != nil {
		rest := c.rest
		c.rest = nil
		c.drop(DroppedMessages, c.skipFrames(rest))
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
func (c *Conn) startCloseTimer() {
	if t := c.up.opt.CloseTimeout; t > 0 && c.closeTimer == nil && !c.disconnected {
		c.closeTimer = time.AfterFunc(t, c.Abort)
	}
}

// settle closes what is done: the write side behind the last frame after a violation, the transport when the peer is
// through too.
func (c *Conn) closeIfDone() {
	if !c.writeDone || c.disconnected || c.draining || c.queued > 0 {
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
		c.closeAsync(w.CloseWrite, func() {})
	}
}

// disconnect closes the transport.
func (c *Conn) disconnect() {
	if c.disconnected {
		return
	}
	c.disconnected = true
	if c.closeTimer != nil {
		c.closeTimer.Stop()
	}
	c.callLost()
	if !c.draining { // else drain still has the bytes in hand
		c.discardOut()
	}
	c.closeAsync(c.nc.Close, func() {
		c.transportClosed = true
		if c.refused {
			c.up.counters.refusing.Add(-1)
		} else {
			c.up.counters.closing.Add(-1)
		}
		c.unregister()
	})
}

// aside calls f, then done, under mu. On a TCP connection f does not block; under TLS it does for a while, to say goodbye
// first. What it fails of, the loss of the transport, is told by reading.
func (c *Conn) closeAsync(f func() error, done func()) {
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
func (c *Conn) callLost() {
	if c.h != nil && !c.lostCalled {
		c.lostCalled = true
		c.h.Lost()
	}
}

// finish takes the connection off the books once nothing is written any more, its transport is closed and its handler has
// been told.
func (c *Conn) unregister() {
	if c.removed || c.draining || !c.transportClosed || c.h != nil && !c.closedReturned {
		return
	}
	c.removed = true
	c.up.wheel.remove(c)
	c.up.connEnded()
}

// left counts a connection less, and wakes those that wait for the last one.
func (u *Upgrader) connEnded() {
	if u.counters.open.Add(-1) > 0 {
		return
	}
	u.mu.Lock()
	defer u.mu.Unlock()
	if u.allEnded != nil {
		close(u.allEnded)
		u.allEnded = nil
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
	if u.allEnded == nil {
		u.allEnded = make(chan struct{})
	}
	none := u.allEnded
	u.mu.Unlock()
	select {
	case <-none:
		return nil
	case <-ctx.Done():
		return fmt.Errorf("socket: wait for connections: %w", ctx.Err())
	}
}
