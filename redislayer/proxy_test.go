package redislayer_test

import (
	"bytes"
	"net"
	"sync"
	"sync/atomic"
	"testing"
)

// proxy forwards connections of a layer to a server.
type proxy struct {
	listener net.Listener
	to       string
	trigger  []byte // a connection that has carried this to the server is closed when the server answers; may be empty
	tasks    sync.WaitGroup

	mu    sync.Mutex
	shut  bool
	conns []net.Conn
	held  chan struct{} // closed by resume; nil while data is passed on
}

func startProxy(t *testing.T, to, trigger string) *proxy {
	t.Helper()
	l, err := net.Listen("tcp", "127.0.0.1:0")
	if err != nil {
		t.Fatal(err)
	}
	p := &proxy{to: to, trigger: []byte(trigger)}
	p.run(t, l)
	return p
}

// run runs the proxy until the test ends.
func (p *proxy) run(t *testing.T, l net.Listener) {
	p.listen(l)
	t.Cleanup(func() {
		p.close()
		p.tasks.Wait()
	})
}

// listen accepts connections. It may be called again after close.
func (p *proxy) listen(l net.Listener) {
	p.mu.Lock()
	defer p.mu.Unlock()
	p.listener, p.shut = l, false
	p.tasks.Go(func() { p.accept(l) })
}

// close refuses new connections and closes the others.
func (p *proxy) close() {
	p.mu.Lock()
	defer p.mu.Unlock()
	p.shut = true
	p.release()
	_ = p.listener.Close() // it may be closed already
	for _, c := range p.conns {
		_ = c.Close()
	}
	p.conns = nil
}

// pause stops forwarding until resume. Connections stay open.
func (p *proxy) pause() {
	p.mu.Lock()
	defer p.mu.Unlock()
	p.release()
	p.held = make(chan struct{})
}

func (p *proxy) resume() {
	p.mu.Lock()
	defer p.mu.Unlock()
	p.release()
}

// release resumes forwarding. The caller holds mu.
func (p *proxy) release() {
	if p.held != nil {
		close(p.held)
		p.held = nil
	}
}

// awaitResume waits while the proxy is paused.
func (p *proxy) awaitResume() {
	p.mu.Lock()
	held := p.held
	p.mu.Unlock()
	if held != nil {
		<-held
	}
}

func (p *proxy) url() string { return "redis://" + p.address() }

func (p *proxy) address() string {
	p.mu.Lock()
	defer p.mu.Unlock()
	return p.listener.Addr().String()
}

func (p *proxy) accept(l net.Listener) {
	for {
		in, err := l.Accept()
		if err != nil {
			return
		}
		out, err := net.Dial("tcp", p.to)
		if err != nil {
			_ = in.Close()
			continue
		}
		if !p.keep(in, out) {
			return
		}
		var triggered atomic.Bool
		p.tasks.Go(func() {
			pass(in, out, func(data []byte) bool {
				if len(p.trigger) > 0 && bytes.Contains(data, p.trigger) {
					triggered.Store(true)
				}
				p.awaitResume()
				return true
			})
		})
		p.tasks.Go(func() {
			pass(out, in, func([]byte) bool {
				p.awaitResume()
				return !triggered.Load()
			})
		})
	}
}

// pass copies data until either connection ends or allow returns false, and closes both.
func pass(from, to net.Conn, allow func([]byte) bool) {
	defer from.Close()
	defer to.Close()
	buffer := make([]byte, 1<<16)
	for {
		n, err := from.Read(buffer)
		if err != nil || !allow(buffer[:n]) {
			return
		}
		if _, err := to.Write(buffer[:n]); err != nil {
			return
		}
	}
}

// keep registers connections for close. If the proxy has been closed, it closes them and returns false.
func (p *proxy) keep(conns ...net.Conn) bool {
	p.mu.Lock()
	defer p.mu.Unlock()
	if p.shut {
		for _, c := range conns {
			_ = c.Close()
		}
		return false
	}
	p.conns = append(p.conns, conns...)
	return true
}
