package schema

import (
	"encoding/json"
	"slices"
)

func (d *Definitions) list(t *Type, r *rules) *document {
	s := &document{Type: "array", UniqueItems: r.unique, Items: d.place(t.elem.Type, r.elem)}
	least, most := listLimits(t, r)
	if least > 0 {
		s.MinItems = &least
	}
	if most >= 0 {
		s.MaxItems = &most
	}
	return s
}

func (d *Definitions) mapping(t *Type, r *rules) *document {
	return &document{
		Type: "object", MinProperties: r.minItems, MaxProperties: r.maxItems,
		PropertyNames: keyNames(t.key), AdditionalProperties: d.place(t.elem.Type, r.elem),
	}
}

// keyNames describes the keys of a map; nil if any string is allowed.
func keyNames(key *Type) *document {
	switch {
	case key.enum != nil:
		names := &document{}
		for _, v := range key.enum.values {
			names.Enum = append(names.Enum, appendText(nil, v))
		}
		return names
	case key.kind == kindInt:
		return &document{Pattern: "^-?(0|[1-9][0-9]*)$"}
	case key.kind == kindUint:
		return &document{Pattern: "^(0|[1-9][0-9]*)$"}
	}
	return nil
}

func (d *Definitions) object(t *Type) *document {
	s := &document{Type: "object"}
	for _, f := range t.fields {
		s.Properties = append(s.Properties, property{f.names[d.naming], d.member(f)})
		if f.required {
			s.Required = append(s.Required, f.names[d.naming])
		}
	}
	if always := d.always(t.fields); always != nil {
		s.Extension = &extension{Always: always}
	}
	if t.refuses {
		s.AdditionalProperties = false
	}
	return s
}

// always lists the fields that are always encoded although they may be absent when decoding.
func (d *Definitions) always(fields []*field) (names []string) {
	for _, f := range fields {
		if !f.required && f.isAlwaysWritten() {
			names = append(names, f.names[d.naming])
		}
	}
	return names
}

// member describes a field, including its documentation.
func (d *Definitions) member(f *field) *document {
	s := d.place(f.Type, f.rules)
	if f.inString {
		s = inString(f.kind)
	}
	example, def := f.exampleIn(d.naming), f.defaultIn(d.naming)
	if f.doc == "" && !f.deprecated && example == nil && def == nil {
		return s
	}
	s = annotatable(s)
	s.Description, s.Deprecated, s.Default = f.doc, f.deprecated, def
	if example != nil {
		s.Examples = []json.RawMessage{example}
	}
	return s
}

// inString describes a number or a boolean in a string.
func inString(k kind) *document {
	switch k {
	case kindBool:
		return &document{Type: "string", Enum: []json.RawMessage{json.RawMessage(`"true"`), json.RawMessage(`"false"`)}}
	case kindInt:
		return &document{Type: "string", Pattern: `^-?(0|[1-9][0-9]*)$`}
	case kindUint:
		return &document{Type: "string", Pattern: `^(0|[1-9][0-9]*)$`}
	}
	return &document{Type: "string", Pattern: `^-?(0|[1-9][0-9]*)(\.[0-9]+)?([eE][+-]?[0-9]+)?$`}
}

// oneOf describes a union. AsyncAPI requires the discriminator to be a required member of the schema that names it.
func (d *Definitions) oneOf(t *Type) *document {
	name := t.union.member(d.naming)
	s := &document{Type: "object", Discriminator: name, Required: []string{name}}
	tags := &document{Type: "string"}
	for _, v := range t.union.variants {
		tags.Enum = append(tags.Enum, appendText(nil, v.tag))
		s.OneOf = append(s.OneOf, d.variant(t, v))
	}
	s.Properties = properties{{name, tags}}
	return s
}

// variant describes a struct as part of a union: it has the discriminator besides its fields.
func (d *Definitions) variant(union *Type, v *variant) *document {
	t, as := v.object(), membership{union, v.tag}
	if isDefined(t) {
		return &document{Ref: d.define(t, as)}
	}
	return d.tagged(t, as)
}

func (d *Definitions) tagged(t *Type, as membership) *document {
	s, name := d.object(t), as.union.union.member(d.naming)
	s.Properties = append(properties{{name, &document{Type: "string", Const: &as.tag}}}, s.Properties.without(name)...)
	isTag := func(member string) bool { return member == name }
	s.Required = append([]string{name}, slices.DeleteFunc(s.Required, isTag)...)
	if s.Extension != nil {
		if s.Extension.Always = slices.DeleteFunc(s.Extension.Always, isTag); len(s.Extension.Always) == 0 {
			s.Extension = nil
		}
	}
	return s
}

// without removes a member: a variant may have a field for the discriminator.
func (p properties) without(name string) properties {
	return slices.DeleteFunc(p, func(m property) bool { return m.name == name })
}
