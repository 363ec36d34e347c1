package chanx

import (
	"bytes"
	"fmt"
	"strconv"
	"strings"
	"sync"
	"unicode/utf8"

	"github.com/go-json-experiment/json/jsontext"

	"github.com/chanx-go/chanx/schema"
)

// names are the server's names for the library's own members of a frame.
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

// checkReserved returns what is wrong with a message field that is carried in the frame under that name, or "".
func (n *names) checkReserved(name string) (problem string) {
	if name != n.discriminator && !isEnvelopeMember(name) {
		return ""
	}
	return fmt.Sprintf("every frame has a member %q of its own: rename the field with json", name)
}

// frame is a decoded message of a client.
type frame struct {
	in     *mountedIncoming // nil if the frame is invalid or a control frame
	value  any              // pointer to the message
	ctx    *handlerContext  // for its handler
	ref    string           // "" means none
	isPing bool             // of a control frame: not a cancel
}

// handler returns the name of the message's handler if it runs in the queue, or nil.
func (f *frame) handler() *string {
	if f.in == nil || f.in.isParallel() {
		return nil
	}
	return &f.in.action
}

const (
	maxRefBytes  = 64
	maxTagPoints = 64
	maxTags      = 1 << 10 // bytes of the list of known tags; the text of an error has no room for more
)

// reader decodes the frames of one mount. Readers are pooled, because their decoders keep buffers.
type reader struct{ d schema.Decoder }

var readers = sync.Pool{New: func() any { return new(reader) }}

// envelope is the state of the reader within a frame.
type envelope struct {
	frame
	message  schema.Message // the message that is being read, if in is set
	peeking  bool           // only the tag and the ref are read, not the message
	tag      string         // value of the discriminator, or its JSON text if it is not a string; "" if in is set
	hasTag   bool
	skipped  bool // members of the message came before the discriminator
	badRef   *FieldError
	hasTopic bool // the reserved member "topic" is present
}

// read decodes a frame. It needs one pass if the discriminator comes first; otherwise a second pass reads the members
// before it. If the frame is invalid, read returns the errors and as much of the frame as is known: its ref.
func (m *mount) read(data []byte) (frame, ValidationError) {
	r := readers.Get().(*reader)
	defer readers.Put(r)
	d := &r.d
	d.Reset(data, m.limits)
	var e envelope
	if items, err := m.members(d, &e); err != nil {
		return frame{ref: e.refIn(data)}, syntaxError(err)
	} else if items != nil {
		return e.frame, items
	}
	if items := m.checkTag(d, &e); items != nil {
		return frame{ref: e.ref}, items
	}
	if e.in == nil {
		return e.control(d)
	}
	if err := m.finish(d, &e); err != nil {
		return frame{ref: e.refIn(data)}, syntaxError(err)
	}
	if items := d.Errors(); len(items) > 0 {
		return frame{ref: e.ref}, items
	}
	return e.frame, nil
}

// members reads the frame's members up to its end.
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
		case string(name) == "ref":
			err = e.readRef(d)
		case string(name) == "topic":
			e.hasTopic = true
			err = d.Skip()
		default:
			err = e.member(d, name)
		}
		if err != nil {
			return nil, err
		}
	}
}

func (m *mount) readTag(d *schema.Decoder, e *envelope) error {
	e.hasTag = true
	if d.Kind() != '"' {
		raw, err := d.Raw()
		e.tag = string(raw)
		return err
	}
	tag, err := d.String()
	if err != nil {
		return err
	}
	in := m.incoming[string(tag)]
	if in == nil || e.peeking {
		e.tag = string(tag)
		return nil
	}
	e.in = in
	e.value, e.ctx = in.make()
	e.message = in.codec.Begin(d, e.value, "payload")
	return nil
}

// member reads a member that may belong to the message: its payload, or a field beside the payload.
func (e *envelope) member(d *schema.Decoder, name []byte) error {
	if e.in == nil {
		e.skipped = true
		return d.Skip()
	}
	return readMember(d, &e.message, name)
}

func readMember(d *schema.Decoder, m *schema.Message, name []byte) error {
	if string(name) == "payload" {
		return m.Payload()
	}
	if known, err := m.Field(name); known || err != nil {
		return err
	}
	return d.Skip()
}

// readSkipped reads the members that came before the discriminator.
func (m *mount) readSkipped(d *schema.Decoder, e *envelope) error {
	if _, err := d.BeginObject(); err != nil {
		return err
	}
	for {
		name, ok, err := d.NextMember()
		if err != nil || !ok || string(name) == m.names.discriminator {
			return err
		}
		if err := e.member(d, name); err != nil {
			return err
		}
	}
}

