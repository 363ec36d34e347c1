package chanxtest

import (
	"net"
	"os"
	"sync"
	"time"
)

// maxUnread is how many bytes a client may write before the server reads them, about as much as over TCP on one
// machine.
const maxUnread = 4 << 20

// readsWithin is how long Write waits for the server to read. A server whose handler runs continues to read after 5 ms.
const readsWithin = 10 * time.Millisecond

// clientPipe is the client's end of a net.Pipe whose writes behave as over TCP: if the server does not read within a
// moment, Write buffers the bytes, up to maxUnread, and returns. If the server is reading, it has read all bytes when
// Write returns. Writes of the server wait until the client reads.
type clientPipe struct {
	net.Conn

	mu       sync.Mutex
	unread   []byte
	pumping  bool
	stalled  bool // the server has not read within readsWithin
	closed   bool
	err      error         // from writing to the server
	changed  chan struct{} // closed when one of these fields changes
	deadline time.Time     // of Write
}

func newClientPipe(c net.Conn) *clientPipe { return &clientPipe{Conn: c, changed: make(chan struct{})} }

// change wakes waitFor. The caller holds mu.
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

// Write buffers b for the server. It waits only while the buffer is full.
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

// awaitReader returns when the server has read the whole buffer, or has stopped reading.
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

// waitFor reports whether c was closed before the deadline; a zero deadline means none.
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

// pump writes the buffer to the server, and ends when the buffer is empty.
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

// Close closes the connection once the buffer has been written, as TCP does. If the server writes meanwhile, the
// connection is reset, and the rest of the buffer is lost.
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
	if err := p.Conn.SetReadDeadline(time.Now()); err != nil { // wakes a running Read
		return err
	}
	go p.refuse()
	return nil
}

// refuse closes the connection when the server writes to it or has closed it.
func (p *clientPipe) refuse() {
	_ = p.Conn.SetReadDeadline(time.Time{}) // fails if it is closed; then Read fails too
	_, _ = p.Conn.Read(make([]byte, 1))
	_ = p.Conn.Close() // a pipe's Close has no error
}

// SetWriteDeadline sets the deadline of Write.
func (p *clientPipe) SetWriteDeadline(t time.Time) error {
	p.mu.Lock()
	defer p.mu.Unlock()
	p.deadline = t
	p.change()
	return nil
}

// SetDeadline sets the deadlines of Write and Read.
func (p *clientPipe) SetDeadline(t time.Time) error {
	if err := p.SetWriteDeadline(t); err != nil {
		return err
	}
	return p.SetReadDeadline(t)
}
