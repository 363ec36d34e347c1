package socket

import (
	"compress/flate"
	"errors"
	"fmt"
	"io"
	"runtime"
	"slices"
	"sync"
	"unicode/utf8"

	"github.com/gobwas/ws"
)

const (
	rsv1     = 4    // in a header's Rsv: the message is compressed (RFC 7692, section 6)
	rsv1Bit  = 0x40 // the same bit in the first byte of a frame
	flushEnd = 4    // bytes of flushTail that are not sent

	// flushTail ends every compressed message and is removed on the wire (RFC 7692, section 7.2.1). An empty final
	// block follows it here, so that compress/flate returns io.EOF.
	flushTail = "\x00\x00\xff\xff" + "\x01\x00\x00\xff\xff"

	windowSize = 32 << 10 // how far back deflate may refer

	// maxPeek is how many bytes of a compressed message are inflated for Handler.Arrived, under the connection's lock.
	// A message of more than twice as many compressed bytes is not tried: a block may be empty and still need an
	// expensive code table.
	maxPeek = 512

	// maxFinalBlocks limits the blocks of a message that are marked as final. Each one restarts the inflater.
	maxFinalBlocks = 128

	// maxFirstAlloc limits the first allocation for an inflated message.
	maxFirstAlloc = 64 << 10
)

var (
	errNotSmaller  = errors.New("deflated, it is not smaller")
	errTooBig      = errors.New("message too big")
	errInvalidText = errors.New("text is not UTF-8")
	errFinalBlocks = errors.New("too many last blocks")
)

// A deflater compresses messages for the connections of an Upgrader that have negotiated it. A flate.Writer takes about
// a megabyte, so writers are pooled, and no more are in use than can run at the same time.
type deflater struct {
	min   int // messages shorter than this are not compressed
	level int
	limit int // of compressors in use
	pool  sync.Pool

	mu   sync.Mutex
	free sync.Cond
	used int
}

// newDeflater returns nil if the option is off, and panics if the level is not from 1 to 9.
func newDeflater(o *Options) *deflater {
	if !o.Deflate {
		return nil
	}
	d := &deflater{min: max(o.DeflateMinBytes, 0), level: o.DeflateLevel, limit: runtime.GOMAXPROCS(0)}
	if o.DeflateMinBytes == 0 {
		d.min = 1024
	}
	if d.level == 0 {
		d.level = flate.BestSpeed
	}
	if d.level < flate.BestSpeed || d.level > flate.BestCompression {
		panic(fmt.Errorf("socket: deflate at level %d: it is not from 1 to 9", o.DeflateLevel))
	}
	d.free.L = &d.mu
	d.pool.New = func() any { return newCompressor(d.level) }
	return d
}

// acquire waits until a compressor is free. The wait is short, because the users of compressors never block.
func (d *deflater) acquire() *compressor {
	d.mu.Lock()
	for d.used >= d.limit {
		d.free.Wait()
	}
	d.used++
	d.mu.Unlock()
	return d.pool.Get().(*compressor)
}

func (d *deflater) release(z *compressor) {
	if cap(z.b) > maxFirstAlloc {
		z.b = nil
	}
	d.pool.Put(z)
	d.mu.Lock()
	d.used--
	d.mu.Unlock()
	d.free.Signal()
}

// A compressor is a flate.Writer with its output.
type compressor struct {
	w     *flate.Writer
	b     []byte
	limit int // of len(b)
}

func newCompressor(level int) *compressor {
	z := &compressor{}
	z.w, _ = flate.NewWriter(z, level) // fails only for levels that newDeflater rejects
	return z
}

// Write returns errNotSmaller beyond the limit, which ends the compression early.
func (z *compressor) Write(p []byte) (int, error) {
	if len(p) > z.limit-len(z.b) {
		return 0, errNotSmaller
	}
	z.b = append(z.b, p...)
	return len(p), nil
}

