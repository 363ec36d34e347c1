package schema

import (
	"encoding/json"
	"fmt"
	"reflect"
	"slices"
	"strings"
)

// enumOf returns the values of a type with a method Enum() []T.
func enumOf(typ *Type) (*enum, error) {
	t := typ.goType
	list, has, err := callEnum(t)
	if err != nil || !has {
		return nil, err
	}
	wrong := func(format string, args ...any) (*enum, error) {
		return nil, &TypeError{Type: t, Msg: fmt.Sprintf(format, args...)}
	}
	switch {
	case t.Kind() != reflect.String && !isInteger(t.Kind()) && typ.kind != kindText:
		return wrong("Enum is for strings and integers: remove the method or change the type")
	case len(list) == 0:
		return wrong("its Enum returns no value: return all that are allowed")
	}
	values, isText, err := typ.enumTexts(list)
	if err != nil {
		return wrong("its Enum returns a value that cannot be written: %v", err)
	}
	for i, v := range values {
		if slices.Contains(values[:i], v) {
			return wrong("its Enum returns %q twice: remove one", v)
		}
	}
	e := newEnum(values, isText)
	if typ.kind == kindJSON {
		e.own = map[string]struct{}{}
		for _, v := range list {
			e.own[keyText(v)] = struct{}{}
		}
	}
	return e, nil
}

// callEnum calls the Enum method of a type, with a value or a pointer receiver, if it returns a list of values. The
// Enum method that protobuf generates returns a pointer and is ignored.
func callEnum(t reflect.Type) (list []reflect.Value, has bool, err error) {
	isBasic := t.Kind() >= reflect.Bool && t.Kind() <= reflect.Float64 || t.Kind() == reflect.String
	if t.Kind() == reflect.Pointer || t.Kind() == reflect.Interface || !isBasic && promoted(t, "Enum") {
		return nil, false, nil
	}
	m, has := reflect.PointerTo(t).MethodByName("Enum")
	if !has {
		return nil, false, nil
	}
	wrong := &TypeError{Type: t, Msg: fmt.Sprintf("its method Enum is not func (%s) Enum() []%s: make it that, or rename it", t, t)}
	if m.Type.NumIn() != 1 || m.Type.NumOut() != 1 {
		if isBasic {
			return nil, false, wrong
		}
		return nil, false, nil
	}
	out := m.Type.Out(0)
	isList := out.Kind() == reflect.Slice || out.Kind() == reflect.Array
	switch {
	case out == reflect.PointerTo(t), !isBasic && (!isList || out.Elem() != t):
		return nil, false, nil
	case !isList:
		return nil, false, wrong
	}
	all := reflect.New(t).MethodByName("Enum").Call(nil)[0]
	for i := range all.Len() {
		v, ok := asValue(t, all.Index(i))
		if !ok {
			return nil, false, wrong
		}
		list = append(list, v)
	}
	return list, true, nil
}

// asValue converts an element of Enum's result to t. The element may have type t, or be a string or an integer if t is
// one.
func asValue(t reflect.Type, v reflect.Value) (_ reflect.Value, ok bool) {
	if v.Kind() == reflect.Interface {
		v = v.Elem()
	}
	switch {
	case !v.IsValid():
		return v, false
	case v.Type() == t:
		return v, true
	case v.Kind() == reflect.String && t.Kind() == reflect.String:
		return v.Convert(t), true
	case isInteger(v.Kind()) && isInteger(t.Kind()) && isIntegerOf(t, keyText(v)):
		return v.Convert(t), true
	}
	return v, false
}

// enumTexts returns the values as JSON, without quotes if all are strings. The values of types with text or JSON
// methods are encoded by these.
func (t *Type) enumTexts(list []reflect.Value) (texts []string, isText bool, err error) {
	isText = t.kind != kindInt && t.kind != kindUint
	for _, v := range list {
		var text []byte
		switch t.kind {
		case kindText:
			text, err = marshalText(v)
		case kindJSON:
			text, err = appendMarshaler(nil, v)
			isText = isText && strings.HasPrefix(string(text), `"`)
		default:
			text = []byte(keyText(v))
		}
		if err != nil {
			return nil, false, err
		}
		texts = append(texts, string(text))
	}
	if t.kind == kindJSON && isText {
		for i := range texts {
			if err := json.Unmarshal([]byte(texts[i]), &texts[i]); err != nil {
				return nil, false, err
			}
		}
	}
	return texts, isText, nil
}

// allowsEnumValue checks that a value decoded by the type's UnmarshalJSON is one of its Enum.
func (d *Decoder) allowsEnumValue(t *Type, v reflect.Value) bool {
	if t.enum == nil {
		return true
	}
	if _, ok := t.enum.own[keyText(v)]; ok {
		return true
	}
	d.fail("literal_error", t.enum.text)
	return false
}
