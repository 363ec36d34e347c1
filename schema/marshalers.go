package schema

import (
	"encoding"
	"errors"
	"fmt"
	"reflect"
)

// checkMarshalers checks a type that is encoded or decoded by these methods of its own, as one value.
func checkMarshalers(t reflect.Type, methods ...string) error {
	if t.Kind() != reflect.Struct {
		return nil
	}
	for _, method := range methods {
		if _, has := reflect.PointerTo(t).MethodByName(method); !has || !promoted(t, method) {
			continue
		}
		if err := checkPromoted(t, method); err != nil {
			return err
		}
	}
	return checkNoFrameFields(t)
}

// checkPromoted finds what is lost if a struct gets such a method from an embedded type. A struct without other fields
// loses nothing.
func checkPromoted(t reflect.Type, method string) error {
	from, ok := embeddedWith(t, method)
	if !ok {
		return nil
	}
	wrong := func(format string, args ...any) error {
		return &TypeError{Type: t, Field: from.Name, Msg: fmt.Sprintf(format, args...) +
			fmt.Sprintf(": give the field a name, or declare %s on %s", method, t)}
	}
	if k := from.Type.Kind(); k == reflect.Pointer || k == reflect.Interface {
		return wrong("its %s is that of %s and could run on nil", method, from.Type)
	}
	if from.Tag.Get("json") != "" {
		return wrong("its %s is that of %s, and the json tag does nothing", method, from.Type)
	}
	for f := range t.Fields() {
		if f.Name != from.Name && isMember(f) {
			return wrong("its %s is that of %s, so that %s would be neither read nor written", method, from.Type, f.Name)
		}
	}
	return nil
}

// embeddedWith returns the embedded field from which a struct gets a method.
func embeddedWith(t reflect.Type, method string) (field reflect.StructField, ok bool) {
	for f := range t.Fields() {
		if !f.Anonymous {
			continue
		}
		_, byValue := f.Type.MethodByName(method)
		_, byPointer := reflect.PointerTo(f.Type).MethodByName(method)
		if byValue || byPointer {
			return f, true
		}
	}
	return field, false
}

// isMember reports whether a field is a member of its struct or contains some.
func isMember(f reflect.StructField) bool {
	if f.Tag.Get("json") == "-" || f.Name == "_" {
		return false
	}
	if !isInlined(f) {
		return f.IsExported()
	}
	t := f.Type
	if t.Kind() == reflect.Pointer {
		return true
	}
	for inner := range t.Fields() {
		if isMember(inner) {
			return true
		}
	}
	return false
}

// checkEmbeddedMarshaler refuses an embedded struct with such a method that the outer struct does not get: if several
// embedded types have the method, Go promotes none.
func checkEmbeddedMarshaler(t reflect.Type, f reflect.StructField) error {
	for _, method := range []string{"MarshalJSON", "UnmarshalJSON", "MarshalText", "UnmarshalText"} {
		_, byValue := f.Type.MethodByName(method)
		_, byPointer := reflect.PointerTo(f.Type).MethodByName(method)
		if byValue || byPointer {
			return &TypeError{Type: t, Field: f.Name, Msg: fmt.Sprintf(
				"%s has %s, but %s does not get it, so that the field would be neither read nor written: give the field a name", f.Type, method, t)}
		}
	}
	return nil
}

// checkEmbeddedPointer refuses an embedded pointer to an unexported type, because decoding cannot allocate its struct.
func checkEmbeddedPointer(typ *Type, t reflect.Type, f reflect.StructField, inside map[reflect.Type]bool) error {
	if !f.Anonymous || f.IsExported() || f.Type.Kind() != reflect.Pointer || f.Type.Elem().Kind() != reflect.Struct || f.Tag.Get("json") != "" {
		return nil
	}
	if inner, err := members(&Type{goType: typ.goType}, f.Type.Elem(), nil, inside); err == nil && len(inner) == 0 {
		return nil
	}
	return &TypeError{Type: t, Field: f.Name, Msg: fmt.Sprintf(
		"it embeds a pointer to a type that is not exported, so that its fields would be neither read nor written: embed %s itself, or export it", f.Type.Elem())}
}

// checkIsZero refuses an IsZero method that omitzero would call on nil.
func (f *field) checkIsZero() error {
	t := f.goType
	for t.Kind() == reflect.Pointer {
		t = t.Elem()
	}
	if !f.asksZero || t.Kind() != reflect.Struct || !promoted(t, "IsZero") {
		return nil
	}
	from, ok := embeddedWith(t, "IsZero")
	if !ok || from.Type.Kind() != reflect.Pointer && from.Type.Kind() != reflect.Interface {
		return nil
	}
	return f.wrong("json:\",omitzero\"", "IsZero of %s is that of an embedded %s and could run on nil: declare IsZero on %s", t, from.Type, t)
}

const errNotRead = "Value error, its type has no UnmarshalText"

var errNotWritten = errors.New("its type has no MarshalText")

// CheckReadable returns an error if the type, or a type inside it, has MarshalText but no UnmarshalText and so cannot
// be decoded. The error is a *TypeError.
func (t *Type) CheckReadable() error {
	return t.checkText(implements[encoding.TextUnmarshaler], "it is written by MarshalText and could not be read: declare UnmarshalText on %s")
}

// CheckWritable returns an error if the type, or a type inside it, has UnmarshalText but no MarshalText and so cannot
// be encoded. The error is a *TypeError.
func (t *Type) CheckWritable() error {
	return t.checkText(implements[encoding.TextMarshaler], "it is read by UnmarshalText and could not be written: declare MarshalText on %s")
}

func (t *Type) checkText(has func(reflect.Type) bool, fix string) error {
	return addPath(t.eachPart(map[*Type]bool{}, func(part *Type) error {
		if part.kind == kindText && !has(part.goType) {
			return &TypeError{Type: part.goType, Msg: fmt.Sprintf(fix, part.goType)}
		}
		return nil
	}), t.goType, t.pathTo)
}

// eachPart calls check with the type and the types inside it until one call fails.
func (t *Type) eachPart(seen map[*Type]bool, check func(*Type) error) error {
	if seen[t] {
		return nil
	}
	seen[t] = true
	if err := check(t); err != nil {
		return err
	}
	for part := range t.parts {
		if err := part.eachPart(seen, check); err != nil {
			return err
		}
	}
	return nil
}
