package schema

import (
	"cmp"
	"encoding"
	"encoding/json"
	"fmt"
	"maps"
	"reflect"
	"strings"
	"sync"
	"time"
)

// Naming decides how members are named on the wire.
type Naming uint8

// The namings. AsDeclared uses the name in the json tag, or else that of the field. CamelCase applies Camel to it.
const (
	AsDeclared Naming = iota
	CamelCase
	namings = iota
)

// Union lists the concrete types that an interface type may hold. The string in the member Discriminator tells them
// apart.
type Union struct {
	Interface     reflect.Type
	Discriminator string
	Variants      []Variant
}

// Variant is one concrete type of a union, a struct or a pointer to one, and the value of its discriminator.
type Variant struct {
	Tag  string
	Type reflect.Type
}

// Options are the options of NewCompiler.
type Options struct {
	// Unions lists the types that interface types may hold. A field of any other interface type but any is a mistake.
	Unions []Union

	// Comment returns the comment of a type in its source, or that of a part of it: ".Name" is the field Name, "=low" the
	// constant with the value low. It returns "" if there is none. Tags win over it. nil means that there are no comments.
	Comment func(t reflect.Type, part string) string

	// UnionsOption completes the errors about what Unions lacks: "declare it in ". It names the option that the user of
	// the compiler sees; default "Options.Unions".
	UnionsOption string
}

// Compiler compiles types and keeps the results. It may be used concurrently.
type Compiler struct {
	unions  map[reflect.Type]Union
	option  string // Options.UnionsOption
	comment func(reflect.Type, string) string
	mu      sync.Mutex
	types   map[reflect.Type]*Type
	failed  map[reflect.Type]error
}

// NewCompiler returns a compiler; nil options are fine. The error is a *TypeError that names the wrong union.
func NewCompiler(o *Options) (*Compiler, error) {
	if o == nil {
		o = &Options{}
	}
	c := &Compiler{
		unions: map[reflect.Type]Union{}, option: cmp.Or(o.UnionsOption, "Options.Unions"),
		types: map[reflect.Type]*Type{}, failed: map[reflect.Type]error{}, comment: noComment,
	}
	if o.Comment != nil {
		c.comment = o.Comment
	}
	for _, u := range o.Unions {
		if err := checkUnion(u); err != nil {
			return nil, err
		}
		if _, twice := c.unions[u.Interface]; twice {
			return nil, &TypeError{Type: u.Interface, Msg: "it is declared as a union twice: merge the declarations"}
		}
		c.unions[u.Interface] = u
	}
	return c, nil
}

func noComment(reflect.Type, string) string { return "" }

func checkUnion(u Union) error {
	wrong := func(fix string, args ...any) error {
		return &TypeError{Type: u.Interface, Msg: fmt.Sprintf(fix, args...)}
	}
	switch {
	case u.Interface == nil:
		return &TypeError{Type: reflect.TypeFor[any](), Msg: "a union has no interface type"}
	case u.Interface.Kind() != reflect.Interface:
		return wrong("a union needs an interface type")
	case u.Discriminator == "" || len(u.Variants) == 0:
		return wrong("a union needs a discriminator and at least one variant")
	}
	seen, types := map[string]bool{}, map[reflect.Type]bool{}
	for _, v := range u.Variants {
		t := v.Type
		if t.Kind() == reflect.Pointer {
			t = t.Elem()
		}
		switch {
		case seen[v.Tag]:
			return wrong("the tag %q marks two variants: rename one", v.Tag)
		case types[v.Type]:
			return wrong("variant %s has two tags: declare a type for each", v.Type)
		case !v.Type.Implements(u.Interface):
			return wrong("variant %s does not implement it", v.Type)
		case t.Kind() != reflect.Struct:
			return wrong("variant %s is not a struct: only an object has a member %q", v.Type, u.Discriminator)
		}
		seen[v.Tag], types[v.Type] = true, true
	}
	return nil
}

