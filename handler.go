package chanx

import (
	"context"
	"fmt"
	"iter"
	"reflect"
	"time"

	"github.com/chanx-go/chanx/schema"
)

// task is the handler of a message or an event, without their types.
type task struct {
	handlerOptions
	isEvent bool
	run     func(c *Conn, ctx context.Context, v any) (reply Message, err error)
	stream  func(c *Conn, ctx context.Context, v any) iter.Seq2[Message, error] // instead of run
}

func (t *task) isParallel() bool { return t.stream != nil || t.concurrent > 0 }

func (t *task) timeoutOr(server time.Duration) time.Duration {
	return orDefault(t.timeout, server, maxDuration)
}

// incoming is a message from clients and its handler.
type incoming struct {
	task
	action  string
	comment string // of the handler, from ConsumerOptions.Docs
	goType  reflect.Type
	make    func() (value any, _ *handlerContext) // value is a pointer to a new M
	message func(v any) Message
	reply   reflect.Type // type of the reply, or of a stream's items; nil without reply
}

// outgoing is a message that the server sends.
type outgoing struct {
	messageOptions
	use
	action string
	goType reflect.Type
}

// use tells how a message is sent.
type use struct {
	unasked bool // other than as a reply or as an item of a stream
	group   bool // declared with Broadcasts: carries is_mine and is_current
}

// eventHandler is an event and its handler.
type eventHandler struct {
	task
	name   string
	goType reflect.Type
	make   func() (value any, _ *handlerContext) // value is a pointer to a new E
	event  func(v any) Event
	sends  string // for Forward: the action of the message
}

func newIncoming[M Message](opts []HandlerOption) *incoming {
	return &incoming{
		task:    task{handlerOptions: newHandlerOptions(opts)},
		make:    newReceived[M],
		message: func(v any) Message { return *v.(*M) },
	}
}

// On registers the handler of message M. The message has no reply.
//
// Handlers of one connection run one at a time, in the order in which the messages arrived, unless Concurrent is given.
// The context is derived from Conn.Context and ends with it, when the client cancels the message by its ref, and after
// a timeout. Do not use it after the handler has returned: it may end then. To a cancelled message the client receives
// "cancelled", whatever the handler returns.
//
// If the handler returns an *Error, it is sent to the client, and so is an error made with Refuse, with a reason such
// as "forbidden". The items of a ValidationError are sent like those of a message that did not pass validation. A
// *CloseError closes the connection. The outermost of these decides if one wraps another; the first one if several are
// joined. Any other error, also one that is joined to one of these, is logged; so is a panic, or the end of the
// goroutine (runtime.Goexit). Unless one of these decides, the client receives an internal error without its text.
func On[S any, M Message](c *Consumer[S], h func(*S, context.Context, M) error, opts ...HandlerOption) {
	in := newIncoming[M](opts)
	in.run = func(c *Conn, ctx context.Context, v any) (Message, error) {
		return nil, h(c.state.(*S), ctx, *v.(*M))
	}
	c.end.receive(in, reflect.TypeFor[M](), h)
}

// OnRequest registers the handler of message M that replies with exactly one R, unless it fails. See On.
func OnRequest[S any, M, R Message](c *Consumer[S], h func(*S, context.Context, M) (R, error), opts ...HandlerOption) {
	in := newIncoming[M](opts)
	in.run = func(c *Conn, ctx context.Context, v any) (Message, error) {
		r, err := h(c.state.(*S), ctx, *v.(*M))
		if err != nil {
			return nil, err
		}
		return r, nil
	}
	in.reply = reflect.TypeFor[R]()
	c.end.receive(in, reflect.TypeFor[M](), h)
	c.end.send(in.reply, actionOf(in.reply), use{}, messageOptions{})
}

// OnStream registers the handler of message M that replies with any number of R. The call of the handler runs in the
// connection's queue like any other. The iterator that it returns then runs in its own goroutine, beside the queue, and
// must not use the connection's state without a lock. At most Limits.MaxConcurrent streams and handlers with Concurrent
// run at a time.
//
// Each R carries the ref of M, if M has one. An error that the iterator yields ends it and is sent to the client as for
// On. At the end complete is sent, if there is a ref or completions are on. The iterator is stopped when the client
// cancels the message by its ref, and when the connection is lost: its context is cancelled and yield returns false.
// The iterator is not called faster than the client reads.
func OnStream[S any, M, R Message](
	c *Consumer[S], h func(*S, context.Context, M) iter.Seq2[R, error], opts ...HandlerOption,
) {
	in := newIncoming[M](opts)
	in.stream = func(c *Conn, ctx context.Context, v any) iter.Seq2[Message, error] {
		items := h(c.state.(*S), ctx, *v.(*M))
		if items == nil {
			return nil
		}
		return func(yield func(Message, error) bool) {
			for r, err := range items {
				if !yield(r, err) {
					return
				}
			}
		}
	}
	in.reply = reflect.TypeFor[R]()
	c.end.receive(in, reflect.TypeFor[M](), h)
	c.end.send(in.reply, actionOf(in.reply), use{}, messageOptions{})
}

// UnionCase is one message of OnUnion. See Case.
type UnionCase struct {
	t  reflect.Type
	in func() *incoming
}

// Case declares message M as a case of OnUnion.
func Case[M Message]() UnionCase {
	return UnionCase{t: reflect.TypeFor[M](), in: func() *incoming { return newIncoming[M](nil) }}
}

