package chanx

import (
	"context"
	"errors"
	"fmt"
	"net/http"
	"reflect"
	"slices"
	"sync"

	"github.com/chanx-go/chanx/schema"
)

// Endpoint is a consumer with any type of state. Only *Consumer[S] implements it.
type Endpoint interface{ endpoint() *endpoint }

// Consumer defines how connections of one kind are served: their messages, events and handlers, registered with On,
// OnRequest, OnStream, OnUnion, OnEvent, Forward, Sends and Broadcasts. S is the state of one connection, a struct that
// embeds *Conn.
//
// Register everything before the consumer is passed to a server. These functions panic if they are called later, and
// for each programming mistake they find. A consumer may be mounted at several patterns and on several servers.
type Consumer[S any] struct{ end endpoint }

func (c *Consumer[S]) endpoint() *endpoint { return &c.end }

// NewConsumer returns a consumer. open is called for each connection before its handshake is answered: it loads what
// the connection needs from the request, decides whether to accept it, and returns its state. An error refuses the
// connection; the client learns the reason only from an error made with Refuse. In open, Join is allowed and Send
// returns an error. open runs in goroutines of the HTTP server, several at a time. opts may be nil.
func NewConsumer[S any](open func(c *Conn, r *http.Request) (*S, error), opts *ConsumerOptions) *Consumer[S] {
	return newConsumer(open == nil, func(c *Conn, r *http.Request, _ any) (*S, error) { return open(c, r) }, opts)
}

func newConsumer[S any](isNil bool, open func(*Conn, *http.Request, any) (*S, error), opts *ConsumerOptions) *Consumer[S] {
	state := reflect.TypeFor[S]()
	if isNil {
		panic(fmt.Sprintf("chanx: new consumer of %s: open is nil", state))
	}
	if f, ok := stateConn(state); !ok {
		panic(fmt.Sprintf("chanx: new consumer of %s: the state must embed *chanx.Conn%s", state, f))
	}
	c := &Consumer[S]{}
	c.end.init(state.Name(), opts)
	c.end.open = func(conn *Conn, r *http.Request, params any) (any, error) {
		s, err := open(conn, r, params)
		if err == nil {
			err = checkState(s, conn)
		}
		return s, err
	}
	return c
}

// checkState returns an error if the state that open returned is not valid. NewConsumer has checked that its type
// embeds *Conn.
func checkState[S any](s *S, c *Conn) error {
	t := reflect.TypeFor[S]()
	wrong := ""
	if s == nil {
		wrong = "it returned neither a state nor an error"
	} else if embedded := reflect.ValueOf(s).Elem().FieldByName("Conn").Interface().(*Conn); embedded == nil {
		wrong = "the *chanx.Conn of the state is nil"
	} else if embedded != c {
		wrong = "the *chanx.Conn of the state is not the one that open was given"
	} else {
		return nil
	}
	return fmt.Errorf("chanx: open %s: %s: return &%s{Conn: c}, nil", t, wrong, t.Name())
}

// stateConn reports whether a state embeds *Conn directly. If not, why describes what is wrong.
func stateConn(t reflect.Type) (why string, ok bool) {
	if t.Kind() != reflect.Struct {
		return ", so it must be a struct", false
	}
	f, has := t.FieldByName("Conn")
	switch {
	case !has:
		return "", false
	case f.Type != reflect.TypeFor[*Conn]() || !f.Anonymous:
		return fmt.Sprintf("; its field Conn is %s", f.Type), false
	case len(f.Index) != 1:
		return " itself, not only through another embedded type", false
	}
	return "", true
}

// OnOpen registers the function that runs first on each connection, before the handlers of its messages. It has no
// timeout. If it returns an error, the client receives it as from the handler of an event. The connection is then
// closed with 1011, with the code of a *CloseError, or, after Refuse, with 4000 plus the status. Do not return an error
// of Join that wraps layer.ErrUnavailable: see ReportBrokerLoss.
func (c *Consumer[S]) OnOpen(h func(*S, context.Context) error) {
	c.end.registerOnce("OnOpen", h == nil, c.end.onOpen != nil)
	c.end.onOpen = func(state any, ctx context.Context) error { return h(state.(*S), ctx) }
}

// OnClose registers the function that runs last, when all handlers and streams have ended, once for each connection
// whose open succeeded. Its context is a new one that ends after CloseTimeout, and the connection is still in its
// groups. cause is never nil; code 1006 means that the transport was lost.
func (c *Consumer[S]) OnClose(h func(s *S, ctx context.Context, cause *CloseError)) {
	c.end.registerOnce("OnClose", h == nil, c.end.onClose != nil)
	c.end.onClose = func(state any, ctx context.Context, cause *CloseError) { h(state.(*S), ctx, cause) }
}

