package socket

import (
	"time"
	"unicode/utf8"

	"github.com/gobwas/ws"
)

// A partial holds what has arrived of an incomplete header, control frame (both in tail) or message. A connection has
// one only while something is incomplete.
type partial struct {
	tail  []byte    // at most maxTail bytes, which are parsed again together with the next bytes
	since time.Time // when the first byte arrived

	msg      []byte // payload so far, unmasked
	op       ws.OpCode
	deflated bool  // the message is compressed: its text is checked when it is inflated
	frames   int   // frames of the message so far; 0: no message has begun
	inFrame  bool  // the payload of the current frame is incomplete, or not yet processed
	fin      bool  // the current frame is the message's last
	remain   int64 // bytes of the current frame still to come
	mask     [4]byte
	masked   int  // position in mask for the next byte
	checked  int  // bytes of msg known to be valid UTF-8
	invalid  bool // msg is not valid UTF-8
}

// beginFrame starts a data frame.
func (p *partial) beginFrame(h ws.Header) {
	if p.frames == 0 {
		p.op, p.deflated = h.OpCode, h.Rsv != 0
	}
	p.frames++
	p.inFrame, p.fin, p.remain, p.mask, p.masked = true, h.Fin, h.Length, h.Mask, 0
}

// absorb moves payload from b to msg. msg grows with the bytes that arrive, not with the announced length.
func (p *partial) absorb(b []byte) (rest []byte) {
	n := int(min(p.remain, int64(len(b))))
	p.msg = append(p.msg, b[:n]...)
	p.unmaskLast(n)
	return b[n:]
}

// spare returns free capacity of msg, for payload that is read directly.
func (p *partial) spare() []byte {
	if spare := cap(p.msg) - len(p.msg); spare < minDirect && int64(spare) < p.remain {
		grown := make([]byte, len(p.msg), len(p.msg)+int(min(p.remain, int64(max(len(p.msg), bufSize)))))
		copy(grown, p.msg)
		p.msg = grown
	}
	n := min(p.remain, int64(cap(p.msg)-len(p.msg)))
	return p.msg[len(p.msg) : len(p.msg)+int(n)]
}

// filled appends the first n bytes of spare to msg.
func (p *partial) filled(n int) {
	p.msg = p.msg[:len(p.msg)+n]
	p.unmaskLast(n)
}

// unmaskLast unmasks and checks the last n bytes of msg.
func (p *partial) unmaskLast(n int) {
	ws.Cipher(p.msg[len(p.msg)-n:], p.mask, p.masked)
	p.masked = (p.masked + n) % len(p.mask)
	p.remain -= int64(n)
	if p.op == ws.OpText && !p.invalid && !p.deflated {
		p.checkUTF8()
	}
}

// checkUTF8 checks the new text, except for an incomplete rune at its end.
func (p *partial) checkUTF8() {
	b := p.msg[p.checked:]
	if p.remain > 0 || !p.fin {
		b = b[:len(b)-incompleteRune(b)]
	}
	p.invalid = !utf8.Valid(b)
	p.checked += len(b)
}

// incompleteRune returns how many bytes at the end of b begin a rune without completing it.
func incompleteRune(b []byte) int {
	for n := 1; n < utf8.UTFMax && n <= len(b); n++ {
		if t := b[len(b)-n:]; utf8.RuneStart(t[0]) {
			if utf8.FullRune(t) {
				return 0
			}
			return n
		}
	}
	return 0
}

