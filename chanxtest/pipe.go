package chanxtest

import (
	"net"
	"os"
	"sync"
	"time"
)

// maxUnread is how many bytes a client may write that the server does not read yet, about as much as over TCP on one machine.
const maxUnread = 4 << 20

// readsWithin is how long Write waits for the server to read. A server reads on after 5 ms while a handler runs.
const readsWithin = 10 * time.Millisecond

// clientPipe is the client's end of a net.Pipe that behaves like TCP where a client writes: what the server does not read
// within a moment is kept, up to maxUnread, and Write returns. A server that reads has read all of it when Write returns.
// What the server writes waits for the client to read it.
type clientPipe struct {
	net.Conn

	mu       sync.Mutex
	unread   []byte
	pumping  bool
	stalled  bool // the server has not read within readsWithin
	closed   bool
	err      error         // of writing to the server
	changed  chan struct{} // closed when any of these has changed
	deadline time.Time     // of Write
}

func newClientPipe(c net.Conn) *clientPipe { return &clientPipe{Conn: c, changed: make(chan struct{})} }

// change is called under mu.
func (p *clientPipe) change() {
	close(p.changed)
	p.changed = make(chan struct{})
}

// Read reads what the server writes.
func (p *clientPipe) Read(b []byte) (int, error) {
	p.mu.Lock()
	closed := p.closed
	p.mu.Unlock()
	if closed {
		return 0, net.ErrClosed
	}
	return p.Conn.Read(b)
}

// Write keeps b for the server, and waits only while too much is kept.
func (p *clientPipe) Write(b []byte) (int, error) {
	for {
		p.mu.Lock()
		err, changed, deadline := p.err, p.changed, p.deadline
		if p.closed {
			err = net.ErrClosed
		}
		room := len(p.unread) == 0 || len(p.unread)+len(b) <= maxUnread
		if err == nil && room {
			p.unread = append(p.unread, b...)
			if !p.pumping {
				p.pumping = true
				go p.pump()
			}
		}
		p.mu.Unlock()
		if err != nil {
			return 0, err
		}
		if room {
			p.awaitReader()
			return len(b), nil
		}
		if !waitFor(changed, deadline) {
			return 0, os.ErrDeadlineExceeded
		}
	}
}

// awaitReader returns when the server has read what is kept, or does not read.
func (p *clientPipe) awaitReader() {
	late := time.Now().Add(readsWithin)
	for {
		p.mu.Lock()
		done, changed := !p.pumping || p.stalled || p.closed, p.changed
		p.mu.Unlock()
		if done {
			return
		}
		if !waitFor(changed, late) {
			p.mu.Lock()
			p.stalled = p.pumping
			p.mu.Unlock()
			return
		}
	}
}

// waitFor reports whether c was closed before the deadline, if there is one.
func waitFor(c <-chan struct{}, deadline time.Time) bool {
	if deadline.IsZero() {
		<-c
		return true
	}
	late := time.NewTimer(time.Until(deadline))
	defer late.Stop()
	select {
	case <-c:
		return true
	case <-late.C:
		return false
	}
}

// pump hands the server what is kept, and ends when nothing is.
func (p *clientPipe) pump() {
	p.mu.Lock()
	defer p.mu.Unlock()
	for len(p.unread) > 0 && p.err == nil {
		b := p.unread
		p.unread = nil
		p.mu.Unlock()
		_, err := p.Conn.Write(b)
		p.mu.Lock()
		p.err, p.stalled = err, false
		p.change()
	}
	p.pumping = false
	p.change()
	if p.closed {
		_ = p.Conn.Close() // a pipe's Close has no error
	}
}

// Close ends the connection behind what is kept, as TCP does. What the server writes meanwhile finds nobody: it resets the
// connection, and what is kept is lost.
func (p *clientPipe) Close() error {
	p.mu.Lock()
	defer p.mu.Unlock()
	if p.closed {
		return nil
	}
	p.closed = true
	p.change()
	if !p.pumping {
		return p.Conn.Close()
	}
	if err := p.Conn.SetReadDeadline(time.Now()); err != nil { // for who reads now
		return err
	}
	go p.refuse()
	return nil
}

// refuse closes the connection when the server writes to it, or has closed it.
func (p *clientPipe) refuse() {
	_ = p.Conn.SetReadDeadline(time.Time{}) // fails if it is closed; then Read does, too
	_, _ = p.Conn.Read(make([]byte, 1))
	_ = p.Conn.Close() // a pipe's Close has no error
}

// SetWriteDeadline bounds Write.
func (p *clientPipe) SetWriteDeadline(t time.Time) error {
	p.mu.Lock()
	defer p.mu.Unlock()
	p.deadline = t
	p.change()
	return nil
}

// SetDeadline bounds Write and Read.
func (p *clientPipe) SetDeadline(t time.Time) error {
	if err := p.SetWriteDeadline(t); err != nil {
		return err
	}
	return p.SetReadDeadline(t)
}
