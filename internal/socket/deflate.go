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
	rsv1     = 4    // of a header's Rsv: the message is deflated (RFC 7692, section 6)
	rsv1Bit  = 0x40 // the same in the first byte of a frame
	flushEnd = 4    // bytes of flushTail that are not sent

	// flushTail ends every deflated message and is left out on the wire (RFC 7692, section 7.2.1); behind it comes an empty
	// last block, so that compress/flate sees an end.
	flushTail = "\x00\x00\xff\xff" + "\x01\x00\x00\xff\xff"

	windowSize = 32 << 10 // bytes that deflate looks back

	// maxGlance is how much of a deflated message is inflated for Handler.Arrived, under the connection's lock. What comes
	// in more than twice as many bytes hides what takes long: a block may hold nothing and still cost a table of codes.
	maxPeek = 512

	// maxEnds is how many blocks of a message may say that they are the last one. Each costs a start of the inflater.
	maxFinalBlocks = 128

	// firstGrowth is how large a message may become with one allocation.
	maxFirstAlloc = 64 << 10
)

var (
	errNotSmaller  = errors.New("deflated, it is not smaller")
	errTooBig      = errors.New("message too big")
	errInvalidText = errors.New("text is not UTF-8")
	errFinalBlocks = errors.New("too many last blocks")
)

// A deflater compresses for the connections of an Upgrader that have agreed to it. A flate.Writer takes about a megabyte:
// they are pooled, and only as many are in use as can run at the same time.
type deflater struct {
	min   int // bytes of the shortest message that is tried
	level int
	limit int // in use
	pool  sync.Pool

	mu   sync.Mutex
	free sync.Cond
	used int
}

// newDeflater returns nil if the option is off, and panics if the level is none.
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

// take waits until a press is free. Whoever has one only computes.
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

// A press is a flate.Writer with what it writes to.
type compressor struct {
	w     *flate.Writer
	b     []byte
	limit int // bytes that b may have
}

func newCompressor(level int) *compressor {
	z := &compressor{}
	z.w, _ = flate.NewWriter(z, level) // fails for levels that newDeflater refuses
	return z
}

// Write gives up on what does not become smaller.
func (z *compressor) Write(p []byte) (int, error) {
	if len(p) > z.limit-len(z.b) {
		return 0, errNotSmaller
	}
	z.b = append(z.b, p...)
	return len(p), nil
}

// squeeze leaves p deflated in b, ended by a flush (RFC 7692, section 7.2.1), or reports that it is not smaller.
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

// A variant is the deflated form of a Frame, made for the first connection that wants it.
type variant struct {
	once  sync.Once
	parts []Frame // of a joined one
	b     []byte  // nil: it would not be smaller
}

// PrepareText is like the function of this name. Connections of u that have agreed to compression are sent the message
// deflated: once, for all of them.
func (u *Upgrader) PrepareText(p []byte) Frame {
	f := PrepareText(p)
	if u.deflater != nil && len(p) >= u.deflater.min {
		f.variant = &variant{}
	}
	return f
}

// deflated is the form of f for connections that have agreed to compression.
func (f Frame) deflated(d *deflater) Frame {
	if f.variant == nil {
		return f
	}
	f.variant.once.Do(func() {
		if f.variant.parts == nil {
			f.variant.b = d.deflateFrame(f.b)
			return
		}
		for _, part := range f.variant.parts {
			f.variant.b = append(f.variant.b, part.deflated(d).b...)
		}
	})
	if f.variant.b != nil {
		f.b = f.variant.b
	}
	return f
}

// frame deflates a whole frame of ours, or returns nil if that is of no use.
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

// deflated leaves fs alone, which belongs to the caller.
func (c *Conn) deflateFrames(fs []Frame) []Frame {
	if !slices.ContainsFunc(fs, func(f Frame) bool { return f.variant != nil }) {
		return fs
	}
	out := make([]Frame, len(fs))
	for i, f := range fs {
		out[i] = f.deflated(c.up.deflater)
	}
	return out
}

// unmarked is h without the bit of a deflated message, where that is in place: on the first frame of a message, and only
// if it was agreed on. Anywhere else it is a violation (RFC 7692, section 6).
func (c *Conn) clearRSV1(h ws.Header) ws.Header {
	if h.Rsv == rsv1 && c.deflate && (h.OpCode == ws.OpText || h.OpCode == ws.OpBinary) {
		h.Rsv = 0
	}
	return h
}

// wireLimit bounds the frames of a deflated message. What cannot be compressed becomes a little longer: 5 bytes for each
// block, and blocks end where the client flushes.
func (o *Options) wireLimit() int {
	n := o.MaxMessageBytes
	if more := n + n/64 + 64; more > n {
		return more
	}
	return n
}

// A source is what an inflater reads: a message, then flushTail. It is an io.ByteReader, of which compress/flate takes no
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

// Read is for stored blocks.
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

// An inflater takes about 44 KB. It is used between two calls of handlers, so few exist at a time.
type inflater struct {
	src source
	r   io.ReadCloser // also a flate.Resetter
}

var inflaters = sync.Pool{New: func() any {
	z := &inflater{}
	z.r = flate.NewReader(&z.src)
	return z
}}

// inflate returns what p holds, in b if that is large enough. Beyond most bytes it fails with errTooBig; until then memory
// grows with what comes out.
func inflate(b, p []byte, limit int) (_ []byte, err error) {
	z := inflaters.Get().(*inflater)
	defer inflaters.Put(z)
	z.src = source{p, flushTail}
	defer func() { z.src = source{} }()
	b = b[:0]
	for range maxFinalBlocks {
		// A block may say that it is the last one, and others may follow, which can look back (RFC 7692, section 7.2.1).
		_ = z.r.(flate.Resetter).Reset(&z.src, b[max(0, len(b)-windowSize):]) // never fails
		if b, err = z.stream(b, limit); err != nil {
			return nil, err
		}
		if tail := z.src.tail; len(z.src.p) == 0 && (tail == "" || tail == flushTail) {
			return b, nil
		} else if len(tail) < len(flushTail) { // the last block was cut
			return nil, io.ErrUnexpectedEOF
		}
	}
	return nil, errFinalBlocks
}

// stream reads up to the end of a last block. With a limit of up to firstGrowth memory is taken once; beyond it doubles, and
// what was before is garbage.
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

// nothing wants the end at once.
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

// glance inflates a message that has to wait, if it is short, so that it can be told of; otherwise there is nothing to
// tell, and it stays as it is until its turn, also if it is wrong. So the lock is held for long by nobody, and what waits is
// as large as what came.
func (c *Conn) peek(it item) (_ item, told []byte) {
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

// inflated calls the handler with a deflated message, in its turn, without mu.
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

// refuse ends the connection because a message cannot be inflated. Unlike after a violation of frames, its Close frame can
// still be recognised. Data that is corrupt is not what the frame says that it is: 1007 (RFC 6455, section 7.4.1).
func (c *Conn) failInflate(err error) {
	if c.stopped {
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
