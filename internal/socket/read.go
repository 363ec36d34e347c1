package socket

import (
	"errors"
	"io"
	"os"
	"sync"
	"time"

	"github.com/gobwas/ws"
)

const (
	bufSize   = 8192 // size of pooled buffers, for reading and writing
	minDirect = 4096 // if more payload bytes are missing, they are read straight into the message, which saves a copy

	// maxDiscard limits how many bytes are read and discarded once input is not parsed any more. A client that sends a
	// too large message still writes while we close. If we closed the transport early, its reset could destroy the
	// Close frame before the client reads it.
	maxDiscard = 16 << 20
)

var buffers = sync.Pool{New: func() any { b := make([]byte, bufSize); return &b }}

func takeBuffer() *[]byte { return buffers.Get().(*[]byte) }

func giveBuffer(bp *[]byte) {
	if bp != nil {
		*bp = (*bp)[:bufSize]
		buffers.Put(bp)
	}
}

// A readResult is the outcome of one read: n bytes after the tail in buf or, if buf is nil, in the spare capacity of
// part.
type readResult struct {
	buf *[]byte
	n   int
	err error
}

// read is the reader's loop. The caller holds the reading token. read returns when the token has passed to another
// goroutine or was given up.
func (c *Conn) read() {
	for {
		c.setMessageDeadline()
		b, bp, err := c.readBytes()
		if err != nil {
			giveBuffer(bp)
			if c.handleReadError(err) {
				go c.read() // with a small stack
			}
			return
		}
		c.mu.Lock()
		answers := c.answerPing()
		reads := c.handleBatch(b)
		renewed := reads && answers && c.renewReader()
		c.unlock() // not deferred: the lock is not held when a handler panics
		giveBuffer(bp)
		if renewed {
			go c.read()
		}
		if !reads || renewed {
			return
		}
	}
}

// direct reports whether the rest of the payload is read straight into the message.
func (p *partial) direct() bool {
	return p != nil && p.inFrame && p.remain >= minDirect && p.frames > 0
}

// readBytes waits for bytes and returns them, after those of the tail, in a pooled buffer that the caller gives back.
// Payload read directly is already in part; b is empty then.
func (c *Conn) readBytes() (b []byte, bp *[]byte, err error) {
	direct := c.part.direct()
	c.result = readResult{}
	if c.rc != nil {
		err = c.rc.Read(c.readFunc)
	} else {
		c.blockingRead()
	}
	g := c.result
	c.result = readResult{}
	if err == nil {
		err = g.err
	}
	if err == nil && g.n == 0 {
		err = io.EOF
	}
	if err != nil || direct {
		if err == nil {
			c.part.filled(g.n)
		}
		return nil, g.buf, err
	}
	return (*g.buf)[:c.part.tailLen()+g.n], g.buf, nil
}

func (p *partial) tailLen() int {
	if p == nil {
		return 0
	}
	return len(p.tail)
}

// readTarget returns the memory for the next read. buf is nil if that is the message itself.
func (c *Conn) readTarget() (buf *[]byte, dst []byte) {
	if c.part.direct() {
		return nil, c.part.spare()
	}
	buf = takeBuffer()
	k := 0
	if c.part != nil {
		k = copy(*buf, c.part.tail)
	}
	return buf, (*buf)[k:]
}

func (c *Conn) blockingRead() {
	buf, dst := c.readTarget()
	n, err := c.nc.Read(dst)
	if n > 0 {
		err = nil // the next read returns it again
	}
	c.result = readResult{buf, n, err}
}

// handleBatch handles the bytes of one read, or queues their messages while another goroutine runs. It reports whether
// the caller keeps the reading token. The caller holds mu.
func (c *Conn) handleBatch(b []byte) (reads bool) {
	for c.runner != runnerNone && c.input == inputParsed {
		if c.inbox.full(&c.up.opt) {
			c.pauseReading()
			continue // meanwhile the running token may have become free
		}
		it, rest, ok := c.parseBatch(b)
		b = rest
		if ok {
			c.enqueue(it)
		} else if c.input == inputParsed {
			c.flush()
			return true
		}
	}
	if c.input != inputParsed {
		c.flush()
		return c.discardBatch(b)
	}
	return c.runInline(b)
}

