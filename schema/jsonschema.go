package schema

import (
	"encoding/json"
	"math"
	"math/big"
	"reflect"
	"strconv"
)

// JSONSchema describes the payloads that the codec decodes as JSON Schema draft-07. If the type has a name, the result
// is a reference into d, else the schema itself. If d is nil, the result is a document of its own that contains its
// definitions. JSONSchema panics if the codec was not given to NewDefinitions. It may be called concurrently.
//
// It leaves out what no keyword expresses: Validate methods, the values of types with their own JSON or text methods,
// the range of 64 bits (of integers, whose format is int64 or uint64, and durations), the bounds of numbers written as
// strings. Patterns keep RE2's syntax. The schema of a struct has an x-chanx.always, if there are members that the
// encoder always writes and that may be absent when decoding.
func (c *Codec) JSONSchema(d *Definitions) json.RawMessage {
	if d != nil {
		return marshal(d.root(c).payload)
	}
	d = NewDefinitions("#/definitions/", c)
	whole := annotatable(d.root(c).payload)
	whole.Schema = "http://json-schema.org/draft-07/schema#"
	if len(d.found) > 0 {
		whole.Definitions = d
	}
	return marshal(whole)
}

// place describes a use of a type. It refers to a named type, unless the place has constraints.
func (d *Definitions) place(t *Type, r *rules) *document {
	if r == nil && isDefined(t) {
		return &document{Ref: d.define(t, membership{})}
	}
	return d.describe(t, r)
}

// isDefined reports whether a type gets a definition: it is a named type of the application, or a union, because a
// union may contain itself.
func isDefined(t *Type) bool {
	switch t.kind {
	case kindTime, kindDuration, kindRaw, kindNumber:
		return false
	case kindUnion:
		return true
	}
	return t.goType.PkgPath() != "" && t.goType.Name() != ""
}

// describe writes the schema of a type with the constraints of a place.
func (d *Definitions) describe(t *Type, r *rules) *document {
	if t.kind == kindPointer {
		return nullable(d.place(t.elem.Type, r))
	}
	if r == nil {
		r = &rules{}
	}
	switch t.kind {
	case kindString, kindText:
		return describeText(t, r)
	case kindInt, kindUint, kindFloat, kindNumber:
		return describeNumber(t, r)
	case kindBool:
		return &document{Type: "boolean"}
	case kindBytes:
		return &document{Type: "string", ContentEncoding: "base64"}
	case kindTime:
		return &document{Type: "string", Format: "date-time"}
	case kindDuration:
		return &document{Type: "string", Pattern: durationPattern}
	case kindStruct:
		return d.object(t)
	case kindMap:
		return d.mapping(t, r)
	case kindSlice, kindArray:
		return d.list(t, r)
	case kindUnion:
		return d.oneOf(t)
	case kindJSON:
		return &document{Enum: enumOfPlace(t, r)}
	}
	return &document{}
}

func describeText(t *Type, r *rules) *document {
	s := &document{Type: "string", MinLength: r.minLength, MaxLength: r.maxLength, Enum: enumOfPlace(t, r)}
	s.Extension = enumDocs(t, s.Enum)
	if r.pattern != nil {
		s.Pattern = r.pattern.String()
	}
	for name, f := range formats {
		if f != r.format {
			continue
		}
		if s.Format = name; s.Pattern == "" {
			s.Pattern = f.pattern
		} else if f.pattern != "" {
			s.AllOf = []*document{{Pattern: f.pattern}}
		}
	}
	return s
}

// enumOfPlace lists the values that both the type and the place allow.
func enumOfPlace(t *Type, r *rules) (values []json.RawMessage) {
	first, other := t.enum, r.enum
	if first == nil {
		first, other = other, nil
	}
	if first == nil {
		return nil
	}
	for _, v := range first.values {
		if other != nil && !other.has([]byte(v)) {
			continue
		}
		if first.isText {
			values = append(values, appendText(nil, v))
		} else {
			values = append(values, json.RawMessage(v))
		}
	}
	return values
}

// enumDocs returns the comments of the constants of a type that are allowed, or nil if there are none.
func enumDocs(t *Type, values []json.RawMessage) *extension {
	docs := map[string]string{}
	for _, v := range values {
		value := string(v)
		_ = json.Unmarshal(v, &value) // a number is used as it is
		if doc := t.comment(t.goType, "="+value); doc != "" {
			docs[value] = doc
		}
	}
	if len(docs) == 0 {
		return nil
	}
	return &extension{EnumDocs: docs}
}

func describeNumber(t *Type, r *rules) *document {
	s := &document{Type: "integer", Enum: enumOfPlace(t, r)}
	s.Extension = enumDocs(t, s.Enum)
	switch t.goType.Kind() {
	case reflect.Int, reflect.Int64:
		s.Format = "int64"
	case reflect.Uint, reflect.Uint64, reflect.Uintptr:
		s.Format = "uint64"
	}
	if t.kind == kindFloat || t.kind == kindNumber {
		s.Type = "number"
	}
	if s.Enum == nil {
		s.Minimum, s.Maximum = rangeOf(t.goType.Kind())
	}
	for _, b := range r.bounds {
		number := json.RawMessage(b.number)
		switch b.tag {
		case "multipleOf":
			s.MultipleOf = number
		case "minimum":
			s.Minimum = tighter(s.Minimum, b, 1)
		case "maximum":
			s.Maximum = tighter(s.Maximum, b, -1)
		case "exclusiveMinimum":
			s.ExclusiveMinimum = number
		case "exclusiveMaximum":
			s.ExclusiveMaximum = number
		}
	}
	return s
}

// rangeOf returns the range of a small or unsigned integer type. The range of 64 bits is told by the format instead: most
// programs read the numbers of a schema as float64.
func rangeOf(k reflect.Kind) (least, most json.RawMessage) {
	limits := map[reflect.Kind][2]int64{
		reflect.Int8: {math.MinInt8, math.MaxInt8}, reflect.Uint8: {0, math.MaxUint8},
		reflect.Int16: {math.MinInt16, math.MaxInt16}, reflect.Uint16: {0, math.MaxUint16},
		reflect.Int32: {math.MinInt32, math.MaxInt32}, reflect.Uint32: {0, math.MaxUint32},
	}
	if l, ok := limits[k]; ok {
		return strconv.AppendInt(nil, l[0], 10), strconv.AppendInt(nil, l[1], 10)
	}
	if k == reflect.Uint || k == reflect.Uint64 {
		return json.RawMessage("0"), nil
	}
	return nil, nil
}

// tighter returns the stricter of the Go type's bound and the tag's.
func tighter(own json.RawMessage, b bound, sign int) json.RawMessage {
	if own != nil {
		if x, _ := new(big.Rat).SetString(string(own)); b.exact.Cmp(x)*sign <= 0 {
			return own
		}
	}
	return json.RawMessage(b.number)
}
