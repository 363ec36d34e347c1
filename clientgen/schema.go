package clientgen

import (
	"cmp"
	"slices"
	"strings"

	"github.com/go-json-experiment/json/jsontext"
)

const (
	maxSchemaDepth = 64
	schemaPrefix   = "#/components/schemas/"
)

// schema reads a JSON Schema of draft 7. Keywords that only narrow a value are ignored.
func (r *reader) schema(v *value, depth int) *Schema {
	s := &Schema{}
	switch {
	case r.err != nil, v.kind == 't':
		return s
	case v.kind == 'f':
		s.Shape = Never
		return s
	case v.kind != '{':
		r.fail(v, "a schema must be an object, true or false")
		return s
	case depth > maxSchemaDepth:
		r.fail(v, "more than %d schemas are nested", maxSchemaDepth)
		return s
	}
	s = r.shape(v, depth)
	s.Doc = cmp.Or(r.text(v.get("description")), s.Doc)
	s.Deprecated = s.Deprecated || r.flag(v.get("deprecated"))
	return s
}

func (r *reader) shape(v *value, depth int) *Schema {
	switch {
	case v.get("$ref") != nil:
		return &Schema{Shape: Named, Ref: r.named(v.get("$ref"))}
	case v.get("oneOf") != nil:
		return r.union(v, v.get("oneOf"), depth)
	case v.get("anyOf") != nil:
		return r.union(v, v.get("anyOf"), depth)
	case v.get("const") != nil:
		return r.enum([]*value{v.get("const")}, nil)
	case v.get("enum") != nil:
		return r.enum(r.array(v.get("enum")), v.get("x-chanx", "enumDocs"))
	case v.get("type") == nil && v.get("allOf") != nil: // beside a type, it only narrows
		return r.allOf(v, depth)
	}
	return r.typed(v, depth)
}

// named returns the type that a reference means. A type is read when the first reference to it is.
func (r *reader) named(ref *value) *Type {
	name, ok := strings.CutPrefix(r.text(ref), schemaPrefix)
	name = unescape(name)
	v := r.root.get("components", "schemas", name)
	if !ok || v == nil {
		r.fail(ref, "no schema of the document is %q", ref.text)
		return &Type{Schema: &Schema{}}
	}
	if t := r.types[name]; t != nil {
		return t
	}
	t := &Type{Name: name, Schema: &Schema{}}
	r.types[name] = t
	r.pending = append(r.pending, pendingType{t, v})
	return t
}

// union reads oneOf or anyOf. A variant that is null makes it nullable, and a single other one is no union.
func (r *reader) union(v, variants *value, depth int) *Schema {
	s := &Schema{Shape: Union}
	for _, one := range r.array(variants) {
		of := r.schema(one, depth+1)
		if of.Shape == Null {
			s.Nullable = true
			continue
		}
		s.Of = append(s.Of, of)
	}
	if d := v.get("discriminator"); d != nil && d.kind == '"' {
		s.Discriminator = d.text
	}
	return s.simple()
}

// simple returns a union of one variant as this variant, and one of none as null or as what cannot be.
func (s *Schema) simple() *Schema {
	switch {
	case len(s.Of) == 0 && s.Nullable:
		return &Schema{Shape: Null}
	case len(s.Of) == 0:
		return &Schema{Shape: Never}
	case len(s.Of) == 1:
		one := *s.Of[0]
		one.Nullable = one.Nullable || s.Nullable
		return &one
	}
	return s
}

// allOf reads a schema that adds a description to another one.
func (r *reader) allOf(v *value, depth int) *Schema {
	all := r.array(v.get("allOf"))
	if len(all) != 1 {
		r.fail(v, "allOf of more than one schema cannot be generated")
		return &Schema{}
	}
	return r.schema(all[0], depth+1)
}

func (r *reader) enum(values []*value, docs *value) *Schema {
	s := &Schema{Shape: Enum}
	for _, v := range values {
		switch v.kind {
		case '"':
			s.Values = append(s.Values, Literal{v.text, String, r.text(docs.get(v.text))})
		case '0':
			s.Values = append(s.Values, Literal{v.text, Number, r.text(docs.get(v.text))})
		case 't', 'f':
			s.Values = append(s.Values, Literal{v.kind.String(), Boolean, ""})
		case 'n':
			s.Nullable = true
		default:
			r.fail(v, "a value of an enum must be a string, a number, a boolean or null")
		}
	}
	if len(s.Values) == 0 {
		return s.simple()
	}
	return s
}

