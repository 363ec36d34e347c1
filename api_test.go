package chanx_test

import (
	"context"
	"encoding/json"
	"errors"
	"iter"
	"log/slog"
	"net"
	"net/http"
	"time"

	"github.com/chanx-go/chanx"
	"github.com/chanx-go/chanx/layer"
)

// This file lists the exported API that applications rely on, so that a change of it fails to compile here. Generic
// functions are instantiated with the types of the consumer works.

var (
	_ func(func(*chanx.Conn, *http.Request) (*works, error), *chanx.ConsumerOptions) *chanx.Consumer[works]           = chanx.NewConsumer[works]
	_ func(func(*chanx.Conn, *http.Request, struct{}) (*works, error), *chanx.ConsumerOptions) *chanx.Consumer[works] = chanx.NewConsumerWith[works, struct{}]

	_ func(*chanx.Consumer[works], func(*works, context.Context) error)                                                          = (*chanx.Consumer[works]).OnOpen
	_ func(*chanx.Consumer[works], func(*works, context.Context, *chanx.CloseError))                                             = (*chanx.Consumer[works]).OnClose
	_ func(*chanx.Consumer[works], ...chanx.Middleware)                                                                          = (*chanx.Consumer[works]).Use
	_ func(*chanx.Consumer[works], context.Context, chanx.Event, ...chanx.Target) error                                          = (*chanx.Consumer[works]).Emit
	_ func(*chanx.Consumer[works], func(*works, context.Context, echoMessage) error, ...chanx.HandlerOption)                     = chanx.On[works, echoMessage]
	_ func(*chanx.Consumer[works], func(*works, context.Context, echoMessage) (tallied, error), ...chanx.HandlerOption)          = chanx.OnRequest[works, echoMessage, tallied]
	_ func(*chanx.Consumer[works], func(*works, context.Context, echoMessage) iter.Seq2[tallied, error], ...chanx.HandlerOption) = chanx.OnStream[works, echoMessage, tallied]
	_ func(*chanx.Consumer[works], func(*works, context.Context, chanx.Message) error, ...chanx.UnionCase)                       = chanx.OnUnion[works, chanx.Message]
	_ func() chanx.UnionCase                                                                                                     = chanx.Case[echoMessage]
	_ func(*chanx.Consumer[works], func(*works, context.Context, ringEvent) error, ...chanx.HandlerOption)                       = chanx.OnEvent[works, ringEvent]
	_ func(*chanx.Consumer[works])                                                                                               = chanx.Forward[newsEvent, works]
	_ func(*chanx.Consumer[works], ...chanx.MessageOption)                                                                       = chanx.Sends[echoMessage, works]
	_ func(*chanx.Consumer[works], ...chanx.MessageOption)                                                                       = chanx.Broadcasts[echoMessage, works]

	_ chanx.HandlerOption                      = chanx.Describe("")
	_ chanx.MessageOption                      = chanx.Describe("")
	_ chanx.HandlerOption                      = chanx.Deprecated()
	_ chanx.MessageOption                      = chanx.Deprecated()
	_ chanx.MessageOption                      = chanx.Droppable()
	_ chanx.MessageOption                      = chanx.Latest(echoMessage.Action)
	_ func(time.Duration) chanx.HandlerOption  = chanx.Timeout
	_ func(int) chanx.HandlerOption            = chanx.Concurrent
	_ func(string, string) chanx.HandlerOption = chanx.Fails
)

// The methods of Conn.
var _ interface {
	ID() string
	RemoteAddr() net.Addr
	Subprotocol() string
	Context() context.Context
	Groups() []string
	Identity() chanx.Identity
	Renew(chanx.Identity) error
	Send(context.Context, chanx.Message) error
	Broadcast(context.Context, chanx.Message, ...chanx.BroadcastOption) error
	Emit(context.Context, chanx.Event, ...chanx.Target) error
	Join(ctx context.Context, groups ...string) error
	Leave(ctx context.Context, groups ...string) error
	Close(code int, reason string) error
} = (*chanx.Conn)(nil)

var _ interface {
	http.Handler
	Handle(pattern string, consumer chanx.Endpoint)
	Handler(pattern string, consumer chanx.Endpoint) http.Handler
	Broadcast(context.Context, chanx.Message, ...chanx.Target) error
	Emit(context.Context, chanx.Event, ...chanx.Target) error
	Disconnect(ctx context.Context, code int, reason string, to ...chanx.Target) error
	Join(ctx context.Context, to chanx.Target, groups ...string) error
	Leave(ctx context.Context, to chanx.Target, groups ...string) error
	Conns() iter.Seq[*chanx.Conn]
	Count(group string) int
	Shutdown(context.Context) error
	Spec() chanx.Spec
	Stats() chanx.Stats
} = (*chanx.Server)(nil)

