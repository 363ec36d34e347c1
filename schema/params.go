package schema

import (
	"encoding"
	"encoding/json"
	"errors"
	"fmt"
	"net/url"
	"reflect"
	"slices"
	"strconv"
	"strings"
	"unicode/utf8"
)

// Where a parameter is in a request. Each is also the tag that names the parameter, and the first element of its path.
const (
	InPath  = "path"
	InQuery = "query"
)

// Params describes a struct that holds the parameters of a request's URL. It does not change and may be used
// concurrently.
type Params struct {
	typ *Type
	all []*param // those of the path first
}

// param is one parameter, and the field that holds it.
type param struct {
	*field
	in, name string
}

// CompileParams describes the parameters of a struct. Each exported field has a tag path:"name" or query:"name", and
// may have constraints, default, doc, example and deprecated. It is a string, a number, a boolean, a time, a type of
// one of these kinds, or a TextUnmarshaler. A parameter of the query may also be a pointer to one of these, which makes
// it optional, or a slice, whose elements are the values of a repeated key. Embedded structs are allowed. The error is
// a *TypeError.
func CompileParams(t reflect.Type, o *Options) (*Params, error) {
	if t.Kind() != reflect.Struct {
		return nil, &TypeError{Type: t, Msg: "parameters are the fields of a struct: make it one"}
	}
	c, err := NewCompiler(o)
	if err != nil {
		return nil, err
	}
	p := &Params{typ: &Type{goType: t, kind: kindStruct, comment: c.comment}}
	if p.typ.validates, err = validates(t); err != nil {
		return nil, err
	}
	run := &compilation{c: c, fresh: map[reflect.Type]*Type{}}
	if err = p.addFields(run, t, nil); err == nil {
		err = run.check()
	}
	if err != nil {
		return nil, addPath(err, t, func(reflect.Type) string { return strings.Join(run.path, "") })
	}
	slices.SortStableFunc(p.all, func(a, b *param) int { return strings.Compare(a.in, b.in) })
	return p, nil
}

// addFields adds the parameters of a struct, which may be embedded at index of the whole.
func (p *Params) addFields(run *compilation, t reflect.Type, index []int) error {
	for f := range t.Fields() {
		at := append(slices.Clone(index), f.Index...)
		err := checkTags(t, f)
		_, inPath := f.Tag.Lookup(InPath)
		_, inQuery := f.Tag.Lookup(InQuery)
		switch {
		case err != nil:
		case f.Anonymous && f.Type.Kind() == reflect.Struct && !inPath && !inQuery:
			err = p.addFields(run, f.Type, at)
		case !f.IsExported() && !inPath && !inQuery:
		default:
			err = p.addField(run, t, f, at)
		}
		if err != nil {
			return err
		}
	}
	return nil
}

func (p *Params) addField(run *compilation, t reflect.Type, f reflect.StructField, index []int) error {
	in, name, fix := placeOf(f)
	if fix == "" && slices.ContainsFunc(p.all, func(o *param) bool { return o.in == in && o.name == name }) {
		fix = fmt.Sprintf("another field is %s:%q too: rename one", in, name)
	}
	if fix != "" {
		return &TypeError{Type: t, Field: f.Name, Msg: fix}
	}
	field, err := run.compileField(p.typ.goType, candidate{StructField: f, name: name, index: index})
	if err != nil {
		return err
	}
	if field.Type = preferText(field.Type); field.text != nil {
		field.defJSON = field.tagJSON(*field.text)
	}
	if fix := field.checkParam(in); fix != "" {
		return field.wrong(in+":"+strconv.Quote(name), "%s", fix)
	}
	field.required = field.required && field.kind != kindSlice // an absent key is an empty list
	p.all = append(p.all, &param{field, in, name})
	return nil
}

// placeOf reads the tag that names a parameter, or returns how to fix it.
func placeOf(f reflect.StructField) (in, name, fix string) {
	path, inPath := f.Tag.Lookup(InPath)
	query, inQuery := f.Tag.Lookup(InQuery)
	in, name = InPath, path
	if inQuery {
		in, name = InQuery, query
	}
	_, inJSON := f.Tag.Lookup("json")
	_, inFrame := f.Tag.Lookup(frameTag)
	switch {
	case inPath == inQuery:
		fix = `it needs one tag that says where it is: path:"name" or query:"name"`
	case !f.IsExported():
		fix = "the field is not exported: export it or remove the tag"
	case inJSON || inFrame:
		fix = "it is no member of a message: remove its tags json and frame"
	case name == "" || strings.ContainsAny(name, "{}/ \t") || !utf8.ValidString(name):
		fix = fmt.Sprintf("%q is no name of a parameter: write a word without spaces and without { } /", name)
	case strings.HasPrefix(name, "chanx."):
		fix = "names that begin with chanx. belong to the library: rename it"
	}
	return in, name, fix
}

