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
	bufSize   = 8192 // of pooled buffers, for reading as for writing
	minDirect = 4096 // bytes of a frame to come that are worth reading past the buffer

	// maxDiscard bounds what is read after the end: enough for what a client has under way when it is told that its
	// message is too big, so that the reset of an early close does not destroy the Close frame it has not read yet.
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

// got is what one read brought: n bytes behind the tail in buf, or, with no buf, in the room of part.
type readResult struct {
	buf *[]byte
	n   int
	err error
}

// read holds the reading token. It returns when the token has gone to another goroutine, or to none.
func (c *Conn) read() {
	for {
		c.setMessageDeadline()
		b, bp, err := c.readBytes()
		if err != nil {
			giveBuffer(bp)
			if c.handleReadError(err) {
				go c.read() // with a fresh stack
			}
			return
		}
		c.mu.Lock()
		reads := c.handleBatch(b)
		renewed := reads && c.takeRenew()
		c.unlock() // not deferred: a panic of the handler comes without the lock
		giveBuffer(bp)
		if renewed {
			go c.read()
		}
		if !reads || renewed {
			return
		}
	}
}

// direct reports whether the payload under way is read where it will stay.
func (p *partial) direct() bool {
	return p != nil && p.inFrame && p.remain >= minDirect && p.frames > 0
}

// fill waits for bytes and returns them behind those of the tail, in a pooled buffer the caller gives back; payload read
// directly is in part already, and b is empty.
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

// target is where the next bytes go.
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
		err = nil // it will be told again
	}
	c.result = readResult{buf, n, err}
}

// batch handles what one read brought, or queues it while another goroutine runs. It reports whether the caller still
// reads. The caller holds mu.
func (c *Conn) handleBatch(b []byte) (reads bool) {
	c.readSincePing = true
	for c.running && !c.discarding() {
		if c.inbox.full(&c.up.opt) {
			c.pauseReading()
			continue // meanwhile the running token may have become free
		}
		it, rest, ok := c.parseBatch(b)
		b = rest
		if ok {
			c.enqueue(it)
		} else if !c.stopped {
			c.flush()
			return true
		}
	}
	if c.discarding() {
		c.flush()
		return c.discardBatch(b)
	}
	return c.runInline(b)
}

// take is cut, of bytes that begin with the tail.
func (c *Conn) parseBatch(b []byte) (it item, rest []byte, ok bool) {
	if c.part != nil {
		c.part.tail = nil
	}
	return c.parseItem(b)
}

// over reports that what is read from now on is not handled.
func (c *Conn) discarding() bool { return c.endQueued || c.stopped }

// runInline makes the reader the runner. Without anything to call the handler with it costs no sweeper.
func (c *Conn) runInline(b []byte) (reads bool) {
	if b == nil {
		b = []byte{}
	}
	if c.part != nil {
		c.part.tail = nil
	}
	c.running, c.inline, c.rest = true, true, b
	return c.run(item{})
}

// pass discards b, looking for the peer's Close frame. It reports whether reading goes on. The caller holds mu.
func (c *Conn) discardBatch(b []byte) (reads bool) {
	if !c.unparsed && !c.readDone {
		c.drop(DroppedMessages, c.skipFrames(b))
	}
	if c.discardedBytes += int32(len(b)); c.discardedBytes > maxDiscard {
		c.readFailed()
	}
	if c.readDone {
		c.closeIfDone()
	}
	return !c.readDone && !c.disconnected
}

// skip parses what is discarded and returns how many messages ended in it.
func (c *Conn) skipFrames(b []byte) (messages int) {
	p := c.ensurePartial()
	p.tail, p.msg, p.frames = nil, nil, 0 // frames 0: not read directly
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
			c.unparsed = true
			return messages
		}
		closes := h.OpCode == ws.OpClose
		if !whole || closes && int64(len(b)-size) < h.Length {
			p.tail = append([]byte(nil), b...)
			return messages
		}
		if closes {
			c.readDone = true
			return messages
		}
		b = b[size:]
		p.inFrame, p.remain, p.fin = true, h.Length, h.Fin && !h.OpCode.IsControl()
	}
}

// arm sets a read deadline for what is incomplete. What comes in time leaves it set: it is looked at again when it
// passes. What is discarded has none: CloseTimeout bounds it.
func (c *Conn) setMessageDeadline() {
	t := c.up.opt.MessageTimeout
	if c.part == nil || c.deadlineSet || t == 0 || c.isDiscarding() {
		return
	}
	c.deadlineSet = true
	_ = c.nc.SetReadDeadline(c.part.since.Add(t)) // fails when closed; then the read fails too
}

func (c *Conn) isDiscarding() bool {
	c.mu.Lock()
	defer c.mu.Unlock()
	return c.discarding()
}

// failed judges an error of reading. It reports whether another goroutine should read on.
func (c *Conn) handleReadError(err error) (again bool) {
	c.mu.Lock()
	defer c.unlock()
	if !errors.Is(err, os.ErrDeadlineExceeded) || c.disconnected {
		c.readFailed()
		return false
	}
	c.deadlineSet = false
	_ = c.nc.SetReadDeadline(time.Time{}) // fails when closed; then the read fails too
	c.stackGrown = false
	t := c.up.opt.MessageTimeout
	if c.part == nil || c.discarding() || t == 0 || time.Since(c.part.since) < t {
		c.up.counters.replacements.Add(1)
		return true
	}
	end := c.fail(ClosePolicy, "message took too long")
	c.inbox.push(end)
	c.ensureRunner()
	return true
}
