package asyncapi

import (
	"encoding/json"
	"strings"

	"github.com/chanx-go/chanx"
)

// Actions of the library with rules of their own.
const (
	authenticationAction = "authentication"
	errorAction          = "error"
	completeAction       = "complete"
	cancelAction         = "chanx.cancel"
)

// message is a message of a channel, in one direction.
type message struct {
	chanx.MessageSpec
	key                  string
	received             bool // from clients
	mayHaveRef, needsRef bool
	hasAsk               bool
}

// isShared reports whether the message is written once for all channels. Errors differ by their reasons, and
// authentication by its examples.
func (m *message) isShared() bool {
	return m.Library && m.Action != errorAction && m.Action != authenticationAction
}

// messageExtension is the x-chanx of a message.
type messageExtension struct {
	Type       string   `json:"type,omitempty"`
	Beside     []string `json:"beside,omitempty"`
	Group      bool     `json:"group,omitempty"`
	Kept       bool     `json:"kept,omitempty"`
	Latest     bool     `json:"latest,omitempty"`
	Droppable  bool     `json:"droppable,omitempty"`
	Deprecated bool     `json:"deprecated,omitempty"`
	Library    bool     `json:"library,omitempty"`
}

func (m *message) extension() messageExtension {
	x := messageExtension{
		Type: m.typeName(), Group: m.Group, Kept: m.Kept, Latest: m.Latest, Droppable: m.Droppable,
		Deprecated: m.Deprecated, Library: m.Library,
	}
	for _, f := range m.Frame {
		x.Beside = append(x.Beside, f.Name)
	}
	return x
}

// typeName is the name of the payload's schema, or that of the Go type if the schema has no name. It is "" without
// content.
func (m *message) typeName() string {
	if m.Payload == nil {
		return ""
	}
	var s struct {
		Ref string `json:"$ref"`
	}
	if json.Unmarshal(m.Payload, &s) == nil && s.Ref != "" {
		return strings.TrimPrefix(s.Ref, schemaPrefix)
	}
	return m.Title
}

// frameTitle names the type of the whole frame: generators need one for each. A type that travels in both directions
// has two kinds of frames.
func (m *message) frameTitle() string {
	if !m.received && m.key != identifier(m.Action) {
		return m.Title + "SentFrame"
	}
	return m.Title + "Frame"
}

// shared returns a message of the library as JSON.
func (d *document) shared(m *message) string {
	w := newWriter()
	w.object("", func() { d.message(w, m) })
	d.fail(w.err)
	return w.buf.String()
}

func (d *document) message(w *writer, m *message) {
	w.text("name", m.Action)
	w.text("title", m.Title)
	first, whole := summary(m.Description)
	w.note("summary", first)
	w.note("description", whole)
	switch {
	case m.mayHaveRef:
		w.ref("correlationId", "#/components/correlationIds/ref")
	case m.hasAsk:
		w.ref("correlationId", "#/components/correlationIds/ask")
	}
	w.object("payload", func() { d.frame(w, m) })
	if examples := d.examples(m); len(examples) > 0 {
		w.list("examples", func() {
			for _, e := range examples {
				w.object("", func() { w.raw("payload", e) })
			}
		})
	}
	w.value("x-chanx", m.extension())
}

// member is a member of a frame, in the order of the wire.
type member struct {
	name     string
	schema   string
	required bool
	example  string // "" is left out
}

const (
	refSchema = `{"description":"A client's id for its message. The answer repeats it.","type":"string","minLength":1,"maxLength":64}`
	askSchema = `{"description":"The server's id for its question. The answer repeats it.","type":"string","minLength":1,"maxLength":64}`
	posSchema = `{"description":"The place of the message in what is kept of its group: group, colon, position.","type":"string","maxLength":64}`

	isMineSchema    = `{"description":"Whether the receiver's user has sent it.","type":"boolean"}`
	isCurrentSchema = `{"description":"Whether this connection has sent it.","type":"boolean"}`
)

// frameMembers lists the members of a message's frame. The payload's example is left to the caller.
func (d *document) frameMembers(m *message) []member {
	action, err := json.Marshal(m.Action)
	d.fail(err)
	all := []member{{d.spec.Discriminator, `{"type":"string","const":` + string(action) + `}`, true, string(action)}}
	if m.Payload != nil {
		all = append(all, member{"payload", string(m.Payload), !m.received || !m.PayloadOptional, ""})
	}
	for _, f := range m.Frame {
		all = append(all, member{f.Name, string(f.Schema), m.received && f.Required || !m.received && f.Always, string(f.Example)})
	}
	if m.Group {
		mine, current := "is_mine", "is_current"
		if d.spec.Camelize {
			mine, current = "isMine", "isCurrent"
		}
		all = append(all, member{mine, isMineSchema, true, "false"}, member{current, isCurrentSchema, true, "false"})
	}
	if m.Kept {
		all = append(all, member{"pos", posSchema, true, `"hC3kQ0aZ9qLm2b4T:g3.m2ab77xw"`})
	}
	if m.mayHaveRef {
		example := ""
		if m.needsRef || m.Reply != "" || !m.received && (!m.Unasked || m.isShared()) {
			example = `"1"`
		}
		all = append(all, member{"ref", refSchema, m.needsRef, example})
	}
	if m.hasAsk {
		all = append(all, member{"ask", askSchema, true, `"a1"`})
	}
	return all
}

func (d *document) frame(w *writer, m *message) {
	members := d.frameMembers(m)
	w.text("title", m.frameTitle())
	if m.Deprecated {
		w.raw("deprecated", []byte("true"))
	}
	w.text("type", "object")
	w.object("properties", func() {
		for _, f := range members {
			w.raw(f.name, []byte(f.schema))
		}
	})
	w.list("required", func() {
		for _, f := range members {
			if f.required {
				w.text("", f.name)
			}
		}
	})
}

// examples returns whole frames: one for each example of the payload. A message whose payload has no example has none.
func (d *document) examples(m *message) (frames [][]byte) {
	payloads := m.Examples
	if m.Payload == nil {
		payloads = []json.RawMessage{nil}
	}
	for _, p := range payloads {
		w := newWriter()
		w.object("", func() {
			for _, f := range d.frameMembers(m) {
				switch {
				case f.name == "payload" && p != nil:
					w.raw("payload", p)
				case f.example != "":
					w.raw(f.name, []byte(f.example))
				}
			}
		})
		d.fail(w.err)
		frames = append(frames, w.buf.Bytes())
	}
	return frames
}