// preferText returns t as a type that is read as text, if it, its elements or what it points to have both JSON and text
// methods.
func preferText(t *Type) *Type {
	if t.kind == kindJSON && implements[encoding.TextUnmarshaler](t.goType) {
		return &Type{goType: t.goType, kind: kindText, validates: t.validates, enum: t.enum, comment: t.comment}
	}
	if t.kind != kindPointer && t.kind != kindSlice {
		return t
	}
	elem := preferText(t.elem.Type)
	if elem == t.elem.Type {
		return t
	}
	return &Type{goType: t.goType, kind: t.kind, comment: t.comment, elem: &node{Type: elem, rules: t.elem.rules}}
}

// checkParam returns how to fix the type of a parameter, or "".
func (f *field) checkParam(in string) string {
	t := f.Type
	switch {
	case in == InPath && f.text != nil:
		return "a parameter of the path is never absent: remove its default"
	case in == InPath && (t.kind == kindPointer || isList(t.kind)):
		return fmt.Sprintf("a parameter of the path has exactly one value: make it %s", t.goType.Elem())
	case t.kind == kindPointer && f.text != nil:
		return fmt.Sprintf("a pointer is for an absent parameter, and it has a default: make it %s", t.goType.Elem())
	case t.kind == kindSlice || t.kind == kindPointer:
		t = t.elem.Type
	}
	switch t.kind {
	case kindString, kindInt, kindUint, kindFloat, kindNumber, kindBool, kindTime, kindDuration:
		return ""
	case kindText:
		if err := t.CheckReadable(); err == nil {
			return ""
		}
	}
	return fmt.Sprintf("%s is not written as one text in a URL: use a string, a number, a boolean, or a type with UnmarshalText", f.goType)
}

// Decode reads the parameters into *ptr and validates them. path returns a value of the path; query is the encoded
// query. Keys of the query that are not parameters are ignored, but a query that is encoded wrongly is an error. It
// sets *ptr to its zero value first. The items have the paths ["path", name] and ["query", name], those of the path
// first. The Validate method of the struct runs after all parameters have passed; the paths of its items begin with the
// name of a parameter, or with "path" or "query".
//
// Numbers are decimal, booleans are true or false, times and durations are written as in JSON.
func (p *Params) Decode(path func(name string) string, query string, ptr any, l Limits) ValidationError {
	d := decoders.Get().(*Decoder)
	defer d.release()
	d.Reset(nil, l)
	v := reflect.ValueOf(ptr).Elem()
	v.SetZero()
	values, err := url.ParseQuery(query)
	for rank, a := range p.all {
		switch {
		case a.in == InPath:
			d.param(a, rank, []string{path(a.name)}, v)
		case err == nil:
			d.param(a, rank, values[a.name], v)
		}
	}
	if err != nil && p.has(InQuery) {
		d.Fail("value_error", "Value error, the query is not encoded correctly: "+err.Error(), InQuery)
	}
	if d.failed == 0 && p.typ.validates {
		p.validate(d, v)
	}
	return d.Errors()
}

func (p *Params) has(in string) bool {
	return slices.ContainsFunc(p.all, func(a *param) bool { return a.in == in })
}

// validate calls the Validate method of the struct.
func (p *Params) validate(d *Decoder, v reflect.Value) {
	err := v.Addr().Interface().(validator).Validate()
	if items, ok := errors.AsType[ValidationError](err); ok {
		placed := slices.Clone(items)
		for i, item := range placed {
			placed[i].Loc = p.locate(item.Loc)
		}
		err = placed
	}
	if err != nil {
		d.failMethod(p.typ, err, "invalid value")
	}
}

// locate puts the place of a parameter before a path that begins with its name.
func (p *Params) locate(loc []any) []any {
	if len(loc) == 0 {
		return loc
	}
	i := slices.IndexFunc(p.all, func(a *param) bool { return loc[0] == a.name })
	if i < 0 {
		return loc
	}
	return append([]any{p.all[i].in}, loc...)
}

