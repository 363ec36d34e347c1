package chanx

import (
	"fmt"
	"strconv"
	"strings"
	"sync"
	"unicode/utf8"

	"github.com/go-json-experiment/json/jsontext"

	"github.com/chanx-go/chanx/schema"
)

// names are the library's own members of a frame, as a server spells them.
type names struct {
	naming        schema.Naming
	discriminator string
	isMine        string
	isCurrent     string
}

func newNames(discriminator string, camelize bool) names {
	n := names{discriminator: discriminator, isMine: "is_mine", isCurrent: "is_current"}
	if n.discriminator == "" {
		n.discriminator = "action"
	}
	if camelize {
		n.naming, n.isMine, n.isCurrent = schema.CamelCase, schema.Camel(n.isMine), schema.Camel(n.isCurrent)
	}
	return n
}

// frame is a client's message after decoding.
type frame struct {
	in    *mountedIncoming // nil if the frame is invalid or a cancel
	value any              // pointer to the message
	ref   string           // "" is none
}

const (
	maxRefBytes  = 64
	maxTagPoints = 64
)

// reader decodes the frames of one mount. Readers are pooled: their decoders keep buffers.
type reader struct{ d schema.Decoder }

var readers = sync.Pool{New: func() any { return new(reader) }}

// envelope is what reader sees of a frame before it knows whether it is valid.
type envelope struct {
	frame
	tag       string // of the discriminator, or its JSON text if it is not a string
	tagged    bool
	payload   int // where the payload was passed over because the action was not known yet; -1 if it was not
	decoded   bool
	badRef    *FieldError
	extraItem bool // the reserved member topic is there
}

// read decodes a frame in one pass if its discriminator comes before its payload, else its payload in a second. The
// items of an invalid frame come with as much of the frame as is known: its ref.
func (m *mount) read(data []byte) (frame, ValidationError) {
	r := readers.Get().(*reader)
	defer readers.Put(r)
	d := &r.d
	d.Reset(data, m.limits)
	e := envelope{payload: -1}
	if items, err := m.members(d, &e); err != nil {
		return frame{}, syntaxError(err)
	} else if items != nil {
		return e.frame, items
	}
	if items := m.checkTag(&e); items != nil {
		return frame{ref: e.ref}, items
	}
	if e.in == nil {
		return e.frame, nil // a cancel
	}
	if err := m.finish(d, &e); err != nil {
		return frame{}, syntaxError(err)
	}
	if items := d.Errors(); len(items) > 0 {
		return frame{ref: e.ref}, items
	}
	return e.frame, nil
}

// members walks over the frame's members to its end.
func (m *mount) members(d *schema.Decoder, e *envelope) (ValidationError, error) {
	if ok, err := d.BeginObject(); err != nil {
		return nil, err
	} else if !ok {
		if err := d.Skip(); err != nil {
			return nil, err
		}
		return notAnObject, d.End()
	}
	for {
		name, ok, err := d.NextMember()
		if err != nil {
			return nil, err
		}
		if !ok {
			return nil, d.End()
		}
		switch {
		case string(name) == m.names.discriminator:
			err = m.readTag(d, e)
		case string(name) == "payload":
			err = m.readPayload(d, e)
		case string(name) == "ref":
			err = e.readRef(d)
		default:
			e.extraItem = e.extraItem || string(name) == "topic"
			err = d.Skip()
		}
		if err != nil {
			return nil, err
		}
	}
}

func (m *mount) readTag(d *schema.Decoder, e *envelope) error {
	e.tagged = true
	if d.Kind() != '"' {
		raw, err := d.Raw()
		e.tag = string(raw)
		return err
	}
	tag, err := d.String()
	if err != nil {
		return err
	}
	if e.in = m.incoming[string(tag)]; e.in == nil {
		e.tag = string(tag)
	}
	return nil
}

func (m *mount) readPayload(d *schema.Decoder, e *envelope) error {
	if e.in == nil {
		e.payload = d.Offset()
		return d.Skip()
	}
	e.decoded = true
	e.value = e.in.make()
	return e.in.codec.Decode(d, e.value, "payload")
}

