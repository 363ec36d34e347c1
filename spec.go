package chanx

import (
	"encoding/json"
	"reflect"

	"github.com/chanx-go/chanx/schema"
)

// Spec is a plain description of everything registered on a server: enough to generate an AsyncAPI document. It encodes
// to JSON as it is. Schemas are JSON Schema draft-07 with the names used on the wire, and refer to Schemas by
// "#/components/schemas/" and a name.
type Spec struct {
	Discriminator string          `json:"discriminator"` // the member of a frame that names its type
	Camelize      bool            `json:"camelize"`
	Subprotocols  []string        `json:"subprotocols"`
	Channels      []ChannelSpec   `json:"channels"` // in the order of Handle
	Schemas       json.RawMessage `json:"schemas"`  // an object of named schemas
}

// ChannelSpec describes a consumer at a pattern.
type ChannelSpec struct {
	Pattern         string        `json:"pattern"`
	Parameters      []string      `json:"parameters"` // the pattern's wildcards
	Name            string        `json:"name"`
	Doc             string        `json:"doc,omitempty"`
	Groups          []string      `json:"groups"` // that every connection joins
	Authenticated   bool          `json:"authenticated"`
	SecuritySchemes any           `json:"securitySchemes,omitempty"` // from an Authenticator with a method of that name
	Completions     bool          `json:"completions"`
	Receives        []MessageSpec `json:"receives"` // from clients, in the order of registration, a built-in ping last
	Sends           []MessageSpec `json:"sends"`    // to clients; library messages last
	Events          []EventSpec   `json:"events"`
}

// Kinds of handlers in a MessageSpec.
const (
	HandlerOn      = "on"      // no reply
	HandlerRequest = "request" // exactly one reply
	HandlerStream  = "stream"  // many replies
)

// MessageSpec describes a type of message. The fields from Handler on apply to messages from clients.
type MessageSpec struct {
	Action      string          `json:"action"`
	GoType      string          `json:"goType"` // as printed by %T
	Title       string          `json:"title"`  // the type's name
	Description string          `json:"description,omitempty"`
	Deprecated  bool            `json:"deprecated,omitempty"`
	Payload     json.RawMessage `json:"payload,omitempty"`   // its schema; absent if the type has no fields
	Example     json.RawMessage `json:"example,omitempty"`   // of the payload
	Frame       []FrameSpec     `json:"frame,omitempty"`     // fields beside the payload
	Group       bool            `json:"group,omitempty"`     // sent to groups: carries is_mine and is_current
	Droppable   bool            `json:"droppable,omitempty"` // may be discarded for a slow client
	Latest      bool            `json:"latest,omitempty"`    // only the newest of each key waits for a slow client
	Library     bool            `json:"library,omitempty"`   // a library message
	Handler     string          `json:"handler,omitempty"`   // HandlerOn, HandlerRequest or HandlerStream
	Reply       string          `json:"reply,omitempty"`     // the action of the reply
	Fails       []FailureSpec   `json:"fails,omitempty"`
}

// FrameSpec describes a field of a message that is carried in the frame, beside the payload.
type FrameSpec struct {
	Name     string          `json:"name"`
	Required bool            `json:"required"`
	Schema   json.RawMessage `json:"schema"`
	Example  json.RawMessage `json:"example"`
}

// FailureSpec describes an error that a handler may send to the client.
type FailureSpec struct {
	Reason string `json:"reason"`
	Doc    string `json:"doc"`
}

// EventSpec describes an event that the consumer handles.
type EventSpec struct {
	Name        string          `json:"name"`
	GoType      string          `json:"goType"`
	Title       string          `json:"title"`
	Description string          `json:"description,omitempty"`
	Deprecated  bool            `json:"deprecated,omitempty"`
	Payload     json.RawMessage `json:"payload,omitempty"`
	Forwards    string          `json:"forwards,omitempty"` // the action with which it is sent to clients unchanged
}

// schemaPrefix is the location of the schemas in documents.
const schemaPrefix = "#/components/schemas/"

// Spec describes what is registered at the time of the call.
func (s *Server) Spec() Spec {
	mounts := s.mounted()
	defs := schema.NewDefinitions(schemaPrefix, codecs(mounts)...)
	spec := Spec{
		Discriminator: s.names.discriminator, Camelize: s.opts.Camelize, Subprotocols: append([]string{}, s.opts.Subprotocols...),
		Channels: []ChannelSpec{},
	}
	spec.Schemas, _ = defs.MarshalJSON() // its error is always nil
	for _, m := range mounts {
		spec.Channels = append(spec.Channels, m.spec(defs))
	}
	return spec
}