// param reads the values of one parameter into its field of v. Rank is that of its items.
func (d *Decoder) param(a *param, rank int, texts []string, v reflect.Value) {
	d.push(a.in, rank)
	defer d.pop()
	d.push(a.name, 0)
	defer d.pop()
	switch {
	case slices.ContainsFunc(texts, func(s string) bool { return !utf8.ValidString(s) }):
		d.fail("string_unicode", "Input should be a valid string, unable to parse raw data as a unicode string")
	case len(texts) > 1 && a.kind != kindSlice:
		d.fail("multiple_argument_values", "Got multiple values for argument")
	case len(texts) == 0 && a.required:
		d.missing()
	case len(texts) > 0 || a.text == nil && a.kind == kindSlice:
		d.data, d.pos, d.depth = a.asJSON(texts), 0, 0
		d.must(d.member(a.field, a.of(v)))
	case a.text != nil:
		d.must(a.setDefault(d, a.of(v)))
	}
}

// must adds an item for an error that cannot happen: asJSON writes valid JSON, and defaults have been checked.
func (d *Decoder) must(err error) {
	if err != nil {
		d.fail("value_error", "Value error, "+err.Error())
	}
}

// asJSON writes the texts of a parameter as the JSON value that its field decodes.
func (a *param) asJSON(texts []string) []byte {
	if a.kind != kindSlice {
		t := a.Type
		if t.kind == kindPointer {
			t = t.elem.Type
		}
		return appendParam(nil, t.kind, texts[0])
	}
	b := []byte{'['}
	for i, text := range texts {
		if i > 0 {
			b = append(b, ',')
		}
		b = appendParam(b, a.elem.kind, text)
	}
	return append(b, ']')
}

// appendParam writes a text as JSON. A text that is not one of its kind becomes a string, which the decoder refuses.
func appendParam(b []byte, k kind, text string) []byte {
	if k == kindBool && (text == "true" || text == "false") || isNumber(k) && isDecimal(text, k) {
		return append(b, text...)
	}
	return appendText(b, text)
}

// isDecimal reports whether a text is a number as JSON writes it; integers have neither a fraction nor an exponent.
func isDecimal(text string, k kind) bool {
	d := Decoder{data: []byte(text)}
	if d.Kind() != '0' || d.pos > 0 {
		return false
	}
	_, err := d.number()
	return err == nil && d.pos == len(text) && (k != kindInt && k != kindUint || !strings.ContainsAny(text, ".eE"))
}

// PathNames returns the names of the parameters of the path.
func (p *Params) PathNames() (names []string) {
	for _, a := range p.all {
		if a.in == InPath {
			names = append(names, a.name)
		}
	}
	return names
}

// Param describes a parameter.
type Param struct {
	Name       string
	In         string // InPath or InQuery
	Required   bool
	Repeated   bool // its key may be repeated: the schema is of a list
	Doc        string
	Deprecated bool
	Default    json.RawMessage // or nil
	Schema     json.RawMessage // with description, default and example, if it has them; it refers to no definition
	Example    json.RawMessage // a valid value
}

// Describe describes the parameters, those of the path first.
func (p *Params) Describe() []Param {
	d := NewDefinitions("#/definitions/")
	all := make([]Param, len(p.all))
	for i, a := range p.all {
		inline := *a.field
		inline.rules = inline.rules.orEmpty(a.kind == kindSlice)
		if a.kind == kindPointer { // null is not written in a URL
			inline.Type = a.elem.Type
		}
		s := sampler{inside: map[*Type]bool{}}
		example, _ := s.field(nil, a.field, 0)
		all[i] = Param{
			Name: a.name, In: a.in, Required: a.required, Repeated: a.kind == kindSlice, Doc: a.doc, Deprecated: a.deprecated,
			Default: a.defaultIn(AsDeclared),
			Schema:  marshal(d.member(&inline)), Example: example,
		}
	}
	return all
}

// orEmpty returns rules that are not nil, and with elem not nil: the schema of a place with rules refers to no
// definition.
func (r *rules) orEmpty(elem bool) *rules {
	var own rules
	if r != nil {
		own = *r
	}
	if elem && own.elem == nil {
		own.elem = &rules{}
	}
	return &own
}
