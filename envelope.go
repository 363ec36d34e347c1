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

// taken says what is wrong with a message's field that is to be a member of the frame under that name.
func (n *names) checkReserved(name string) (mend string) {
	if name != n.discriminator && !isEnvelopeMember(name) {
		return ""
	}
	return fmt.Sprintf("every frame has a member %q of its own: rename the field with json", name)
}

// frame is a client's message after decoding.
type frame struct {
	in    *mountedIncoming // nil if the frame is invalid or a cancel
	value any              // pointer to the message
	ref   string           // "" is none
}

// handler is the name of the handler that runs in the queue for the message; nil if there is none.
func (f *frame) handler() *string {
	if f.in == nil || f.in.isParallel() {
		return nil
	}
	return &f.in.action
}

const (
	maxRefBytes  = 64
	maxTagPoints = 64
	maxTags      = 1 << 10 // bytes of all known ones: the text of an item has no room for more
)

// reader decodes the frames of one mount. Readers are pooled: their decoders keep buffers.
type reader struct{ d schema.Decoder }

var readers = sync.Pool{New: func() any { return new(reader) }}

// envelope is what reader sees of a frame before it knows whether it is valid.
type envelope struct {
	frame
	message  schema.Message // that is being read, if in is known
	peeking  bool           // nothing of the message is read: only its tag and its ref are wanted
	tag      string         // of the discriminator, or its JSON text if it is not a string; "" once in is known
	hasTag   bool
	skipped  bool // there was a member of the message before its type was known
	badRef   *FieldError
	hasTopic bool // the reserved member is there
}

// read decodes a frame in one pass if its discriminator comes first; what came before it is read in a second. The items
// of an invalid frame come with as much of the frame as is known: its ref.
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
		return e.frame, nil // a cancel
	}
	if err := m.finish(d, &e); err != nil {
		return frame{ref: e.refIn(data)}, syntaxError(err)
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
	e.in, e.value = in, in.make()
	e.message = in.codec.Begin(d, e.value, "payload")
	return nil
}

// member reads what may be part of the message: its payload or a field that is carried beside it.
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

// again reads the members that came before the action.
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

// peek reads the tag and the ref of a frame, without any code of the application's; both are "" if it is none.
func (m *mount) peek(data []byte) (tag, ref string) {
	var d schema.Decoder
	d.Reset(data, m.limits)
	e := envelope{peeking: true}
	if items, err := m.members(&d, &e); err != nil || items != nil {
		return "", ""
	}
	return e.tag, e.ref
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

// refIn is the ref of a frame that is not valid JSON, or "".
func (e *envelope) refIn(data []byte) string {
	if e.ref != "" || e.badRef != nil {
		return e.ref
	}
	return looseRef(data)
}

// checkTag tells what is wrong with the discriminator.
func (m *mount) checkTag(d *schema.Decoder, e *envelope) ValidationError {
	switch {
	case !e.hasTag:
		d.Fail("union_tag_not_found", "Unable to extract tag using discriminator '"+m.names.discriminator+"'")
	case e.in == nil && e.tag != cancelAction:
		d.Fail("union_tag_invalid", "Input tag '"+cut(e.tag, maxTagPoints)+"' found using '"+m.names.discriminator+
			"' does not match any of the expected tags: "+m.tags)
	default:
		return nil
	}
	return d.Errors()
}

// finish completes the message, and adds the items of ref and topic behind those of it.
func (m *mount) finish(d *schema.Decoder, e *envelope) error {
	if e.skipped {
		if err := m.readSkipped(d, e); err != nil {
			return err
		}
	}
	if err := e.message.End(); err != nil {
		return err
	}
	if e.badRef != nil {
		d.Fail(e.badRef.Type, e.badRef.Msg, "ref")
	}
	if e.hasTopic {
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

// cutBytes shortens s to n bytes, and says so.
func cutBytes(s string, n int) string {
	if len(s) <= n {
		return s
	}
	for n -= len("..."); n > 0 && !utf8.RuneStart(s[n]); n-- {
	}
	return s[:n] + "..."
}

// quoteTags lists tags as the texts of validation errors do.
func quoteTags(tags []string) string { return "'" + strings.Join(tags, "', '") + "'" }

// readCancel reports whether a frame is a cancel, and whose.
func (m *mount) readCancel(p []byte) (ref string, is bool) {
	if !bytes.Contains(p, []byte(cancelAction)) {
		return "", false
	}
	tag, ref := m.peek(p)
	return ref, tag == cancelAction && ref != ""
}

// looseRef finds the ref of a frame that is not valid JSON, so that who waits for an answer to it gets one. It reads past
// what does not hide where values end: a bad escape or invalid UTF-8 in a string, a duplicate member, deep nesting. It
// returns "" where brackets, quotes, colons and commas are not where they should be, and of a ref that may not be one.
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

// passByte passes over white space and one byte.
func passByte(data []byte, c byte) (rest []byte, ok bool) {
	data = bytes.TrimLeft(data, " \t\r\n")
	if len(data) == 0 || data[0] != c {
		return data, false
	}
	return data[1:], true
}

// passValue passes over white space and one value, by its quotes and brackets only. The value is empty if it has no end.
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

// endOfString is where the quote stands that ends the string which begins at i.
func endOfString(data []byte, i int) int {
	for i++; i < len(data) && data[i] != '"'; i++ {
		if data[i] == '\\' {
			i++
		}
	}
	return i
}

// parse makes a value of what travels. It need not be valid: nobody has asked when it was sent.
func (o *mountedOutgoing) parse(payload, frame []byte, l schema.Limits) (any, error) {
	b := appendPayload([]byte(`{"":0`), payload)
	b = append(inlineObject(append(b, frame...), len(b)), '}')
	var d schema.Decoder
	d.Reset(b, l)
	if _, err := d.BeginObject(); err != nil {
		return nil, err
	}
	v := o.make()
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
