package schema

import (
	"cmp"
	"fmt"
	"reflect"
	"strings"
)

// field is one member of a struct.
type field struct {
	node
	documentation
	names     [namings]string
	quoted    [namings][]byte // "name":
	index     []int           // as for reflect.Value.FieldByIndex
	at        int             // index[0] if index has one element, else -1
	owner     reflect.Type
	goName    string
	required  bool
	omitEmpty bool
	omitZero  bool
	inString  bool          // json:",string"
	asksZero  bool          // the type has an IsZero method
	text      *string       // of the default tag; nil without one
	defJSON   []byte        // the default as JSON, with declared names
	def       reflect.Value // the decoded default, if copies of it share nothing; else defJSON is decoded each time
}

// of returns the field of v so that it can be set. It allocates embedded pointers on the way.
func (f *field) of(v reflect.Value) reflect.Value {
	if f.at >= 0 {
		return v.Field(f.at)
	}
	for _, i := range f.index {
		if v.Kind() == reflect.Pointer {
			if v.IsNil() {
				v.Set(reflect.New(v.Type().Elem()))
			}
			v = v.Elem()
		}
		v = v.Field(i)
	}
	return v
}

// read returns the field of v for encoding. ok is false if the field is behind an embedded nil pointer.
func (f *field) read(v reflect.Value) (_ reflect.Value, ok bool) {
	if f.at >= 0 {
		return v.Field(f.at), true
	}
	for _, i := range f.index {
		if v.Kind() == reflect.Pointer {
			if v.IsNil() {
				return v, false
			}
			v = v.Elem()
		}
		v = v.Field(i)
	}
	return v, true
}

// candidate is a struct field that may become a member, by the rules of encoding/json.
type candidate struct {
	reflect.StructField
	name   string
	tagged bool
	frame  bool // beside the payload
	index  []int
}

func (r *compilation) compileStruct(typ *Type) error {
	found, err := members(typ, typ.goType, nil, map[reflect.Type]bool{})
	if err != nil {
		return err
	}
	kept, err := dominant(typ.goType, found)
	if err != nil {
		return err
	}
	for _, c := range kept {
		f, err := r.compileField(typ.goType, c)
		if err != nil {
			return err
		}
		if c.frame {
			typ.frame.fields = append(typ.frame.fields, f)
		} else {
			typ.fields = append(typ.fields, f)
		}
	}
	if typ.camelErr, err = typ.table.name(); err != nil {
		return err
	}
	camelErr, err := typ.frame.name()
	typ.camelErr = cmp.Or(typ.camelErr, camelErr)
	return err
}

// members lists the fields of a struct and of its embedded structs, in order.
func members(typ *Type, t reflect.Type, at []int, inside map[reflect.Type]bool) (found []candidate, err error) {
	if inside[t] {
		return nil, nil // an embedded type that embeds itself by pointer
	}
	inside[t] = true
	defer delete(inside, t)
	for f := range t.Fields() {
		tag := f.Tag.Get("json")
		if tag != "-" {
			if err := checkTags(t, f); err != nil {
				return nil, err
			}
		}
		if f.Name == "_" {
			if f.Tag.Get(strictTag) == "false" && len(at) == 0 {
				typ.refuses = true
			}
			continue
		}
		name, _, _ := strings.Cut(tag, ",")
		index := append(append([]int(nil), at...), f.Index...)
		frame, err := isFrameField(t, f)
		if err != nil {
			return nil, err
		}
		if tag == "-" {
			continue
		}
		typ.noteUnread(t, f)
		if isInlined(f) {
			if err := checkEmbeddedMarshaler(t, f); err != nil {
				return nil, err
			}
			embedded := f.Type
			if embedded.Kind() == reflect.Pointer {
				embedded = embedded.Elem()
			}
			inner, err := members(typ, embedded, index, inside)
			if err != nil {
				return nil, err
			}
			found = append(found, inner...)
			continue
		}
		if err := checkEmbeddedPointer(typ, t, f, inside); err != nil {
			return nil, err
		}
		if !f.IsExported() {
			if tag != "" {
				return nil, &TypeError{Type: t, Field: f.Name, Tag: "json:\"" + tag + "\"", Msg: "the field is not exported: export it or remove the tag"}
			}
			continue
		}
		c := candidate{f, name, name != "", frame, index}
		if name == "" {
			c.name = f.Name
		}
		found = append(found, c)
	}
	return found, nil
}