// typed reads a schema by its type, or by its types.
func (r *reader) typed(v *value, depth int) *Schema {
	names := []string{""}
	switch t := v.get("type"); {
	case t == nil && (v.get("properties") != nil || v.get("additionalProperties") != nil):
		names = []string{"object"}
	case t == nil && v.get("items") != nil:
		names = []string{"array"}
	case t != nil && t.kind == jsontext.KindBeginArray:
		names = r.texts(t)
	case t != nil:
		names = []string{r.text(t)}
	}
	s := &Schema{Shape: Union}
	for _, name := range names {
		if name == "null" {
			s.Nullable = true
		} else {
			s.Of = append(s.Of, r.ofType(v, name, depth))
		}
	}
	return s.simple()
}

func (r *reader) ofType(v *value, name string, depth int) *Schema {
	switch name {
	case "":
		return &Schema{Shape: Any}
	case "string":
		s := &Schema{Shape: String, Format: r.text(v.get("format"))}
		if r.text(v.get("contentEncoding")) == "base64" {
			s.Format = "base64"
		}
		return s
	case "integer":
		return &Schema{Shape: Integer, Format: r.text(v.get("format"))}
	case "number":
		return &Schema{Shape: Number, Format: r.text(v.get("format"))}
	case "boolean":
		return &Schema{Shape: Boolean}
	case "array":
		return &Schema{Shape: Array, Items: r.inner(v.get("items"), depth)}
	case "object":
		return r.objectSchema(v, depth)
	}
	r.fail(v, "there is no type %q", name)
	return &Schema{}
}

// inner reads a schema within another one. Without one, it is anything.
func (r *reader) inner(v *value, depth int) *Schema {
	if v == nil {
		return &Schema{Shape: Any}
	}
	return r.schema(v, depth+1)
}

// objectSchema reads a schema of objects: a map if it has no properties of its own.
func (r *reader) objectSchema(v *value, depth int) *Schema {
	extra := v.get("additionalProperties")
	if extra != nil && extra.kind == 'f' {
		extra = nil
	}
	if v.get("properties") == nil && (extra != nil || v.get("additionalProperties") == nil) {
		s := &Schema{Shape: Map, Items: r.inner(extra, depth)}
		if keys := v.get("propertyNames"); keys != nil {
			if k := r.schema(keys, depth+1); k.Shape == Enum {
				s.Keys = k.keys()
			}
		}
		return s
	}
	s := &Schema{Shape: Object, Properties: r.properties(v, depth)}
	if extra != nil && extra.kind == '{' {
		s.Items = r.schema(extra, depth+1)
	}
	return s
}

func (s *Schema) keys() (all []string) {
	for _, l := range s.Values {
		if l.Kind == String {
			all = append(all, l.Text)
		}
	}
	return all
}

func (r *reader) properties(v *value, depth int) (all []Property) {
	required := r.set(v.get("required"))
	always := r.set(v.get("x-chanx", "always"))
	for _, p := range r.object(v.get("properties")) {
		all = append(all, Property{p.name, r.schema(p, depth+1), required[p.name], always[p.name]})
	}
	return all
}

func (r *reader) set(v *value) map[string]bool {
	all := map[string]bool{}
	for _, name := range r.texts(v) {
		all[name] = true
	}
	return all
}

// finishTypes reads the types that have been referred to, and orders them as the document does.
func (r *reader) finishTypes(c *Contract) {
	for len(r.pending) > 0 && r.err == nil {
		last := len(r.pending) - 1
		next := r.pending[last]
		r.pending = r.pending[:last]
		*next.t.Schema = *r.schema(next.v, 0)
	}
	for _, v := range r.object(r.root.get("components", "schemas")) {
		if t := r.types[v.name]; t != nil {
			c.Types = append(c.Types, t)
		}
	}
	if r.err == nil {
		r.refuseCycles(c)
	}
	if r.err == nil {
		c.markDirections()
	}
}

// refuseCycles refuses types that are defined by themselves alone: no value has such a type.
func (r *reader) refuseCycles(c *Contract) {
	state := map[*Type]int{} // 1: on the way, 2: done
	var visit func(s *Schema)
	visit = func(s *Schema) {
		if t := s.Ref; t != nil && state[t] != 2 {
			if state[t] == 1 {
				r.fail(r.root.get("components", "schemas", t.Name), "it is defined by itself")
				return
			}
			state[t] = 1
			visit(t.Schema)
			state[t] = 2
		}
		for _, of := range s.Of {
			visit(of)
		}
	}
	for _, t := range c.Types {
		visit(&Schema{Ref: t})
	}
}

// children lists the schemas directly within s.
func (s *Schema) children() []*Schema {
	all := slices.Clone(s.Of)
	if s.Items != nil {
		all = append(all, s.Items)
	}
	for _, p := range s.Properties {
		all = append(all, p.Schema)
	}
	return all
}
