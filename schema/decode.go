package schema

import (
	"encoding"
	"encoding/json"
	"reflect"
	"slices"
	"strconv"
	"time"
)

// value reads the value at the cursor into v, which can be set and is zero, and runs its Validate method.
func (d *Decoder) value(t *Type, r *rules, v reflect.Value) error {
	if d.full && !d.isWanted() {
		return d.unwanted()
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

// special reads the rarer kinds.
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
		return d.ownJSON(t, v)
	default: // kindRaw
		raw, err := d.Raw()
		if err == nil {
			v.SetBytes(slices.Clone(raw))
		}
		return err
	}
}

// unwanted passes over a value whose items would not be told: enough is wrong before it.
func (d *Decoder) unwanted() error {
	d.failed++ // what it belongs to does not pass
	return d.Skip()
}

// refuse adds an item and passes over the value that it is about.
func (d *Decoder) refuse(typ, msg string) error {
	d.fail(typ, msg)
	return d.Skip()
}

func (d *Decoder) missing() { d.fail("missing", "Field required") }

// refuseText passes over a value where a string should be.
func (d *Decoder) refuseText(t *Type, r *rules) error {
	if e := refusingEnum(t, r); e != nil {
		return d.refuse("literal_error", e.text)
	}
	if r != nil && r.format != nil && r.format.kindItem != "" {
		return d.refuse(r.format.kindItem, r.format.kindText)
	}
	return d.refuse("string_type", "Input should be a valid string")
}

// refusingEnum is the set that a value of another kind is not in.
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
	if v.Kind() == reflect.Float32 { // not by way of a float64, which would be rounded twice
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
	t, why := parseTime(text)
	if why != "" {
		d.failBecause("datetime_parsing", "Input should be a valid datetime, ", why)
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
	x, why := parseDuration(string(text))
	if why != "" {
		d.failBecause("time_delta_parsing", "Input should be a valid timedelta, ", why)
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
	b, why := parseBase64(text)
	if why != "" {
		d.failBecause("bytes_invalid_encoding", "Data should be valid base64: ", why)
	}
	v.SetBytes(b)
	return nil
}

// textValue reads a string by the type's own UnmarshalText.
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
	if !ok { // only a test reads what is sent: see CheckReadable
		d.fail("value_error", errNotRead)
		return
	}
	if err := own.UnmarshalText(text); err != nil {
		d.failOwn(t, err, "invalid string")
	}
}

// ownJSON reads a value by the type's own UnmarshalJSON. A type that has MarshalJSON only is read as encoding/json does.
// null is for pointers alone, but for a type that writes its zero value as null.
func (d *Decoder) ownJSON(t *Type, v reflect.Value) error {
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
		d.failOwn(t, err, "invalid "+kindName(first))
	case first == 'n' && !writesNull(t.goType):
		d.fail("value_error", "Value error, it must not be null")
	default:
		d.allowsOwn(t, v)
	}
	return nil
}

// writesNull reports whether the zero value of a type is written as null, as that of an optional value is.
func writesNull(t reflect.Type) (is bool) {
	defer func() {
		if recover() != nil { // the method expects something to be set
			is = false
		}
	}()
	b, err := appendOwnJSON(nil, reflect.New(t).Elem())
	return err == nil && string(b) == "null"
}
