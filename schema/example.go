package schema

import (
	"bytes"
	"encoding/base64"
	"encoding/json"
	"reflect"
	"strconv"
)

// Example returns a value that the codec decodes without an error; it is always the same. Each field has the value of
// its example tag, else its default, else the first value of its enum, else one that its constraints allow. Pointers
// are not nil, lists and maps have an element. Where a type contains itself, the example ends with null, an empty list
// or an empty map. Example may be called concurrently.
//
// It does not know what Validate, UnmarshalText and UnmarshalJSON methods accept, and it may find no text for a pattern
// combined with a length or format. Give such fields an example tag.
func (c *Codec) Example() json.RawMessage {
	s := sampler{naming: c.naming, inside: map[*Type]bool{}}
	b, ok := s.value(nil, c.typ, nil, 0)
	if !ok {
		return json.RawMessage("null") // the type has no finite value
	}
	return b
}

// sampler writes an example. Its methods append a value and report whether they could; choice varies the elements of a
// list.
type sampler struct {
	naming Naming
	inside map[*Type]bool // the structs being written
	depth  int
}

// maxSampleDepth limits examples of types that refer to each other in many ways.
const maxSampleDepth = 6

func (s *sampler) value(b []byte, t *Type, r *rules, choice int) (_ []byte, ok bool) {
	s.depth++
	defer func() { s.depth-- }()
	switch t.kind {
	case kindPointer:
		if s.depth <= maxSampleDepth {
			if inner, ok := s.value(b, t.elem.Type, r, choice); ok {
				return inner, true
			}
		}
		return append(b, "null"...), true
	case kindStruct:
		return s.object(b, t, nil, choice)
	case kindUnion:
		return s.union(b, t, choice)
	case kindSlice, kindArray:
		return s.list(b, t, r, choice)
	case kindMap:
		return s.mapping(b, t, r, choice)
	}
	return s.scalar(b, t, r, choice), true
}

func (s *sampler) scalar(b []byte, t *Type, r *rules, choice int) []byte {
	if r == nil {
		r = &rules{}
	}
	switch t.kind {
	case kindInt, kindUint, kindFloat, kindNumber:
		return append(b, sampleNumber(t, r, choice)...)
	case kindBool:
		return strconv.AppendBool(b, choice%2 == 0)
	case kindBytes:
		return appendText(b, base64.StdEncoding.EncodeToString([]byte(sampleWord(r, choice))))
	case kindTime:
		return appendText(b, sampleFormats["date-time"](choice))
	case kindDuration:
		return appendText(b, sampleFormats["duration"](choice))
	case kindString, kindText:
		return appendText(b, sampleText(t, r, choice))
	case kindJSON:
		if values := enumOfPlace(t, r); len(values) > 0 {
			return append(b, values[choice%len(values)]...)
		}
		if own, err := appendMarshaler(b, reflect.New(t.goType).Elem()); err == nil {
			return own
		}
		return append(b, "null"...)
	}
	return append(b, "{}"...) // kindAny, kindRaw
}

// object writes a struct, with its discriminator first if it is a variant.
func (s *sampler) object(b []byte, t *Type, as *membership, choice int) (_ []byte, ok bool) {
	if s.inside[t] {
		return b, false
	}
	s.inside[t] = true
	defer delete(s.inside, t)
	b = append(b, '{')
	tag := ""
	if as != nil {
		tag = as.union.union.member(s.naming)
		b = append(appendText(append(appendText(b, tag), ':'), as.tag), ',')
	}
	for _, f := range t.fields {
		name, before := f.names[s.naming], len(b)
		if as != nil && name == tag {
			continue
		}
		if b, ok = s.field(append(appendText(b, name), ':'), f, choice); ok {
			b = append(b, ',')
			continue
		}
		if f.required {
			return b, false
		}
		b = b[:before]
	}
	return append(bytes.TrimSuffix(b, []byte{','}), '}'), true
}

func (s *sampler) field(b []byte, f *field, choice int) (_ []byte, ok bool) {
	if choice == 0 {
		for _, given := range []json.RawMessage{f.exampleIn(s.naming), f.defaultIn(s.naming)} {
			if given != nil {
				return append(b, given...), true
			}
		}
	}
	if !f.inString {
		return s.value(b, f.Type, f.rules, choice)
	}
	inner, ok := s.value(nil, f.Type, f.rules, choice)
	return appendText(b, string(inner)), ok
}

// union writes the first variant that does not contain itself.
func (s *sampler) union(b []byte, t *Type, choice int) (_ []byte, ok bool) {
	for _, v := range t.union.variants {
		if whole, ok := s.object(b, v.object(), &membership{t, v.tag}, choice); ok {
			return whole, true
		}
	}
	return b, false
}

func (s *sampler) list(b []byte, t *Type, r *rules, choice int) (_ []byte, ok bool) {
	if r == nil {
		r = &rules{}
	}
	least, most := listLimits(t, r)
	wanted := s.elements(least, most)
	start := len(b)
	b = append(b, '[')
	for i := range wanted {
		if i > 0 {
			b = append(b, ',')
		}
		next := choice
		if r.unique {
			next += i
		}
		if b, ok = s.value(b, t.elem.Type, r.elem, next); !ok {
			return append(b[:start], "[]"...), least == 0
		}
	}
	return append(b, ']'), true
}

// elements returns how many elements a list or map gets: one, if its limits allow that.
func (s *sampler) elements(least, most int) int {
	wanted := 1
	if s.depth > maxSampleDepth {
		wanted = 0
	}
	if wanted = max(wanted, least); most >= 0 {
		wanted = min(wanted, most)
	}
	return wanted
}

func (s *sampler) mapping(b []byte, t *Type, r *rules, choice int) (_ []byte, ok bool) {
	if r == nil {
		r = &rules{}
	}
	least, most := 0, -1
	if r.minItems != nil {
		least = *r.minItems
	}
	if r.maxItems != nil {
		most = *r.maxItems
	}
	start := len(b)
	b = append(b, '{')
	for i := range s.elements(least, most) {
		if i > 0 {
			b = append(b, ',')
		}
		b = append(appendText(b, sampleKey(t.key, i)), ':')
		if b, ok = s.value(b, t.elem.Type, r.elem, choice); !ok {
			return append(b[:start], "{}"...), least == 0
		}
	}
	return append(b, '}'), true
}

func sampleKey(key *Type, choice int) string {
	switch {
	case key.kind == kindInt, key.kind == kindUint:
		return string(sampleNumber(key, &rules{}, choice))
	case key.kind == kindString && key.enum == nil:
		return "key" + numbered(choice)
	}
	return sampleText(key, &rules{}, choice)
}

// numbered returns a suffix that makes the texts of different choices differ.
func numbered(choice int) string {
	if choice == 0 {
		return ""
	}
	return strconv.Itoa(choice + 1)
}