// parseItem parses the next item of b, and answers control frames at once. If b holds no whole item, what is left of it
// is saved in part, and rest is nil. There is one exception: if a pong does not fit into the send queue, that closes
// the connection, and rest holds the bytes after the ping, not parsed. The caller holds mu. It also has the reading
// token, or b is c.rest.
func (c *Conn) parseItem(b []byte) (it item, rest []byte, ok bool) {
	for {
		if p := c.part; p != nil && p.inFrame {
			b = p.absorb(b)
			if it, ok = c.endOfPayload(p); ok {
				return it, b, true
			}
			if p.inFrame {
				return item{}, nil, false
			}
		}
		h, size, whole := parseHeader(b)
		if !whole {
			c.saveTail(b)
			return item{}, nil, false
		}
		if err := checkHeader(c.clearRSV1(h), size, c.part != nil && c.part.frames > 0); err != nil {
			return c.fail(CloseProtocol, err.Error()), nil, true
		}
		payload := b[size:]
		if h.OpCode.IsControl() {
			if int64(len(payload)) < h.Length {
				c.saveTail(b)
				return item{}, nil, false
			}
			b = payload[h.Length:]
			if c.rest != nil {
				c.rest = b // what beginClose drops if the pong does not fit
			}
			if it, ok = c.handleControl(h, payload[:h.Length]); ok {
				return it, nil, true // nothing after a Close frame is parsed
			}
			if c.phase == phaseStopped {
				return item{}, b, false
			}
			continue
		}
		b = payload
		if it, ok = c.checkLimits(h); ok {
			return it, nil, true
		}
		if n := h.Length; h.Fin && h.OpCode != ws.OpContinuation && n <= int64(len(b)) {
			return c.singleFrame(h, b[:n:n]), b[n:], true
		}
		c.ensurePartial().beginFrame(h)
	}
}

// singleFrame returns the message of a single frame, without copying it.
func (c *Conn) singleFrame(h ws.Header, p []byte) item {
	c.part = nil
	ws.Cipher(p, h.Mask, 0)
	deflated := h.Rsv != 0
	if h.OpCode == ws.OpText && !deflated && !utf8.Valid(p) {
		return c.fail(CloseInvalidUTF8, "text is not UTF-8")
	}
	return item{kind: messageItem, p: p, binary: h.OpCode == ws.OpBinary, deflated: deflated}
}

// endOfPayload returns the message if its last frame is complete, or the end item if its text is invalid.
func (c *Conn) endOfPayload(p *partial) (it item, ok bool) {
	switch {
	case p.invalid:
		return c.fail(CloseInvalidUTF8, "text is not UTF-8"), true
	case p.remain > 0:
		return item{}, false
	}
	p.inFrame = false
	if !p.fin {
		return item{}, false
	}
	c.part = nil
	return item{kind: messageItem, p: p.msg, binary: p.op == ws.OpBinary, owned: true, deflated: p.deflated}, true
}

// checkLimits rejects a data frame by its header, before memory is allocated for it.
func (c *Conn) checkLimits(h ws.Header) (it item, ok bool) {
	have, frames, most := 0, 0, c.up.opt.MaxMessageBytes
	if c.part != nil {
		have, frames = len(c.part.msg), c.part.frames
	}
	if h.Rsv != 0 || frames > 0 && c.part.deflated {
		most = c.up.opt.wireLimit()
	}
	switch {
	case h.Length > int64(most-have):
		return c.fail(CloseTooBig, "message too big"), true
	case frames >= c.up.opt.MaxFragments:
		return c.fail(ClosePolicy, "too many fragments"), true
	}
	return item{}, false
}

// handleControl answers a control frame. Only Close becomes an item: it is handled after the messages received before
// it.
func (c *Conn) handleControl(h ws.Header, p []byte) (it item, ok bool) {
	if c.part != nil && c.part.frames == 0 {
		c.part = nil // it held this control frame only
	}
	ws.Cipher(p, h.Mask, 0)
	switch h.OpCode {
	case ws.OpPing:
		c.reply(finPong, p)
	case ws.OpClose:
		return c.receiveClose(p), true
	}
	return item{}, false
}

// saveTail saves an incomplete header or an incomplete control frame.
func (c *Conn) saveTail(b []byte) {
	if len(b) > 0 {
		p := c.ensurePartial()
		p.tail = append(p.tail, b...)
	}
}

func (c *Conn) ensurePartial() *partial {
	if c.part == nil {
		c.part = &partial{since: time.Now()}
	}
	return c.part
}
