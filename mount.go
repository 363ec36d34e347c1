package chanx

import (
	"context"
	"fmt"
	"reflect"
	"slices"

	"github.com/chanx-go/chanx/internal/cluster"
	"github.com/chanx-go/chanx/schema"
)

// mount is a consumer on a server: its messages with the names and options of that server.
type mount struct {
	*endpoint
	srv     *Server
	pattern string
	place   string // file and line of the call of Handle or Handler
	names   *names
	limits  schema.Limits

	compiler *schema.Compiler // with the unions of consumer and server

	incoming map[string]*mountedIncoming
	tags     string // the incoming actions for error texts, cut to maxTags bytes
	sent     map[reflect.Type]*mountedOutgoing
	actions  map[string]*mountedOutgoing
	events   map[string]*mountedEvent

	handler  Handler          // with the Observer, the log and the middleware around it
	wrapped  bool             // handler has something around it, which needs Call.Message and Call.Event
	observer *guardedObserver // may be nil
	logs     bool             // log what is handled and sent
	quiet    []string

	tokenProtocols []string // of a SubprotocolAuthenticator
	completions    bool
	authMessage    bool
	raw            sentCounter // counts Raw messages

	complete, groupComplete, eventComplete fixedFrame
	pong                                   *mountedOutgoing // chanxPong
}

type mountedIncoming struct {
	*incoming
	typ     *schema.Type
	codec   *schema.Codec
	handled handledCounter
}

type mountedOutgoing struct {
	*outgoing
	typ   *schema.Type
	codec *schema.Codec
	plain *schema.Codec // for declared names
	head  []byte        // {"action":"…"
	id    cluster.TypeID

	counter sentCounter
}

type mountedEvent struct {
	*eventHandler
	typ     *schema.Type
	codec   *schema.Codec // events travel between servers in declared names
	handled handledCounter
}

// handler returns the name of the event's handler if it runs in the queue, or nil.
func (e *mountedEvent) handler() *string {
	if e.isParallel() {
		return nil
	}
	return &e.name
}

// newMount panics if names of the consumer collide on this server, or if neither has a union for an interface.
func newMount(s *Server, pattern string, e *endpoint) *mount {
	m := &mount{
		endpoint: e, srv: s, pattern: pattern, names: &s.names, limits: s.limits.schema(), compiler: s.compilerFor(e),
		incoming:    map[string]*mountedIncoming{},
		sent:        map[reflect.Type]*mountedOutgoing{},
		actions:     map[string]*mountedOutgoing{},
		events:      map[string]*mountedEvent{},
		raw:         newSentCounter(),
		completions: e.opts.Completions.or(s.opts.Completions),
		authMessage: e.opts.AuthenticationMessage.or(e.opts.Authenticator != nil || e.params != nil),
	}
	e.mountedAs(m)
	checkAuthenticator(pattern, e.opts.Authenticator)
	if a, ok := e.opts.Authenticator.(SubprotocolAuthenticator); ok {
		m.tokenProtocols = a.Subprotocols()
	}
	e.params.checkPattern(pattern, e.opts.Name)
	m.wrap()
	m.mountIncoming()
	m.mountOutgoing()
	m.mountEvents()
	m.pong = m.actions[pongAction]
	m.complete = m.fixed(CompleteMessage{})
	m.groupComplete = m.fixed(GroupCompleteMessage{})
	m.eventComplete = m.fixed(EventCompleteMessage{})
	return m
}

// wrap wraps the handlers in the Observer, the log and the middleware, in this order from the outside.
func (m *mount) wrap() {
	m.observer = m.srv.observer
	m.logs = m.opts.LogMessages.or(m.srv.opts.LogMessages)
	m.quiet = slices.Concat(m.opts.QuietActions, m.srv.opts.QuietActions)
	var all []Middleware
	if m.observer != nil {
		all = append(all, observe(m.observer))
	}
	if m.logs {
		all = append(all, logMessages(m.quiet))
	}
	all = append(all, m.middleware...)
	m.wrapped = len(all) > 0
	m.handler = wrap(all, run)
}

// mountIncoming mounts the consumer's messages, then the built-in ping unless the consumer handles Ping.
func (m *mount) mountIncoming() {
	var tags []string
	add := func(in *incoming) {
		typ := m.compile(in.goType, (*schema.Type).CheckReadable)
		m.incoming[in.action] = &mountedIncoming{in, typ, m.codec(typ), newHandledCounter()}
		tags = append(tags, in.action)
	}
	for _, in := range m.endpoint.incoming {
		add(in)
	}
	if ping := builtinPing(); m.incoming[ping.action] == nil {
		add(ping)
	}
	m.tags = quoteTags(tags)
	m.tags = m.tags[:min(len(m.tags), maxTags)]
}

