//go:build abuse

package abuse_test

import (
	"bytes"
	"errors"
	"net"
	"syscall"
	"testing"
	"time"

	"github.com/chanx-go/chanx"
)

// TestClientsThatFillTheInboxAndVanish: a handler waits for its client while the client's messages fill the inbox, so
// the socket is not read. Then the client closes its socket, resets it, or falls silent. Each loss is detected within
// PingInterval and PongTimeout.
func TestClientsThatFillTheInboxAndVanish(t *testing.T) {
	const raiders, own = 300, 112 << 10
	limits := chanx.Limits{PingInterval: 3 * time.Second, PongTimeout: 2 * time.Second}
	f := build(t, plan{heap: raiders * own, ServerOptions: chanx.ServerOptions{Limits: limits}})
	ask := bytes.Repeat(text(message("ask", `{"Text":"x"}`)), 100) // more than InboxFrames
	f.during(ends{1006: raiders}, func() {
		all := make([]*raider, raiders)
		f.crowd(raiders, func(i int) (err error) {
			if all[i], err = f.enter("/ws"); err != nil {
				return err
			}
			return all[i].say(text(message("hold", "null")))
		})
		eventually(t, "all are held", func() bool { return f.seen.sees().begun["hold"] == raiders })
		f.crowd(raiders, func(i int) error { return all[i].say(ask) })
		f.by.rest(t, 20)
		if s := f.seen.sees(); s.ended() > 0 {
			t.Errorf("they should wait, but were closed: %v", s.closed)
		}
		begin := time.Now()
		f.crowd(raiders, func(i int) error {
			tcp := all[i].Conn.(*net.TCPConn)
			switch i % 3 {
			case 0:
				return tcp.Close()
			case 1:
				return errors.Join(tcp.SetLinger(0), tcp.Close())
			}
			return dropSegments(tcp)
		})
		eventually(t, "they are lost", func() bool { return f.seen.sees().closed[1006] == raiders })
		t.Logf("lost after %v; PingInterval and PongTimeout are %v", time.Since(begin), limits.PingInterval+limits.PongTimeout)
		f.crowd(raiders, func(i int) error {
			_ = all[i].Close() // two thirds are closed
			return nil
		})
	})
	if s := f.seen.sees(); s.dropped["messages_unhandled"] < raiders*16 {
		t.Errorf("dropped %v, want the %d messages of each inbox", s.dropped, 16)
	}
}

// dropSegments makes the system drop every incoming segment of a connection, as if the network were gone: nothing is
// acknowledged.
func dropSegments(tcp *net.TCPConn) error {
	rc, err := tcp.SyscallConn()
	if err != nil {
		return err
	}
	nothing := []syscall.SockFilter{{Code: syscall.BPF_RET | syscall.BPF_K}}
	var attached error
	err = rc.Control(func(fd uintptr) {
		//lint:ignore SA1019 its successor is in a module that nothing else here needs
		attached = syscall.AttachLsf(int(fd), nothing)
	})
	return errors.Join(err, attached)
}
