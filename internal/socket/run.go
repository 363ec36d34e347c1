package socket

// run is the one loop that calls the handler, with first if there is one, then with whatever waits. The caller holds mu
// and the running token; run gives the token up. It reports whether the caller holds the reading token.
func (c *Conn) run(first item) (reads bool) {
	if first.kind != noItem {
		c.handle(first)
	}
	for it, ok := c.next(); ok; it, ok = c.next() {
		c.handle(it)
	}
	if c.watched {
		c.unwatch()
	}
	c.flush() // which may fail, and so end the connection
	if c.stopped {
		c.end()
	}
	reads, c.inline = c.inline, false
	c.busy = false
	return reads && !c.readDone && !c.gone
}

// handle calls the handler, without mu.
func (c *Conn) handle(it item) {
	if it.kind == endItem {
		c.conclude()
		return
	}
	if !c.watched {
		c.watch()
	}
	c.used = c.used || c.inline
	if it.kind == messageItem {
		c.taken++
	}
	c.unlock()
	returned := false
	defer func() {
		if !returned {
			c.exited()
		}
	}()
	switch {
	case it.kind == eventItem:
		c.h.Event(it.e)
	case it.deflated:
		c.inflated(it)
	default:
		c.h.Message(it.p, it.binary)
	}
	returned = true
	c.mu.Lock()
}

// exited goes on in other goroutines when the handler has ended this one (runtime.Goexit, as the FailNow of a test does).
func (c *Conn) exited() {
	c.mu.Lock()
	defer c.unlock()
	if c.watched {
		c.unwatch()
	}
	if c.inline {
		c.handOver()
	}
	go c.work()
}

// next takes the oldest item: of the batch that is run inline, else of the inbox.
func (c *Conn) next() (item, bool) {
	if c.closeSoon && !c.stopped {
		c.shut(c.why.code, c.why.reason)
	}
	if c.stopped {
		return item{}, false
	}
	if c.rest != nil {
		it, rest, ok := c.cut(c.rest)
		if c.stopped {
			return item{}, false
		}
		if c.rest = rest; ok {
			return it, true
		}
	}
	it, ok := c.inbox.pop()
	if c.room != nil && !c.inbox.full(&c.up.opt) {
		c.wakeReader()
	}
	return it, ok
}

// queue lets an item wait, unless the handler takes the message at once.
func (c *Conn) queue(it item) {
	told := it.p
	if it.deflated {
		it, told = c.glance(it)
	}
	if it.kind != messageItem || c.h.Arrived(told, it.binary, c.taken+uint64(c.inbox.frames)) {
		c.inbox.push(it)
	}
}

// ensureRunner starts a goroutine for what waits when nobody runs.
func (c *Conn) ensureRunner() {
	if !c.busy && !c.ended {
		c.busy = true
		go c.work()
	}
}

func (c *Conn) work() {
	c.mu.Lock()
	c.run(item{})
	c.unlock()
}

// end makes the last call. It may take long, so another goroutine awaits the peer's answer to our Close frame.
func (c *Conn) end() {
	if c.ended {
		return
	}
	c.ended = true
	if c.inline {
		c.readOn()
	}
	c.tellLost()
	code, reason := c.why.code, c.why.reason
	c.unlock()
	returned := false
	defer func() {
		if !returned { // the goroutine ends: nobody else would release mu
			c.mu.Lock()
			defer c.unlock()
		}
		c.told = true
		c.finish()
	}()
	c.h.Closed(code, reason)
	c.mu.Lock()
	returned = true
}
