package socket

import (
	"crypto/tls"
	"net"
	"runtime"
	"strings"
	"syscall"
	"testing"
	"time"

	"github.com/gobwas/ws"
)

// dropSegments makes the peer's system drop every incoming segment of a connection, as if the machine had lost its
// network: nothing is acknowledged.
func dropSegments(t testing.TB, nc net.Conn) {
	t.Helper()
	if secure, ok := nc.(*tls.Conn); ok {
		nc = secure.NetConn()
	}
	rc, err := nc.(*net.TCPConn).SyscallConn()
	must(t, err)
	nothing := []syscall.SockFilter{{Code: syscall.BPF_RET | syscall.BPF_K}}
	must(t, rc.Control(func(fd uintptr) {
		//lint:ignore SA1019 its successor is in a module that nothing else here needs
		err = syscall.AttachLsf(int(fd), nothing)
	}))
	must(t, err)
}

// fillInbox sends messages to a handler that waits, until reading pauses.
func fillInbox(s *server, p *peer) {
	p.send(text("waits"))
	for s.u.Stats().HandOvers == 0 {
		runtime.Gosched()
	}
	p.send(text("queued"))
	for s.u.Stats().Pauses == 0 {
		runtime.Gosched()
	}
}

// vanishings are the ways in which a peer ends without a Close frame.
var vanishings = map[string]func(t testing.TB, p *peer){
	"closed": func(t testing.TB, p *peer) { must(t, tcpOf(p).Close()) },
	"reset":  func(t testing.TB, p *peer) { must(t, tcpOf(p).SetLinger(0)); must(t, tcpOf(p).Close()) },
	"silent": func(t testing.TB, p *peer) { dropSegments(t, p.nc) },
}

func tcpOf(p *peer) *net.TCPConn {
	if secure, ok := p.nc.(*tls.Conn); ok {
		return secure.NetConn().(*net.TCPConn)
	}
	return p.nc.(*net.TCPConn)
}

// pausedPeer fills the inbox of a handler that waits for the loss of its connection, over TCP or TLS.
func pausedPeer(t *testing.T, s *server) (*recorder, *peer) {
	t.Helper()
	c, p := s.open(t)
	h := newRecorder(c)
	h.message = func([]byte, bool) { <-h.lost }
	c.Start(h, nil)
	fillInbox(s, p)
	p.send(text(strings.Repeat("unread", 1000)))
	return h, p
}

// TestLossWhilePausedOverTCP: the system reports the loss, at the latest when nothing has been acknowledged for
// PongTimeout.
func TestLossWhilePausedOverTCP(t *testing.T) {
	t.Parallel()
	for _, secure := range []bool{false, true} {
		for name, vanish := range vanishings {
			t.Run(transportName(secure)+" "+name, func(t *testing.T) {
				t.Parallel()
				s := newServer(t, Options{InboxMessages: 1, PingInterval: 100 * time.Millisecond, PongTimeout: 100 * time.Millisecond}, secure)
				h, p := pausedPeer(t, s)
				p.expect("ping", "ping")
				vanish(t, p)
				h.end(t, "m waits", "closed 1006")
			})
		}
	}
}

func transportName(secure bool) string {
	if secure {
		return "tls"
	}
	return "tcp"
}

// TestLivingPeerWhilePausedOverTCP: a peer that acknowledges stays connected for longer than PingInterval and
// PongTimeout together. After the pause no timeout is left on its socket.
func TestLivingPeerWhilePausedOverTCP(t *testing.T) {
	t.Parallel()
	for _, secure := range []bool{false, true} {
		t.Run(transportName(secure), func(t *testing.T) {
			t.Parallel()
			s := newServer(t, Options{InboxMessages: 1, PingInterval: 100 * time.Millisecond, PongTimeout: time.Second}, secure)
			c, p := s.open(t)
			h := newRecorder(c)
			goOn := make(chan struct{})
			h.message = func(m []byte, _ bool) {
				<-goOn
				_ = c.WriteText(m, false) // fails once the peer is lost
			}
			c.Start(h, nil)
			fillInbox(s, p)
			for range 25 {
				p.expect("ping")
			}
			if userTimeoutOf(t, h.c.nc) == 0 {
				t.Error("no TCP_USER_TIMEOUT is set")
			}
			close(goOn)
			p.send(text("last"))
			for f := p.frame(); f != "text last"; f = p.frame() {
				switch f {
				case "ping":
					p.send(masked(ws.OpPong, true, ""))
				case "eof", "reset":
					t.Fatalf("frame %q", f)
				}
			}
			if d := userTimeoutOf(t, h.c.nc); d != 0 {
				t.Errorf("the timeout is still set: %v", d)
			}
			must(t, p.nc.Close())
			h.end(t)
		})
	}
}

func userTimeoutOf(t testing.TB, nc net.Conn) time.Duration {
	t.Helper()
	rc, err := rawConnOf(nc)
	must(t, err)
	var ms int
	must(t, rc.Control(func(fd uintptr) { ms, err = syscall.GetsockoptInt(int(fd), syscall.IPPROTO_TCP, tcpUserTimeout) }))
	must(t, err)
	return time.Duration(ms) * time.Millisecond
}
