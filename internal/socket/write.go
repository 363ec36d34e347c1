package socket

import (
	"errors"
	"syscall"
	"time"
)

// A chunk holds one or more whole frames. Of the first chunk of the queue, the bytes that are already written are cut
// off.
type chunk struct {
	b   []byte
	own *[]byte // the pooled buffer that b is part of; nil: b is shared, or was made for one message
	mark
}

// WriteText writes a copy of p as one text message; p must be valid UTF-8. Set cork only for messages that the running
// Message or Event writes itself: such a message may wait until the handler has no more items, at most about 5 ms.
// Without cork the message leaves at once, after any corked ones. Beyond Options.SendQueueBytes the connection closes
// with 1013 and the error is ErrSlow. The error is ErrClosed if nothing more may be written.
func (c *Conn) WriteText(p []byte, cork bool) error {
	if c.deflate && len(p) >= c.up.deflater.min {
		return c.WritePrepared([]Prepared{c.up.PrepareText(p)}, cork)
	}
	c.mu.Lock()
	defer c.unlock()
	return c.writeText(p, cork)
}

// writeText is WriteText without compression. The caller holds mu.
func (c *Conn) writeText(p []byte, cork bool) error {
	if err := c.admit(headerSize(len(p)) + len(p)); err != nil {
		return err
	}
	c.appendFrame(finText, p)
	c.release(cork)
	return nil
}

// WritePrepared writes messages in order. It keeps references to their bytes instead of copies, unless corked;
// otherwise it is like WriteText. Either all messages are accepted or none, except that droppable ones may be left out.
func (c *Conn) WritePrepared(ps []Prepared, cork bool) error {
	if c.deflate {
		ps = c.deflateAll(ps) // outside the lock
	}
	n := 0
	for _, p := range ps {
		n += len(p.b)
	}
	c.mu.Lock()
	defer c.unlock()
	for _, p := range ps {
		c.supersede(p.key)
	}
	ps, err := c.admitAll(ps, n)
	if err != nil || len(ps) == 0 {
		return err
	}
	if c.writer == writerIdle && len(c.q) == 0 && c.rc != nil && !cork {
		ps = c.writeDirect(ps)
	}
	for _, p := range ps {
		c.supersede(p.key) // discards an earlier one of ps with this key
		c.appendPrepared(p, cork)
	}
	c.release(cork)
	return nil
}

// Uncork writes the corked messages.
func (c *Conn) Uncork() {
	c.mu.Lock()
	defer c.unlock()
	c.flush()
}

// release flushes, or makes sure that the corked bytes are flushed later.
func (c *Conn) release(cork bool) {
	switch {
	case !cork || c.runner == runnerNone:
		c.flush()
	case !c.watched:
		c.watch() // the handler has run for long since the last flush
	}
}

// admit checks that n more bytes may be queued. If the queue is full, it closes the connection and returns ErrSlow.
func (c *Conn) admit(n int) error {
	if !c.canWrite() {
		return ErrClosed
	}
	if c.hasRoom(n) {
		return nil
	}
	if c.flush(); c.writer == writerBroken {
		return ErrClosed
	}
	if c.makeRoom(n); c.hasRoom(n) {
		return nil
	}
	c.drop(SlowClient, n)
	c.discardQueue()
	c.beginClose(CloseTryLater, "too slow")
	return ErrSlow
}

func (c *Conn) hasRoom(n int) bool { return c.queued == 0 || n <= c.up.opt.SendQueueBytes-c.queued }

// reply queues a ping, a pong or an answer of Arrived, and reports whether there was room. The limit of the send queue
// applies also to what the peer asks for.
func (c *Conn) reply(first byte, p []byte) bool {
	if c.admit(headerSize(len(p))+len(p)) != nil {
		return false
	}
	c.appendFrame(first, p)
	return true
}

// appendFrame appends a frame to the send queue.
func (c *Conn) appendFrame(first byte, p []byte) {
	n := headerSize(len(p)) + len(p)
	if !c.fitsCork(n) {
		c.queueCork()
		b := append(appendHeader(make([]byte, 0, n), first, len(p)), p...)
		c.q = append(c.q, chunk{b: b})
	} else {
		*c.out = append(appendHeader(*c.out, first, len(p)), p...)
	}
	c.queued += n
}

// appendPrepared appends p to the send queue. With cork, a small one is copied, because one buffer is cheaper to write
// than many.
func (c *Conn) appendPrepared(p Prepared, cork bool) {
	if cork && p.mark == (mark{}) && c.fitsCork(len(p.b)) {
		*c.out = append(*c.out, p.b...)
	} else {
		c.queueCork()
		c.indexNext(p.key)
		c.q = append(c.q, chunk{b: p.b, mark: p.mark})
	}
	c.queued += len(p.b)
}

// fitsCork makes room for n bytes in out. It reports false if n is too large for a pooled buffer to pay.
func (c *Conn) fitsCork(n int) bool {
	if n > bufSize/2 {
		return false
	}
	if c.out != nil && len(*c.out)+n > bufSize {
		c.flush()
		c.queueCork()
	}
	if c.out == nil {
		c.out = takeBuffer()
		*c.out = (*c.out)[:0]
	}
	return true
}