// dominant resolves candidates with the same name by Go's embedding rules and keeps the one they choose. Where they
// choose none, encoding/json silently leaves all of them out; here that is an error. A frame field and a payload field
// may have the same name.
func dominant(owner reflect.Type, all []candidate) (kept []candidate, err error) {
	for i, c := range all {
		wins := true
		var equal *candidate
		for j := range all {
			o := &all[j]
			if i == j || o.name != c.name || o.frame != c.frame {
				continue
			}
			if len(o.index) < len(c.index) || len(o.index) == len(c.index) && o.tagged && !c.tagged {
				wins = false
			} else if len(o.index) == len(c.index) && o.tagged == c.tagged && equal == nil {
				equal = o
			}
		}
		if wins && equal != nil {
			return nil, &TypeError{Type: owner, Field: goPath(owner, c.index), Msg: fmt.Sprintf(
				"it and %s are both %q, so that neither would be read or written: rename one, or leave one out with json:\"-\"",
				goPath(owner, equal.index), c.name)}
		}
		if wins {
			kept = append(kept, c)
		}
	}
	return kept, nil
}

// goPath returns the name of a field behind the names of the embedded structs that lead to it.
func goPath(t reflect.Type, index []int) string {
	var names []string
	for _, i := range index {
		if t.Kind() == reflect.Pointer {
			t = t.Elem()
		}
		f := t.Field(i)
		names, t = append(names, f.Name), f.Type
	}
	return strings.Join(names, ".")
}

// declaringType returns the struct that declares a field, which may be embedded.
func declaringType(t reflect.Type, index []int) reflect.Type {
	for _, i := range index[:len(index)-1] {
		if t = t.Field(i).Type; t.Kind() == reflect.Pointer {
			t = t.Elem()
		}
	}
	return t
}

func (r *compilation) compileField(owner reflect.Type, c candidate) (*field, error) {
	typ, err := r.inside("."+goPath(owner, c.index), c.Type)
	if err != nil {
		return nil, err
	}
	f := &field{node: node{Type: typ}, index: c.index, at: -1, owner: owner, goName: c.Name}
	if len(c.index) == 1 {
		f.at = c.index[0]
	}
	for n := range Naming(namings) {
		f.names[n] = n.of(c.name)
	}
	_, options, _ := strings.Cut(c.Tag.Get("json"), ",")
	for option := range strings.SplitSeq(options, ",") {
		switch option {
		case "omitempty":
			f.omitEmpty = true
		case "omitzero":
			f.omitZero, f.asksZero = true, implements[interface{ IsZero() bool }](c.Type)
			if err := f.checkIsZero(); err != nil {
				return nil, err
			}
		case "string":
			f.inString = true
		}
	}
	if f.inString && !isNumber(f.kind) && f.kind != kindBool {
		return nil, f.wrong("json:\",string\"", "it applies to numbers and booleans only: remove it")
	}
	if text, ok := c.Tag.Lookup("default"); ok {
		f.text = &text
		f.defJSON = f.tagJSON(text)
		r.defaults = append(r.defaults, f)
	}
	f.required = f.text == nil && f.kind != kindPointer && !f.omitEmpty && !f.omitZero
	if err := f.document(c.Tag); err != nil {
		return nil, err
	}
	if f.doc == "" {
		f.doc = r.c.comment(declaringType(owner, c.index), "."+c.Name)
	}
	if f.example != nil {
		r.examples = append(r.examples, f)
	}
	return f, f.constrain(c.Tag)
}

func (f *field) wrong(tag, fix string, args ...any) error {
	return &TypeError{Type: f.owner, Field: f.goName, Tag: tag, Msg: fmt.Sprintf(fix, args...)}
}

// name fills byName and the encoded names of the fields. Two fields with the same camelCase name are an error of that
// naming only.
func (t *table) name() (camelErr, err error) {
	for n := range Naming(namings) {
		t.byName[n] = make(map[string]int, len(t.fields))
		for i, f := range t.fields {
			f.quoted[n] = append(appendText(nil, f.names[n]), ':')
			if j, twice := t.byName[n][f.names[n]]; twice {
				err := f.wrong("", "it and %s are both %q in camelCase: rename one", t.fields[j].goName, f.names[n])
				if n == AsDeclared {
					return nil, err
				}
				camelErr = err
			}
			t.byName[n][f.names[n]] = i
		}
	}
	return camelErr, nil
}

// of applies the naming to a declared name.
func (n Naming) of(name string) string {
	if n == CamelCase {
		return Camel(name)
	}
	return name
}

// Camel converts a name to camelCase: it removes each underscore between two characters and capitalizes the letter
// behind it. Underscores at the beginning and the end of a name stay; of several in a row only the last is removed.
func Camel(name string) string {
	if !strings.Contains(name, "_") {
		return name
	}
	var b strings.Builder
	for i := 0; i < len(name); i++ {
		inside := name[i] == '_' && b.Len() > 0 && strings.Trim(b.String(), "_") != "" && i+1 < len(name) && name[i+1] != '_'
		if !inside {
			b.WriteByte(name[i])
			continue
		}
		i++
		if c := name[i]; c >= 'a' && c <= 'z' {
			b.WriteByte(c - 'a' + 'A')
		} else {
			b.WriteByte(c)
		}
	}
	return b.String()
}
