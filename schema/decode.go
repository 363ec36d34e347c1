package schema

import (
	"encoding"
	"encoding/json"
	"reflect"
	"slices"
	"strconv"
	"time"
)

// value reads the value at the cursor into v and runs its Validate method. v must be settable and zero.
func (d *Decoder) value(t *Type, r *rules, v reflect.Value) error {
	if d.full && !d.wouldKeep() {
		return d.skipUnreported()
	}
	if !t.validates {
		return d.plainValue(t, r, v)
	}
	before := d.failed
	err := d.plainValue(t, r, v)
	if err == nil && d.failed == before {
		d.validate(t, v)
	}
	return err
}

func (d *Decoder) plainValue(t *Type, r *rules, v reflect.Value) error {
	switch t.kind {
	case kindString:
		return d.stringValue(t, r, v)
	case kindInt, kindUint:
		return d.integer(t, r, v)
	case kindFloat:
		return d.float(r, v)
	case kindBool:
		return d.bool(v)
	case kindStruct:
		return d.structValue(t, v)
	case kindPointer:
		return d.pointer(t, r, v)
	case kindSlice, kindArray:
		return d.list(t, r, v)
	case kindMap:
		return d.dictionary(t, r, v)
	case kindTime:
		return d.time(v)
	case kindUnion:
		return d.variant(t, v)
	case kindAny:
		return d.anyValue(v)
	}
	return d.special(t, r, v)
}

// special reads the less common kinds.
func (d *Decoder) special(t *Type, r *rules, v reflect.Value) error {
	switch t.kind {
	case kindBytes:
		return d.bytes(v)
	case kindNumber:
		return d.numberText(r, v)
	case kindDuration:
		return d.duration(v)
	case kindText:
		return d.textValue(t, r, v)
	case kindJSON:
		return d.unmarshalJSON(t, v)
	default: // kindRaw
		raw, err := d.Raw()
		if err == nil {
			v.SetBytes(slices.Clone(raw))
		}
		return err
	}
}

// skipUnreported skips a value whose items would not be reported, because enough items come before it.
func (d *Decoder) skipUnreported() error {
	d.failed++ // so that the value around it fails
	return d.Skip()
}

// refuse adds an item about the value at the cursor and skips the value.
func (d *Decoder) refuse(typ, msg string) error {
	d.fail(typ, msg)
	return d.Skip()
}

func (d *Decoder) missing() { d.fail("missing", "Field required") }

// refuseText refuses a value that should be a string.
func (d *Decoder) refuseText(t *Type, r *rules) error {
	if e := refusingEnum(t, r); e != nil {
		return d.refuse("literal_error", e.text)
	}
	if r != nil && r.format != nil && r.format.kindItem != "" {
		return d.refuse(r.format.kindItem, r.format.kindText)
	}
	return d.refuse("string_type", "Input should be a valid string")
}

// refusingEnum returns the enum that a value of the wrong kind violates.
func refusingEnum(t *Type, r *rules) *enum {
	if t.enum == nil && r != nil {
		return r.enum
	}
	return t.enum
}

func (d *Decoder) stringValue(t *Type, r *rules, v reflect.Value) error {
	if d.peek() != '"' {
		return d.refuseText(t, r)
	}
	text, err := d.text()
	if err != nil {
		return err
	}
	s := string(text)
	if d.allowsString(t, r, s) {
		v.SetString(s)
	}
	return nil
}

func (d *Decoder) float(r *rules, v reflect.Value) error {
	if c := d.peek(); c != '-' && !isDigit(c) {
		return d.refuse("float_type", "Input should be a valid number")
	}
	text, err := d.number()
	if err != nil {
		return err
	}
	x, outOfRange := strconv.ParseFloat(string(text), 64)
	single := x
	if v.Kind() == reflect.Float32 { // parse it directly: by way of a float64 it would be rounded twice
		single, outOfRange = strconv.ParseFloat(string(text), 32)
	}
	if outOfRange != nil {
		d.fail(notFinite.typ, notFinite.msg)
	} else if r == nil || r.checkFloat(d, x) {
		v.SetFloat(single)
	}
	return nil
}

