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

	"github.com/chanx-go/chanx/internal/cluster"
	"github.com/chanx-go/chanx/internal/socket"
)

// transport is the part of socket.Conn that a Conn uses.
type transport interface {
	WriteText(p []byte, cork bool) error
	WritePrepared(fs []socket.Prepared, cork bool) error
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

// Conn is one connection. The application's state embeds it. All methods may be called concurrently, from any
// goroutine, at any time.
type Conn struct {
	subject     string // the key in the hub; it contains the id
	shard       uint32
	lostCancels atomic.Int32 // cancels without room that must still be counted
	mount       *mount
	remote      string          // RemoteAddr of the request
	user        string          // Identity.UserID; never changes
	ctx         context.Context // ends with the transport
	cancel      context.CancelFunc
	state       any // *S

	rateState *rateState // see there
	refs      refs
	parallel  parallel

	mu         sync.Mutex
	identity   *Identity   // immutable, but may be replaced
	expiry     *time.Timer // closes when identity expires
	wire       transport   // nil until the handshake is answered
	early      *early      // what has happened before; nil if nothing has
	registered bool
	placed     bool         // counts against MaxConnections; guarded by Server.mu
	counted    bool         // counts against MaxConnectionsPerUser; guarded by Server.mu
	ended      bool         // the transport has ended: nothing is sent to the client, but OnClose may broadcast
	left       bool         // leaveAll was called: no group can be joined
	events     atomic.Int32 // events that wait for handlers
	groups     []string
}

// early holds what happens to a connection before its handshake is answered.
type early struct {
	frames       []socket.Prepared
	events       []*delivery
	pendingClose *CloseError // the requested close
}

// ensureEarly returns c.early and creates it if necessary. The caller holds mu.
func (c *Conn) ensureEarly() *early {
	if c.early == nil {
		c.early = &early{}
	}
	return c.early
}

// maxEarlyFrames and maxEarlyEvents bound what is queued for a connection whose open runs.
const maxEarlyFrames, maxEarlyEvents = 256, 256

// ID identifies the connection, uniquely among all nodes.
func (c *Conn) ID() string { return c.subject[len(cluster.ConnSubject("")):] }

// RemoteAddr is the address of the peer: the client, or a proxy in front of this server.
func (c *Conn) RemoteAddr() net.Addr { return remoteAddr(c.remote) }

// Subprotocol is the negotiated subprotocol, or "".
func (c *Conn) Subprotocol() string {
	if wire := c.transport(); wire != nil {
		return wire.Subprotocol()
	}
	return ""
}

// Context ends when the transport is lost or closed. After a Close frame, of either side, that is when the other side
// has answered it, at most Limits.CloseTimeout later. It carries the values of ConsumerOptions.Context.
func (c *Conn) Context() context.Context { return c.ctx }

// Groups lists the connection's groups in the order of joining.
func (c *Conn) Groups() []string {
	c.mu.Lock()
	defer c.mu.Unlock()
	return slices.Clone(c.groups)
}

// Send sends a message to this client. The consumer must declare its type: as a reply, with Sends or with Broadcasts.
// Raw and the library's messages (Ping, Pong, ErrorMessage, AuthenticationMessage and the three completions) need no
// declaration. Send does not wait for the client. Its error is about the message, or ErrClosed, or ErrSlow. In open it
// always returns an error, because the connection is not established yet.
//
// With the context of a running handler of this connection, or one derived from it, the frame waits to be sent together
// with others until the connection has no more messages and events to handle, for at most about 5 ms. That includes
// frames of goroutines that the handler has started. With the context of a handler beside the queue (OnStream,
// Concurrent), with any other context, and with that of a handler that has returned, the frame is sent at once, behind
// those that wait.
func (c *Conn) Send(ctx context.Context, m Message) error {
	if out := c.mount.sent[reflect.TypeOf(m)]; out != nil && out.isDiscardable() {
		return c.sendDiscardable(m, out, mayCork(ctx, c))
	}
	return c.write(m, "", mayCork(ctx, c))
}

var errNotOpen = errors.New("chanx: send message: the connection is not open yet: send from OnOpen")

// write sends a frame. With cork the frame may wait for the end of the batch.
func (c *Conn) write(m Message, ref string, cork bool) error {
	return c.writeBy(m, ref, func(wire transport, b []byte) error { return wire.WriteText(b, cork) })
}

// writeBy encodes the frame of a message and passes it to write.
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

// Close closes the connection with a code of RFC 6455 section 7.4 that may be sent (see CloseError). Messages that were
// sent before are delivered first. From then on Send returns ErrClosed, and the reply of a running handler is not sent.
// Waiting messages of the client are discarded, a running handler finishes, then OnClose runs. Closing a closed
// connection does nothing. Close does not wait.
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

// deliver sends prepared frames. Before the handshake is answered it queues them; after the connection has ended it
// discards them.
func (c *Conn) deliver(fs []socket.Prepared, cork bool) { c.deliverJoined(fs, fs, cork) }

// deliverJoined is like deliver; joined is what is written once the connection is established, with the same bytes as
// fs.
func (c *Conn) deliverJoined(fs, joined []socket.Prepared, cork bool) {
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
	if wire == nil || wire.WritePrepared(joined, cork) != nil {
		c.mount.srv.dropped(c, DropFramesUndelivered, len(fs))
	}
}

// wireError translates the transport's errors into those of this package.
func wireError(err error) error {
	switch {
	case errors.Is(err, socket.ErrClosed):
		return ErrClosed
	case errors.Is(err, socket.ErrSlow):
		return ErrSlow
	}
	return err
}

// newConn returns a connection that has not been accepted yet.
func (m *mount) newConn(r *http.Request) *Conn {
	c := &Conn{mount: m, subject: cluster.ConnSubject(m.srv.newID()), identity: &anonymous, shard: m.srv.nextShard.Add(1), remote: r.RemoteAddr}
	c.ctx, c.cancel = context.WithCancel((*connRoot)(c))
	if m.srv.limits.Rate.PerSecond > 0 {
		c.rateState = &rateState{}
	}
	return c
}

// remoteAddr parses the address that net/http provides.
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
