package schema

import (
	"fmt"
	"reflect"
	"slices"
	"strings"
)

// object writes the fields of a struct and the closing bracket. b ends with the opening bracket or with a first member
// named tag; a field of that name is left out.
func (e *encoder) object(b []byte, fields []*field, v reflect.Value, tag string) (_ []byte, err error) {
	first := tag == ""
	for _, f := range fields {
		member, ok := f.read(v)
		if !ok || f.omits(member) || tag != "" && f.names[e.naming] == tag {
			continue
		}
		if !first {
			b = append(b, ',')
		}
		first = false
		b = append(b, f.quoted[e.naming]...)
		if f.inString {
			b = append(b, '"')
		}
		if b, err = e.value(b, f.Type, member); err != nil {
			return b, at(f.names[e.naming], err)
		}
		if f.inString {
			b = append(b, '"')
		}
	}
	return append(b, '}'), nil
}

// omits reports whether omitempty or omitzero leave the value out.
func (f *field) omits(v reflect.Value) bool {
	if f.omitEmpty && isEmpty(v) {
		return true
	}
	if !f.omitZero || !f.asksZero {
		return f.omitZero && f.isZero(v)
	}
	for v.Kind() == reflect.Pointer || v.Kind() == reflect.Interface {
		if v.IsNil() {
			return true
		}
		v = v.Elem()
	}
	return addressable(v).Addr().Interface().(interface{ IsZero() bool }).IsZero()
}

// isAlwaysWritten reports whether every value of the struct is encoded with the field. A field of an embedded pointer is
// not, because the pointer may be nil.
func (f *field) isAlwaysWritten() bool {
	if f.omitEmpty || f.omitZero {
		return false
	}
	return f.at >= 0 || !f.isBehindPointer()
}

func (f *field) isBehindPointer() bool {
	t := f.owner
	for _, i := range f.index[:len(f.index)-1] {
		if t = t.Field(i).Type; t.Kind() == reflect.Pointer {
			return true
		}
	}
	return false
}

// isZero reports whether a value is decoded as zero if it is left out. An empty list that is left out comes back as
// nil, so a struct of nothing but empty lists counts as zero.
func (t *Type) isZero(v reflect.Value) bool {
	switch {
	case v.IsZero():
		return true
	case t.kind == kindTime: // in any zone: +00:00 comes back as UTC
		return timeOf(v).IsZero()
	case t.kind == kindStruct:
		return !slices.ContainsFunc(t.fields, func(f *field) bool {
			member, ok := f.read(v)
			return ok && !f.omits(member) && !f.isZero(member)
		})
	case t.kind == kindArray:
		for i := range v.Len() {
			if !t.elem.isZero(v.Index(i)) {
				return false
			}
		}
		return true
	}
	return false
}

func isNilPointer(v reflect.Value) bool { return v.Kind() == reflect.Pointer && v.IsNil() }

// isEmpty reports whether encoding/json's omitempty leaves the value out.
func isEmpty(v reflect.Value) bool {
	switch v.Kind() {
	case reflect.Array, reflect.Map, reflect.Slice, reflect.String:
		return v.Len() == 0
	case reflect.Struct:
		return false
	}
	return v.IsZero()
}

// dictionary writes a map, sorted by key.
func (e *encoder) dictionary(b []byte, t *Type, v reflect.Value) (_ []byte, err error) {
	all, err := sortedEntries(t, v)
	if err != nil {
		return b, err
	}
	b = append(b, '{')
	for i, m := range all {
		if i > 0 {
			b = append(b, ',')
		}
		b = append(appendText(b, m.name), ':')
		if b, err = e.value(b, t.elem.Type, m.value); err != nil {
			return b, at(m.name, err)
		}
	}
	return append(b, '}'), nil
}

type mapEntry struct {
	name       string
	key, value reflect.Value
}

func sortedEntries(t *Type, v reflect.Value) ([]mapEntry, error) {
	all := make([]mapEntry, 0, v.Len())
	for it := v.MapRange(); it.Next(); {
		name, err := mapKey(t.key, it.Key())
		if err != nil {
			return nil, err
		}
		all = append(all, mapEntry{name, it.Key(), it.Value()})
	}
	slices.SortFunc(all, func(a, b mapEntry) int { return strings.Compare(a.name, b.name) })
	for i := 1; i < len(all); i++ {
		if all[i].name == all[i-1].name {
			return nil, fmt.Errorf("two keys are both written as %q", cutText(all[i].name))
		}
	}
	return all, nil
}

// mapKey converts a key to a member's name.
func mapKey(t *Type, k reflect.Value) (string, error) {
	if t.kind == kindText {
		text, err := marshalText(k)
		return strings.ToValidUTF8(string(text), "\uFFFD"), err
	}
	return strings.ToValidUTF8(keyText(k), "\uFFFD"), nil
}

// variant writes a value of a union as an object with the discriminator first.
func (e *encoder) variant(b []byte, t *Type, v reflect.Value) ([]byte, error) {
	chosen, object, err := t.union.chosen(t, v)
	if err != nil {
		return b, err
	}
	name := t.union.member(e.naming)
	b = append(appendText(append(b, '{'), name), ':')
	return e.object(appendText(b, chosen.tag), chosen.object().fields, object, name)
}
