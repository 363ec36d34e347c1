//go:build linux

package load

import (
	"bytes"
	"compress/flate"
	"encoding/binary"
	"errors"
	"fmt"
	"io"
	"os"
	"time"

	"golang.org/x/sys/unix"
)

// take handles one frame.
func (l *Load) take(c *conn, f frame) error {
	switch f.first {
	case finBit | opText, finBit | rsv1Bit | opText:
		if c.part.first == 0 {
			return l.message(c, f)
		}
	case opText, rsv1Bit | opText, opMore, finBit | opMore:
		return l.fragment(c, f)
	case finBit | opPing:
		l.beats++
		return send(c.fd, appendFrame(nil, opPong, string(f.payload)))
	case finBit | opClose:
		if l.leaving {
			return l.gone(c)
		}
		if len(f.payload) < 2 {
			return errors.New("the server has closed the connection")
		}
		return fmt.Errorf("the server has closed the connection: %d %s", binary.BigEndian.Uint16(f.payload), f.payload[2:])
	}
	return unexpected(f)
}

// gone handles the answer to our Close. The end of the stream, which follows, is not read.
func (l *Load) gone(c *conn) error {
	if err := unix.EpollCtl(l.epoll, unix.EPOLL_CTL_DEL, c.fd, nil); err != nil {
		return os.NewSyscallError("epoll_ctl", err)
	}
	return l.count(c, 1)
}

func unexpected(f frame) error {
	return fmt.Errorf("a frame begins with %#x, which is not allowed there", f.first)
}

// fragment assembles a message (RFC 6455, section 5.4). Servers that compress in pieces send fragments.
func (l *Load) fragment(c *conn, f frame) error {
	goesOn := f.first&^finBit == opMore
	if goesOn == (c.part.first == 0) {
		return unexpected(f)
	}
	c.part.first |= f.first
	c.part.payload = append(c.part.payload, f.payload...)
	if f.first&finBit == 0 {
		return nil
	}
	err := l.message(c, c.part)
	c.part = frame{payload: c.part.payload[:0]}
	return err
}

// message checks a message and counts the replies in it.
func (l *Load) message(c *conn, f frame) error {
	if !f.compressed() {
		if l.talk.Deflate && len(f.payload) >= surelySmaller {
			return fmt.Errorf("a message of %d bytes is not compressed, although compression was negotiated", len(f.payload))
		}
		return l.replies(c, f.payload)
	}
	if r, ok := l.known[known{string(f.payload), l.hears, c == l.sender}]; ok { // this conversion does not copy
		l.hear(r.heard)
		return l.count(c, r.due)
	}
	text, err := l.text(f)
	if err != nil {
		return err
	}
	due, heard, beats := l.due, l.heard, l.beats
	if err := l.replies(c, text); err != nil {
		return err
	}
	if beats == l.beats { // a heartbeat has to be answered each time
		l.known[known{string(f.payload), l.hears, c == l.sender}] = replies{due - l.due, l.heard - heard}
	}
	return nil
}

// surelySmaller is the length in bytes from which compression makes every text of this load smaller. A longer uncompressed
// text means that the server negotiated compression without using it.
const surelySmaller = 512

// known is a checked compressed message. Without context takeover equal bytes are equal texts, so each is inflated once.
type known struct {
	bytes string
	hears *Exchange
	own   bool
}

// replies counts the replies in a message, and those that are not an Ack.
type replies struct{ due, heard int }

// text is the message in a frame.
func (l *Load) text(f frame) ([]byte, error) {
	if f.first&^rsv1Bit != finBit|opText {
		return nil, unexpected(f)
	}
	if !f.compressed() {
		return f.payload, nil
	}
	if !l.talk.Deflate {
		return nil, errors.New("a message is compressed, although compression was not negotiated")
	}
	return l.scratch.inflate(f.payload)
}

// inflater is reused for all messages.
type inflater struct{ r io.ReadCloser }

// inflate undoes RFC 7692, section 7.2.1: four bytes were cut off, and no final block ends the stream.
func (i *inflater) inflate(p []byte) ([]byte, error) {
	src := io.MultiReader(bytes.NewReader(p), bytes.NewReader([]byte("\x00\x00\xff\xff\x01\x00\x00\xff\xff")))
	if i.r == nil {
		i.r = flate.NewReader(src)
	} else if err := i.r.(flate.Resetter).Reset(src, nil); err != nil {
		return nil, err
	}
	return io.ReadAll(i.r)
}

// replies checks one message, or each of its lines.
func (l *Load) replies(c *conn, text []byte) error {
	for l.talk.Lines {
		line, rest, more := bytes.Cut(text, []byte{'\n'})
		if !more {
			break
		}
		if err := l.reply(c, line); err != nil {
			return err
		}
		text = rest
	}
	return l.reply(c, text)
}

func (l *Load) reply(c *conn, text []byte) error {
	want, ack := l.hears.Want, ""
	if c == l.sender {
		want, ack = l.hears.own(), l.hears.Ack
	}
	switch { // these conversions do not copy
	case string(text) == want:
		l.hear(1)
		return l.count(c, 1)
	case ack != "" && string(text) == ack:
		return l.count(c, 1)
	case l.talk.Heartbeat != "" && string(text) == l.talk.Heartbeat:
		l.beats++
		return send(c.fd, appendFrame(nil, opText, l.talk.Heartbeat))
	}
	return fmt.Errorf("got %.300q, want %.300q", text, want)
}

// hear counts replies of a connection.
func (l *Load) hear(n int) {
	l.heard += n
	if l.Delays != nil && l.hears == &l.talk.Say {
		l.Delays.add(time.Since(l.said), n)
	}
}

func (l *Load) count(c *conn, n int) error {
	if c.due < n {
		return fmt.Errorf("got %d replies more than expected", n-c.due)
	}
	c.due -= n
	l.due -= n
	return nil
}