// peek reads the discriminator and the ref of a frame without calling code of the application. It returns nothing if
// the frame is not an object.
func (m *mount) peek(data []byte) envelope {
	var d schema.Decoder
	d.Reset(data, m.limits)
	e := envelope{peeking: true}
	if items, err := m.members(&d, &e); err != nil || items != nil {
		return envelope{}
	}
	return e
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

// refIn returns the ref of a frame that is not valid JSON, or "".
func (e *envelope) refIn(data []byte) string {
	if e.ref != "" || e.badRef != nil {
		return e.ref
	}
	return looseRef(data)
}

// checkTag returns the error in the discriminator, if there is one.
func (m *mount) checkTag(d *schema.Decoder, e *envelope) ValidationError {
	switch {
	case !e.hasTag:
		d.Fail("union_tag_not_found", "Unable to extract tag using discriminator '"+m.names.discriminator+"'")
	case e.in == nil && e.tag != cancelAction && e.tag != pingAction:
		d.Fail("union_tag_invalid", "Input tag '"+cut(e.tag, maxTagPoints)+"' found using '"+m.names.discriminator+
			"' does not match any of the expected tags: "+m.tags)
	default:
		return nil
	}
	return d.Errors()
}

// control returns a control frame. A cancel gets no answer, so nothing in it is refused.
func (e *envelope) control(d *schema.Decoder) (frame, ValidationError) {
	if e.isPing = e.tag == pingAction; e.isPing {
		e.checkMembers(d)
	}
	return e.frame, d.Errors()
}

// finish completes the message and then reports errors in ref and topic.
func (m *mount) finish(d *schema.Decoder, e *envelope) error {
	if e.skipped {
		if err := m.readSkipped(d, e); err != nil {
			return err
		}
	}
	if err := e.message.End(); err != nil {
		return err
	}
	e.checkMembers(d)
	return nil
}

// checkMembers reports errors in ref and topic.
func (e *envelope) checkMembers(d *schema.Decoder) {
	if e.badRef != nil {
		d.Fail(e.badRef.Type, e.badRef.Msg, "ref")
	}
	if e.hasTopic {
		d.Fail("extra_forbidden", "Extra inputs are not permitted", "topic")
	}
}

var notAnObject = ValidationError{{
	Type: "model_attributes_type", Loc: []any{}, Msg: "Input should be a valid dictionary or object to extract fields from",
}}

func invalidJSON(what string) ValidationError {
	return ValidationError{{Type: "json_invalid", Loc: []any{}, Msg: "Invalid JSON: " + what}}
}

func syntaxError(err error) ValidationError { return invalidJSON(err.Error()) }

// cut truncates s to n code points.
func cut(s string, n int) string {
	if len(s) <= n {
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

// cutBytes truncates s to n bytes and then ends it with "...".
func cutBytes(s string, n int) string {
	if len(s) <= n {
		return s
	}
	for n -= len("..."); n > 0 && !utf8.RuneStart(s[n]); n-- {
	}
	return s[:n] + "..."
}

// quoteTags lists tags in the format of validation errors.
func quoteTags(tags []string) string { return "'" + strings.Join(tags, "', '") + "'" }

// looseRef finds the ref of a frame that is not valid JSON, so that a client that waits for an answer receives one. It
// tolerates errors that do not hide where a value ends: a bad escape or invalid UTF-8 in a string, a duplicate member,
// deep nesting. It returns "" if brackets, quotes, colons or commas are misplaced, or if the ref is not a valid one.
func looseRef(data []byte) string {
	rest, ok := passByte(data, '{')
	for ok {
		var name, value []byte
		if name, rest = passValue(rest); len(name) == 0 || name[0] != '"' {
			return ""
		}
		if rest, ok = passByte(rest, ':'); !ok {
			return ""
		}
		if value, rest = passValue(rest); string(name) == `"ref"` {
			return unquoteRef(value)
		}
		rest, ok = passByte(rest, ',')
	}
	return ""
}

func unquoteRef(quoted []byte) string {
	ref, err := jsontext.AppendUnquote(nil, quoted[:min(len(quoted), 6*maxRefBytes+2)])
	if err != nil || len(ref) > maxRefBytes {
		return ""
	}
	return string(ref)
}

// passByte skips white space and the byte c.
func passByte(data []byte, c byte) (rest []byte, ok bool) {
	data = bytes.TrimLeft(data, " \t\r\n")
	if len(data) == 0 || data[0] != c {
		return data, false
	}
	return data[1:], true
}

// passValue skips white space and one value. It looks at quotes and brackets only. The value is empty if its end is
// missing.
func passValue(data []byte) (value, rest []byte) {
	data = bytes.TrimLeft(data, " \t\r\n")
	depth := 0
	for i := 0; i < len(data); i++ {
		switch data[i] {
		case '"':
			if i = endOfString(data, i); i >= len(data) {
				return nil, nil
			}
			if depth == 0 {
				return data[:i+1], data[i+1:]
			}
		case '{', '[':
			depth++
		case '}', ']':
			if depth--; depth == 0 {
				return data[:i+1], data[i+1:]
			}
		}
		if depth < 0 || depth == 0 && (data[i] == ',' || data[i] == ':') {
			return data[:i], data[i:]
		}
	}
	return nil, nil
}

// endOfString returns the index of the quote that ends the string beginning at i.
func endOfString(data []byte, i int) int {
	for i++; i < len(data) && data[i] != '"'; i++ {
		if data[i] == '\\' {
			i++
		}
	}
	return i
}

// parse decodes a message from its payload and frame fields in declared names. Outgoing messages are not validated, so
// the result need not be valid.
func (o *mountedOutgoing) parse(payload, frame []byte, l schema.Limits) (any, error) {
	b := appendPayload([]byte(`{"":0`), payload)
	b = append(inlineObject(append(b, frame...), len(b)), '}')
	var d schema.Decoder
	d.Reset(b, l)
	if _, err := d.BeginObject(); err != nil {
		return nil, err
	}
	v := o.latest.make()
	m := o.plain.Begin(&d, v, "payload")
	for {
		name, ok, err := d.NextMember()
		if err == nil && ok {
			err = readMember(&d, &m, name)
		}
		if err != nil || !ok {
			return v, err
		}
	}
}
