//go:build linux

package load

import (
	"errors"
	"fmt"
	"net/netip"
	"os"
	"runtime"
	"time"

	"golang.org/x/sys/unix"
)

// Load is a number of connections to one server, or to several that deliver to each other. It must be used by one goroutine,
// which is locked to its thread meanwhile.
type Load struct {
	// Delays, if it is not nil, counts the time of every delivery of Say, from writing its burst to reading it.
	Delays *Delays

	talk    Talk
	timeout time.Duration // how long a server may be silent while replies are expected
	conns   []*conn
	epoll   int
	events  []unix.EpollEvent
	buf     []byte
	due     int               // expected replies of all connections
	sender  *conn             // the connection that sent the current burst
	hears   *Exchange         // the current exchange
	known   map[known]replies // compressed messages that were checked
	heard   int               // received replies equal to Want
	said    time.Time         // when the sender began to write
	beats   int               // answered pings and heartbeats
	leaving bool              // every connection has sent a Close
	scratch inflater
}

const defaultTimeout = 20 * time.Second

// Open connects n clients to servers on this machine, in turn to each address. There must be at least one.
func Open(addrs []netip.AddrPort, n int, talk Talk) (*Load, error) {
	return openWithTimeout(addrs, n, talk, defaultTimeout)
}

func openWithTimeout(addrs []netip.AddrPort, n int, talk Talk, timeout time.Duration) (*Load, error) {
	if err := allowFiles(n); err != nil {
		return nil, err
	}
	epoll, err := unix.EpollCreate1(unix.EPOLL_CLOEXEC)
	if err != nil {
		return nil, os.NewSyscallError("epoll_create1", err)
	}
	runtime.LockOSThread()
	l := &Load{
		talk: talk, timeout: timeout, epoll: epoll, events: make([]unix.EpollEvent, 1024), buf: make([]byte, 256<<10),
		known: map[known]replies{}, hears: &Exchange{},
	}
	for i := range n {
		err := l.add(addrs[i%len(addrs)])
		if err == nil && i%10 == 0 {
			err = l.Idle(0) // the first connections may get pings before the last ones are open
		}
		if err != nil {
			return nil, join(fmt.Errorf("load: open connection %d: %w", i, err), l.Close())
		}
	}
	return l, nil
}

func (l *Load) add(addr netip.AddrPort) error {
	c, err := l.dial(addr)
	if err != nil {
		return err
	}
	l.conns = append(l.conns, c)
	e := unix.EpollEvent{Events: unix.EPOLLIN, Fd: int32(len(l.conns) - 1)}
	if err := unix.EpollCtl(l.epoll, unix.EPOLL_CTL_ADD, c.fd, &e); err != nil {
		return os.NewSyscallError("epoll_ctl", err)
	}
	return l.frames(c, c.rest)
}

// Leave closes all connections in order: it sends a Close on each, and returns when all are answered. Only Close may be called
// after it.
func (l *Load) Leave() error {
	l.leaving = true
	goodbye := appendFrame(nil, opClose, "\x03\xe8") // 1000
	for _, c := range l.conns {
		l.expect(c, 1)
		if err := send(c.fd, goodbye); err != nil {
			return err
		}
	}
	return l.drive(func(*conn) error { return nil })
}

// Close ends all connections, each with a reset.
func (l *Load) Close() error {
	defer runtime.UnlockOSThread()
	err := os.NewSyscallError("close", unix.Close(l.epoll))
	for _, c := range l.conns {
		err = join(err, os.NewSyscallError("close", unix.Close(c.fd)))
	}
	return err
}

// Beats returns the number of answered pings and heartbeats.
func (l *Load) Beats() int { return l.beats }

// reserve is the number of open files that a process needs beside its connections.
const reserve = 100

// allowFiles raises the limit on open files for n connections.
func allowFiles(n int) error {
	var r unix.Rlimit
	if err := unix.Getrlimit(unix.RLIMIT_NOFILE, &r); err != nil {
		return os.NewSyscallError("getrlimit", err)
	}
	want := uint64(n + reserve)
	if r.Cur >= want {
		return nil
	}
	r = unix.Rlimit{Cur: want, Max: max(r.Max, want)}
	if err := unix.Setrlimit(unix.RLIMIT_NOFILE, &r); err != nil {
		return fmt.Errorf("load: raise the limit on open files to %d (ulimit -n): %w", want, err)
	}
	return nil
}

func join(errs ...error) error { return errors.Join(errs...) }
