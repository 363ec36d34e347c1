package asyncapi

import (
	"encoding/json"
	"regexp"
	"strings"

	"github.com/chanx-go/chanx"
)

// endpoint is a consumer at a pattern.
type endpoint struct {
	chanx.ChannelSpec
	key      string
	title    string
	received []*message
	sent     []*message // those that occur
	asks     []ask
	security []string // keys of the security schemes
}

// ask is a question of the server and its answer.
type ask struct{ question, answer *message }

// newEndpoints names the channels and their messages. If two consumers have the same name, the addresses tell them
// apart: no key depends on the order.
func newEndpoints(specs []chanx.ChannelSpec) (all []*endpoint) {
	uses := map[string]int{}
	for _, s := range specs {
		uses[identifier(s.Name)]++
	}
	taken := keys{}
	for _, s := range specs {
		c := &endpoint{ChannelSpec: s, title: s.Name}
		name := s.Name
		if uses[identifier(name)] > 1 {
			name += "_" + orDefault(words(address(s.Pattern)), "root")
			c.title = name
		}
		c.key = taken.take(name, "channel")
		c.addMessages()
		all = append(all, c)
	}
	return all
}

func (c *endpoint) addMessages() {
	taken := keys{}
	replies := map[string]bool{errorAction: true, completeAction: true} // any message may get these
	for _, s := range c.Receives {
		replies[s.Reply] = true
		m := &message{MessageSpec: s, key: taken.take(s.Action, "message"), received: true, mayHaveRef: true}
		m.needsRef = s.Action == cancelAction
		c.received = append(c.received, m)
	}
	for _, s := range c.Sends {
		if s.Unasked || replies[s.Action] {
			m := &message{MessageSpec: s, key: taken.take(s.Action, s.Action+".sent"), mayHaveRef: replies[s.Action]}
			c.sent = append(c.sent, m)
		}
	}
	for _, s := range c.Asks {
		c.asks = append(c.asks, ask{
			&message{MessageSpec: s.Question, key: taken.take(s.Question.Action, s.Question.Action+".asked"), hasAsk: true},
			&message{MessageSpec: s.Answer, key: taken.take(s.Answer.Action, s.Answer.Action+".answer"), received: true, hasAsk: true},
		})
	}
}

// messages lists all messages of the channel.
func (c *endpoint) messages() []*message {
	all := append(c.received[:len(c.received):len(c.received)], c.sent...)
	for _, a := range c.asks {
		all = append(all, a.question, a.answer)
	}
	return all
}

// find returns the sent message with an action, or nil.
func (c *endpoint) find(action string) *message {
	for _, m := range c.sent {
		if m.Action == action {
			return m
		}
	}
	return nil
}

var lastWildcard = regexp.MustCompile(`\{([^{}]+)\.\.\.\}`)

// address writes a pattern of net/http as a channel's address: without host, and {name...} as {name}.
func address(pattern string) string {
	if i := strings.IndexByte(pattern, '/'); i > 0 {
		pattern = pattern[i:]
	}
	return lastWildcard.ReplaceAllString(strings.TrimSuffix(pattern, "{$}"), "{$1}")
}

func host(pattern string) string {
	name, _, _ := strings.Cut(pattern, "/")
	return name
}

// channelExtension is the x-chanx of a channel.
type channelExtension struct {
	Name          string            `json:"name"`
	Host          string            `json:"host,omitempty"`
	Welcome       bool              `json:"welcome"`
	Completions   bool              `json:"completions"`
	Tokens        []chanx.TokenSpec `json:"tokens,omitempty"`
	TokenRequired bool              `json:"tokenRequired,omitempty"`
	Resume        bool              `json:"resume,omitempty"`
	Recent        int               `json:"recent,omitempty"`
	Presence      json.RawMessage   `json:"presence,omitempty"`
	Closes        []chanx.CloseSpec `json:"closes,omitempty"`
}