// compress writes the compressed form of p to b, ended by a flush (RFC 7692, section 7.2.1). It reports false if that
// is not smaller than p.
func (z *compressor) compress(p []byte) bool {
	z.b, z.limit = z.b[:0], len(p)-1+flushEnd
	z.w.Reset(z)
	if _, err := z.w.Write(p); err != nil {
		return false
	}
	if err := z.w.Flush(); err != nil {
		return false
	}
	z.b = z.b[:len(z.b)-flushEnd]
	return true
}

// A variant is the compressed form of a Prepared, made when the first connection needs it.
type variant struct {
	once  sync.Once
	parts []Prepared // what Join has joined; nil: one message
	b     []byte     // nil: it would not be smaller
}

// PrepareText is like the function PrepareText, but connections of u that have negotiated compression get the message
// compressed. It is compressed once for all of them.
func (u *Upgrader) PrepareText(p []byte) Prepared {
	f := PrepareText(p)
	if u.deflater != nil && len(p) >= u.deflater.min {
		f.variant = &variant{}
	}
	return f
}

// deflated returns the form of p for connections that have negotiated compression.
func (p Prepared) deflated(d *deflater) Prepared {
	if p.variant == nil {
		return p
	}
	p.variant.once.Do(func() {
		if p.variant.parts == nil {
			p.variant.b = d.deflateFrame(p.b)
			return
		}
		for _, part := range p.variant.parts {
			p.variant.b = append(p.variant.b, part.deflated(d).b...)
		}
	})
	if p.variant.b != nil {
		p.b = p.variant.b
	}
	return p
}

// deflateFrame compresses one whole unmasked frame. It returns nil if the result would not be smaller.
func (d *deflater) deflateFrame(b []byte) []byte {
	_, size, _ := parseHeader(b)
	z := d.acquire()
	defer d.release(z)
	if !z.compress(b[size:]) {
		return nil
	}
	n := len(z.b)
	return append(appendHeader(make([]byte, 0, headerSize(n)+n), b[0]|rsv1Bit, n), z.b...)
}

// deflateAll returns the compressed forms of ps. It does not modify ps, which belongs to the caller.
func (c *Conn) deflateAll(ps []Prepared) []Prepared {
	if !slices.ContainsFunc(ps, func(p Prepared) bool { return p.variant != nil }) {
		return ps
	}
	out := make([]Prepared, len(ps))
	for i, p := range ps {
		out[i] = p.deflated(c.up.deflater)
	}
	return out
}

// clearRSV1 returns h without RSV1 if that bit is allowed there: on the first frame of a message, and only if
// compression was negotiated. Anywhere else checkHeader reports it as a violation (RFC 7692, section 6).
func (c *Conn) clearRSV1(h ws.Header) ws.Header {
	if h.Rsv == rsv1 && c.deflate && (h.OpCode == ws.OpText || h.OpCode == ws.OpBinary) {
		h.Rsv = 0
	}
	return h
}

// wireLimit limits the size of a compressed message. Incompressible data grows a little: by 5 bytes for each block, and
// a block ends at each flush of the client.
func (o *Options) wireLimit() int {
	n := o.MaxMessageBytes
	if more := n + n/64 + 64; more > n {
		return more
	}
	return n
}

// A source is the input of an inflater: a message, then flushTail. It is an io.ByteReader, so compress/flate reads no
// byte too many.
type source struct {
	p    []byte
	tail string
}

func (s *source) ReadByte() (b byte, err error) {
	switch {
	case len(s.p) > 0:
		b, s.p = s.p[0], s.p[1:]
	case s.tail != "":
		b, s.tail = s.tail[0], s.tail[1:]
	default:
		return 0, io.EOF
	}
	return b, nil
}

// Read is used for stored blocks.
func (s *source) Read(b []byte) (n int, err error) {
	if n = copy(b, s.p); n > 0 {
		s.p = s.p[n:]
		return n, nil
	}
	if n = copy(b, s.tail); n == 0 && len(b) > 0 {
		return 0, io.EOF
	}
	s.tail = s.tail[n:]
	return n, nil
}

// An inflater takes about 44 KB. It is used only just before a handler is called, so few exist at a time.
type inflater struct {
	src source
	r   io.ReadCloser // also a flate.Resetter
}

