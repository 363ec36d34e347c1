package schema

import (
	"encoding"
	"encoding/base64"
	"encoding/binary"
	"encoding/json"
	"errors"
	"fmt"
	"math"
	"reflect"
	"strconv"
	"time"
	"unicode/utf8"

	"github.com/go-json-experiment/json/jsontext"
)

// Append appends v, a value of the type, to b as JSON. Members have the names of the codec's naming and the order of
// the fields, keys of maps are sorted, nil slices and maps are written as empty ones, invalid UTF-8 is replaced. Append
// does not change v. The error names the path to a value that JSON cannot express, such as NaN, or that the type does
// not allow, such as a nil union.
func (c *Codec) Append(b []byte, v any) ([]byte, error) {
	value, ok := c.typ.valueOf(v)
	if !ok {
		return nil, c.wrongType(v)
	}
	e := encoder{naming: c.naming}
	b, err := e.value(b, c.typ, value)
	if err != nil {
		return nil, c.encodeError(err)
	}
	return b, nil
}

func (c *Codec) wrongType(v any) error {
	return fmt.Errorf("schema: encode %s: the value is %T", c.typ.goType, v)
}

func (c *Codec) encodeError(err error) error {
	return fmt.Errorf("schema: encode %s: %w", c.typ.goType, err)
}

// valueOf returns v as a value of the type. If the type is an interface, v only needs to implement it.
func (t *Type) valueOf(v any) (_ reflect.Value, ok bool) {
	value := reflect.ValueOf(v)
	if value.IsValid() && value.Type() == t.goType {
		return value, true
	}
	if t.goType.Kind() != reflect.Interface || value.IsValid() && !value.Type().Implements(t.goType) {
		return value, false
	}
	as := reflect.New(t.goType).Elem()
	if value.IsValid() {
		as.Set(value)
	}
	return as, true
}

// encoder writes one value.
type encoder struct {
	naming Naming
	depth  int
}

// pathError is an error about a value inside the encoded one.
type pathError struct {
	path  string
	cause error
}

func (p *pathError) Error() string { return p.path + ": " + p.cause.Error() }
func (p *pathError) Unwrap() error { return p.cause }

// at prepends an element to the path of an error.
func at(name string, err error) error {
	if inner, ok := err.(*pathError); ok {
		return &pathError{name + "." + inner.path, inner.cause}
	}
	return &pathError{name, err}
}

var errNesting = fmt.Errorf("nested deeper than %d levels: it contains itself", hardDepth)

func (e *encoder) value(b []byte, t *Type, v reflect.Value) ([]byte, error) {
	switch t.kind {
	case kindString:
		return appendText(b, v.String()), nil
	case kindInt:
		return strconv.AppendInt(b, v.Int(), 10), nil
	case kindUint:
		return strconv.AppendUint(b, v.Uint(), 10), nil
	case kindFloat:
		return appendFloat(b, v.Float(), t.goType.Bits())
	case kindNumber:
		return appendNumberText(b, v.String())
	case kindBool:
		return strconv.AppendBool(b, v.Bool()), nil
	case kindTime:
		return appendTime(b, timeOf(v))
	case kindDuration:
		return append(appendDuration(append(b, '"'), time.Duration(v.Int())), '"'), nil
	case kindBytes:
		return append(base64.StdEncoding.AppendEncode(append(b, '"'), v.Bytes()), '"'), nil
	case kindText:
		text, err := marshalText(v)
		return appendText(b, string(text)), err
	case kindJSON:
		return appendMarshaler(b, v)
	case kindRaw:
		return appendRaw(b, v.Bytes())
	case kindAny:
		return appendAny(b, v.Interface())
	}
	return e.nested(b, t, v)
}

// nested writes a value that contains other values.
func (e *encoder) nested(b []byte, t *Type, v reflect.Value) ([]byte, error) {
	if e.depth++; e.depth > hardDepth {
		return b, errNesting
	}
	var err error
	switch t.kind {
	case kindStruct:
		b, err = e.object(append(b, '{'), t.fields, v, "")
	case kindMap:
		b, err = e.dictionary(b, t, v)
	case kindUnion:
		b, err = e.variant(b, t, v)
	case kindPointer:
		b, err = e.pointer(b, t, v)
	default: // kindSlice, kindArray
		b, err = e.list(b, t, v)
	}
	e.depth--
	return b, err
}

func (e *encoder) pointer(b []byte, t *Type, v reflect.Value) ([]byte, error) {
	if v.IsNil() {
		return append(b, "null"...), nil
	}
	return e.value(b, t.elem.Type, v.Elem())
}

func (e *encoder) list(b []byte, t *Type, v reflect.Value) (_ []byte, err error) {
	b = append(b, '[')
	for i := range v.Len() {
		if i > 0 {
			b = append(b, ',')
		}
		if b, err = e.value(b, t.elem.Type, v.Index(i)); err != nil {
			return b, at(strconv.Itoa(i), err)
		}
	}
	return append(b, ']'), nil
}

