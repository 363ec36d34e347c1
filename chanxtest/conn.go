package chanxtest

import (
	"context"
	"errors"
	"fmt"
	"net"
	"strings"
	"sync"
	"testing"
	"time"

	"github.com/coder/websocket"

	"github.com/chanx-go/chanx"
	"github.com/chanx-go/chanx/internal/probe"
)

// Conn is the client side of a connection. It reads all the time, unless DialOptions.Paused is set, so the server meets
// no backpressure. Received frames are kept until a method returns them. Sent data is kept until the server reads it,
// as over TCP.
//
// Its methods may be called concurrently. A failed expectation ends the test only in the test's own goroutine.
type Conn struct {
	t        testing.TB
	ws       *websocket.Conn
	pipe     net.Conn // below it
	opts     DialOptions
	consumer *probe.Consumer
	stop     context.CancelFunc
	resumed  chan struct{} // closed when the connection may read
	resume   func()
	done     chan struct{} // closed when reading has ended

	sending sync.Mutex

	mu     sync.Mutex
	frames []received
	news   []string      // lines for the transcript
	more   chan struct{} // closed when something has arrived
	end    *chanx.CloseError
	open   int // messages sent whose completion has not been received
	refs   int // refs made by newRef
}

func newConn(t testing.TB, ws *websocket.Conn, pipe net.Conn, consumer *probe.Consumer, o DialOptions) *Conn {
	ws.SetReadLimit(-1)
	ctx, stop := context.WithCancel(context.Background())
	c := &Conn{
		t: t, ws: ws, pipe: pipe, opts: o, consumer: consumer,
		stop: stop, done: make(chan struct{}), more: make(chan struct{}), resumed: make(chan struct{}),
	}
	c.resume = sync.OnceFunc(func() { close(c.resumed) })
	if !o.Paused {
		c.resume()
	}
	go func() {
		defer close(c.done)
		select {
		case <-c.resumed:
		case <-ctx.Done():
		}
		c.read(ctx)
	}()
	t.Cleanup(func() {
		c.opts.Transcript.end()
		c.close(1000, "")
		stop()
		<-c.done
	})
	o.Transcript.adds(c)
	return c
}

// read stores all received frames, and how the connection ends.
func (c *Conn) read(ctx context.Context) {
	for {
		_, b, err := c.ws.Read(ctx)
		if err != nil {
			c.ended(closeError(err))
			return
		}
		f := c.parse(string(b))
		if err := c.check(f); err != nil && !c.opts.AllowInvalid {
			c.t.Errorf("chanxtest: %s received a frame that does not match the consumer's declaration: action %q: %v\ngot %s", c.opts.Name, f.Message.Name, err, f.text)
		}
		c.came(f)
	}
}

func (c *Conn) came(f received) {
	c.mu.Lock()
	defer c.mu.Unlock()
	c.frames = append(c.frames, f)
	c.notify("< " + f.text)
}

func (c *Conn) ended(why *chanx.CloseError) {
	c.mu.Lock()
	defer c.mu.Unlock()
	c.end = why
	if why.Code == int(websocket.StatusAbnormalClosure) {
		c.notify("closed 1006") // the reason is this library's
		return
	}
	c.notify(strings.TrimSpace(fmt.Sprintf("closed %d %s", why.Code, why.Reason)))
}

// notify wakes waiting methods. The caller holds mu.
func (c *Conn) notify(news string) {
	if c.opts.Transcript != nil {
		c.news = append(c.news, news)
	}
	close(c.more)
	c.more = make(chan struct{})
}

// closeError returns how a connection ended: with the code of the server's Close frame, else 1006.
func closeError(err error) *chanx.CloseError {
	if closed, ok := errors.AsType[websocket.CloseError](err); ok {
		return &chanx.CloseError{Code: int(closed.Code), Reason: closed.Reason}
	}
	return &chanx.CloseError{Code: int(websocket.StatusAbnormalClosure), Reason: err.Error()}
}

func howItEnded(end *chanx.CloseError) string {
	return fmt.Sprintf("the connection ended: %d %s", end.Code, end.Reason)
}

// Subprotocol is the subprotocol that the server chose, or "".
func (c *Conn) Subprotocol() string { return c.ws.Subprotocol() }

// Send sends a message. The message may be invalid, to test the server's answer.
func (c *Conn) Send(m chanx.Message) {
	c.t.Helper()
	c.SendRef(m, "")
}

