package socket

import (
	"context"
	"fmt"
	"time"
)

// Close performs the closing handshake (RFC 6455, section 7.1.2): it flushes the send queue, then sends the Close
// frame. Waiting messages and events are dropped. A running Message or Event finishes, but its writes fail. The
// transport is closed when the peer has answered, or after CloseTimeout. Close returns an error if code must not be
// sent. reason is cut to 123 bytes.
//
// If the connection is ending already, Close returns ErrClosed, and the code and reason of the first cause remain. But
// the peer's Close frame is then answered at once: the messages before it are dropped if they still wait.
func (c *Conn) Close(code int, reason string) error {
	if !Sendable(code) {
		return fmt.Errorf("socket: close connection: code %d may not be sent", code)
	}
	c.mu.Lock()
	defer c.unlock()
	if c.phase == phaseStopped {
		return ErrClosed
	}
	first := c.phase == phaseOpen
	c.beginClose(code, reason)
	if !first {
		return ErrClosed
	}
	return nil
}

// CloseAfter is like Close, but waits until the running Message or Event has returned, however long it takes; until
// then the handler may write. If none is running, it is Close. The first event of Start counts as running from Start
// on.
func (c *Conn) CloseAfter(code int, reason string) error {
	if !Sendable(code) {
		return fmt.Errorf("socket: close connection: code %d may not be sent", code)
	}
	c.mu.Lock()
	defer c.unlock()
	if c.phase != phaseOpen {
		return ErrClosed
	}
	if c.runner == runnerNone || c.runner == runnerReserved {
		c.beginClose(code, reason)
		return nil
	}
	c.setCause(code, reason)
	c.phase = phaseLastRun
	return nil
}

// Abort closes the transport at once, without a Close frame. Closed gets code 1006, unless the connection was already
// ending for another cause.
func (c *Conn) Abort() {
	c.mu.Lock()
	defer c.unlock()
	c.abort()
}

// A closeCause is why a connection ends.
type closeCause struct {
	code   int
	reason string
}

// setCause records why the connection ends, unless a cause is already set.
func (c *Conn) setCause(code int, reason string) {
	if c.cause == nil {
		c.cause = &closeCause{code, cutReason(reason)}
	}
}

// beginClose closes the connection from our side. It is called at most once. The caller holds mu.
func (c *Conn) beginClose(code int, reason string) {
	c.setCause(code, reason)
	c.stop()
	c.startCloseTimer()
	c.resumeReading()
	if c.handler == handlerNone && c.canRead() {
		go c.read() // without Start no reader would read the peer's answer
	}
	c.ensureRunner()
}

// stop drops the waiting items and writes the Close frame, which is the last frame.
func (c *Conn) stop() {
	var b [maxControl]byte
	c.appendFrame(finClose, appendClose(b[:0], c.cause.code, c.cause.reason))
	c.enterStopped() // only now: appendFrame may write older frames, after which closeIfDone would close the transport
	c.dropItems()
	c.flush()
}

// enterStopped enters phaseStopped, counts the connection as closing and calls Closing. Only the first call has an
// effect.
func (c *Conn) enterStopped() {
	if c.phase == phaseStopped {
		return
	}
	c.phase = phaseStopped
	c.input = max(c.input, inputSkipped)
	c.wakeWriters()
	if !c.forRefusal {
		c.up.counters.closing.Add(1)
	}
	if c.h != nil {
		c.h.Closing()
	}
}

// receiveClose handles the peer's Close frame. Nothing after it is read.
func (c *Conn) receiveClose(p []byte) item {
	code, reason, bad := parseClose(p)
	if bad != 0 {
		return c.fail(bad, "bad close frame")
	}
	return c.end(inputEnded, code, reason)
}

// fail ends the connection because of the peer's mistake (RFC 6455, section 7.1.7). Messages received before are
// handled; later bytes are discarded without parsing.
func (c *Conn) fail(code int, reason string) item {
	return c.end(inputDiscarded, code, reason)
}

// end returns the end item, after which nothing is queued. After CloseAfter it has no effect on the phase.
func (c *Conn) end(in inputState, code int, reason string) item {
	c.setCause(code, reason)
	c.phase, c.input = max(c.phase, phaseEnding), in
	c.part = nil
	c.startCloseTimer()
	return item{kind: endItem}
}

// readFailed ends the connection after reading has failed.
func (c *Conn) readFailed() {
	c.input = inputEnded
	c.abort()
}

// abort closes the transport without a closing handshake, or in the middle of one. The caller holds mu.
func (c *Conn) abort() {
	c.setCause(CloseAbnormal, "")
	c.enterStopped()
	c.disconnect()
	c.dropItems()
	c.resumeReading()
	c.ensureRunner()
}

// dropItems discards the items that have not been handled.
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

// startCloseTimer starts CloseTimeout.
func (c *Conn) startCloseTimer() {
	if t := c.up.opt.CloseTimeout; t > 0 && c.closeTimer == nil && c.transport == transportOpen {
		c.closeTimer = time.AfterFunc(t, c.Abort)
	}
}

// closeIfDone closes the transport when the closing handshake is done: our Close frame is written and input has ended.
// After a violation it shuts down the write side when our Close frame is written.
func (c *Conn) closeIfDone() {
	if c.phase != phaseStopped || c.transport != transportOpen || c.writer == writerDraining || c.queued > 0 {
		return
	}
	switch {
	case c.input == inputEnded:
		c.disconnect()
	case c.input == inputDiscarded && c.writer == writerIdle:
		c.shutWrite()
	}
}

// shutWrite shuts down the write side, so that the peer closes its side too. After a violation that is the only answer
// which can be recognised.
func (c *Conn) shutWrite() {
	c.writer = writerShut
	if w, ok := c.nc.(interface{ CloseWrite() error }); ok {
		c.closeAsync(w.CloseWrite, func() {})
	}
}

// disconnect closes the transport.
func (c *Conn) disconnect() {
	if c.transport != transportOpen {
		return
	}
	c.transport = transportClosing
	if c.closeTimer != nil {
		c.closeTimer.Stop()
	}
	c.callLost()
	if c.writer != writerDraining { // else drain still uses these bytes
		c.discardOut()
	}
	c.closeAsync(c.nc.Close, func() {
		c.transport = transportClosed
		if c.forRefusal {
			c.up.counters.refusing.Add(-1)
		} else {
			c.up.counters.closing.Add(-1)
		}
		c.unregister()
	})
}

// closeAsync calls f, then done under mu. On a TCP connection f does not block and is called here; under TLS it may
// block while it sends an alert, so it gets a goroutine. An error of f is ignored: reading reports the loss of the
// transport.
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

// callLost calls Lost, unless there is no handler or Lost was called before.
func (c *Conn) callLost() {
	if c.handler == handlerStarted {
		c.handler = handlerLost
		c.h.Lost()
	}
}

// unregister stops counting the connection as open, once drain has ended, the transport is closed and Closed has
// returned.
func (c *Conn) unregister() {
	started := c.handler != handlerNone
	if c.transport != transportClosed || c.writer == writerDraining || started && c.handler != handlerReturned {
		return
	}
	c.transport = transportRemoved
	c.up.wheel.remove(c)
	c.up.connEnded()
}

// connEnded counts one open connection less, and wakes Wait after the last one.
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

// Wait returns when no connection is open: every transport is closed and every Closed has returned. If ctx ends first,
// it returns an error that wraps ctx's.
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