// appendText writes a string; invalid UTF-8 is replaced by U+FFFD.
func appendText(b []byte, s string) []byte {
	start := len(b)
	b = append(append(b, '"'), s...)
	if isPlainASCII(b[start+1:]) {
		return append(b, '"')
	}
	b, _ = jsontext.AppendQuote(b[:start], s) // the only error reports invalid UTF-8, which has been replaced
	return b
}

// isPlainASCII reports whether no byte needs an escape or a check for UTF-8.
func isPlainASCII(b []byte) bool {
	for ; len(b) >= 8; b = b[8:] {
		if x := binary.LittleEndian.Uint64(b); breaks(x)|x&highs != 0 {
			return false
		}
	}
	for _, c := range b {
		if !plain[c] || c >= utf8.RuneSelf {
			return false
		}
	}
	return true
}

// appendFloat writes a number like ECMA-262, section 6.1.6.1.20.
func appendFloat(b []byte, x float64, bits int) ([]byte, error) {
	if math.IsNaN(x) || math.IsInf(x, 0) {
		return b, fmt.Errorf("%v is not a JSON number", x)
	}
	format := byte('f')
	if abs := math.Abs(x); abs != 0 && (abs < 1e-6 || abs >= 1e21) {
		format = 'e'
		if bits == 32 && float32(abs) >= 1e-6 && float32(abs) < 1e21 {
			format = 'f'
		}
	}
	start := len(b)
	b = strconv.AppendFloat(b, x, format, -1, bits)
	if n := len(b); format == 'e' && n-start >= 4 && b[n-4] == 'e' && b[n-3] == '-' && b[n-2] == '0' { // e-09 becomes e-9
		b[n-2] = b[n-1]
		b = b[:n-1]
	}
	return b, nil
}

// timeOf avoids the copy on the heap that Interface makes of an addressable time.
func timeOf(v reflect.Value) time.Time {
	if v.CanAddr() {
		return *v.Addr().Interface().(*time.Time)
	}
	return v.Interface().(time.Time)
}

func appendTime(b []byte, t time.Time) ([]byte, error) {
	b, err := t.AppendText(append(b, '"'))
	if err != nil {
		return b, errors.New("RFC 3339 has no such time: the year must be 0 to 9999, the zone less than a day")
	}
	return append(b, '"'), nil
}

// addressable returns v, or a copy of v whose methods with a pointer receiver can be called.
func addressable(v reflect.Value) reflect.Value {
	if v.CanAddr() {
		return v
	}
	p := reflect.New(v.Type()).Elem()
	p.Set(v)
	return p
}

func marshalText(v reflect.Value) ([]byte, error) {
	own, ok := addressable(v).Addr().Interface().(encoding.TextMarshaler)
	if !ok {
		return nil, errNotWritten
	}
	return own.MarshalText()
}

// appendMarshaler writes a value with its MarshalJSON. A type with UnmarshalJSON alone is written by encoding/json.
func appendMarshaler(b []byte, v reflect.Value) ([]byte, error) {
	p := addressable(v).Addr().Interface()
	own, ok := p.(json.Marshaler)
	if !ok {
		return appendAny(b, p)
	}
	raw, err := own.MarshalJSON()
	if err != nil {
		return b, err
	}
	return appendRaw(b, raw)
}

// appendRaw appends JSON from a RawMessage or MarshalJSON, after checking it.
func appendRaw(b, raw []byte) ([]byte, error) {
	if len(raw) == 0 {
		return append(b, "null"...), nil
	}
	if err := checkRaw(raw); err != nil {
		return b, fmt.Errorf("invalid JSON: %w", err)
	}
	return append(b, raw...), nil
}

func checkRaw(raw []byte) error {
	d := decoders.Get().(*Decoder)
	defer d.release()
	d.Reset(raw, Limits{MaxDepth: -1})
	if err := d.Skip(); err != nil {
		return err
	}
	return d.End()
}

// appendAny writes a value of a type that has not been compiled. The result is that of encoding/json without HTML
// escapes.
func appendAny(b []byte, v any) ([]byte, error) {
	switch x := v.(type) {
	case nil:
		return append(b, "null"...), nil
	case string:
		return appendText(b, x), nil
	case float64:
		return appendFloat(b, x, 64)
	case bool:
		return strconv.AppendBool(b, x), nil
	}
	w, start := (*appended)(&b), len(b)
	enc := json.NewEncoder(w)
	enc.SetEscapeHTML(false)
	if err := enc.Encode(v); err != nil {
		return b, err
	}
	b = b[:len(b)-1]            // without the line feed
	if !utf8.Valid(b[start:]) { // encoding/json does not check json.RawMessage and MarshalJSON
		return b, errors.New("invalid UTF-8 in JSON")
	}
	return b, nil
}

// appended is an io.Writer that appends to a slice.
type appended []byte

func (a *appended) Write(p []byte) (int, error) {
	*a = append(*a, p...)
	return len(p), nil
}
