package schema

import (
	"fmt"
	"math"
	"reflect"
	"slices"
	"strconv"
)

// Validate checks a value made in code like a decoded one. v has the type or is a pointer to a value of it. Validate
// methods with a pointer receiver change the value that v points to; if v is not a pointer, they change a copy. Paths
// have declared names. The error is a ValidationError, or another error if JSON cannot express the value, for instance
// because it contains itself.
func (t *Type) Validate(v any) error {
	value := reflect.ValueOf(v)
	isPointer := value.IsValid() && value.Type() == reflect.PointerTo(t.goType)
	if isPointer {
		value = value.Elem()
	} else if as, ok := t.valueOf(v); ok {
		value = copied(as)
	} else {
		return fmt.Errorf("schema: validate %s: the value is %T", t.goType, v)
	}
	if !value.IsValid() {
		return fmt.Errorf("schema: validate %s: it is a nil pointer", t.goType)
	}
	i := checker{mutable: isPointer}
	i.reset(0)
	if err := i.value(t, nil, value); err != nil {
		return fmt.Errorf("schema: validate %s: %w", t.goType, err)
	}
	if items := i.Errors(); items != nil {
		return items
	}
	return nil
}

// copied returns a settable copy of v.
func copied(v reflect.Value) reflect.Value {
	p := reflect.New(v.Type()).Elem()
	p.Set(v)
	return p
}

// checker checks a value. It uses the Decoder only to collect items.
type checker struct {
	Decoder
	mutable bool // Validate methods may change the value; else everything it refers to is copied first
}

// value checks v, which must be settable.
func (i *checker) value(t *Type, r *rules, v reflect.Value) error {
	if i.depth++; i.depth > hardDepth {
		return errNesting
	}
	defer func() { i.depth-- }()
	before := i.failed
	if err := i.content(t, r, v); err != nil {
		return err
	}
	if i.failed == before {
		i.validate(t, v)
	}
	return nil
}

func (i *checker) content(t *Type, r *rules, v reflect.Value) error {
	switch t.kind {
	case kindStruct:
		return i.object(t, v, "")
	case kindPointer:
		return i.pointer(t, r, v)
	case kindSlice, kindArray:
		return i.list(t, r, v)
	case kindMap:
		return i.dictionary(t, r, v)
	case kindUnion:
		return i.variant(t, v)
	}
	i.scalar(t, r, v)
	return nil
}

func (i *checker) scalar(t *Type, r *rules, v reflect.Value) {
	switch t.kind {
	case kindString:
		i.allowsString(t, r, v.String())
	case kindInt:
		i.allowsInt(t, r, v.Int())
	case kindUint:
		i.allowsUint(t, r, v.Uint())
	case kindNumber:
		i.number(r, v.String())
	case kindFloat:
		i.float(t, r, v.Float())
	case kindTime:
		if _, err := appendTime(nil, timeOf(v)); err != nil {
			i.fail("datetime_parsing", "Input should be a valid datetime, "+err.Error())
		}
	case kindText:
		i.text(t, r, v)
	case kindJSON:
		i.allowsEnumValue(t, v)
	case kindRaw:
		if err := checkRaw(v.Bytes()); err != nil && v.Len() > 0 {
			i.fail("json_invalid", "Invalid JSON: "+err.Error())
		}
	}
}

func (i *checker) float(t *Type, r *rules, x float64) {
	if math.IsNaN(x) || math.IsInf(x, 0) {
		i.fail(notFinite.typ, notFinite.msg)
		return
	}
	if r != nil {
		r.checkFloat(&i.Decoder, decimalFloat(x, t.goType.Bits()))
	}
}

// decimalFloat returns the number that is written: a float32 is written with fewer digits than its float64 has.
func decimalFloat(x float64, bits int) float64 {
	if bits == 64 {
		return x
	}
	y, _ := strconv.ParseFloat(strconv.FormatFloat(x, 'g', -1, bits), 64) // cannot fail: FormatFloat wrote it
	return y
}

func (i *checker) text(t *Type, r *rules, v reflect.Value) {
	text, err := marshalText(v)
	if err != nil {
		i.failMethod(t, err, "invalid value")
		return
	}
	i.allowsString(t, r, string(text))
}

// object checks the fields of a struct. tag is the name of a union's discriminator: a field of that name is not
// checked, because the variant's tag is written instead.
func (i *checker) object(t *Type, v reflect.Value, tag string) error {
	if !i.mutable {
		copyEmbedded(v)
	}
	for n, f := range slices.Concat(t.fields, t.frame.fields) {
		name := f.names[AsDeclared]
		member, ok := f.read(v)
		if !ok && !f.required || ok && f.omits(member) || name == tag {
			continue
		}
		i.push(name, n)
		if !ok { // it is behind an embedded nil pointer and would not be written
			i.missing()
		} else if err := i.value(f.Type, f.rules, member); err != nil {
			return at(name, err)
		}
		i.pop()
	}
	return nil
}