// SendRef sends a message with a ref; "" sends none. See Request and Stream.
func (c *Conn) SendRef(m chanx.Message, ref string) {
	c.t.Helper()
	text, err := c.encode(m, ref)
	if err != nil {
		c.t.Fatalf("chanxtest: send %T: %v", m, err)
	}
	c.SendText(text)
}

// SendText sends a text message unchanged.
func (c *Conn) SendText(text string) {
	c.t.Helper()
	c.opts.Transcript.does("%s > %s", c.opts.Name, text)
	action := c.parse(text).Message.Name
	c.write(websocket.MessageText, text, action != cancelAction && action != pingAction)
}

// SendBinary sends a binary message.
func (c *Conn) SendBinary(b []byte) {
	c.t.Helper()
	c.opts.Transcript.does("%s binary %q", c.opts.Name, b)
	c.write(websocket.MessageBinary, string(b), true)
}

// write sends a message. completes says whether the server will send a completion for it.
func (c *Conn) write(kind websocket.MessageType, text string, completes bool) {
	c.t.Helper()
	if completes {
		c.mu.Lock()
		c.open++
		c.mu.Unlock()
	}
	ctx, cancel := context.WithTimeout(context.Background(), c.opts.Timeout)
	defer cancel()
	c.sending.Lock()
	err := c.ws.Write(ctx, kind, []byte(text))
	c.sending.Unlock()
	if err != nil {
		<-c.done // a write error ends the connection
		c.t.Fatalf("chanxtest: send: %s", howItEnded(c.Ended()))
	}
	c.opts.Transcript.flush()
}

// Messages that get no completion.
const (
	cancelAction = "chanx.cancel"
	pingAction   = "chanx.ping"
)

// Cancel asks the server to cancel the handling of the message with this ref.
func (c *Conn) Cancel(ref string) {
	c.t.Helper()
	c.SendRef(chanx.Raw{Name: cancelAction}, ref)
}

// Close closes the connection from the client's side with a closing handshake: frames that the server sends before its
// own Close frame are still received. The reason may have up to 123 bytes. Further calls do nothing.
func (c *Conn) Close(code int, reason string) {
	c.t.Helper()
	if len(reason) > 123 {
		c.t.Fatalf("chanxtest: close: the reason has %d bytes, more than 123", len(reason))
	}
	c.opts.Transcript.does("%s closes %d %s", c.opts.Name, code, reason)
	c.close(code, reason)
	c.opts.Transcript.flush()
}

// serverCloses is how long a server may take to answer a Close frame; its CloseTimeout should be shorter.
const serverCloses = 10 * time.Second

// Resume ends DialOptions.Paused: the connection reads from now on. It has no effect otherwise.
func (c *Conn) Resume() { c.resume() }

// close replaces the library's Close, which would discard frames that still arrive.
func (c *Conn) close(code int, reason string) {
	if c.sendClose(code, reason) == nil {
		c.resume() // to see the server's Close frame
		select {
		case <-c.done:
		case <-time.After(serverCloses):
		}
	}
	_ = c.ws.CloseNow() // fails only if the connection has ended
}

// sendClose writes a Close frame (RFC 6455 sections 5.2 and 5.5.1). Its mask is zero, so the payload is unchanged.
func (c *Conn) sendClose(code int, reason string) error {
	frame := []byte{0x88, 0x80 | byte(2+len(reason)), 0, 0, 0, 0, byte(code >> 8), byte(code)}
	c.sending.Lock()
	defer c.sending.Unlock()
	if err := c.pipe.SetWriteDeadline(time.Now().Add(c.opts.Timeout)); err != nil {
		return err
	}
	_, err := c.pipe.Write(append(frame, reason...))
	return err
}

// Abort drops the connection without a Close frame, as a network failure does.
func (c *Conn) Abort() {
	c.opts.Transcript.does("%s vanishes", c.opts.Name)
	c.stop()
	_ = c.ws.CloseNow() // fails only if the connection has ended
	c.opts.Transcript.flush()
}

// Pending returns the frames that have arrived and were not received yet, without removing them.
func (c *Conn) Pending() (texts []string) {
	c.mu.Lock()
	defer c.mu.Unlock()
	for _, f := range c.frames {
		texts = append(texts, f.text)
	}
	return texts
}

// Ended returns how the connection ended, or nil while it is open.
func (c *Conn) Ended() *chanx.CloseError {
	c.mu.Lock()
	defer c.mu.Unlock()
	return c.end
}
