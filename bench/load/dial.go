//go:build linux

package load

import (
	"bytes"
	"errors"
	"fmt"
	"net/netip"
	"os"
	"strings"
	"time"

	"golang.org/x/sys/unix"
)

// The sample handshake of RFC 6455, section 1.3.
const (
	key    = "dGhlIHNhbXBsZSBub25jZQ=="
	accept = "s3pPLMBiTxaQ9kYGzzhZRbK+xOo="
)

// conn is one connection. All its fields belong to the loop.
type conn struct {
	fd   int
	due  int    // expected replies
	rest []byte // the beginning of an incomplete frame
	part frame  // the beginning of an incomplete message; its first byte is 0 if there is none
}

// dial opens a connection and performs the handshake, waiting for each step.
func (l *Load) dial(addr netip.AddrPort) (*conn, error) {
	fd, err := unix.Socket(unix.AF_INET, unix.SOCK_STREAM|unix.SOCK_CLOEXEC, 0)
	if err != nil {
		return nil, os.NewSyscallError("socket", err)
	}
	c := &conn{fd: fd}
	if err := l.shake(c, addr); err != nil {
		return nil, join(err, unix.Close(fd))
	}
	return c, nil
}

func (l *Load) shake(c *conn, addr netip.AddrPort) error {
	if err := prepare(c.fd, l.timeout); err != nil {
		return err
	}
	if err := connect(c.fd, addr); err != nil {
		return err
	}
	if err := send(c.fd, l.request(addr)); err != nil {
		return err
	}
	if err := l.response(c); err != nil {
		return err
	}
	if err := l.greet(c); err != nil {
		return err
	}
	return os.NewSyscallError("setnonblock", unix.SetNonblock(c.fd, true))
}

// prepare sets timeouts for the handshake, and lets close free the port at once instead of a minute later.
func prepare(fd int, timeout time.Duration) error {
	wait := unix.NsecToTimeval(timeout.Nanoseconds())
	return join(
		os.NewSyscallError("setsockopt", unix.SetsockoptTimeval(fd, unix.SOL_SOCKET, unix.SO_RCVTIMEO, &wait)),
		os.NewSyscallError("setsockopt", unix.SetsockoptTimeval(fd, unix.SOL_SOCKET, unix.SO_SNDTIMEO, &wait)),
		os.NewSyscallError("setsockopt", unix.SetsockoptLinger(fd, unix.SOL_SOCKET, unix.SO_LINGER, &unix.Linger{Onoff: 1})),
		os.NewSyscallError("setsockopt", unix.SetsockoptInt(fd, unix.IPPROTO_TCP, unix.TCP_NODELAY, 1)),
	)
}

// connect continues after a signal: Linux then waits for the pending connection.
func connect(fd int, addr netip.AddrPort) error {
	err := unix.Connect(fd, &unix.SockaddrInet4{Port: int(addr.Port()), Addr: addr.Addr().As4()})
	switch {
	case errors.Is(err, unix.EINTR):
		return connect(fd, addr)
	case errors.Is(err, unix.EISCONN):
		return nil
	}
	return os.NewSyscallError("connect", err)
}

func (l *Load) request(addr netip.AddrPort) []byte {
	b := fmt.Appendf(nil, "GET / HTTP/1.1\r\nHost: %s\r\nUpgrade: websocket\r\nConnection: Upgrade\r\n"+
		"Sec-WebSocket-Version: 13\r\nSec-WebSocket-Key: %s\r\n", addr, key)
	if l.talk.Deflate {
		b = append(b, "Sec-WebSocket-Extensions: permessage-deflate; server_no_context_takeover; client_no_context_takeover\r\n"...)
	}
	return append(b, "\r\n"...)
}

// response reads the answer to the handshake. Data after it stays in c.rest.
func (l *Load) response(c *conn) error {
	var head []byte
	for {
		if i := bytes.Index(head, []byte("\r\n\r\n")); i >= 0 {
			c.rest = bytes.Clone(head[i+4:])
			return l.agree(string(head[:i]))
		}
		n, err := receive(c.fd, l.buf)
		if err != nil {
			return err
		}
		head = append(head, l.buf[:n]...)
	}
}

func (l *Load) agree(head string) error {
	low := strings.ToLower(head)
	switch {
	case !strings.HasPrefix(head, "HTTP/1.1 101 ") || !strings.Contains(head, accept):
		return fmt.Errorf("the handshake was answered %q", head)
	case strings.Contains(low, "permessage-deflate") != l.talk.Deflate:
		return fmt.Errorf("permessage-deflate: wanted %t, the handshake was answered %q", l.talk.Deflate, head)
	case l.talk.Deflate && !strings.Contains(low, "server_no_context_takeover"):
		return fmt.Errorf("the server wants context takeover: the handshake was answered %q", head)
	}
	return nil
}

// greet sends Hello and waits for Welcome, if the protocol has them.
func (l *Load) greet(c *conn) error {
	if l.talk.Hello == "" {
		return nil
	}
	if err := send(c.fd, appendFrame(nil, opText, l.talk.Hello)); err != nil {
		return err
	}
	for {
		f, rest, ok := next(c.rest)
		if !ok {
			n, err := receive(c.fd, l.buf)
			if err != nil {
				return err
			}
			c.rest = append(c.rest, l.buf[:n]...)
			continue
		}
		text, err := l.text(f)
		if err != nil {
			return err
		}
		if !strings.HasPrefix(string(text), l.talk.Welcome) {
			return fmt.Errorf("hello was answered %q, not %q", text, l.talk.Welcome)
		}
		c.rest = bytes.Clone(rest)
		return nil
	}
}