// parseBatch is parseItem for bytes that begin with the tail.
func (c *Conn) parseBatch(b []byte) (it item, rest []byte, ok bool) {
	if c.part != nil {
		c.part.tail = nil
	}
	return c.parseItem(b)
}

// runInline makes the reader the runner. Without an item for the handler the sweeper is not involved.
func (c *Conn) runInline(b []byte) (reads bool) {
	if b == nil {
		b = []byte{}
	}
	if c.part != nil {
		c.part.tail = nil
	}
	c.runner, c.rest = runnerInline, b
	return c.run(item{})
}

// discardBatch discards b, except for the peer's Close frame. It reports whether reading continues. The caller holds
// mu.
func (c *Conn) discardBatch(b []byte) (reads bool) {
	if c.input == inputSkipped {
		c.drop(DroppedMessages, c.skipFrames(b))
	}
	if c.discardedBytes += int32(len(b)); c.discardedBytes > maxDiscard {
		c.readFailed()
	}
	c.closeIfDone()
	return c.canRead()
}

// skipFrames parses discarded bytes and returns the number of messages that ended in them.
func (c *Conn) skipFrames(b []byte) (messages int) {
	p := c.ensurePartial()
	p.tail, p.msg, p.frames = nil, nil, 0 // frames is 0 so that nothing is read directly
	for {
		if p.inFrame {
			n := min(p.remain, int64(len(b)))
			p.remain -= n
			b = b[n:]
			if p.remain > 0 {
				return messages
			}
			if p.inFrame = false; p.fin {
				messages++
			}
		}
		h, size, whole := parseHeader(b)
		if whole && checkHeader(c.clearRSV1(h), size, h.OpCode == ws.OpContinuation) != nil {
			c.input = inputDiscarded
			return messages
		}
		closes := h.OpCode == ws.OpClose
		if !whole || closes && int64(len(b)-size) < h.Length {
			p.tail = append([]byte(nil), b...)
			return messages
		}
		if closes {
			c.input = inputEnded
			return messages
		}
		b = b[size:]
		p.inFrame, p.remain, p.fin = true, h.Length, h.Fin && !h.OpCode.IsControl()
	}
}

// setMessageDeadline sets a read deadline for an incomplete message or frame. It stays set when the rest arrives in
// time: handleReadError decides when it expires. Discarded input needs none, because CloseTimeout limits it.
func (c *Conn) setMessageDeadline() {
	t := c.up.opt.MessageTimeout
	if c.part == nil || c.deadlineSet || t == 0 || !c.parsesInput() {
		return
	}
	c.deadlineSet = true
	_ = c.nc.SetReadDeadline(c.part.since.Add(t)) // fails if closed; then the read fails too
}

func (c *Conn) parsesInput() bool {
	c.mu.Lock()
	defer c.mu.Unlock()
	return c.input == inputParsed
}

// handleReadError ends the connection after a read error, unless a deadline expired that does not end it. It reports
// whether another goroutine should continue reading.
func (c *Conn) handleReadError(err error) (again bool) {
	c.mu.Lock()
	defer c.unlock()
	if !errors.Is(err, os.ErrDeadlineExceeded) || c.transport != transportOpen {
		c.readFailed()
		return false
	}
	c.deadlineSet = false
	_ = c.nc.SetReadDeadline(time.Time{}) // fails if closed; then the read fails too
	c.stackGrown = false
	t := c.up.opt.MessageTimeout
	if c.part == nil || c.input != inputParsed || t == 0 || time.Since(c.part.since) < t {
		c.up.counters.replacements.Add(1)
		return true
	}
	end := c.fail(CloseTryLater, "message took too long") // a network that stalled: the peer should come back
	c.inbox.push(end)
	c.ensureRunner()
	return true
}
