package natslayer_test

import (
	"net"
	"sync"
	"testing"
)

// injector is a proxy between layers and a server that can send data to the layers in the server's name.
type injector struct {
	listener net.Listener
	to       string
	tasks    sync.WaitGroup

	mu     sync.Mutex
	closed bool
	conns  map[net.Conn]net.Conn // the client's end, and the server's
}

func startInjector(t *testing.T, to string) *injector {
	t.Helper()
	l, err := net.Listen("tcp", "127.0.0.1:0")
	must(t, err)
	p := &injector{listener: l, to: to, conns: map[net.Conn]net.Conn{}}
	p.tasks.Go(p.accept)
	t.Cleanup(func() {
		_ = l.Close()
		p.each(func(client, server net.Conn) { _, _ = client.Close(), server.Close() })
		p.mu.Lock()
		p.closed = true
		p.mu.Unlock()
		p.tasks.Wait()
	})
	return p
}

func (p *injector) url() string { return "nats://" + p.listener.Addr().String() }

func (p *injector) accept() {
	for {
		client, err := p.listener.Accept()
		if err != nil {
			return
		}
		server, err := net.Dial("tcp", p.to)
		if err != nil {
			_ = client.Close()
			continue
		}
		p.mu.Lock()
		if p.closed {
			_, _ = client.Close(), server.Close()
		}
		p.conns[client] = server
		p.mu.Unlock()
		p.tasks.Go(func() { p.pass(client, server, false) })
		p.tasks.Go(func() { p.pass(server, client, true) })
	}
}

// pass copies from a client to the server, or back. Back it takes turns with send.
func (p *injector) pass(from, to net.Conn, back bool) {
	defer to.Close()
	defer from.Close()
	buffer := make([]byte, 1<<16)
	for {
		n, err := from.Read(buffer)
		if err != nil {
			return
		}
		if back {
			p.mu.Lock()
		}
		_, err = to.Write(buffer[:n])
		if back {
			p.mu.Unlock()
		}
		if err != nil {
			return
		}
	}
}

func (p *injector) each(do func(client, server net.Conn)) {
	p.mu.Lock()
	defer p.mu.Unlock()
	for client, server := range p.conns {
		do(client, server)
	}
}

// send writes to all clients, and with end closes their connections.
func (p *injector) send(text string, end bool) {
	p.each(func(client, server net.Conn) {
		_, _ = client.Write([]byte(text)) // the connection may have ended
		if end {
			_ = client.Close()
			_ = server.Close()
		}
		delete(p.conns, client)
	})
}