// OnUnion registers one handler for several messages, for an exhaustive switch over their types. U is an interface that
// each of them implements; it may be Message itself. A library message such as Ping cannot implement an interface with
// unexported methods: declare type Ping chanx.Ping with its own Action method instead. See On.
func OnUnion[S any, U Message](c *Consumer[S], h func(*S, context.Context, U) error, cases ...UnionCase) {
	u := reflect.TypeFor[U]()
	if len(cases) == 0 || u.Kind() != reflect.Interface {
		panic(fmt.Sprintf("chanx: register union %s: OnUnion takes an interface and at least one chanx.Case", u))
	}
	for _, k := range cases {
		if !k.t.Implements(u) {
			panic(fmt.Sprintf("chanx: register union %s: case %s does not implement it", u, k.t))
		}
		in := k.in()
		in.run = func(c *Conn, ctx context.Context, v any) (Message, error) {
			return nil, h(c.state.(*S), ctx, in.message(v).(U))
		}
		c.end.receive(in, k.t, h)
	}
}

// OnEvent registers the handler of event E. It runs in the same order and under the same rules as the handlers of
// messages: its error is sent to this connection's client as for On. The client has not sent the event, so the paths of a
// ValidationError are sent as they are. Events are identified by their names: each handler
// receives the emitted event decoded as its own E, which may be another type than the emitter's.
func OnEvent[S any, E Event](c *Consumer[S], h func(*S, context.Context, E) error, opts ...HandlerOption) {
	if h == nil {
		panic(fmt.Sprintf("chanx: register event %s: its handler is nil", reflect.TypeFor[E]()))
	}
	e := newEventHandler[E](opts)
	e.run = func(c *Conn, ctx context.Context, v any) (Message, error) {
		return nil, h(c.state.(*S), ctx, *v.(*E))
	}
	c.end.handle(e, reflect.TypeFor[E]())
}

func newEventHandler[E Event](opts []HandlerOption) *eventHandler {
	return &eventHandler{
		task:  task{handlerOptions: newHandlerOptions(opts), isEvent: true},
		make:  newReceived[E],
		event: func(v any) Event { return *v.(*E) },
	}
}

// Forward registers a handler that sends event E, which is also a message, to the client unchanged.
func Forward[E interface {
	Event
	Message
}, S any](c *Consumer[S]) {
	t := reflect.TypeFor[E]()
	e := newEventHandler[E](nil)
	e.sends = actionOf(t)
	e.run = func(c *Conn, ctx context.Context, v any) (Message, error) {
		return nil, c.Send(ctx, *v.(*E))
	}
	c.end.handle(e, t)
	c.end.send(t, e.sends, use{unasked: true}, messageOptions{})
}

// Sends declares that connections are sent message M other than as a reply.
func Sends[M Message, S any](c *Consumer[S], opts ...MessageOption) {
	c.end.register()
	c.end.send(reflect.TypeFor[M](), actionOf(reflect.TypeFor[M]()), use{unasked: true}, newMessageOptions(opts))
}

// Broadcasts declares that message M is sent to groups. Each frame carries is_mine, whether the receiver's user sent
// it, and is_current, whether the receiving connection itself sent it. A reply and a frame of Conn.Send carry both as
// false.
func Broadcasts[M Message, S any](c *Consumer[S], opts ...MessageOption) {
	c.end.register()
	c.end.send(reflect.TypeFor[M](), actionOf(reflect.TypeFor[M]()), use{unasked: true, group: true}, newMessageOptions(opts))
}

func actionOf(t reflect.Type) string {
	checkValue(t, "message", "Action") // first, because calling Action of a nil pointer would panic
	return reflect.Zero(t).Interface().(Message).Action()
}

// receive registers an incoming message and its handler, a function.
func (e *endpoint) receive(in *incoming, t reflect.Type, handler any) {
	e.register()
	in.action = actionOf(t)
	checkMessage(t, in.action, false)
	if reflect.ValueOf(handler).IsNil() {
		panic(fmt.Sprintf("chanx: register message %s: its handler is nil", t))
	}
	in.comment = comments(e.opts.Docs).ofHandler(handler)
	for _, other := range e.incoming {
		if other.action == in.action {
			panic(fmt.Sprintf("chanx: register message %s: action %q is handled already, as %s: rename one or remove a handler",
				t, in.action, other.goType))
		}
	}
	e.check(t, (*schema.Type).CheckReadable)
	in.goType = t
	e.incoming = append(e.incoming, in)
}

// handle registers an event.
func (e *endpoint) handle(h *eventHandler, t reflect.Type) {
	e.register()
	checkValue(t, "event", "Event")
	h.name = reflect.Zero(t).Interface().(Event).Event()
	if err := checkEventName(t, h.name); err != nil {
		panic(fmt.Sprintf("chanx: register %v", err))
	}
	for _, other := range e.events {
		if other.name == h.name {
			panic(fmt.Sprintf("chanx: register event %s: %s has the name %q already: rename one", t, other.goType, h.name))
		}
	}
	e.check(t, (*schema.Type).CheckReadable, (*schema.Type).CheckWritable)
	h.goType = t
	e.events = append(e.events, h)
}

// send registers an outgoing message. Declaring the same type again is allowed.
func (e *endpoint) send(t reflect.Type, action string, as use, opts messageOptions) {
	checkMessage(t, action, true)
	if opts.latest != nil {
		opts.latest.check(t)
	}
	e.check(t, opts.directions()...)
	for _, other := range e.outgoing {
		if other.action != action {
			continue
		}
		if other.goType != t {
			panic(fmt.Sprintf("chanx: register message %s: action %q is sent as %s already: rename one", t, action, other.goType))
		}
		other.use.unasked = other.use.unasked || as.unasked
		other.use.group = other.use.group || as.group
		other.merge(opts)
		return
	}
	e.outgoing = append(e.outgoing, &outgoing{messageOptions: opts, action: action, goType: t, use: as})
}
