package redislayer_test

import (
	"io"
	"net"
	"sync"
	"sync/atomic"
	"testing"
)

// proxy stands between a layer and a server.
type proxy struct {
	listener net.Listener
	to       string
	cut      atomic.Bool
	tasks    sync.WaitGroup

	mu    sync.Mutex
	conns []net.Conn
}

func startProxy(t *testing.T, to string) *proxy {
	t.Helper()
	l, err := net.Listen("tcp", "127.0.0.1:0")
	if err != nil {
		t.Fatal(err)
	}
	p := &proxy{listener: l, to: to}
	p.tasks.Go(p.accept)
	t.Cleanup(func() {
		_ = l.Close()
		p.closeAll()
		p.tasks.Wait()
	})
	return p
}

func (p *proxy) url() string { return "redis://" + p.listener.Addr().String() }

// cutAtAnswer has the next bytes of the server lost, with all connections.
func (p *proxy) cutAtAnswer() { p.cut.Store(true) }

func (p *proxy) accept() {
	for {
		in, err := p.listener.Accept()
		if err != nil {
			return
		}
		out, err := net.Dial("tcp", p.to)
		if err != nil {
			_ = in.Close()
			continue
		}
		p.mu.Lock()
		p.conns = append(p.conns, in, out)
		p.mu.Unlock()
		p.tasks.Go(func() {
			_, _ = io.Copy(out, in) // either end may close
			_ = out.Close()
		})
		p.tasks.Go(func() { p.answers(in, out) })
	}
}

func (p *proxy) answers(in, out net.Conn) {
	defer in.Close()
	buffer := make([]byte, 1<<16)
	for {
		n, err := out.Read(buffer)
		if err != nil {
			return
		}
		if p.cut.CompareAndSwap(true, false) {
			p.closeAll()
			return
		}
		if _, err := in.Write(buffer[:n]); err != nil {
			return
		}
	}
}

func (p *proxy) closeAll() {
	p.mu.Lock()
	defer p.mu.Unlock()
	for _, c := range p.conns {
		_ = c.Close()
	}
	p.conns = nil
}