func (e *envelope) readRef(d *schema.Decoder) error {
	if d.Kind() != '"' {
		e.badRef = &FieldError{Type: "string_type", Msg: "Input should be a valid string"}
		return d.Skip()
	}
	ref, err := d.String()
	switch {
	case err != nil:
		return err
	case len(ref) == 0:
		e.badRef = &FieldError{Type: "string_too_short", Msg: "String should have at least 1 character"}
	case len(ref) > maxRefBytes:
		e.badRef = &FieldError{Type: "string_too_long", Msg: "String should have at most " + strconv.Itoa(maxRefBytes) + " characters"}
	default:
		e.ref = string(ref)
	}
	return nil
}

// checkTag tells what is wrong with the discriminator.
func (m *mount) checkTag(e *envelope) ValidationError {
	switch {
	case !e.tagged:
		return ValidationError{{Type: "union_tag_not_found", Loc: []any{}, Msg: fmt.Sprintf(
			"Unable to extract tag using discriminator '%s'", m.names.discriminator)}}
	case e.in == nil && e.tag != cancelAction:
		return ValidationError{{Type: "union_tag_invalid", Loc: []any{}, Msg: fmt.Sprintf(
			"Input tag '%s' found using '%s' does not match any of the expected tags: %s",
			cut(e.tag, maxTagPoints), m.names.discriminator, m.tags)}}
	}
	return nil
}

// finish decodes a payload that came before the action, or decides about an absent one, and adds the items of ref and
// topic behind those of the payload.
func (m *mount) finish(d *schema.Decoder, e *envelope) error {
	if !e.decoded {
		e.value = e.in.make()
		if e.payload >= 0 {
			d.Seek(e.payload)
			if err := e.in.codec.Decode(d, e.value, "payload"); err != nil {
				return err
			}
		} else {
			e.in.codec.DecodeAbsent(d, e.value, "payload")
		}
	}
	if e.badRef != nil {
		d.Fail(e.badRef.Type, e.badRef.Msg, "ref")
	}
	if e.extraItem {
		d.Fail("extra_forbidden", "Extra inputs are not permitted", "topic")
	}
	return nil
}

var notAnObject = ValidationError{{
	Type: "model_attributes_type", Loc: []any{}, Msg: "Input should be a valid dictionary or object to extract fields from",
}}

func invalidJSON(what string) ValidationError {
	return ValidationError{{Type: "json_invalid", Loc: []any{}, Msg: "Invalid JSON: " + what}}
}

func syntaxError(err error) ValidationError { return invalidJSON(err.Error()) }

// cut shortens s to n code points.
func cut(s string, n int) string {
	if len(s) <= n || utf8.RuneCountInString(s) <= n {
		return s
	}
	for i := range s {
		if n == 0 {
			return s[:i]
		}
		n--
	}
	return s
}

// quoteTags lists tags as the texts of validation errors do.
func quoteTags(tags []string) string { return "'" + strings.Join(tags, "', '") + "'" }

// appendString writes s as JSON; invalid UTF-8 is replaced.
func appendString(b []byte, s string) []byte {
	q, _ := jsontext.AppendQuote(b, s) // the only error says that something was replaced
	return q
}

// flags are those of a group message's frame.
type flags struct{ mine, current bool }

// appendHead begins a frame.
func (n *names) appendHead(b []byte, action string) []byte {
	b = append(b, `{"`...)
	b = append(b, n.discriminator...)
	b = append(b, `":`...)
	return appendString(b, action)
}

func appendPayload(b, payload []byte) []byte {
	if len(payload) == 0 {
		return b
	}
	b = append(b, `,"payload":`...)
	return append(b, payload...)
}

func (n *names) appendFlags(b []byte, f flags) []byte {
	b = append(b, `,"`...)
	b = append(b, n.isMine...)
	b = append(b, `":`...)
	b = strconv.AppendBool(b, f.mine)
	b = append(b, `,"`...)
	b = append(b, n.isCurrent...)
	b = append(b, `":`...)
	return strconv.AppendBool(b, f.current)
}

// appendEnd ends a frame, with the ref if there is one.
func appendEnd(b []byte, ref string) []byte {
	if ref != "" {
		b = append(b, `,"ref":`...)
		b = appendString(b, ref)
	}
	return append(b, '}')
}