// Emit is like Server.Emit, but it returns an error if this consumer has no handler for e. It sends e through every
// server that this consumer is mounted on, and once through a layer that several of them share. Without a target, or
// before Handle, it is an error.
func (c *Consumer[S]) Emit(ctx context.Context, e Event, to ...Target) error {
	return c.end.emit(ctx, e, to)
}

// endpoint is a Consumer without the type of its state.
type endpoint struct {
	opts     ConsumerOptions
	compiler *schema.Compiler // with the consumer's own unions

	mu     sync.Mutex
	mounts []*mount // the first one on each server

	params  *params // nil for a consumer made by NewConsumer
	open    func(c *Conn, r *http.Request, params any) (any, error)
	onOpen  func(state any, ctx context.Context) error
	onClose func(state any, ctx context.Context, cause *CloseError)

	middleware []Middleware

	incoming []*incoming // in the order of registration
	outgoing []*outgoing
	events   []*eventHandler
}

func (e *endpoint) init(name string, opts *ConsumerOptions) {
	if opts != nil {
		e.opts = *opts
	}
	if e.opts.Name == "" {
		e.opts.Name = name
	}
	for _, g := range e.opts.Groups {
		if err := checkName("group name", g); err != nil {
			panic(fmt.Sprintf("chanx: new consumer %s: ConsumerOptions.Groups: %v", e.opts.Name, err))
		}
	}
	var err error
	if e.compiler, err = newConsumerCompiler(e.opts.Unions, e.opts.Docs); err != nil {
		panic(fmt.Sprintf("chanx: new consumer %s: %v", e.opts.Name, err))
	}
	for _, m := range libraryMessages {
		e.send(reflect.TypeOf(m), m.Action(), use{}, messageOptions{})
	}
}

// register panics if the consumer is mounted: it is too late to register anything.
func (e *endpoint) register() {
	e.mu.Lock()
	defer e.mu.Unlock()
	if len(e.mounts) > 0 {
		panic(fmt.Sprintf("chanx: register with consumer %s: it serves already: register everything before Handle", e.opts.Name))
	}
}

// registerOnce is like register, for functions of which a consumer has at most one.
func (e *endpoint) registerOnce(what string, isNil, again bool) {
	e.register()
	switch {
	case isNil:
		panic(fmt.Sprintf("chanx: register %s of consumer %s: the handler is nil", what, e.opts.Name))
	case again:
		panic(fmt.Sprintf("chanx: register %s of consumer %s: it has one already: make one of both", what, e.opts.Name))
	}
}

// mountedAs records a mount. From now on register panics.
func (e *endpoint) mountedAs(m *mount) {
	e.mu.Lock()
	defer e.mu.Unlock()
	if !slices.ContainsFunc(e.mounts, func(o *mount) bool { return o.srv == m.srv }) {
		e.mounts = append(e.mounts, m)
	}
}

func (e *endpoint) emit(ctx context.Context, ev Event, to []Target) error {
	if err := checkSent("emit", "event", "Event", ev); err != nil {
		return err
	}
	if !slices.ContainsFunc(e.events, func(h *eventHandler) bool { return h.goType == reflect.TypeOf(ev) }) {
		return fmt.Errorf("chanx: emit %T: consumer %s does not handle it: add chanx.OnEvent", ev, e.opts.Name)
	}
	e.mu.Lock()
	mounts := slices.Clone(e.mounts)
	e.mu.Unlock()
	if len(mounts) == 0 {
		return fmt.Errorf("chanx: emit %T: consumer %s is not mounted: call Server.Handle first", ev, e.opts.Name)
	}
	r, err := newRecipients("emit", to)
	if err != nil {
		return err
	}
	var errs []error
	for i, m := range mounts {
		l := m.srv.opts.Layer
		rest := r
		if l != nil && slices.ContainsFunc(mounts[:i], func(o *mount) bool { return o.srv.opts.Layer == l }) {
			rest = recipients{local: r.local} // the shared layer has published the event
		}
		errs = append(errs, m.srv.emit(ctx, nil, m.compiler, ev, rest))
	}
	return errors.Join(errs...)
}

// check panics if a type cannot be read or written, as directions require. A type with an interface that the consumer
// has no union for is checked by Handle: the server may have it.
func (e *endpoint) check(t reflect.Type, directions ...direction) {
	if _, err := compileFor(e.compiler, t, directions); err != nil && !lacksUnion(err) {
		panic(fmt.Sprintf("chanx: register with consumer %s: %v", e.opts.Name, err))
	}
}
