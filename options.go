package chanx

import (
	"compress/flate"
	"context"
	"fmt"
	"log/slog"
	"net/http"
	"time"

	"github.com/chanx-go/chanx/internal/socket"
	"github.com/chanx-go/chanx/layer"
)

// ServerOptions are the options of NewServer. The zero value works.
type ServerOptions struct {
	// Layer connects this server with other nodes; nil is a layer of its own, in this process.
	Layer layer.Layer

	// LayerAuth has the keys by which servers know what comes from each other; without any they trust whoever can write
	// to the broker.
	LayerAuth LayerAuth

	// BrokerLoss says what Broadcast, Emit and Join return while the layer is down: ReportBrokerLoss, the zero value, or
	// TolerateBrokerLoss.
	BrokerLoss BrokerLoss

	// Origins are further origins whose pages may connect, each as scheme://host:port; a default port may be left out.
	// The host may be "*.example.com": all subdomains of example.com at any depth, but not example.com itself. "null" is the
	// origin of local files and sandboxed frames. "*" admits every page: with cookies for authentication, any site could
	// then act as your user.
	//
	// A page from the server's own host always may connect, and so may a request without Origin, which no browser sends.
	// Over TLS the page's scheme must be https. Without TLS it may be http or https, because a proxy may have taken TLS off.
	Origins []string

	// Hosts are the hosts that requests may be for, compared with the Host header: "example.com" with any port,
	// "example.com:8443" with this one, "*.example.com" for all subdomains. Empty is every host. A handshake for another
	// host is refused with 403. A server that an attacker's page can reach under a name of its own (DNS rebinding), such
	// as one on localhost or in a private network, should list its names: its own host is what Origin is compared with.
	Hosts []string

	// Subprotocols are those that the server speaks, best first.
	Subprotocols []string

	// Discriminator is the frame's member that names the type; default "action".
	Discriminator string

	// Camelize spells the members of messages in camelCase on the wire.
	Camelize bool

	// Completions sends complete, group_complete and event_complete. A consumer may override it.
	Completions bool

	// RefuseWithHTTP answers a refused connection with its plain HTTP status. By default it is upgraded, told and
	// closed, because a browser hides the status from a page.
	RefuseWithHTTP bool

	// Limits bound what clients can make the server do.
	Limits Limits

	// Compression of messages between the server and clients that offer it; off by default.
	Compression Compression

	// LogMessages logs every message and event that is handled, and every frame that is sent: its action, but not its
	// payload. A consumer may override it.
	LogMessages bool

	// QuietActions are the actions and events that LogMessages leaves out.
	QuietActions []string

	// Observer is told what happens, for metrics and tracing; nil is nobody.
	Observer Observer

	// Logger is told of failed handlers, drops and the layer: of each kind at most once a minute, with the number of
	// occurrences, and each time at level debug. nil is slog.Default().
	Logger *slog.Logger
}

// Compression is permessage-deflate (RFC 7692), which every browser offers by itself. Nothing is remembered from one
// message to the next: a message for many is compressed once, and a connection at rest holds no memory for it.
//
// It saves bytes on the wire and costs time on both sides: browsers then compress each message that they send, however
// short it is, and the server has to inflate them. It pays where messages are long, or the network is slow or dear. As
// with every compression, who sees the lengths of messages that hold both a secret and a text of his own choice may guess
// the secret.
type Compression struct {
	// Enabled agrees to compression with clients that offer it; off by default. What clients send is bounded as ever:
	// MaxMessageBytes counts after inflating.
	Enabled bool

	// MinBytes is the length from which messages of the server are compressed, in bytes; default 1024. A negative value
	// compresses all. One that would not become smaller is sent as it is.
	MinBytes int

	// Level is how hard the server tries, from 1 (fastest) to 9 (smallest), as in compress/flate; default 1. Any other
	// value panics in NewServer.
	Level int
}

func (c Compression) apply(o socket.Options) socket.Options {
	if c.Level < 0 || c.Level > flate.BestCompression {
		panic(fmt.Sprintf("chanx: new server: ServerOptions.Compression.Level %d: use 1 (fastest) to 9 (smallest), or 0 for the default",
			c.Level))
	}
	o.Deflate, o.DeflateMinBytes, o.DeflateLevel = c.Enabled, c.MinBytes, c.Level
	return o
}

// BrokerLoss says what methods return while the channel layer is down or does not answer within Limits.PublishTimeout. It is
// about Broadcast and Emit of a Conn, Server or Consumer, and Join and Leave of a Conn: their effect on this node stands in
// any case. The commands Server.Disconnect, Join and Leave always return the error.
type BrokerLoss int

// The values of BrokerLoss.
const (
	// ReportBrokerLoss returns an error that wraps layer.ErrUnavailable. A handler that returns it tells its client
	// "internal", although members on this node have the message.
	ReportBrokerLoss BrokerLoss = iota

	// TolerateBrokerLoss returns nil. What other nodes miss is logged, at most one line a minute, and counted as
	// publications_unsent in Stats.Drops. It suits messages that may get lost like those of a client that is away; the
	// caller cannot tell that nobody was reached if all receivers are on other nodes.
	TolerateBrokerLoss
)

