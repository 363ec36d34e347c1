package schema

import (
	"errors"
	"fmt"
	"reflect"
	"strconv"
)

// tagJSON writes the text of a default or example tag as the JSON that it stands for, in declared names. A string is
// taken as it is; so is what is written as a string, unless the text is a JSON string already.
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

// checkDefault reads the default once, with all checks, and keeps it if it can be copied. The field is left out then only
// where to be absent means the same.
func (f *field) checkDefault() error {
	v, err := f.tagValue(f.defJSON)
	if err != nil {
		return f.wrong("default:"+strconv.Quote(*f.text), "%s", why(err))
	}
	if !f.omits(v) { // an empty value that is left out would come back as the default
		f.omitEmpty, f.omitZero = false, false
	}
	switch f.kind {
	case kindString, kindInt, kindUint, kindFloat, kindNumber, kindBool, kindTime, kindDuration:
		f.def = v
	}
	return nil
}

// tagValue reads what tagJSON has written, with all checks.
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

func why(err error) string {
	if err == errRecursive {
		return "it has a member whose default is the same again: remove one"
	}
	if syntax, ok := errors.AsType[*SyntaxError](err); ok {
		return "it must be JSON: " + syntax.Error()
	}
	return fmt.Sprintf("it does not pass its own checks: %v", err)
}

// setDefault gives an absent member its default.
func (f *field) setDefault(d *Decoder, v reflect.Value) error {
	if f.def.IsValid() {
		v.Set(f.def)
		return nil
	}
	return d.fromTag(f, f.defJSON, v)
}

// fromTag reads a default or an example. It has passed before, so nothing comes of it but the value; only where a
// default needs itself, which checkDefault finds, it fails.
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
