package schema

import (
	"errors"
	"fmt"
	"reflect"
	"strconv"
)

// tagJSON converts the text of a default or example tag to JSON with declared names. The text of a string field is the
// string itself. So is that of other types that are encoded as strings, unless it is a JSON string already.
func (f *field) tagJSON(text string) []byte {
	t := f.Type
	for t.kind == kindPointer {
		t = t.elem.Type
	}
	switch t.kind {
	case kindString:
		return appendText(nil, text)
	case kindTime, kindDuration, kindText, kindBytes:
		if text != "null" && (text == "" || text[0] != '"') {
			return appendText(nil, text)
		}
	}
	if f.inString {
		return appendText(nil, text)
	}
	return []byte(text)
}

// checkDefault decodes the default once, with all checks, and keeps the value if it can be copied. It switches
// omitempty and omitzero off unless they would omit the default: an omitted empty value would come back as the default.
func (f *field) checkDefault() error {
	v, err := f.tagValue(f.defJSON)
	if err != nil {
		return f.wrong("default:"+strconv.Quote(*f.text), "%s", tagProblem(err))
	}
	if !f.omits(v) {
		f.omitEmpty, f.omitZero = false, false
	}
	switch f.kind {
	case kindString, kindInt, kindUint, kindFloat, kindNumber, kindBool, kindTime, kindDuration:
		f.def = v
	}
	return nil
}

// tagValue decodes the result of tagJSON, with all checks.
func (f *field) tagValue(text []byte) (reflect.Value, error) {
	v := reflect.New(f.goType).Elem()
	d := Decoder{}
	d.Reset(nil, Limits{})
	err := d.fromTag(f, text, v)
	if err == nil && d.failed > 0 {
		err = d.Errors()
	}
	return v, err
}

var errRecursive = &SyntaxError{What: "default that needs itself"}

func tagProblem(err error) string {
	if err == errRecursive {
		return "it has a member whose default is the same again: remove one"
	}
	if syntax, ok := errors.AsType[*SyntaxError](err); ok {
		return "it must be JSON: " + syntax.Error()
	}
	return fmt.Sprintf("it does not pass its own checks: %v", err)
}

// setDefault sets an absent member to its default.
func (f *field) setDefault(d *Decoder, v reflect.Value) error {
	if f.def.IsValid() {
		v.Set(f.def)
		return nil
	}
	return d.fromTag(f, f.defJSON, v)
}

// fromTag decodes a default or an example into v. checkDefault and checkExample have accepted the text, so that
// decoding it again cannot fail; only the first decoding finds a default that needs itself.
func (d *Decoder) fromTag(f *field, text []byte, v reflect.Value) error {
	data, pos, depth, max, naming := d.data, d.pos, d.depth, d.max, d.naming
	defer func() { d.data, d.pos, d.depth, d.max, d.naming = data, pos, depth, max, naming }()
	if d.nested++; d.nested > defaultDepth {
		return errRecursive
	}
	defer func() { d.nested-- }()
	d.data, d.pos, d.depth, d.max, d.naming = text, 0, 0, hardDepth, AsDeclared
	if err := d.member(f, v); err != nil {
		return err
	}
	return d.End()
}
