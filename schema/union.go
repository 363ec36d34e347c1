package schema

import (
	"fmt"
	"reflect"
)

// union is an interface type. A string member of the encoded object tells its variants apart.
type union struct {
	option        string // the name of the option that declares it, for errors
	discriminator string
	variants      []*variant // in the order of declaration
	byTag         map[string]*variant
	byType        map[reflect.Type]*variant
	known         string          // the tags, for messages
	quoted        [namings]string // the discriminator, for messages
}

// variant is one concrete type of a union.
type variant struct {
	tag string
	typ *Type // a struct or a pointer to one
}

func (u *union) add(v *variant) {
	if u.variants = append(u.variants, v); len(u.variants) > 1 {
		u.known += ", "
	}
	u.known += "'" + v.tag + "'"
	u.byTag[v.tag] = v
	u.byType[v.typ.goType] = v
}

// member returns the name of the discriminator on the wire.
func (u *union) member(n Naming) string { return n.of(u.discriminator) }

// object returns the variant's struct.
func (v *variant) object() *Type {
	if v.typ.kind == kindPointer {
		return v.typ.elem.Type
	}
	return v.typ
}

// holding returns an object of the variant as the interface stores it: a pointer or the struct.
func (v *variant) holding(object reflect.Value) reflect.Value {
	if v.typ.kind == kindPointer {
		return object.Addr()
	}
	return object
}

// chosen returns the variant and the struct in an interface value v.
func (u *union) chosen(t *Type, v reflect.Value) (*variant, reflect.Value, error) {
	if v.IsNil() {
		return nil, v, fmt.Errorf("it is nil: set the %s, or leave it out with omitzero", t.goType)
	}
	v = v.Elem()
	chosen := u.byType[v.Type()]
	switch {
	case chosen == nil:
		return nil, v, fmt.Errorf("%s is not a variant of the union %s: declare it in %s", v.Type(), t.goType, u.option)
	case isNilPointer(v):
		return nil, v, fmt.Errorf("it is a nil %s: set it", v.Type())
	case v.Kind() == reflect.Pointer:
		v = v.Elem()
	}
	return chosen, v, nil
}

// variant reads a value of a union.
func (d *Decoder) variant(t *Type, v reflect.Value) error {
	if d.peek() != '{' {
		return d.refuse("model_attributes_type", "Input should be a valid dictionary or object to extract fields from")
	}
	name := t.union.member(d.naming)
	tag, found, err := d.tag(name)
	if err != nil {
		return err
	}
	chosen := t.union.byTag[tag.text]
	switch {
	case !found:
		d.failBecause("union_tag_not_found", "Unable to extract tag using discriminator ", t.union.quoted[d.naming])
		return d.Skip()
	case chosen == nil || !tag.isText:
		if d.countFailure() {
			d.keep(finding{typ: "union_tag_invalid", msg: unknownTag(tag.text, name), rest: t.union.known})
		}
		return d.Skip()
	}
	object := reflect.New(chosen.object().goType).Elem()
	before := d.failed
	if err := d.object(chosen.object(), object, name); err != nil {
		return err
	}
	if d.failed == before {
		d.validate(chosen.object(), object)
	}
	v.Set(chosen.holding(object))
	return nil
}

// unknownTag returns the beginning of an item's text; the known tags follow.
func unknownTag(tag, name string) string {
	return "Input tag '" + cutText(tag) + "' found using '" + name + "' does not match any of the expected tags: "
}

// checkVariants refuses variants that cannot carry the discriminator. All types must be compiled.
func (t *Type) checkVariants() error {
	for _, v := range t.union.variants {
		object := v.object()
		if object.kind != kindStruct {
			return &TypeError{Type: t.goType, Msg: fmt.Sprintf(
				"variant %s is written by its own methods, which know no %q: remove the methods or wrap it in a struct",
				object.goType, t.union.discriminator)}
		}
		for _, f := range object.fields {
			if f.names[AsDeclared] != t.union.discriminator {
				continue
			}
			if f.kind != kindString {
				return f.wrong("", "it is the discriminator of the union %s and has the variant's tag: make it a string or rename it", t.goType)
			}
			var d Decoder
			if d.Reset(nil, Limits{}); !d.allowsString(f.Type, f.rules, v.tag) {
				return f.wrong("", "it is the discriminator of the union %s and its tags or type refuse %q, the tag of the variant: %s",
					t.goType, v.tag, d.Errors()[0].Msg)
			}
		}
	}
	return nil
}

// hiddenByDiscriminator finds a field of a variant that gets the name of the discriminator only in this naming. It
// would be neither received nor sent.
func (t *Type) hiddenByDiscriminator(n Naming) error {
	if t.union == nil {
		return nil
	}
	for _, v := range t.union.variants {
		for _, f := range v.object().fields {
			if f.names[n] == t.union.member(n) && f.names[AsDeclared] != t.union.discriminator {
				return f.wrong("", "it and the discriminator %q of the union %s are both %q in camelCase: rename one", t.union.discriminator, t.goType, f.names[n])
			}
		}
	}
	return nil
}

// tag is the value of a discriminator. If it is not a string, text is its JSON.
type tag struct {
	text   string
	isText bool
}

// tag finds the member name in the object at the cursor. It does not move the cursor.
func (d *Decoder) tag(name string) (t tag, found bool, err error) {
	start, depth := d.pos, d.depth
	defer func() { d.pos, d.depth = start, depth }()
	if err := d.enter(); err != nil {
		return t, false, err
	}
	for first := true; ; first = false {
		if more, err := d.more('}', first); err != nil || !more {
			return t, false, err
		}
		member, err := d.name()
		if err != nil {
			return t, false, err
		}
		if string(member) == name {
			t, err = d.tagValue()
			return t, true, err
		}
		if err := d.Skip(); err != nil {
			return t, false, err
		}
	}
}

func (d *Decoder) tagValue() (tag, error) {
	if d.peek() == '"' {
		text, err := d.text()
		return tag{string(text), true}, err
	}
	raw, err := d.Raw()
	return tag{string(raw), false}, err
}