var inflaters = sync.Pool{New: func() any {
	z := &inflater{}
	z.r = flate.NewReader(&z.src)
	return z
}}

// inflate returns the inflated form of p, in b if b is large enough. It returns errTooBig for more than limit bytes.
// Memory grows with the output, not with the limit.
func inflate(b, p []byte, limit int) (_ []byte, err error) {
	z := inflaters.Get().(*inflater)
	defer inflaters.Put(z)
	z.src = source{p, flushTail}
	defer func() { z.src = source{} }()
	b = b[:0]
	for range maxFinalBlocks {
		// Other blocks may follow a block that is marked as final, and may refer back (RFC 7692, section 7.2.1).
		_ = z.r.(flate.Resetter).Reset(&z.src, b[max(0, len(b)-windowSize):]) // never fails
		if b, err = z.stream(b, limit); err != nil {
			return nil, err
		}
		if tail := z.src.tail; len(z.src.p) == 0 && (tail == "" || tail == flushTail) {
			return b, nil
		} else if len(tail) < len(flushTail) { // the last block is incomplete
			return nil, io.ErrUnexpectedEOF
		}
	}
	return nil, errFinalBlocks
}

// stream reads up to the end of a final block. If limit is at most maxFirstAlloc, it allocates once; otherwise memory
// doubles, and the smaller copies are garbage.
func (z *inflater) stream(b []byte, limit int) ([]byte, error) {
	for {
		if len(b) >= limit {
			return b, z.expectEnd()
		}
		if len(b) == cap(b) {
			grown := make([]byte, len(b), min(limit, max(maxFirstAlloc, 2*cap(b))))
			copy(grown, b)
			b = grown
		}
		n, err := z.r.Read(b[len(b):min(cap(b), limit)])
		b = b[:len(b)+n]
		if errors.Is(err, io.EOF) {
			return b, nil
		}
		if err != nil {
			return b, err
		}
	}
}

// expectEnd returns an error if more output follows.
func (z *inflater) expectEnd() error {
	var one [1]byte
	switch n, err := io.ReadFull(z.r, one[:]); {
	case n > 0:
		return errTooBig
	case errors.Is(err, io.EOF):
		return nil
	default:
		return err
	}
}

// peek inflates a short message that has to wait, and returns its text for Handler.Arrived. A long or invalid message
// stays compressed until its turn, and the text is nil. So the lock is never held for long, and the memory of waiting
// messages is bounded by what was received.
func (c *Conn) peek(it item) (_ item, text []byte) {
	if len(it.p) > 2*maxPeek {
		return it, nil
	}
	bp := takeBuffer()
	defer giveBuffer(bp)
	p, err := inflate(*bp, it.p, min(maxPeek, c.up.opt.MaxMessageBytes))
	if err != nil || !it.binary && !utf8.Valid(p) {
		return it, nil
	}
	it.p, it.owned, it.deflated = append([]byte{}, p...), true, false
	return it, it.p
}

// inflateMessage calls the handler with a compressed message when its turn comes. The caller does not hold mu.
func (c *Conn) inflateMessage(it item) {
	bp := takeBuffer()
	defer giveBuffer(bp)
	p, err := inflate(*bp, it.p, c.up.opt.MaxMessageBytes)
	if err == nil && !it.binary && !utf8.Valid(p) {
		err = errInvalidText
	}
	if err == nil {
		c.h.Message(p, it.binary)
		return
	}
	c.mu.Lock()
	defer c.unlock()
	c.failInflate(err)
}

// failInflate closes the connection because a message cannot be inflated. Unlike after a framing violation, the peer's
// Close frame can still be recognised. Corrupt data does not match the type of its message: 1007 (RFC 6455, section
// 7.4.1).
func (c *Conn) failInflate(err error) {
	if c.phase == phaseStopped {
		return
	}
	code, reason := CloseInvalidUTF8, "deflated data is corrupt"
	switch {
	case errors.Is(err, errTooBig):
		code, reason = CloseTooBig, errTooBig.Error()
	case errors.Is(err, errInvalidText):
		reason = errInvalidText.Error()
	}
	c.beginClose(code, reason)
}
