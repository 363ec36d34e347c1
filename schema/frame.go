package schema

import (
	"encoding/json"
	"reflect"
	"strconv"
)

// frameTag is the tag of fields that are carried beside the payload.
const frameTag = "frame"

// isFrameField reads the tag frame of a struct's field.
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
		wrong = "an embedded struct is no member by itself: tag its fields, or name it with json"
	}
	if wrong != "" {
		return false, frameError(t, f, wrong)
	}
	return is, nil
}

func frameError(t reflect.Type, f reflect.StructField, mend string) error {
	return &TypeError{Type: t, Field: f.Name, Tag: frameTag + ":" + strconv.Quote(f.Tag.Get(frameTag)), Mend: mend}
}

// noFrameFields finds the tag in a type that writes itself.
func noFrameFields(t reflect.Type) error {
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

// checkParts finds a type with frame fields inside another: only a message has a frame.
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

// HasFrameFields reports whether the type has fields that are tagged frame:"true": members of a message's frame, beside
// its payload.
func (t *Type) HasFrameFields() bool { return len(t.frame.fields) > 0 }

// CheckFrameFields asks about the name of each frame field, in every naming. The error is a *TypeError with the first
// mend that is not empty.
func (t *Type) CheckFrameFields(mend func(name string) string) error {
	for _, f := range t.frame.fields {
		for _, name := range f.names {
			if text := mend(name); text != "" {
				return f.wrong(`frame:"true"`, "%s", text)
			}
		}
	}
	return nil
}

// AppendFrame writes the frame fields of a value, a JSON object, behind b. See Append.
func (c *Codec) AppendFrame(b []byte, v any) ([]byte, error) {
	value, ok := c.typ.valueOf(v)
	if !ok {
		return nil, c.notOne(v)
	}
	e := encoder{naming: c.naming}
	b, err := e.object(append(b, '{'), c.typ.frame.fields, value, "")
	if err != nil {
		return nil, c.failed(err)
	}
	return b, nil
}

// FrameField describes a frame field.
type FrameField struct {
	Name     string          // on the wire
	Required bool            // in what is decoded
	Schema   json.RawMessage // with its description, default and example, if it has them
	Example  json.RawMessage // a value that passes; see Codec.Example
}

// FrameFields describes the frame fields, in their order. See JSONSchema; d must not be nil.
func (c *Codec) FrameFields(d *Definitions) []FrameField {
	members := d.root(c).frame
	all := make([]FrameField, len(members))
	for i, f := range c.typ.frame.fields {
		s := sampler{naming: c.naming, inside: map[*Type]bool{}}
		example, ok := s.field(nil, f, 0)
		if !ok {
			example = json.RawMessage("null") // as in Example
		}
		all[i] = FrameField{Name: members[i].name, Required: f.required, Schema: marshal(members[i].document), Example: example}
	}
	return all
}