func (d *document) channel(c *endpoint) {
	d.text("address", address(c.Pattern))
	d.text("title", c.title)
	d.note("description", c.Doc)
	d.parameters(c)
	d.object("messages", func() {
		for _, m := range c.messages() {
			if m.isShared() {
				d.ref(m.key, "#/components/messages/"+d.library.add(m.Action, d.shared(m)))
			} else {
				d.object(m.key, func() { d.message(d.writer, m) })
			}
		}
	})
	d.bindings(c)
	d.value("x-chanx", channelExtension{
		c.key, host(c.Pattern), c.Welcome, c.Completions, c.Tokens, c.TokenRequired, c.Resume, c.Recent, c.Presence, c.Closes,
	})
}

func (d *document) parameters(c *endpoint) {
	var inPath []chanx.ParameterSpec
	for _, p := range c.Parameters {
		if p.In == chanx.InPath {
			inPath = append(inPath, p)
		}
	}
	if len(inPath) == 0 {
		return
	}
	d.object("parameters", func() {
		for _, p := range inPath {
			d.object(p.Name, func() { d.pathParameter(p) })
		}
	})
}

// pathParameter writes a parameter. All values of AsyncAPI's are strings; the schema is an extension.
func (d *document) pathParameter(p chanx.ParameterSpec) {
	d.note("description", p.Description)
	var s struct{ Enum, Examples []json.RawMessage }
	_ = json.Unmarshal(p.Schema, &s) // a schema that is not an object has neither
	d.texts("enum", s.Enum)
	if p.Default != nil {
		d.text("default", plainText(p.Default))
	}
	if s.Examples == nil && p.Example != nil {
		s.Examples = []json.RawMessage{p.Example}
	}
	d.texts("examples", s.Examples)
	d.value("x-chanx", struct {
		Schema     json.RawMessage `json:"schema"`
		Rest       bool            `json:"rest,omitempty"`
		Deprecated bool            `json:"deprecated,omitempty"`
	}{p.Schema, p.Rest, p.Deprecated})
}

func (d *document) texts(name string, values []json.RawMessage) {
	if len(values) == 0 {
		return
	}
	d.list(name, func() {
		for _, v := range values {
			d.text("", plainText(v))
		}
	})
}

// plainText returns a JSON value as it is written in a URL: a string without its quotes.
func plainText(v json.RawMessage) string {
	var s string
	if json.Unmarshal(v, &s) == nil {
		return s
	}
	return string(v)
}

// bindings writes the query parameters.
func (d *document) bindings(c *endpoint) {
	var required []string
	var inQuery []chanx.ParameterSpec
	for _, p := range c.Parameters {
		if p.In != chanx.InQuery {
			continue
		}
		if inQuery = append(inQuery, p); p.Required {
			required = append(required, p.Name)
		}
	}
	d.object("bindings", func() {
		d.object("ws", func() {
			d.text("method", "GET")
			if len(inQuery) > 0 {
				d.object("query", func() {
					d.text("type", "object")
					d.object("properties", func() {
						for _, p := range inQuery {
							d.raw(p.Name, annotated(p))
						}
					})
					if required != nil {
						d.value("required", required)
					}
				})
			}
			d.text("bindingVersion", "0.1.0")
		})
	})
}

// annotated returns the schema of a query parameter with what the parameter adds to it. Keywords beside $ref would be
// ignored, so a reference is wrapped.
func annotated(p chanx.ParameterSpec) []byte {
	var has map[string]json.RawMessage
	if json.Unmarshal(p.Schema, &has) != nil {
		return p.Schema
	}
	w := newWriter()
	add := func(name string, value any, is bool) {
		if is && has[name] == nil {
			w.value(name, value)
		}
	}
	w.object("", func() {
		add("description", p.Description, p.Description != "")
		add("deprecated", true, p.Deprecated)
		add("default", p.Default, p.Default != nil)
		add("examples", []json.RawMessage{p.Example}, p.Example != nil)
		if has["$ref"] != nil {
			w.list("allOf", func() { w.raw("", p.Schema) })
			return
		}
		w.members(p.Schema)
	})
	return w.buf.Bytes()
}
