package chanxtest

import (
	"context"
	"errors"
	"slices"
	"sync"
	"testing"
	"time"

	"github.com/coder/websocket"

	"github.com/chanx-go/chanx"
	"github.com/chanx-go/chanx/schema"
)

// Conn is the client's end of a connection. It reads all the time, so that the server meets no back-pressure, and keeps
// what comes. Its methods may be called concurrently, but they end the test of Dial only from the test's own goroutine.
type Conn struct {
	t       testing.TB
	ws      *websocket.Conn
	opts    DialOptions
	types   *schema.Compiler
	closing context.CancelFunc

	mu     sync.Mutex
	frames []string
	more   chan struct{} // closed when something has come
	end    *chanx.CloseError
}

func newConn(t testing.TB, ws *websocket.Conn, o DialOptions) *Conn {
	t.Helper()
	types, err := schema.NewCompiler(&schema.Options{Unions: o.Unions})
	if err != nil {
		t.Fatalf("chanxtest: dial: DialOptions.Unions: %v", err)
	}
	ws.SetReadLimit(-1)
	ctx, cancel := context.WithCancel(context.Background())
	c := &Conn{t: t, ws: ws, opts: o, types: types, closing: cancel, more: make(chan struct{})}
	read := make(chan struct{})
	go func() {
		defer close(read)
		c.read(ctx)
	}()
	t.Cleanup(func() {
		c.Close(1000, "")
		cancel()
		<-read
	})
	return c
}

// read keeps all that comes, and how it ends.
func (c *Conn) read(ctx context.Context) {
	for {
		_, b, err := c.ws.Read(ctx)
		c.mu.Lock()
		if err != nil {
			c.end = closeError(err)
		} else {
			c.frames = append(c.frames, string(b))
		}
		close(c.more)
		c.more = make(chan struct{})
		c.mu.Unlock()
		if err != nil {
			return
		}
	}
}

// closeError says how a connection ended: as the server's Close frame said, else 1006.
func closeError(err error) *chanx.CloseError {
	if closed, ok := errors.AsType[websocket.CloseError](err); ok {
		return &chanx.CloseError{Code: int(closed.Code), Reason: closed.Reason}
	}
	return &chanx.CloseError{Code: int(websocket.StatusAbnormalClosure), Reason: err.Error()}
}

// Subprotocol is the one that the server chose, or "".
func (c *Conn) Subprotocol() string { return c.ws.Subprotocol() }

// Send sends a message.
func (c *Conn) Send(m chanx.Message) {
	c.t.Helper()
	c.SendRef(m, "")
}

// SendRef sends a message with a ref; "" is none.
func (c *Conn) SendRef(m chanx.Message, ref string) {
	c.t.Helper()
	text, err := c.encode(m, ref)
	if err != nil {
		c.t.Fatalf("chanxtest: send %T: %v", m, err)
	}
	c.SendText(text)
}

// SendText sends a text message as it is.
func (c *Conn) SendText(text string) {
	c.t.Helper()
	c.write(websocket.MessageText, []byte(text))
}

// SendBinary sends a binary message.
func (c *Conn) SendBinary(b []byte) {
	c.t.Helper()
	c.write(websocket.MessageBinary, b)
}

func (c *Conn) write(kind websocket.MessageType, b []byte) {
	c.t.Helper()
	ctx, cancel := context.WithTimeout(context.Background(), c.opts.Timeout)
	defer cancel()
	if err := c.ws.Write(ctx, kind, b); err != nil {
		c.t.Fatalf("chanxtest: send: %v", err)
	}
}

// Close closes the connection from the client's side, in order. Closing it again does nothing.
func (c *Conn) Close(code int, reason string) {
	_ = c.ws.Close(websocket.StatusCode(code), reason) // fails only if the connection has ended
}

// Abort drops the connection without a word, as a network does.
func (c *Conn) Abort() {
	c.closing()
	_ = c.ws.CloseNow() // likewise
}

// Pending returns what has come and was not received yet, and leaves it there.
func (c *Conn) Pending() []string {
	c.mu.Lock()
	defer c.mu.Unlock()
	return slices.Clone(c.frames)
}

// Ended says how the connection ended, or is nil while it has not.
func (c *Conn) Ended() *chanx.CloseError {
	c.mu.Lock()
	defer c.mu.Unlock()
	return c.end
}

// next waits for a frame; without one, end says how the connection ended, or both are zero after the time-out.
func (c *Conn) next() (text string, ok bool, end *chanx.CloseError) {
	timeout := time.NewTimer(c.opts.Timeout)
	defer timeout.Stop()
	for {
		c.mu.Lock()
		more := c.more
		if len(c.frames) > 0 {
			text, c.frames = c.frames[0], c.frames[1:]
			c.mu.Unlock()
			return text, true, nil
		}
		end = c.end
		c.mu.Unlock()
		if end != nil {
			return "", false, end
		}
		select {
		case <-more:
		case <-timeout.C:
			return "", false, nil
		}
	}
}

// Next returns the text of the next frame.
func (c *Conn) Next() string {
	c.t.Helper()
	text, ok, end := c.next()
	switch {
	case ok:
	case end != nil:
		c.t.Fatalf("chanxtest: receive: the connection ended: %d %s", end.Code, end.Reason)
	default:
		c.t.Fatalf("chanxtest: receive: nothing came within %v", c.opts.Timeout)
	}
	return text
}

// ExpectClosed expects that the server closes the connection with a code, and that nothing comes before that. 1006 is a
// connection that ends without a Close frame. It returns the reason.
func (c *Conn) ExpectClosed(code int) (reason string) {
	c.t.Helper()
	text, ok, end := c.next()
	switch {
	case ok:
		c.t.Fatalf("chanxtest: got %s, want the connection closed with %d", text, code)
	case end == nil:
		c.t.Fatalf("chanxtest: the connection is open after %v, want it closed with %d", c.opts.Timeout, code)
	case end.Code != code:
		c.t.Fatalf("chanxtest: the connection was closed with %d %s, want %d", end.Code, end.Reason, code)
	}
	return end.Reason
}