// codecs returns the codecs of all payloads. Events travel in declared names, but a document has one naming, so they
// are described in that of the server.
func codecs(mounts []*mount) (all []*schema.Codec) {
	for _, m := range mounts {
		for _, in := range m.ordered() {
			all = append(all, in.codec)
		}
		for _, out := range m.outgoing {
			all = append(all, m.sent[out.typ.GoType()].codec)
		}
		for _, h := range m.endpoint.events {
			all = append(all, m.codec(h.typ))
		}
	}
	return all
}

// ordered returns the incoming messages in the order of registration, the built-in ping last.
func (m *mount) ordered() (all []*mountedIncoming) {
	for _, in := range m.endpoint.incoming {
		all = append(all, m.incoming[in.action])
	}
	if len(all) < len(m.incoming) {
		all = append(all, m.incoming[Ping{}.Action()])
	}
	return all
}

func (m *mount) spec(defs *schema.Definitions) ChannelSpec {
	c := ChannelSpec{
		Pattern: m.pattern, Parameters: wildcards(m.pattern), Name: m.opts.Name, Doc: m.opts.Doc, Groups: append([]string{}, m.opts.Groups...),
		Authenticated: m.opts.Authenticator != nil, Completions: m.completions,
		Receives: []MessageSpec{}, Sends: []MessageSpec{}, Events: []EventSpec{},
	}
	if a, ok := m.opts.Authenticator.(interface{ SecuritySchemes() []map[string]any }); ok {
		c.SecuritySchemes = a.SecuritySchemes()
	}
	for _, in := range m.ordered() {
		c.Receives = append(c.Receives, m.specIncoming(in, defs))
	}
	n := len(libraryMessages)
	for _, out := range append(m.outgoing[n:len(m.outgoing):len(m.outgoing)], m.outgoing[:n]...) {
		c.Sends = append(c.Sends, m.specOutgoing(m.sent[out.typ.GoType()], defs))
	}
	for _, h := range m.endpoint.events {
		e := EventSpec{
			Name: h.name, GoType: h.typ.GoType().String(), Title: h.typ.GoType().Name(),
			Description: h.description, Deprecated: h.deprecated, Forwards: h.sends,
		}
		if !h.typ.IsEmpty() {
			e.Payload = m.codec(h.typ).JSONSchema(defs)
		}
		c.Events = append(c.Events, e)
	}
	return c
}

func (m *mount) specIncoming(in *mountedIncoming, defs *schema.Definitions) MessageSpec {
	s := newMessageSpec(in.action, in.typ, in.codec, in.documentation, defs)
	s.Library = in.typ.GoType() == reflect.TypeFor[Ping]()
	s.Handler = HandlerOn
	if in.reply != nil {
		s.Reply, s.Handler = actionOf(in.reply), HandlerRequest
	}
	if in.stream != nil {
		s.Handler = HandlerStream
	}
	for _, f := range in.failures {
		s.Fails = append(s.Fails, FailureSpec{f.reason, f.doc})
	}
	return s
}

func (m *mount) specOutgoing(out *mountedOutgoing, defs *schema.Definitions) MessageSpec {
	s := newMessageSpec(out.action, out.typ, out.codec, out.documentation, defs)
	s.Group, s.Library = out.group, isLibraryAction(out.action)
	s.Droppable, s.Latest = out.droppable, out.key != nil
	if out.typ.GoType() == reflect.TypeFor[ErrorMessage]() {
		s.Example = json.RawMessage(`{"reason":"internal","detail":"Failed to process message"}`)
	}
	return s
}

func newMessageSpec(action string, t *schema.Type, codec *schema.Codec, doc documentation, defs *schema.Definitions) MessageSpec {
	s := MessageSpec{
		Action: action, GoType: t.GoType().String(), Title: t.GoType().Name(),
		Description: doc.description, Deprecated: doc.deprecated,
	}
	if !t.IsEmpty() {
		s.Payload, s.Example = codec.JSONSchema(defs), codec.Example()
	}
	for _, f := range codec.FrameFields(defs) {
		s.Frame = append(s.Frame, FrameSpec{Name: f.Name, Required: f.Required, Schema: f.Schema, Example: f.Example})
	}
	return s
}