// queueCork moves out to the end of q, so that other chunks can follow it.
func (c *Conn) queueCork() {
	if c.out != nil {
		c.q = append(c.q, chunk{b: *c.out, own: c.out})
		c.out = nil
	}
}

// flush writes as much of the queue as is possible without blocking, and starts drain for the rest.
func (c *Conn) flush() {
	if c.writer == writerDraining || c.queued == 0 {
		return
	}
	if c.rc != nil && c.writer == writerIdle {
		v := takeVec()
		v.addChunks(c.q)
		if c.out != nil {
			v.add(*c.out)
		}
		n, err := v.write(c.rc)
		giveVec(v)
		c.advance(n)
		if err != nil {
			c.failWrites(err)
		}
	}
	switch {
	case c.writer == writerBroken:
		c.discardOut()
	case c.queued > 0:
		c.writer = writerDraining
		go c.drain()
	}
	c.closeIfDone()
}

// writeDirect writes out and ps in one call, without queueing them. It returns those of ps of which nothing is written,
// and queues the rest of one that is written in part.
func (c *Conn) writeDirect(ps []Prepared) (left []Prepared) {
	v := takeVec()
	if c.out != nil {
		v.add(*c.out)
	}
	for _, p := range ps {
		v.add(p.b)
	}
	n, err := v.write(c.rc)
	giveVec(v)
	if err != nil {
		c.failWrites(err)
	}
	before := min(n, c.queued)
	c.advance(before)
	n -= before
	for len(ps) > 0 && n >= len(ps[0].b) {
		n -= len(ps[0].b)
		ps = ps[1:]
	}
	if n > 0 {
		c.q = append(c.q, chunk{b: ps[0].b[n:]})
		c.queued += len(ps[0].b) - n
		ps = ps[1:]
	}
	return ps
}

// advance removes n written bytes from the front of the queue.
func (c *Conn) advance(n int) {
	c.queued -= n
	c.wakeWriters()
	for len(c.q) > 0 && n >= len(c.q[0].b) {
		n -= len(c.q[0].b)
		c.unindexFirst()
		giveBuffer(c.q[0].own)
		c.q[0] = chunk{}
		c.q = c.q[1:]
	}
	if len(c.q) > 0 {
		if n > 0 {
			c.unindex(0)
			c.q[0].b, c.q[0].mark = c.q[0].b[n:], mark{}
		}
		return
	}
	c.q, c.index = nil, nil
	if c.out != nil && n < len(*c.out) {
		if n > 0 {
			c.q, c.out = append(c.q, chunk{b: (*c.out)[n:], own: c.out}), nil
		}
	} else {
		giveBuffer(c.out)
		c.out = nil
	}
}

// drain writes with blocking calls until the queue is empty. Nothing else writes meanwhile.
func (c *Conn) drain() {
	c.mu.Lock()
	defer c.unlock()
	for c.queued > 0 && c.writer == writerDraining && c.transport == transportOpen {
		c.queueCork()
		v := takeVec()
		c.inFlight = int32(v.addChunks(c.nextChunks()))
		c.unlock()
		n, err := v.drain(c)
		giveVec(v)
		c.mu.Lock()
		c.inFlight = 0
		c.advance(n)
		if err != nil {
			c.failWrites(err)
		}
	}
	if c.writer == writerDraining {
		c.writer = writerIdle
	}
	if c.transport != transportOpen || c.writer == writerBroken {
		c.discardOut()
	}
	_ = c.nc.SetWriteDeadline(time.Time{}) // fails if closed; then nothing more is written
	c.closeIfDone()
	c.unregister()
}

// nextChunks returns the chunks for the next write of drain. It is a small part of the queue, because chunks in flight
// can neither be discarded to make room nor be superseded.
func (c *Conn) nextChunks() []chunk {
	n, most := 0, min(maxDrainBytes, c.up.opt.SendQueueBytes/4)
	for i, k := range c.q[:min(len(c.q), vecMax)] {
		if n += len(k.b); n > most && i > 0 {
			return c.q[:i]
		}
	}
	return c.q
}

// failWrites records that nothing more can be written. Data that the peer has sent before may still be read, and
// reading then ends the connection. It ends at once if nothing is read any more, if reading would not report the error
// (the peer accepts no data), or if a ping fails while reading is paused.
func (c *Conn) failWrites(err error) {
	c.writer = writerBroken
	c.startCloseTimer()
	if c.input == inputEnded || c.handler == handlerNone || !isReset(err) || c.awaitsPong() && c.paused() {
		c.abort()
	}
}

// isReset reports errors after which reading fails too.
func isReset(err error) bool {
	return errors.Is(err, syscall.EPIPE) || errors.Is(err, syscall.ECONNRESET)
}

// discardQueue empties the queue except for chunks that are being written or are written in part, because the peer must
// get whole frames.
func (c *Conn) discardQueue() {
	c.queueCork()
	keep := max(int(c.inFlight), min(1, len(c.q)))
	n := 0
	for _, k := range c.q[keep:] {
		n += len(k.b)
		giveBuffer(k.own)
	}
	clear(c.q[keep:])
	c.q, c.index = c.q[:keep], nil
	c.queued -= n
	c.drop(UnsentBytes, n)
}

// discardOut empties the whole queue.
func (c *Conn) discardOut() {
	c.drop(UnsentBytes, c.queued)
	c.advance(c.queued)
}