// builtinPing answers Ping for consumers that do not handle it.
func builtinPing() *incoming {
	in := newIncoming[Ping](nil)
	in.run = func(*Conn, context.Context, any) (Message, error) { return Pong{}, nil }
	in.action, in.goType, in.reply = Ping{}.Action(), reflect.TypeFor[Ping](), reflect.TypeFor[Pong]()
	return in
}

func (m *mount) mountOutgoing() {
	for _, out := range m.outgoing {
		typ := m.compile(out.goType, out.directions()...)
		o := &mountedOutgoing{out, typ, m.codec(typ), m.plainCodec(typ), m.names.appendHead(nil, out.action), cluster.TypeIDOf(out.goType), newSentCounter()}
		m.sent[out.goType], m.actions[out.action] = o, o
	}
}

// mountEvents mounts the consumer's events. They travel in declared names, so collisions under the server's naming do
// not matter.
func (m *mount) mountEvents() {
	for _, h := range m.endpoint.events {
		typ := m.compile(h.goType, (*schema.Type).CheckReadable, (*schema.Type).CheckWritable, checkEvent)
		m.events[h.name] = &mountedEvent{h, typ, m.plainCodec(typ), newHandledCounter()}
	}
}

// types lists the types of all messages and events.
func (m *mount) types() (all []*schema.Type) {
	for _, in := range m.endpoint.incoming {
		all = append(all, m.incoming[in.action].typ)
	}
	for _, out := range m.outgoing {
		all = append(all, m.sent[out.goType].typ)
	}
	for _, h := range m.endpoint.events {
		all = append(all, m.events[h.name].typ)
	}
	return all
}

// compile describes a type of the consumer with the unions of consumer and server.
func (m *mount) compile(t reflect.Type, directions ...direction) *schema.Type {
	typ, err := compileFor(m.compiler, t, directions)
	if err != nil {
		panic(fmt.Sprintf("chanx: handle %q: consumer %s: %v", m.pattern, m.opts.Name, err))
	}
	return typ
}

// plainCodec returns the codec for a type as it travels between servers.
func (m *mount) plainCodec(t *schema.Type) *schema.Codec {
	c, err := t.Codec(schema.AsDeclared)
	if err != nil {
		panic(fmt.Sprintf("chanx: handle %q: %v", m.pattern, err))
	}
	return c
}

// checkEvent returns an error for fields that an event cannot carry.
func checkEvent(t *schema.Type) error {
	return t.CheckFrameFields(func(string) string { return "an event travels without a frame: remove the tag" })
}

func (m *mount) codec(t *schema.Type) *schema.Codec {
	c, err := t.Codec(m.names.naming)
	if err == nil {
		err = t.CheckFrameFields(m.names.checkReserved)
	}
	if err != nil {
		panic(fmt.Sprintf("chanx: handle %q: %v", m.pattern, err))
	}
	return c
}

// declared returns the declaration of a message's type, or an error that names the missing one.
func (m *mount) declared(v Message, verb, declaration string) (*mountedOutgoing, error) {
	t := reflect.TypeOf(v)
	if out := m.sent[t]; out != nil {
		return out, nil
	}
	if err := checkSent(verb, "message", "Action", v); err != nil {
		return nil, err
	}
	return nil, fmt.Errorf("chanx: %s %s: consumer %s does not declare it: add chanx.%s[%s](consumer)",
		verb, t, m.opts.Name, declaration, t.Name())
}

// reencode converts another node's message into the names of this server. An empty part stays empty.
func (o *mountedOutgoing) reencode(payload, frame []byte) (_, _ []byte, err error) {
	if len(payload) > 0 {
		if payload, err = o.codec.ConvertNames(make([]byte, 0, len(payload)), payload, schema.AsDeclared); err != nil {
			return nil, nil, fmt.Errorf("payload: %w", err)
		}
	}
	if len(frame) > 0 {
		if frame, err = o.codec.ConvertFrameNames(make([]byte, 0, len(frame)), frame, schema.AsDeclared); err != nil {
			return nil, nil, fmt.Errorf("fields beside the payload: %w", err)
		}
	}
	return payload, frame, nil
}
