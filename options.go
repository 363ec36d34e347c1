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
	// Layer connects this server with other nodes; nil means a layer of its own, within this process.
	Layer layer.Layer

	// LayerAuth has the keys with which servers authenticate each other; without keys they trust everything that
	// arrives through the broker.
	LayerAuth LayerAuth

	// BrokerLoss selects what methods return while the layer is down: ReportBrokerLoss, the zero value, or
	// TolerateBrokerLoss.
	BrokerLoss BrokerLoss

	// Origins are further origins whose pages may connect, each as scheme://host:port; a default port may be left out.
	// The host may be "*.example.com": all subdomains of example.com at any depth, but not example.com itself. "null"
	// is the origin of local files and sandboxed frames. "*" allows every page: with cookies for authentication, any
	// site could then act as your user.
	//
	// Always allowed are pages from the server's own host, and requests without Origin, which no browser sends. Over
	// TLS the page's scheme must be https. Without TLS it may be http or https, because a proxy may have terminated
	// TLS.
	Origins []string

	// Hosts are the hosts that requests may address, compared with the Host header: "example.com" with any port,
	// "example.com:8443" with this port, "*.example.com" for all subdomains. Empty allows every host. A handshake for
	// another host is refused with 403. List the names of a server that an attacker's page can reach under its own name
	// (DNS rebinding), such as a server on localhost or in a private network: the check of Origin compares with the
	// requested host.
	Hosts []string

	// Unions list the concrete types that interface-typed fields may hold: of the messages, events and values that are
	// passed to the server's own methods, and of the messages and events of its consumers. A consumer's own entry for an
	// interface replaces the server's.
	Unions []UnionType

	// Subprotocols are those that the server supports, in order of preference.
	Subprotocols []string

	// Discriminator is the frame's member that names the type; default "action".
	Discriminator string

	// Camelize writes the members of messages in camelCase on the wire.
	Camelize bool

	// Completions turns on complete, group_complete and event_complete. A consumer may override it.
	Completions bool

	// RefuseWithHTTP answers a refused connection with the plain HTTP status. By default the handshake is accepted, the
	// client receives the reason, and the connection is closed, because a browser hides the status from a page.
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

	// Observer receives what happens, for metrics and tracing; nil means none.
	Observer Observer

	// Logger receives failed handlers, drops and the state of the layer: each kind of line at most once a minute, with
	// the number of occurrences, and every occurrence at level debug. nil means slog.Default().
	Logger *slog.Logger
}

// Compression configures permessage-deflate (RFC 7692), which every browser offers. No state is kept between messages:
// a message for many clients is compressed once, and an idle connection needs no memory for it.
//
// Compression saves bytes on the wire and costs time on both sides: a browser then compresses every message that it
// sends, however short, and the server must decompress them. It is worth it if messages are long, or the network is
// slow or expensive. As with every compression, an attacker who observes the lengths of messages that contain both a
// secret and text chosen by the attacker may guess the secret.
type Compression struct {
	// Enabled accepts compression from clients that offer it; off by default. Limits.MaxMessageBytes bounds the
	// decompressed length of what clients send.
	Enabled bool

	// MinBytes is the length in bytes from which messages of the server are compressed; default 1024. A negative value
	// compresses all. A message that would not become smaller is sent uncompressed.
	MinBytes int

	// Level is the compression level, from 1 (fastest) to 9 (smallest), as in compress/flate; default 1. Any other
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

// BrokerLoss selects what methods return while the channel layer is down or does not answer within
// Limits.PublishTimeout. It applies to Broadcast and Emit of a Conn or Server, Consumer.Emit, Conn.Join and Conn.Leave.
// Their effect on this node is the same in any case. The commands Server.Disconnect, Join and Leave always return the
// error.
type BrokerLoss int

// The values of BrokerLoss.
const (
	// ReportBrokerLoss returns an error that wraps layer.ErrUnavailable. It means only that other nodes are missing: on
	// this node the connection is a member, and members have the message. If a handler returns it, its client receives
	// "internal" all the same. If OnOpen or open returns it, nobody can connect while the layer is down.
	ReportBrokerLoss BrokerLoss = iota

	// TolerateBrokerLoss returns nil. What other nodes miss is logged, at most one line a minute, and counted as
	// publications_unsent in Stats.Drops. It suits messages that may get lost, as they do for a client that is offline.
	// The caller cannot tell that no one was reached if all receivers are on other nodes.
	TolerateBrokerLoss
)

// Switch is an option of a consumer that may be inherited from the server.
type Switch int

// The values of a Switch. The zero value inherits the server's option.
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

	// Authenticator identifies the client; nil means that every connection is anonymous.
	Authenticator Authenticator

	// Groups are joined by every connection, after its authentication message and before OnOpen.
	Groups []string

	// Context adds values to the context of a connection's handlers. It is called once per connection, before open,
	// with a context that lives as long as the connection. It must return a context derived from that one. If it
	// returns another one, such as the request's, or one that has ended, the connection is refused with 500. If the
	// context ends later, the connection is closed with 1011. Both are logged.
	Context func(context.Context, *http.Request) context.Context

	// Unions are those of this consumer only, in addition to ServerOptions.Unions. An entry for an interface that the
	// server has too replaces the server's.
	Unions []UnionType

	// Docs are the comments of the packages whose types and handlers the consumer uses, for documents: the variable Docs
	// that the command "chanx docs" writes into each. Tags and Describe win over them.
	Docs []Docs

	// Completions override ServerOptions.Completions.
	Completions Switch

	// LogMessages overrides ServerOptions.LogMessages.
	LogMessages Switch

	// QuietActions are left out of that log, in addition to those of the server.
	QuietActions []string

	// AuthenticationMessage selects whether a successful opening is followed by an AuthenticationMessage. Inherit
	// means: if there is an Authenticator, or if the consumer was made by NewConsumerWith. A refusal is always sent.
	AuthenticationMessage Switch
}

