//go:build linux

package load

import (
	"errors"
	"fmt"
	"io"
	"os"
	"time"

	"golang.org/x/sys/unix"
)

// errSilent is returned when expected replies do not arrive.
var errSilent = errors.New("load: the server is silent")

// drive reads until all expected replies have arrived. It calls done when a connection has all of its replies; done may send
// again.
func (l *Load) drive(done func(*conn) error) error {
	for l.due > 0 {
		n, err := l.poll(l.timeout)
		if err != nil {
			return err
		}
		if n == 0 {
			return fmt.Errorf("%w: after %s %d replies are missing", errSilent, l.timeout, l.due)
		}
		if err := l.handle(n, done); err != nil {
			return err
		}
	}
	return nil
}

// poll waits for readable connections, and returns their number. The time is rounded up to milliseconds.
func (l *Load) poll(wait time.Duration) (int, error) {
	n, err := unix.EpollWait(l.epoll, l.events, int((wait + time.Millisecond - 1).Milliseconds()))
	if errors.Is(err, unix.EINTR) {
		return l.poll(wait)
	}
	return n, os.NewSyscallError("epoll_wait", err)
}

func (l *Load) handle(n int, done func(*conn) error) error {
	for _, e := range l.events[:n] {
		c := l.conns[e.Fd]
		had := c.due
		if err := l.read(c); err != nil {
			return fmt.Errorf("load: connection %d: %w", e.Fd, err)
		}
		if had > 0 && c.due == 0 {
			if err := done(c); err != nil {
				return fmt.Errorf("load: connection %d: %w", e.Fd, err)
			}
		}
	}
	return nil
}

// read reads once from a connection. epoll reports it again if there is more.
func (l *Load) read(c *conn) error {
	had := copy(l.buf, c.rest)
	n, err := receive(c.fd, l.buf[had:])
	if err != nil {
		return err
	}
	return l.frames(c, l.buf[:had+n])
}

// frames handles the complete frames in p and keeps the rest.
func (l *Load) frames(c *conn, p []byte) error {
	for {
		f, rest, ok := next(p)
		if !ok {
			break
		}
		if err := l.take(c, f); err != nil {
			return err
		}
		p = rest
	}
	if len(p) == len(l.buf) {
		return fmt.Errorf("a frame does not fit into %d bytes", len(p))
	}
	c.rest = append(c.rest[:0], p...)
	return nil
}

// expect adds n expected replies to a connection.
func (l *Load) expect(c *conn, n int) {
	c.due += n
	l.due += n
}

// send writes all of p, which is far smaller than the socket's buffer.
func send(fd int, p []byte) error {
	n, err := unix.Write(fd, p)
	switch {
	case errors.Is(err, unix.EINTR):
		return send(fd, p)
	case errors.Is(err, unix.EAGAIN) || err == nil && n < len(p):
		return errors.New("the server does not read: the socket is full")
	}
	return os.NewSyscallError("write", err)
}

func receive(fd int, p []byte) (int, error) {
	n, err := unix.Read(fd, p)
	switch {
	case errors.Is(err, unix.EINTR):
		return receive(fd, p)
	case errors.Is(err, unix.EAGAIN):
		return 0, errSilent
	case err == nil && n == 0:
		return 0, io.ErrUnexpectedEOF
	}
	return n, os.NewSyscallError("read", err)
}