// Compile describes a Go type, once; a failure is kept too. The error is a *TypeError. Compile calls Enum methods, and it decodes the defaults
// and examples of tags with the methods of their types. These methods must not use the compiler.
func (c *Compiler) Compile(t reflect.Type) (*Type, error) {
	c.mu.Lock()
	defer c.mu.Unlock()
	if typ, err := c.types[t], c.failed[t]; typ != nil || err != nil {
		return typ, err
	}
	run := &compilation{c: c, fresh: map[reflect.Type]*Type{}}
	typ, err := run.compile(t)
	if err != nil {
		err = addPath(err, t, func(reflect.Type) string { return strings.Join(run.path, "") })
	} else if err = run.check(); err != nil {
		err = addPath(err, t, typ.pathTo)
	}
	if err != nil {
		c.failed[t] = err
		return nil, err
	}
	maps.Copy(c.types, run.fresh)
	return typ, nil
}

// compilation compiles a type and the types it needs. The compiler keeps them only if all of them succeed.
type compilation struct {
	c        *Compiler
	fresh    map[reflect.Type]*Type
	order    []*Type // fresh, in the order in which they were found
	unions   []*Type
	defaults []*field
	examples []*field
	path     []string // from the first type to the one being compiled; after an error, the path to it
}

// check runs the checks that need all types to be compiled.
func (r *compilation) check() error {
	for _, typ := range r.order {
		if err := typ.checkParts(); err != nil {
			return err
		}
	}
	for _, typ := range r.unions {
		if err := typ.checkVariants(); err != nil {
			return err
		}
	}
	for _, field := range r.defaults {
		if err := field.checkDefault(); err != nil {
			return err
		}
	}
	for _, field := range r.examples {
		if err := field.checkExample(); err != nil {
			return err
		}
	}
	return nil
}

// inside compiles the type of a part. step is the path element that leads to it.
func (r *compilation) inside(step string, t reflect.Type) (*Type, error) {
	r.path = append(r.path, step)
	typ, err := r.compile(t)
	if err == nil {
		r.path = r.path[:len(r.path)-1]
	}
	return typ, err
}

type kind uint8

const (
	kindString kind = iota
	kindInt
	kindUint
	kindFloat
	kindNumber // json.Number
	kindBool
	kindBytes
	kindTime
	kindDuration
	kindText // encoding.TextMarshaler or TextUnmarshaler
	kindJSON // json.Marshaler or Unmarshaler
	kindRaw  // json.RawMessage
	kindAny
	kindStruct
	kindMap
	kindSlice
	kindArray
	kindPointer
	kindUnion
)

// Type is the description of a Go type. It does not change and may be used concurrently.
type Type struct {
	goType reflect.Type
	kind   kind
	elem   *node
	key    *Type // of a map
	table
	frame     table // the fields beside the payload
	refuses   bool  // refuses unknown members
	union     *union
	comment   func(t reflect.Type, part string) string
	enum      *enum
	validates bool // has a Validate method, possibly with a pointer receiver
	unread    []UnreadRule
	camelErr  error
	codecs    [namings]codecSlot
}

// table holds the fields of a struct, in their order.
type table struct {
	fields []*field
	byName [namings]map[string]int
}

// node is a use of a type, with the constraints of that place.
type node struct {
	*Type
	rules *rules // nil if there are none
}

// GoType returns the Go type that t describes.
func (t *Type) GoType() reflect.Type { return t.goType }

// IsEmpty reports whether the type is a struct without fields in the payload.
func (t *Type) IsEmpty() bool { return t.kind == kindStruct && len(t.fields) == 0 }

// Comment returns the comment of the type in its source; see Options.
func (t *Type) Comment() string { return t.comment(t.goType, "") }

// IsMap reports whether the type is a map.
func (t *Type) IsMap() bool { return t.kind == kindMap }

var (
	timeType     = reflect.TypeFor[time.Time]()
	durationType = reflect.TypeFor[time.Duration]()
	rawType      = reflect.TypeFor[json.RawMessage]()
	numberType   = reflect.TypeFor[json.Number]()
	bytesType    = reflect.TypeFor[[]byte]()
)

func implements[I any](t reflect.Type) bool {
	i := reflect.TypeFor[I]()
	return t.Implements(i) || reflect.PointerTo(t).Implements(i)
}

