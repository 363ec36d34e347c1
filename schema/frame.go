package schema

import (
	"encoding/json"
	"reflect"
	"strconv"
)

// frameTag marks fields that are sent beside the payload.
const frameTag = "frame"

// isFrameField reads the frame tag of a field.
func isFrameField(t reflect.Type, f reflect.StructField) (bool, error) {
	text, ok := f.Tag.Lookup(frameTag)
	if !ok {
		return false, nil
	}
	is, err := strconv.ParseBool(text)
	wrong := ""
	switch {
	case err != nil:
		wrong = "it must be true or false"
	case !is:
	case f.Tag.Get("json") == "-":
		wrong = `json:"-" leaves the field out: remove one of the tags`
	case !f.IsExported():
		wrong = "the field is not exported: export it or remove the tag"
	case f.Anonymous && f.Tag.Get("json") == "":
		wrong = "an embedded struct is not a member by itself: tag its fields, or name it with json"
	}
	if wrong != "" {
		return false, frameError(t, f, wrong)
	}
	return is, nil
}

func frameError(t reflect.Type, f reflect.StructField, fix string) error {
	return &TypeError{Type: t, Field: f.Name, Tag: frameTag + ":" + strconv.Quote(f.Tag.Get(frameTag)), Msg: fix}
}

// checkNoFrameFields refuses the tag in a type with its own JSON or text methods.
func checkNoFrameFields(t reflect.Type) error {
	if t.Kind() != reflect.Struct {
		return nil
	}
	for f := range t.Fields() {
		if _, has := f.Tag.Lookup(frameTag); has {
			return frameError(t, f, "the type is written by methods of its own, which write one value: remove the tag or the methods")
		}
	}
	return nil
}

// checkParts refuses a type with frame fields inside another type: only a message has a frame.
func (t *Type) checkParts() error {
	for part := range t.parts {
		if len(part.frame.fields) > 0 {
			f := part.frame.fields[0]
			return f.wrong(`frame:"true"`, "%s is inside %s, and only a message itself has a frame: remove the tag, or give %s a type without it",
				f.owner, t.goType, t.goType)
		}
	}
	return nil
}

// HasFrameFields reports whether the type has fields tagged frame:"true". They are members of a message's frame, beside
// its payload.
func (t *Type) HasFrameFields() bool { return len(t.frame.fields) > 0 }

// CheckFrameFields calls fix with the name of each frame field in every naming. fix returns "" if the name is allowed,
// else how to fix it. The error is a *TypeError with the first text that is not empty.
func (t *Type) CheckFrameFields(fix func(name string) string) error {
	for _, f := range t.frame.fields {
		for _, name := range f.names {
			if text := fix(name); text != "" {
				return f.wrong(`frame:"true"`, "%s", text)
			}
		}
	}
	return nil
}

// AppendFrame appends the frame fields of a value to b as a JSON object. See Append.
func (c *Codec) AppendFrame(b []byte, v any) ([]byte, error) {
	value, ok := c.typ.valueOf(v)
	if !ok {
		return nil, c.wrongType(v)
	}
	e := encoder{naming: c.naming}
	b, err := e.object(append(b, '{'), c.typ.frame.fields, value, "")
	if err != nil {
		return nil, c.encodeError(err)
	}
	return b, nil
}

// FrameField describes a frame field.
type FrameField struct {
	Name     string          // on the wire
	Required bool            // when decoding
	Always   bool            // whether it is always encoded
	Schema   json.RawMessage // with description, default and example, if it has them
	Example  json.RawMessage // a valid value; see Codec.Example
}

// FrameFields describes the frame fields, in order. See JSONSchema; d must not be nil.
func (c *Codec) FrameFields(d *Definitions) []FrameField {
	members := d.root(c).frame
	all := make([]FrameField, len(members))
	for i, f := range c.typ.frame.fields {
		s := sampler{naming: c.naming, inside: map[*Type]bool{}}
		example, ok := s.field(nil, f, 0)
		if !ok {
			example = json.RawMessage("null") // as in Example
		}
		all[i] = FrameField{Name: members[i].name, Required: f.required, Always: f.isAlwaysWritten(), Schema: marshal(members[i].document), Example: example}
	}
	return all
}