// HandlerOption is an option of On, OnRequest, OnStream and OnEvent.
type HandlerOption interface{ applyHandler(*handlerOptions) }

// MessageOption is an option of Sends and Broadcasts.
type MessageOption interface{ applyMessage(*messageOptions) }

// documentation is the documentation of a message or event besides its type.
type documentation struct {
	description string
	deprecated  bool
}

type messageOptions struct {
	documentation
	droppable bool
	latest    *latest // nil without the option Latest
}

type handlerOptions struct {
	documentation
	timeout    time.Duration // 0 means the server's
	concurrent int
	failures   []failure
}

// failure is an error that a handler may send to the client.
type failure struct{ reason, doc string }

// DocOption is an option for both handlers and messages.
type DocOption interface {
	HandlerOption
	MessageOption
}

type docOption func(*documentation)

func (o docOption) applyHandler(h *handlerOptions) { o(&h.documentation) }

func (o docOption) applyMessage(m *messageOptions) { o(&m.documentation) }

// Describe sets the description of a message in documents.
func Describe(text string) DocOption {
	return docOption(func(d *documentation) { d.description = text })
}

// Deprecated marks a message as deprecated in documents.
func Deprecated() DocOption { return docOption(func(d *documentation) { d.deprecated = true }) }

type messageOption func(*messageOptions)

func (o messageOption) applyMessage(m *messageOptions) { o(m) }

type handlerOption func(*handlerOptions)

func (o handlerOption) applyHandler(h *handlerOptions) { o(h) }

// Timeout is how long the handler may take, streams included, instead of Limits.HandlerTimeout; zero means the server's
// limit, a negative value none. It starts with the handler. When it expires, the handler's context ends. If the handler
// then returns an error, the client receives "timeout"; its reply is still sent.
func Timeout(d time.Duration) HandlerOption {
	return handlerOption(func(h *handlerOptions) { h.timeout = d })
}

// Concurrent allows up to n calls of the handler to run beside the connection's queue, each in its own goroutine: they
// must not use the connection's state without a lock. A further call waits, and blocks the queue. Together with streams
// at most Limits.MaxConcurrent run; beyond that a message is refused with "too_busy". So is an event: it is lost,
// counted in Stats.Refused and logged.
func Concurrent(n int) HandlerOption {
	if n < 1 {
		panic(fmt.Sprintf("chanx: register handler: Concurrent(%d): it must be at least 1", n))
	}
	return handlerOption(func(h *handlerOptions) { h.concurrent = n })
}

// Fails documents that the handler may send the client an error with that reason. It may be given several times.
func Fails(reason, doc string) HandlerOption {
	if reason == "" {
		panic("chanx: register handler: Fails: the reason is empty: use that of the handler's Error")
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

// merge adds the options of a second declaration.
func (m *messageOptions) merge(o messageOptions) {
	if o.description != "" {
		m.description = o.description
	}
	m.deprecated = m.deprecated || o.deprecated
	m.droppable = m.droppable || o.droppable
	if o.latest != nil {
		m.setLatest(o.latest)
	}
}
