package chanx

import (
	"cmp"
	"encoding/json"
	"net/http"
	"reflect"
	"slices"
	"strings"

	"github.com/chanx-go/chanx/schema"
)

// codecs returns the codecs of all payloads. Events travel in declared names, but a document has one naming, so they
// are described in that of the server.
func codecs(mounts []*mount) (all []*schema.Codec) {
	for _, m := range mounts {
		for _, in := range m.ordered() {
			all = append(all, in.codec)
		}
		for _, out := range m.outgoing {
			if out.goType != reflect.TypeFor[ErrorMessage]() { // see errorSchema
				all = append(all, m.sent[out.goType].codec)
			}
		}
		for _, h := range m.endpoint.events {
			all = append(all, m.codec(m.events[h.name].typ))
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
		Pattern: m.pattern, Parameters: m.specParameters(), Name: m.opts.Name, Doc: m.opts.Doc, Groups: append([]string{}, m.opts.Groups...),
		Authenticated: m.opts.Authenticator != nil, Welcome: m.authMessage, Completions: m.completions, Closes: slices.Clone(closeSpecs),
		Receives: []MessageSpec{}, Sends: []MessageSpec{}, Events: []EventSpec{},
	}
	m.specAuth(&c)
	for _, in := range m.ordered() {
		c.Receives = append(c.Receives, m.specIncoming(in, defs))
	}
	c.Receives = append(c.Receives, controlSpecs...)
	n := len(libraryMessages)
	for _, out := range append(m.outgoing[n:len(m.outgoing):len(m.outgoing)], m.outgoing[:n]...) {
		c.Sends = append(c.Sends, m.specOutgoing(m.sent[out.goType], defs))
	}
	for _, h := range m.endpoint.events {
		e := EventSpec{
			Name: h.name, GoType: h.goType.String(), Title: h.goType.Name(),
			Description: cmp.Or(h.description, m.events[h.name].typ.Comment()), Deprecated: h.deprecated, Forwards: h.sends,
		}
		if typ := m.events[h.name].typ; !typ.IsEmpty() {
			e.Payload = m.codec(typ).JSONSchema(defs)
		}
		c.Events = append(c.Events, e)
	}
	return c
}

func (m *mount) specIncoming(in *mountedIncoming, defs *schema.Definitions) MessageSpec {
	s := newMessageSpec(in.action, in.typ, in.codec, in.documentation, defs)
	s.PayloadOptional = in.typ.IsMap()
	s.Handler, s.HandlerComment = HandlerOn, in.comment
	if in.goType == reflect.TypeFor[Ping]() {
		s.describeLibrary()
	}
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
	if out.goType == reflect.TypeFor[ErrorMessage]() {
		return m.specError()
	}
	s := newMessageSpec(out.action, out.typ, out.codec, out.documentation, defs)
	s.Group, s.Unasked = out.group, out.unasked
	s.Droppable, s.Latest = out.droppable, out.latest != nil
	if out.action == pongAction {
		s.GoType, s.Title = "", "ChanxPong" // the type is not exported
	}
	if isLibraryAction(out.action) {
		s.describeLibrary()
		s.Unasked = s.Unasked || m.sendsUnasked(out.action)
	}
	if out.action == (AuthenticationMessage{}).Action() {
		s.Examples = m.authExamples(out)
	}
	return s
}

// sendsUnasked reports whether the library sends one of its own messages other than as the answer to a message.
func (m *mount) sendsUnasked(action string) bool {
	switch action {
	case AuthenticationMessage{}.Action():
		return m.authMessage || !m.srv.opts.RefuseWithHTTP
	case CompleteMessage{}.Action(), GroupCompleteMessage{}.Action(), EventCompleteMessage{}.Action():
		return m.completions
	}
	return false
}

// authExamples returns the payloads of a connection that is accepted and of one that is refused.
func (m *mount) authExamples(out *mountedOutgoing) (all []json.RawMessage) {
	messages := []AuthenticationMessage{authentication(http.StatusForbidden, "members only", nil)}
	if m.authMessage {
		messages = append([]AuthenticationMessage{authentication(http.StatusOK, "OK", nil)}, messages...)
	}
	if items := m.missingParameter(); items != nil {
		messages = append(messages, authentication(statusOf(items), badParameters, items))
	}
	for _, a := range messages {
		if b, err := out.codec.Append(nil, a); err == nil {
			all = append(all, b)
		}
	}
	return all
}

// missingParameter returns the items of a handshake that lacks the first required parameter of the query; nil if none is
// required.
func (m *mount) missingParameter() ValidationError {
	for _, p := range m.specParameters() {
		if p.In == InQuery && p.Required {
			return ValidationError{{Type: "missing", Loc: []any{InQuery, p.Name}, Msg: "Field required"}}
		}
	}
	return nil
}

func newMessageSpec(action string, t *schema.Type, codec *schema.Codec, doc documentation, defs *schema.Definitions) MessageSpec {
	s := MessageSpec{
		Action: action, GoType: t.GoType().String(), Title: t.GoType().Name(),
		Description: cmp.Or(doc.description, t.Comment()), Deprecated: doc.deprecated,
	}
	if !t.IsEmpty() {
		s.Payload = codec.JSONSchema(defs)
		if e := codec.Example(); isAccepted(t, codec, e) {
			s.Examples = []json.RawMessage{e}
		}
	}
	for _, f := range codec.FrameFields(defs) {
		s.Frame = append(s.Frame, FrameSpec{Name: f.Name, Required: f.Required, Always: f.Always, Schema: f.Schema, Example: f.Example})
	}
	return s
}

// isAccepted reports whether an example may be shown: no rule of the type, written in code, refuses it.
func isAccepted(t *schema.Type, codec *schema.Codec, example json.RawMessage) bool {
	return t.CheckReadable() != nil || codec.Unmarshal(example, reflect.New(t.GoType()).Interface(), schema.Limits{}) == nil
}

// specParameters describes the wildcards of the pattern, in its order, then the parameters of the query.
func (m *mount) specParameters() []ParameterSpec {
	all := []ParameterSpec{}
	for _, name := range wildcards(m.pattern) {
		all = append(all, ParameterSpec{
			Name: name, In: InPath, Schema: json.RawMessage(`{"type":"string"}`), Required: true,
			Rest: strings.Contains(m.pattern, "{"+name+"...}"),
		})
	}
	if m.params == nil {
		return all
	}
	for _, p := range m.params.Describe() {
		d := ParameterSpec{
			Name: p.Name, In: p.In, Description: p.Doc, Deprecated: p.Deprecated, Schema: p.Schema, Required: p.Required,
			Default: p.Default, Repeated: p.Repeated, Example: p.Example,
		}
		if i := slices.IndexFunc(all, func(o ParameterSpec) bool { return o.In == p.In && o.Name == p.Name }); i >= 0 {
			d.Rest, all[i] = all[i].Rest, d
		} else {
			all = append(all, d)
		}
	}
	return all
}

// specAuth describes how a client authenticates.
func (m *mount) specAuth(c *ChannelSpec) {
	a, ok := m.opts.Authenticator.(DocumentedAuthenticator)
	if !ok {
		return
	}
	c.SecuritySchemes, c.TokenRequired = a.SecuritySchemes(), a.TokenRequired()
	prefixes := m.tokenProtocols
	for _, s := range c.SecuritySchemes {
		t, ok := tokenSpec(s)
		if t.In == inSubprotocol && len(prefixes) > 0 {
			t.Prefix, prefixes = prefixes[0], prefixes[1:]
		}
		if ok {
			c.Tokens = append(c.Tokens, t)
		}
	}
}

const inSubprotocol = "subprotocol"

// tokenSpec reads a Security Scheme Object of AsyncAPI. ok is false if it is not about a token in the handshake.
func tokenSpec(scheme map[string]any) (t TokenSpec, ok bool) {
	in, _ := scheme["in"].(string)
	name, _ := scheme["name"].(string)
	switch kind, _ := scheme["type"].(string); {
	case kind == "http" && scheme["scheme"] == "bearer":
		return TokenSpec{In: "header", Name: "Authorization", Prefix: "Bearer "}, true
	case kind != "httpApiKey":
		return TokenSpec{}, false
	case in == "header" && strings.EqualFold(name, "Sec-WebSocket-Protocol"):
		return TokenSpec{In: inSubprotocol}, true
	}
	return TokenSpec{In: in, Name: name}, true
}
