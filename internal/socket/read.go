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
type got struct {
	buf *[]byte
	n   int
	err error
}

// read holds the reading token. It returns when the token has gone to another goroutine, or to none.
func (c *Conn) read() {
	for {
		c.arm()
		b, bp, err := c.fill()
		if err != nil {
			giveBuffer(bp)
			if c.failed(err) {
				go c.read() // with a fresh stack
			}
			return
		}
		c.mu.Lock()
		reads := c.batch(b)
		renewed := reads && c.renewed()
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
func (c *Conn) fill() (b []byte, bp *[]byte, err error) {
	direct := c.part.direct()
	c.got = got{}
	if c.rc != nil {
		err = c.rc.Read(c.rf)
	} else {
		c.blockingRead()
	}
	g := c.got
	c.got = got{}
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
func (c *Conn) target() (buf *[]byte, dst []byte) {
	if c.part.direct() {
		return nil, c.part.room()
	}
	buf = takeBuffer()
	k := 0
	if c.part != nil {
		k = copy(*buf, c.part.tail)
	}
	return buf, (*buf)[k:]
}

func (c *Conn) blockingRead() {
	buf, dst := c.target()
	n, err := c.nc.Read(dst)
	if n > 0 {
		err = nil // it will be told again
	}
	c.got = got{buf, n, err}
}

// batch handles what one read brought, or queues it while another goroutine runs. It reports whether the caller still
// reads. The caller holds mu.
func (c *Conn) batch(b []byte) (reads bool) {
	c.heard = true
	for c.busy && !c.over() {
		if c.inbox.full(&c.up.opt) {
			c.waitRoom()
			continue // meanwhile the running token may have become free
		}
		it, rest, ok := c.take(b)
		b = rest
		if ok {
			c.queue(it)
		} else if !c.stopped {
			c.flush()
			return true
		}
	}
	if c.over() {
		c.flush()
		return c.pass(b)
	}
	return c.runInline(b)
}

// take is cut, of bytes that begin with the tail.
func (c *Conn) take(b []byte) (it item, rest []byte, ok bool) {
	if c.part != nil {
		c.part.tail = nil
	}
	return c.cut(b)
}

// over reports that what is read from now on is not handled.
func (c *Conn) over() bool { return c.ending || c.stopped }

// runInline makes the reader the runner. Without anything to call the handler with it costs no sweeper.
func (c *Conn) runInline(b []byte) (reads bool) {
	if b == nil {
		b = []byte{}
	}
	if c.part != nil {
		c.part.tail = nil
	}
	c.busy, c.inline, c.rest = true, true, b
	return c.run(item{})
}

// pass discards b, looking for the peer's Close frame. It reports whether reading goes on. The caller holds mu.
func (c *Conn) pass(b []byte) (reads bool) {
	if !c.raw && !c.readDone {
		c.drop(DroppedMessages, c.skip(b))
	}
	if c.discarded += int32(len(b)); c.discarded > maxDiscard {
		c.lose()
	}
	if c.readDone {
		c.settle()
	}
	return !c.readDone && !c.gone
}

// skip parses what is discarded and returns how many messages ended in it.
func (c *Conn) skip(b []byte) (messages int) {
	p := c.partial()
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
		if whole && checkHeader(c.unmarked(h), size, h.OpCode == ws.OpContinuation) != nil {
			c.raw = true
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
func (c *Conn) arm() {
	t := c.up.opt.MessageTimeout
	if c.part == nil || c.armed || t == 0 || c.discards() {
		return
	}
	c.armed = true
	_ = c.nc.SetReadDeadline(c.part.since.Add(t)) // fails when closed; then the read fails too
}

func (c *Conn) discards() bool {
	c.mu.Lock()
	defer c.mu.Unlock()
	return c.over()
}

// failed judges an error of reading. It reports whether another goroutine should read on.
func (c *Conn) failed(err error) (again bool) {
	c.mu.Lock()
	defer c.unlock()
	if !errors.Is(err, os.ErrDeadlineExceeded) || c.gone {
		c.lose()
		return false
	}
	c.armed = false
	_ = c.nc.SetReadDeadline(time.Time{}) // fails when closed; then the read fails too
	c.used = false
	t := c.up.opt.MessageTimeout
	if c.part == nil || c.over() || t == 0 || time.Since(c.part.since) < t {
		c.up.counters.replacements.Add(1)
		return true
	}
	end := c.fail(ClosePolicy, "message took too long")
	c.inbox.push(end)
	c.ensureRunner()
	return true
}
