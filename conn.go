package chanx

import (
	"context"
	"errors"
	"net"
	"net/http"
	"net/netip"
	"reflect"
	"slices"
	"sync"
	"sync/atomic"
	"time"

	"github.com/chanx-go/chanx/internal/socket"
)

// transport is what a connection needs of the wire; a WebSocket is one.
type transport interface {
	WriteText(p []byte, cork bool) error
	WriteFrames(fs []socket.Frame, cork bool) error
	Close(code int, reason string) error
	CloseAfter(code int, reason string) error
	Subprotocol() string
	Abort()
	Post(e any) error
	WaitTurn(ctx context.Context) error
	WriteTurn(ctx context.Context, p []byte) error
	EndTurn()
	QueuedBytes() int
	Busy() bool
}

// Conn is one connection. The application's state embeds it. All its methods may be called from anywhere, at any time,
// concurrently.
type Conn struct {
	subject     string // by which the hub knows it: its id is a part of it
	shard       uint32
	lostCancels atomic.Int32 // cancels that there was no room for, and that have not been counted yet
	mount       *mount
	remote      string          // as net/http writes it
	user        string          // Identity.UserID: it never changes
	ctx         context.Context // ends with the transport
	cancel      context.CancelFunc
	state       any // *S

	rateState *rateState // of the running handler's goroutine
	refs      refs
	parallel  parallel

	mu         sync.Mutex
	identity   *Identity   // replaced, never changed
	expiry     *time.Timer // closes when identity expires
	wire       transport   // nil until the handshake is answered
	early      *early      // what has happened until then; nil if nothing has
	registered bool
	placed     bool         // it counts against MaxConnections; guarded by Server.mu
	counted    bool         // and against MaxConnectionsPerUser; likewise
	ended      bool         // the transport has ended: nothing is sent any more, OnClose may still broadcast
	left       bool         // and no group is joined any more
	events     atomic.Int32 // that are on their way to its handlers
	groups     []string
}

// early is what happens to a connection whose handshake has not been answered.
type early struct {
	frames       []socket.Frame
	events       []*delivery
	pendingClose *CloseError // how it is to be closed
}

// beforehand returns what there is to add to. The caller holds mu.
func (c *Conn) ensureEarly() *early {
	if c.early == nil {
		c.early = &early{}
	}
	return c.early
}

// maxEarlyFrames and maxEarlyEvents bound what waits for a connection that is in open.
const maxEarlyFrames, maxEarlyEvents = 256, 256

// ID names the connection, uniquely among all nodes.
func (c *Conn) ID() string { return c.subject[len(connSubject("")):] }

// RemoteAddr is the peer's address: of the client, or of a proxy before this server.
func (c *Conn) RemoteAddr() net.Addr { return remoteAddr(c.remote) }

// Subprotocol is the one that was agreed on, or "".
func (c *Conn) Subprotocol() string {
	if wire := c.transport(); wire != nil {
		return wire.Subprotocol()
	}
	return ""
}

// Context ends when the connection is lost or closed, and carries the values of ConsumerOptions.Context.
func (c *Conn) Context() context.Context { return c.ctx }

// Groups lists the groups that the connection is in, in the order of joining.
func (c *Conn) Groups() []string {
	c.mu.Lock()
	defer c.mu.Unlock()
	return slices.Clone(c.groups)
}

// Send sends a message to this client. The consumer must declare its type as a reply, with Sends or with Broadcasts;
// library messages and Raw need no declaration. It does not wait for the client: the error is of the message, ErrClosed,
// or ErrSlow. It returns an error in open, when there is no one to send to yet.
//
// With the context that a handler was given, the frame may leave together with others when the handler returns, or
// 5 ms later; with any other it leaves at once.
func (c *Conn) Send(ctx context.Context, m Message) error {
	if out := c.mount.sent[reflect.TypeOf(m)]; out != nil && out.isDiscardable() {
		return c.sendDiscardable(m, out, mayCork(ctx, c))
	}
	return c.write(m, "", mayCork(ctx, c))
}

var errNotOpen = errors.New("chanx: send message: the connection is not open yet: send from OnOpen")

// write sends a frame. With cork it may wait for the end of the batch.
func (c *Conn) write(m Message, ref string, cork bool) error {
	return c.writeBy(m, ref, func(wire transport, b []byte) error { return wire.WriteText(b, cork) })
}

// writeBy has the frame of a message written.
func (c *Conn) writeBy(m Message, ref string, write func(wire transport, b []byte) error) error {
	wire := c.transport()
	if wire == nil {
		return errNotOpen
	}
	bp := takeBuffer()
	defer giveBuffer(bp)
	b, counter, err := c.mount.appendFrame((*bp)[:0], m, ref)
	if err != nil {
		return err
	}
	*bp = b
	if err := write(wire, b); err != nil {
		return wireError(err)
	}
	c.sent(counter, m.Action(), len(b))
	return nil
}

// Close closes the connection with a code of RFC 6455 section 7.4 that may be sent (see CloseError); what was sent
// before leaves first. Messages that wait are discarded, a running handler finishes, then OnClose runs. To close a
// closed connection does nothing. It does not wait.
func (c *Conn) Close(code int, reason string) error {
	if err := checkCloseCode("close connection", code); err != nil {
		return err
	}
	wire := c.transport()
	if wire == nil {
		return errors.New("chanx: close connection: it is not open yet: refuse it in open")
	}
	return wireError(wire.Close(code, reason))
}

func (c *Conn) transport() transport {
	c.mu.Lock()
	defer c.mu.Unlock()
	return c.wire
}

// deliver sends prepared frames. Until the handshake is answered they wait; a connection that is over needs none.
func (c *Conn) deliver(fs []socket.Frame, cork bool) { c.deliverJoined(fs, fs, cork) }

// deliverJoined is deliver for frames that are written as joined.
func (c *Conn) deliverJoined(fs, joined []socket.Frame, cork bool) {
	c.mu.Lock()
	wire, over := c.wire, c.ended
	kept := false
	if wire == nil {
		e := c.ensureEarly()
		if kept = len(e.frames)+len(fs) <= maxEarlyFrames; kept {
			e.frames = append(e.frames, fs...)
		}
	}
	c.mu.Unlock()
	if kept || over {
		return
	}
	if wire == nil || wire.WriteFrames(joined, cork) != nil {
		c.mount.srv.dropped(c, dropRefusedFrames, len(fs))
	}
}

// wireError gives the transport's errors the names of this package.
func wireError(err error) error {
	switch {
	case errors.Is(err, socket.ErrClosed):
		return ErrClosed
	case errors.Is(err, socket.ErrSlow):
		return ErrSlow
	}
	return err
}

// newConn makes a connection that has not been accepted yet.
func (m *mount) newConn(r *http.Request) *Conn {
	c := &Conn{mount: m, subject: connSubject(m.srv.newID()), identity: &anonymous, shard: m.srv.nextShard.Add(1), remote: r.RemoteAddr}
	c.ctx, c.cancel = context.WithCancel((*connRoot)(c))
	return c
}

// remoteAddr makes an address of what net/http writes.
func remoteAddr(text string) net.Addr {
	if a, err := netip.ParseAddrPort(text); err == nil {
		return net.TCPAddrFromAddrPort(a)
	}
	return textAddr(text)
}

type textAddr string

func (textAddr) Network() string  { return "tcp" }
func (a textAddr) String() string { return string(a) }

var _ transport = (*socket.Conn)(nil)
