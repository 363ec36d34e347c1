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

// Load is a number of connections to one server, or to several that deliver to each other. It is for one goroutine, which
// stays on its thread while they exist.
type Load struct {
	// Delays, if it is not nil, counts for every delivery of Say how long after the writing of its burst it was read.
	Delays *Delays

	talk     Talk
	patience time.Duration // how long a server may be silent while something is due
	conns    []*conn
	epoll    int
	events   []unix.EpollEvent
	buf      []byte
	due      int               // replies that are to come, of all connections
	sender   *conn             // who has spoken to everybody
	hears    *Exchange         // what is going on
	known    map[known]replies // compressed messages that were found right
	heard    int               // times that the Want of an exchange came
	said     time.Time         // when the sender began to write
	beats    int               // pings and heartbeats that were answered
	leaving  bool              // every connection has said that it closes
	scratch  inflater
}

const usualPatience = 20 * time.Second

// Open connects n clients to servers on this machine, in turn to each of the addresses, of which there must be one at least.
func Open(addrs []netip.AddrPort, n int, talk Talk) (*Load, error) {
	return openPatiently(addrs, n, talk, usualPatience)
}

func openPatiently(addrs []netip.AddrPort, n int, talk Talk, patience time.Duration) (*Load, error) {
	if err := allowFiles(n); err != nil {
		return nil, err
	}
	epoll, err := unix.EpollCreate1(unix.EPOLL_CLOEXEC)
	if err != nil {
		return nil, os.NewSyscallError("epoll_create1", err)
	}
	runtime.LockOSThread()
	l := &Load{
		talk: talk, patience: patience, epoll: epoll, events: make([]unix.EpollEvent, 1024), buf: make([]byte, 256<<10),
		known: map[known]replies{}, hears: &Exchange{},
	}
	for i := range n {
		err := l.add(addrs[i%len(addrs)])
		if err == nil && i%10 == 0 {
			err = l.Idle(0) // the first ones may be pinged before the last ones are there
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

// Leave closes all connections in order: every one says that it closes, and has been answered when Leave returns. Only Close
// may follow.
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

// Beats is how many pings and heartbeats of the server have been answered.
func (l *Load) Beats() int { return l.beats }

// reserve is what a process needs beside its connections.
const reserve = 100

// allowFiles raises the limit on open files as far as n connections need.
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