func (r *compilation) compile(t reflect.Type) (*Type, error) {
	if typ := r.c.types[t]; typ != nil {
		return typ, nil
	}
	if typ := r.fresh[t]; typ != nil {
		return typ, nil // recursion
	}
	typ := &Type{goType: t, comment: r.c.comment}
	r.fresh[t] = typ
	r.order = append(r.order, typ)
	var err error
	if typ.validates, err = validates(t); err != nil {
		return nil, err
	}
	if err := r.classify(typ); err != nil {
		return nil, err
	}
	typ.enum, err = enumOf(typ)
	return typ, err
}

// classify finds the kind of a type: first by its own methods, then by its Go kind.
func (r *compilation) classify(typ *Type) error {
	t := typ.goType
	switch {
	case t == timeType:
		typ.kind = kindTime
	case t == durationType:
		typ.kind = kindDuration
	case t == numberType:
		typ.kind = kindNumber
	case t == rawType:
		typ.kind = kindRaw
	case t.Kind() == reflect.Pointer:
		typ.kind = kindPointer
		return r.element(typ)
	case t.Kind() == reflect.Interface:
		return r.compileInterface(typ)
	case implements[json.Marshaler](t) || implements[json.Unmarshaler](t):
		typ.kind = kindJSON
		return checkMarshalers(t, "MarshalJSON", "UnmarshalJSON")
	case implements[encoding.TextMarshaler](t) || implements[encoding.TextUnmarshaler](t):
		typ.kind = kindText
		return checkMarshalers(t, "MarshalText", "UnmarshalText")
	default:
		return r.byKind(typ)
	}
	return nil
}

func (r *compilation) byKind(typ *Type) error {
	t := typ.goType
	switch t.Kind() {
	case reflect.String:
		typ.kind = kindString
	case reflect.Bool:
		typ.kind = kindBool
	case reflect.Int, reflect.Int8, reflect.Int16, reflect.Int32, reflect.Int64:
		typ.kind = kindInt
	case reflect.Uint, reflect.Uint8, reflect.Uint16, reflect.Uint32, reflect.Uint64:
		typ.kind = kindUint
	case reflect.Float32, reflect.Float64:
		typ.kind = kindFloat
	case reflect.Struct:
		typ.kind = kindStruct
		return r.compileStruct(typ)
	case reflect.Slice:
		if t.ConvertibleTo(bytesType) && t.Elem().Kind() == reflect.Uint8 {
			typ.kind = kindBytes
			return nil
		}
		typ.kind = kindSlice
		return r.element(typ)
	case reflect.Array:
		typ.kind = kindArray
		return r.element(typ)
	case reflect.Map:
		typ.kind = kindMap
		return r.compileMap(typ)
	default:
		return &TypeError{Type: t, Msg: "JSON has no such value: leave the field out with json:\"-\" or give the type MarshalJSON and UnmarshalJSON"}
	}
	return nil
}

func (r *compilation) element(typ *Type) error {
	elem, err := r.inside(elementStep(typ), typ.goType.Elem())
	typ.elem = &node{Type: elem}
	return err
}

func (r *compilation) compileMap(typ *Type) error {
	var err error
	if typ.key, err = r.inside("[key]", typ.goType.Key()); err != nil {
		return err
	}
	switch typ.key.kind {
	case kindString, kindInt, kindUint, kindText:
		return r.element(typ)
	}
	return &TypeError{Type: typ.goType, Msg: "keys of a JSON object are strings: use a string, an integer or a TextMarshaler as key"}
}

func (r *compilation) compileInterface(typ *Type) error {
	t := typ.goType
	if t.NumMethod() == 0 {
		typ.kind = kindAny
		return nil
	}
	u, ok := r.c.unions[t]
	if !ok {
		return &TypeError{Type: t, NoUnion: true, Msg: "it is an interface: declare the types it may hold in " + r.c.option}
	}
	typ.kind = kindUnion
	typ.union = &union{option: r.c.option, discriminator: u.Discriminator, byTag: map[string]*variant{}, byType: map[reflect.Type]*variant{}}
	for n := range Naming(namings) {
		typ.union.quoted[n] = "'" + typ.union.member(n) + "'"
	}
	r.unions = append(r.unions, typ)
	for _, v := range u.Variants {
		vt, err := r.inside(variantStep(v.Type), v.Type)
		if err != nil {
			return err
		}
		typ.union.add(&variant{tag: v.Tag, typ: vt})
	}
	return nil
}