// Switch is an option that may be left to the server.
type Switch int

// The values of a Switch. The zero value takes the server's option.
const (
	Inherit Switch = iota
	Enabled
	Disabled
)

func (s Switch) or(inherited bool) bool {
	if s == Inherit {
		return inherited
	}
	return s == Enabled
}

// ConsumerOptions are the options of NewConsumer. The zero value works.
type ConsumerOptions struct {
	// Name and Doc describe the consumer in documents; Name defaults to the name of its state's type.
	Name, Doc string

	// Authenticator finds out who connects; nil is nobody: every connection is anonymous.
	Authenticator Authenticator

	// Groups are joined by every connection, after its authentication message and before OnOpen.
	Groups []string

	// Context adds values to the context of a connection's handlers. It is called once per connection, before open, with
	// a context that lives as long as the connection. What it returns must be derived from that context. One that is not,
	// such as the request's, or that has ended, refuses the connection with 500. If it ends later, the connection is closed
	// with 1011. The log says so.
	Context func(context.Context, *http.Request) context.Context

	// Unions say which concrete types an interface-typed field may hold.
	Unions []UnionType

	// Completions override ServerOptions.Completions.
	Completions Switch

	// LogMessages overrides ServerOptions.LogMessages.
	LogMessages Switch

	// QuietActions are left out of that log, besides those of the server.
	QuietActions []string

	// AuthenticationMessage is whether a successful opening is told to the client. Inherit: if there is an
	// Authenticator. A refusal always is.
	AuthenticationMessage Switch
}

// HandlerOption is an option of On, OnRequest, OnStream and OnEvent.
type HandlerOption interface{ applyHandler(*handlerOptions) }

// MessageOption is an option of Sends and Broadcasts.
type MessageOption interface{ applyMessage(*messageOptions) }

// documentation is what documents say of a message or event besides its type.
type documentation struct {
	description string
	deprecated  bool
}

type messageOptions struct {
	documentation
	droppable bool
}

type handlerOptions struct {
	documentation
	timeout    time.Duration // 0 is the server's
	concurrent int
	failures   []failure
}

// failure is an error that a handler may tell the client.
type failure struct{ reason, doc string }

// DocOption is an option that handlers and messages have in common.
type DocOption interface {
	HandlerOption
	MessageOption
}

type docOption func(*documentation)

func (o docOption) applyHandler(h *handlerOptions) { o(&h.documentation) }

func (o docOption) applyMessage(m *messageOptions) { o(&m.documentation) }

// Describe says in documents what a message is for.
func Describe(text string) DocOption {
	return docOption(func(d *documentation) { d.description = text })
}

// Deprecated says in documents that a message should not be used any more.
func Deprecated() DocOption { return docOption(func(d *documentation) { d.deprecated = true }) }

type messageOption func(*messageOptions)

func (o messageOption) applyMessage(m *messageOptions) { o(m) }

type handlerOption func(*handlerOptions)

func (o handlerOption) applyHandler(h *handlerOptions) { o(h) }

// Timeout is how long the handler may take, a stream included, in place of Limits.HandlerTimeout; zero is that of the
// server, a negative one no limit. It begins when the handler does. Then its context ends, and an error that it returns is
// told as "timeout".
func Timeout(d time.Duration) HandlerOption {
	return handlerOption(func(h *handlerOptions) { h.timeout = d })
}

// Concurrent lets up to n calls of the handler run beside the connection's queue, each in a goroutine of its own: they
// must not touch the connection's state without a lock. A further call waits, and with it the queue. Together with
// streams there are no more than Limits.MaxConcurrent: one more is told "too_busy".
func Concurrent(n int) HandlerOption {
	if n < 1 {
		panic(fmt.Sprintf("chanx: register handler: Concurrent(%d): it must be at least 1", n))
	}
	return handlerOption(func(h *handlerOptions) { h.concurrent = n })
}

// Fails says in documents that the handler may tell the client an error with that reason. It may be given several times.
func Fails(reason, doc string) HandlerOption {
	if reason == "" {
		panic("chanx: register handler: Fails: the reason is empty: use that of the handler's Errorf")
	}
	return handlerOption(func(h *handlerOptions) { h.failures = append(h.failures, failure{reason, doc}) })
}

func newHandlerOptions(all []HandlerOption) (h handlerOptions) {
	for _, o := range all {
		o.applyHandler(&h)
	}
	return h
}

func newMessageOptions(all []MessageOption) (m messageOptions) {
	for _, o := range all {
		o.applyMessage(&m)
	}
	return m
}

// merge adds what a second declaration says.
func (m *messageOptions) merge(o messageOptions) {
	if o.description != "" {
		m.description = o.description
	}
	m.deprecated = m.deprecated || o.deprecated
	m.droppable = m.droppable || o.droppable
}