var _ = chanx.Stats{
	Connections: 0, Groups: 0, QueuedBytes: int64(0), Refused: map[string]uint64{}, Drops: map[chanx.DropReason]uint64{},
	In:     map[string]chanx.HandledStats{"": {Count: uint64(0), Failed: uint64(0), Time: time.Duration(0)}},
	Events: map[string]chanx.HandledStats{}, NodeEvents: map[string]chanx.HandledStats{},
	Out: map[string]chanx.SentStats{chanx.RawStats: {Count: uint64(0), Bytes: uint64(0)}},
}

var (
	_ func(...string) chanx.Target      = chanx.To
	_ func(...string) chanx.Target      = chanx.ToUser
	_ func(...string) chanx.Target      = chanx.ToConn
	_ func() chanx.Target               = chanx.All
	_ func() chanx.BroadcastOption      = chanx.ExceptSelf
	_ chanx.BroadcastOption             = chanx.All()
	_ func(int, string) error           = chanx.Refuse
	_ error                             = (*chanx.RefusalError)(nil)
	_ func(string, string) *chanx.Error = chanx.NewError
	_ func(any) error                   = chanx.Validate
	_ func(*chanx.Server, any) error    = (*chanx.Server).Validate

	_ func(string, ...chanx.UnionVariant) chanx.UnionType = chanx.Union[facial]
	_ func(string) chanx.UnionVariant                     = chanx.VariantOf[grin]
	_ chanx.Authenticator                                 = chanx.AuthenticatorFunc(nil)
	_ error                                               = &chanx.Error{Reason: "", Detail: "", Cause: error(nil)}
	_ error                                               = &chanx.CloseError{Code: 0, Reason: ""}
	_ error                                               = chanx.ValidationError{chanx.FieldError{Type: "", Loc: []any{}, Msg: ""}}
	_                                                     = errors.Join(chanx.ErrClosed, chanx.ErrSlow)
	_ chanx.Endpoint                                      = (*chanx.Consumer[works])(nil)
	_ chanx.Observer                                      = chanx.NopObserver{}
	_ func(context.Context, *chanx.Call) error            = chanx.Handler(nil)
	_                                                     = chanx.Raw{Name: "", Payload: json.RawMessage{}}
	_                                                     = chanx.Identity{UserID: "", Expires: time.Time{}, Claims: any(nil)}
	_                                                     = chanx.Call{Conn: nil, Action: "", Ref: "", Message: nil, Event: nil}
)

var _ = []chanx.Message{
	chanx.Ping{},
	chanx.Pong{},
	chanx.ErrorMessage{Payload: any(nil)},
	chanx.AuthenticationMessage{},
	chanx.CompleteMessage{},
	chanx.GroupCompleteMessage{},
	chanx.EventCompleteMessage{},
}

var _ = chanx.ServerOptions{
	Layer: layer.Layer(nil), Origins: []string{}, Hosts: []string{}, Subprotocols: []string{}, Discriminator: "", Camelize: false, Completions: false,
	BrokerLoss: chanx.ReportBrokerLoss, RefuseWithHTTP: false, LogMessages: false, QuietActions: []string{}, Limits: chanx.Limits{}, Logger: (*slog.Logger)(nil),
	Observer: chanx.Observer(nil), LayerAuth: chanx.LayerAuth{Keys: [][]byte{}, AcceptUnsigned: false},
	Compression: chanx.Compression{Enabled: false, MinBytes: 0, Level: 0}, Unions: []chanx.UnionType{},
}

var _ = chanx.ConsumerOptions{
	Name: "", Doc: "", Authenticator: chanx.Authenticator(nil), Groups: []string{},
	Context: func(ctx context.Context, _ *http.Request) context.Context { return ctx },
	Unions:  []chanx.UnionType{}, Completions: chanx.Inherit, AuthenticationMessage: chanx.Enabled, LogMessages: chanx.Disabled,
	QuietActions: []string{},
}

var _ = chanx.Limits{
	MaxMessageBytes: 0, MessageTimeout: 0, MaxFragments: 0, MaxDepth: 0, MaxErrors: 0, MaxInvalid: 0, InboxFrames: 0, InboxBytes: 0,
	EventQueue: 0, MaxConcurrent: 0, SubscriptionLinger: 0, MaxGroups: 0, SendQueueBytes: 0, WriteTimeout: 0, HandshakeTimeout: 0, OpenTimeout: 0,
	PublishTimeout: 0, CloseTimeout: 0, PingInterval: 0, PongTimeout: 0, HandlerTimeout: time.Duration(0), SlowHandler: time.Duration(0), MaxConnections: 0,
	MaxConnectionsPerUser: 0, Rate: chanx.Rate{PerSecond: 0, Burst: 0},
}
