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

// UnionType is an interface whose concrete types are told apart by a member of their JSON object. See Union.
type UnionType = schema.Union

// UnionVariant is one concrete type of a UnionType. See VariantOf.
type UnionVariant = schema.Variant

// Union declares that fields of the interface type I hold one of the variants, told apart by the member discriminator.
func Union[I any](discriminator string, variants ...UnionVariant) UnionType {
	return UnionType{Interface: reflect.TypeFor[I](), Discriminator: discriminator, Variants: variants}
}

// VariantOf is the variant T, marked by tag.
func VariantOf[T any](tag string) UnionVariant {
	return UnionVariant{Tag: tag, Type: reflect.TypeFor[T]()}
}

// Endpoint is a consumer of any state; only *Consumer[S] implements it.
type Endpoint interface{ endpoint() *endpoint }

// Consumer is how one kind of connection is served: its messages, events and handlers, registered with On, OnRequest,
// OnStream, OnUnion, OnEvent, Forward, Sends and Broadcasts. S is the state of one connection, a struct that embeds *Conn.
//
// Register before the consumer is given to a server; later, and for each mistake a program can make in doing so, the
// functions panic. A consumer may be mounted at several patterns and on several servers.
type Consumer[S any] struct{ end endpoint }

func (c *Consumer[S]) endpoint() *endpoint { return &c.end }

// NewConsumer returns a consumer. open is called for each connection before its handshake is answered: it loads what
// the connection needs from the request, decides whether it may be there, and returns its state. An error refuses the
// connection; one of Refuse says why. In open, Join is allowed and Send is an error. open runs in the goroutines of the
// HTTP server, several at a time. opts may be nil.
func NewConsumer[S any](open func(c *Conn, r *http.Request) (*S, error), opts *ConsumerOptions) *Consumer[S] {
	state := reflect.TypeFor[S]()
	if open == nil {
		panic(fmt.Sprintf("chanx: new consumer of %s: open is nil", state))
	}
	if f, ok := stateConn(state); !ok {
		panic(fmt.Sprintf("chanx: new consumer of %s: the state must embed *chanx.Conn%s", state, f))
	}
	c := &Consumer[S]{}
	c.end.init(state.Name(), opts)
	c.end.open = func(conn *Conn, r *http.Request) (any, error) {
		s, err := open(conn, r)
		if err == nil {
			err = checkState(s, conn)
		}
		return s, err
	}
	return c
}

// checkState reports what is wrong with the state that open returned. NewConsumer has checked that its type embeds *Conn.
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

// stateConn reports whether a state embeds *Conn directly; if not, why says what is wrong with what it has.
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

// OnOpen registers what runs first on each connection, before its frames. If it returns an error, the client is told as
// for any handler and the connection closes with 1011, or as the *CloseError says, or after Refuse with 4000 plus the
// status.
func (c *Consumer[S]) OnOpen(h func(*S, context.Context) error) {
	c.end.registerOnce("OnOpen", h == nil, c.end.onOpen != nil)
	c.end.onOpen = func(state any, ctx context.Context) error { return h(state.(*S), ctx) }
}

// OnClose registers what runs last, once for each connection whose open succeeded: with a fresh context, bounded by
// CloseTimeout, and before the connection leaves its groups. cause is never nil; code 1006 is a lost transport.
func (c *Consumer[S]) OnClose(h func(s *S, ctx context.Context, cause *CloseError)) {
	c.end.registerOnce("OnClose", h == nil, c.end.onClose != nil)
	c.end.onClose = func(state any, ctx context.Context, cause *CloseError) { h(state.(*S), ctx, cause) }
}

// Emit sends an event to the handlers of connections, through each layer of the servers that this consumer is mounted on.
// It is Server.Emit that refuses an event which this consumer does not handle, so that a mistake is found where it is
// made; without a target, and before Handle, it is an error too.
func (c *Consumer[S]) Emit(ctx context.Context, e Event, to ...Target) error {
	return c.end.emit(ctx, e, to)
}

// endpoint is a consumer without its state's type.
type endpoint struct {
	opts     ConsumerOptions
	compiler *schema.Compiler

	mu      sync.Mutex
	servers []*Server // that it is mounted on

	open    func(*Conn, *http.Request) (any, error)
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
	if e.compiler, err = schema.NewCompiler(&schema.Options{Unions: e.opts.Unions}); err != nil {
		panic(fmt.Sprintf("chanx: new consumer %s: %v", e.opts.Name, err))
	}
	for _, m := range libraryMessages {
		e.send(reflect.TypeOf(m), m.Action(), false, messageOptions{})
	}
}

// register panics if it is too late to register anything.
func (e *endpoint) register() {
	e.mu.Lock()
	defer e.mu.Unlock()
	if len(e.servers) > 0 {
		panic(fmt.Sprintf("chanx: register with consumer %s: it serves already: register everything before Handle", e.opts.Name))
	}
}

// registerOnce is register of what a consumer has one of.
func (e *endpoint) registerOnce(what string, isNil, again bool) {
	e.register()
	switch {
	case isNil:
		panic(fmt.Sprintf("chanx: register %s of consumer %s: the handler is nil", what, e.opts.Name))
	case again:
		panic(fmt.Sprintf("chanx: register %s of consumer %s: it has one already: make one of both", what, e.opts.Name))
	}
}

// mountedOn notes a server: nothing can be registered any more.
func (e *endpoint) mountedOn(s *Server) {
	e.mu.Lock()
	defer e.mu.Unlock()
	if !slices.Contains(e.servers, s) {
		e.servers = append(e.servers, s)
	}
}

func (e *endpoint) emit(ctx context.Context, ev Event, to []Target) error {
	if err := checkSent("emit", "event", "Event", ev); err != nil {
		return err
	}
	if !slices.ContainsFunc(e.events, func(h *eventHandler) bool { return h.typ.GoType() == reflect.TypeOf(ev) }) {
		return fmt.Errorf("chanx: emit %T: consumer %s does not handle it: add chanx.OnEvent", ev, e.opts.Name)
	}
	e.mu.Lock()
	servers := slices.Clone(e.servers)
	e.mu.Unlock()
	if len(servers) == 0 {
		return fmt.Errorf("chanx: emit %T: consumer %s is not mounted: call Server.Handle first", ev, e.opts.Name)
	}
	r, err := newRecipients("emit", to)
	if err != nil {
		return err
	}
	var errs []error
	for i, s := range servers {
		shares := func(o *Server) bool { return s.opts.Layer != nil && o.opts.Layer == s.opts.Layer }
		rest := r
		if slices.ContainsFunc(servers[:i], shares) { // it has been told through the layer
			rest = recipients{local: r.local}
		}
		errs = append(errs, s.emit(ctx, nil, ev, rest))
	}
	return errors.Join(errs...)
}

// compile describes a type and checks that it suits the directions in which it travels.
func (e *endpoint) compile(t reflect.Type, directions ...func(*schema.Type) error) *schema.Type {
	typ, err := e.compiler.Compile(t)
	for _, check := range directions {
		if err == nil {
			err = check(typ)
		}
	}
	if err != nil {
		panic(fmt.Sprintf("chanx: register with consumer %s: %v", e.opts.Name, err))
	}
	return typ
}