func (d *Decoder) bool(v reflect.Value) error {
	switch d.peek() {
	case 't':
		v.SetBool(true)
		return d.literal("true")
	case 'f':
		v.SetBool(false)
		return d.literal("false")
	}
	return d.refuse("bool_type", "Input should be a valid boolean")
}

func (d *Decoder) pointer(t *Type, r *rules, v reflect.Value) error {
	if d.peek() == 'n' {
		return d.literal("null")
	}
	target := reflect.New(t.elem.goType)
	err := d.value(t.elem.Type, r, target.Elem())
	v.Set(target)
	return err
}

func (d *Decoder) time(v reflect.Value) error {
	if d.peek() != '"' {
		return d.refuse("datetime_type", "Input should be a valid datetime")
	}
	text, err := d.text()
	if err != nil {
		return err
	}
	t, problem := parseTime(text)
	if problem != "" {
		d.failBecause("datetime_parsing", "Input should be a valid datetime, ", problem)
		return nil
	}
	*v.Addr().Interface().(*time.Time) = t
	return nil
}

func (d *Decoder) duration(v reflect.Value) error {
	if d.peek() != '"' {
		return d.refuse("time_delta_type", "Input should be a valid timedelta")
	}
	text, err := d.text()
	if err != nil {
		return err
	}
	x, problem := parseDuration(string(text))
	if problem != "" {
		d.failBecause("time_delta_parsing", "Input should be a valid timedelta, ", problem)
	}
	v.SetInt(int64(x))
	return nil
}

func (d *Decoder) bytes(v reflect.Value) error {
	if d.peek() != '"' {
		return d.refuse("bytes_type", "Input should be a valid bytes")
	}
	text, err := d.text()
	if err != nil {
		return err
	}
	b, problem := parseBase64(text)
	if problem != "" {
		d.failBecause("bytes_invalid_encoding", "Data should be valid base64: ", problem)
	}
	v.SetBytes(b)
	return nil
}

// textValue reads a string with the type's UnmarshalText.
func (d *Decoder) textValue(t *Type, r *rules, v reflect.Value) error {
	if d.peek() != '"' {
		return d.refuseText(t, r)
	}
	text, err := d.text()
	if err != nil {
		return err
	}
	if (r != nil || t.enum != nil) && !d.allowsString(t, r, string(text)) {
		return nil
	}
	d.unmarshalText(t, text, v)
	return nil
}

func (d *Decoder) unmarshalText(t *Type, text []byte, v reflect.Value) {
	own, ok := v.Addr().Interface().(encoding.TextUnmarshaler)
	if !ok { // only tests decode such a type: see CheckReadable
		d.fail("value_error", errNotRead)
		return
	}
	if err := own.UnmarshalText(text); err != nil {
		d.failMethod(t, err, "invalid string")
	}
}

// unmarshalJSON reads a value with the type's UnmarshalJSON. A type with MarshalJSON alone is decoded by encoding/json.
// null is refused, unless the type writes its zero value as null.
func (d *Decoder) unmarshalJSON(t *Type, v reflect.Value) error {
	raw, err := d.Raw()
	if err != nil {
		return err
	}
	first := raw[0]
	own, ok := v.Addr().Interface().(json.Unmarshaler)
	if ok {
		err = own.UnmarshalJSON(raw[:len(raw):len(raw)])
	} else {
		err = json.Unmarshal(raw, v.Addr().Interface())
	}
	switch {
	case err != nil:
		d.failMethod(t, err, "invalid "+kindName(first))
	case first == 'n' && !writesNull(t.goType):
		d.fail("value_error", "Value error, it must not be null")
	default:
		d.allowsEnumValue(t, v)
	}
	return nil
}

// writesNull reports whether the zero value of a type is encoded as null, as that of an optional type is.
func writesNull(t reflect.Type) (is bool) {
	defer func() {
		if recover() != nil { // MarshalJSON cannot handle a zero value
			is = false
		}
	}()
	b, err := appendMarshaler(nil, reflect.New(t).Elem())
	return err == nil && string(b) == "null"
}
