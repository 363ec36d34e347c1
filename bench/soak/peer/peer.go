//go:build linux

package peer

import (
	"bufio"
	"encoding/binary"
	"errors"
	"fmt"
	"math/rand/v2"
	"net"
	"sync"
	"time"
	"unicode/utf8"
)

// Peer is one connection. One goroutine may read while another one writes; Reset may be called from anywhere.
type Peer struct {
	tcp  *net.TCPConn
	conn net.Conn // tcp, or TLS over it
	in   *bufio.Reader
	opts Options

	mu sync.Mutex // held for each frame: pongs go between the fragments of a message
}

// Closed is the error of Read when the server has closed the connection in order. Its Close has been answered.
type Closed struct {
	Code   int // 1005 if there is none
	Reason string
}

// Error tells the code and the reason.
func (c *Closed) Error() string {
	return fmt.Sprintf("peer: the server closed: %d %s", c.Code, c.Reason)
}

const noStatus = 1005

// Write sends a message, cut at random as the options say.
func (p *Peer) Write(text []byte) error {
	first := byte(opText)
	if p.opts.Deflate {
		var err error
		if text, err = deflate(text); err != nil {
			return err
		}
		first |= rsv1Bit
	}
	for _, part := range cut(text, p.opts.Fragments) {
		if len(part) == len(text) {
			first |= finBit
		}
		text = text[len(part):]
		if err := p.send(first, part); err != nil {
			return err
		}
		first = opMore
	}
	return nil
}

// cut cuts b into at most n parts at random. Parts but the last may be empty; the last one is what is left, so that it
// alone is as long as that.
func cut(b []byte, n int) (parts [][]byte) {
	for k := rand.N(max(n, 1)); k > 0 && len(b) > 0; k-- {
		at := rand.N(len(b))
		parts = append(parts, b[:at])
		b = b[at:]
	}
	return append(parts, b)
}

func (p *Peer) send(first byte, payload []byte) error {
	b := appendFrame(nil, first, payload)
	p.mu.Lock()
	defer p.mu.Unlock()
	for _, piece := range cut(b, p.opts.Pieces) {
		if err := p.write(piece); err != nil {
			return err
		}
	}
	return nil
}

func (p *Peer) write(b []byte) error {
	if len(b) == 0 {
		return nil
	}
	if err := p.conn.SetWriteDeadline(time.Now().Add(p.opts.Timeout)); err != nil {
		return err
	}
	_, err := p.conn.Write(b)
	return err
}

// Read returns the next message of the server, and answers its pings.
func (p *Peer) Read() ([]byte, error) {
	var whole frame // the fragments so far; none if first is 0
	for {
		if err := p.conn.SetReadDeadline(time.Now().Add(p.opts.Timeout)); err != nil {
			return nil, err
		}
		f, err := readFrame(p.in)
		if err != nil {
			return nil, err
		}
		if f.isControl() {
			if err := p.control(f); err != nil {
				return nil, err
			}
			continue
		}
		if more := f.op() == opMore; more != (whole.first != 0) || more && f.deflated() || f.op() > opText {
			return nil, fmt.Errorf("peer: a frame begins with %#x, which does not belong there", f.first)
		}
		whole.first |= f.first
		whole.payload = append(whole.payload, f.payload...)
		if f.last() {
			return p.text(whole)
		}
	}
}

func (p *Peer) control(f frame) error {
	switch f.op() {
	case opPing:
		_ = p.send(finBit|opPong, f.payload) // fails behind our own Close; what else it may be, reading on will tell
		return nil
	case opPong:
		return nil
	case opClose:
		c := &Closed{Code: noStatus}
		if len(f.payload) >= 2 {
			c.Code, c.Reason = int(binary.BigEndian.Uint16(f.payload)), string(f.payload[2:])
		}
		_ = p.send(finBit|opClose, f.payload[:min(len(f.payload), 2)]) // fails if we have closed before
		return c
	}
	return fmt.Errorf("peer: a frame begins with %#x", f.first)
}

// text is the message in the frame.
func (p *Peer) text(f frame) (text []byte, err error) {
	text = f.payload
	if f.deflated() {
		if !p.opts.Deflate {
			return nil, errors.New("peer: a message is compressed, which was not agreed")
		}
		text, err = inflate(f.payload)
	}
	if err == nil && !utf8.Valid(text) {
		err = fmt.Errorf("peer: a message is not UTF-8: %.300q", text)
	}
	return text, err
}

// Close says goodbye with 1000. The goroutine that reads then gets a Closed.
func (p *Peer) Close() error {
	return p.send(finBit|opClose, binary.BigEndian.AppendUint16(nil, 1000))
}

// HalfClose ends what this side sends, without a word.
func (p *Peer) HalfClose() error {
	return p.conn.(interface{ CloseWrite() error }).CloseWrite()
}

// Tear writes the beginning of a frame whose end will not come.
func (p *Peer) Tear() error {
	p.mu.Lock()
	defer p.mu.Unlock()
	b := appendFrame(nil, finBit|opText, []byte(`{"action":"torn"}`))
	return p.write(b[:1+rand.N(len(b)-1)])
}

// Reset gives the connection up with a reset.
func (p *Peer) Reset() error { return errors.Join(p.tcp.SetLinger(0), p.tcp.Close()) }
