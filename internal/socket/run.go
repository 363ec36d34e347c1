package socket

// run is the only loop that calls the handler: with first, unless it is empty, then with the waiting items. The caller
// holds mu and the running token; run gives up the token. It reports whether the caller still holds the reading token.
func (c *Conn) run(first item) (reads bool) {
	if first.kind != noItem {
		c.handle(first)
	}
	for it, ok := c.nextItem(); ok; it, ok = c.nextItem() {
		c.handle(it)
	}
	if c.watched {
		c.unwatch()
	}
	c.flush() // may fail and end the connection
	if c.phase == phaseStopped {
		c.callClosed()
	}
	reads = c.runner == runnerInline && c.canRead()
	c.runner = runnerNone
	return reads
}

// handle calls the handler for it. It releases mu for the call.
func (c *Conn) handle(it item) {
	if it.kind == endItem {
		c.stop()
		return
	}
	if !c.watched {
		c.watch()
	}
	c.stackGrown = c.stackGrown || c.runner == runnerInline
	if it.kind == messageItem {
		c.delivered++
	}
	c.unlock()
	returned := false
	defer func() {
		if !returned {
			c.afterGoexit()
		}
	}()
	switch {
	case it.kind == eventItem:
		c.h.Event(it.e)
	case it.deflated:
		c.inflateMessage(it)
	default:
		c.h.Message(it.p, it.binary)
	}
	returned = true
	c.mu.Lock()
}

// afterGoexit continues the connection in other goroutines after the handler has ended this one with runtime.Goexit, as
// FailNow of a test does.
func (c *Conn) afterGoexit() {
	c.mu.Lock()
	defer c.unlock()
	if c.watched {
		c.unwatch()
	}
	if c.runner == runnerInline {
		c.handOver()
	}
	go c.runQueue()
}

// nextItem returns the oldest item: from the batch in an inline run, then from the inbox.
func (c *Conn) nextItem() (item, bool) {
	if c.phase == phaseLastRun {
		c.beginClose(c.cause.code, c.cause.reason)
	}
	if c.phase == phaseStopped {
		return item{}, false
	}
	if c.rest != nil {
		it, rest, ok := c.parseItem(c.rest)
		if c.phase == phaseStopped {
			return item{}, false
		}
		if c.rest = rest; ok {
			return it, true
		}
	}
	it, ok := c.inbox.pop()
	if c.paused() && !c.inbox.full(&c.up.opt) {
		c.resumeReading()
	}
	return it, ok
}

// enqueue puts an item into the inbox, unless Arrived reports that a message needs no handling. If the answer to the
// message does not fit into the send queue, that closes the connection. The caller flushes.
func (c *Conn) enqueue(it item) {
	if it.kind != messageItem {
		c.inbox.push(it)
		return
	}
	text := it.p
	if it.deflated {
		it, text = c.peek(it)
	}
	answer, waits := c.h.Arrived(text, it.binary, c.delivered+uint64(c.inbox.messages))
	if waits {
		c.inbox.push(it)
	}
	if answer != nil && c.reply(finText, answer) {
		c.report(report{answer: true, n: len(answer)})
	}
}

// ensureRunner starts a goroutine for waiting items if none is running.
func (c *Conn) ensureRunner() {
	if c.runner == runnerNone && c.handler < handlerClosed {
		c.runner = runnerApart
		go c.runQueue()
	}
}

func (c *Conn) runQueue() {
	c.mu.Lock()
	c.run(item{})
	c.unlock()
}

// callClosed makes the last call of the handler. Closed may take long, so another goroutine reads the peer's answer to
// our Close frame.
func (c *Conn) callClosed() {
	if c.runner == runnerInline {
		c.startReader()
	}
	c.callLost()
	c.handler = handlerClosed
	code, reason := c.cause.code, c.cause.reason
	c.unlock()
	returned := false
	defer func() {
		if !returned { // runtime.Goexit: mu must be released here
			c.mu.Lock()
			defer c.unlock()
		}
		c.handler = handlerReturned
		c.unregister()
	}()
	c.h.Closed(code, reason)
	c.mu.Lock()
	returned = true
}