// copyEmbedded replaces the structs that v embeds by pointer with copies.
func copyEmbedded(v reflect.Value) {
	for n := range v.NumField() {
		f, member := v.Type().Field(n), v.Field(n)
		if !f.Anonymous || f.Tag.Get("json") == "-" {
			continue
		}
		if member.Kind() == reflect.Pointer && f.Type.Elem().Kind() == reflect.Struct && !member.IsNil() && member.CanSet() {
			member.Set(copied(member.Elem()).Addr())
			member = member.Elem()
		}
		if member.Kind() == reflect.Struct {
			copyEmbedded(member)
		}
	}
}

func (i *checker) pointer(t *Type, r *rules, v reflect.Value) error {
	if v.IsNil() {
		return nil
	}
	if !i.mutable {
		p := reflect.New(t.elem.goType)
		p.Elem().Set(v.Elem())
		v.Set(p)
	}
	return i.value(t.elem.Type, r, v.Elem())
}

func (i *checker) list(t *Type, r *rules, v reflect.Value) error {
	least, most := listLimits(t, r)
	if most >= 0 && v.Len() > most {
		i.failLast("too_long", countMessage("List", most, true, v.Len()))
		return nil
	}
	if t.kind == kindSlice && !i.mutable {
		own := reflect.MakeSlice(t.goType, v.Len(), v.Len())
		reflect.Copy(own, v)
		v.Set(own)
	}
	elem, unique := r.ofElements()
	before := i.failed
	for n := range v.Len() {
		i.pushIndex(n)
		if err := i.value(t.elem.Type, elem, v.Index(n)); err != nil {
			return err
		}
		i.pop()
	}
	if v.Len() < least {
		i.failLast("too_short", countMessage("List", least, false, v.Len()))
	} else if unique && i.failed == before {
		return i.unique(t, v)
	}
	return nil
}

// unique compares the encoded elements.
func (i *checker) unique(t *Type, v reflect.Value) error {
	var set valueSet
	e := encoder{}
	for n := range v.Len() {
		b, err := e.value(nil, t.elem.Type, v.Index(n))
		if err == nil {
			err = set.add(b)
		}
		if err != nil {
			return at(strconv.Itoa(n), err)
		}
	}
	if set.twice {
		i.failLast("unique_items", "Items should be unique")
	}
	return nil
}

func (i *checker) dictionary(t *Type, r *rules, v reflect.Value) error {
	all, err := sortedEntries(t, v)
	if err != nil {
		i.failMethod(t.key, err, "invalid key")
		return nil
	}
	if !i.mutable && !v.IsNil() {
		v.Set(reflect.MakeMapWithSize(t.goType, len(all)))
	}
	e := entries{t: t, least: 0, most: -1, passed: len(all)}
	e.limits(r)
	if !e.tooMany() {
		for n, m := range all {
			i.key(t.key, m, 2*n)
			i.push(m.name, 2*n+1)
			value := copied(m.value)
			if err := i.value(t.elem.Type, e.elem, value); err != nil {
				return at(m.name, err)
			}
			v.SetMapIndex(m.key, value)
			i.pop()
		}
	}
	e.checkCount(&i.Decoder, len(all))
	return nil
}

func (i *checker) key(t *Type, m mapEntry, rank int) {
	i.push(m.name, rank)
	i.push("[key]", 0)
	before := i.failed
	switch k := m.key; t.kind {
	case kindString:
		i.allowsString(t, nil, k.String())
	case kindInt:
		i.allowsInt(t, nil, k.Int())
	case kindUint:
		i.allowsUint(t, nil, k.Uint())
	case kindText:
		i.allowsString(t, nil, m.name)
	}
	if i.failed == before {
		i.validate(t, copied(m.key))
	}
	i.pop()
	i.pop()
}

func (i *checker) variant(t *Type, v reflect.Value) error {
	chosen, object, err := t.union.chosen(t, v)
	if err != nil {
		name := t.union.discriminator
		i.fail("union_tag_not_found", "Unable to extract tag using discriminator '"+name+"'")
		return nil
	}
	if !i.mutable || !object.CanSet() {
		object = copied(object)
	}
	before := i.failed
	if err := i.object(chosen.object(), object, t.union.discriminator); err != nil {
		return err
	}
	if i.failed == before {
		i.validate(chosen.object(), object)
	}
	v.Set(chosen.holding(object))
	return nil
}
