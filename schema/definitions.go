package schema

import (
	"fmt"
	"reflect"
	"slices"
	"strconv"
	"strings"
)

// Definitions holds the named schemas that other schemas of a document refer to: one for each named Go type, and one
// for each variant of a union, which has the discriminator besides its fields. It does not change and may be used
// concurrently.
//
// A definition has the name of its type. The name of a generic type is followed by its arguments (Page_User). If two
// definitions would have the same name, both are prefixed with as many elements of their package's path as they need to
// differ (shop_Order, Page_shop_Order); a variant is first prefixed with its union's name (Animal_Cat). So a name
// depends on the types of a document and not on their order. There are two exceptions, which get a number: types of the
// same name declared in functions, and types whose unions have different variants in two compilers.
type Definitions struct {
	prefix string
	naming Naming
	byKey  map[definitionKey]*definition
	found  []*definition // in the order in which they were found
	roots  map[*Type]root
}

// root holds the schemas of a codec's type.
type root struct {
	payload *document
	frame   properties
}

// membership identifies the variant of a union that a type is described as. The zero value is the type on its own.
type membership struct {
	union *Type
	tag   string
}

// definitionKey identifies a definition. The same type in two compilers has the same key if its unions are the same.
type definitionKey struct {
	typ, union  reflect.Type
	tag, unions string
}

// definition is one named schema.
type definition struct {
	set    *Definitions
	typ    *Type
	as     membership
	schema *document
	name   string // set once all are found

	// What the name consists of besides the type's name: the union's name, the tag, and how many elements of the package
	// path precede the name and each argument of a generic type.
	ofUnion, withTag bool
	path, arguments  int
}

// NewDefinitions names all types that the codecs need. References are written as prefix and name; AsyncAPI's prefix is
// "#/components/schemas/". All codecs must have the same naming, else NewDefinitions panics.
func NewDefinitions(prefix string, codecs ...*Codec) *Definitions {
	d := &Definitions{prefix: prefix, byKey: map[definitionKey]*definition{}, roots: map[*Type]root{}}
	for i, c := range codecs {
		if i == 0 {
			d.naming = c.naming
		}
		if c.naming != d.naming {
			panic(fmt.Sprintf("schema: define types: %s has another naming than the first: make two Definitions", c.typ.goType))
		}
		if _, known := d.roots[c.typ]; known {
			continue
		}
		r := root{payload: d.place(c.typ, nil)}
		if c.typ.IsEmpty() {
			r.payload = nullable(r.payload) // Decoder.empty accepts null
		}
		for _, f := range c.typ.frame.fields {
			r.frame = append(r.frame, property{f.names[d.naming], d.member(f)})
		}
		d.roots[c.typ] = r
	}
	d.nameAll()
	return d
}

// root returns the schemas of a codec's type.
func (d *Definitions) root(c *Codec) root {
	r, known := d.roots[c.typ]
	if !known || c.naming != d.naming {
		panic(fmt.Sprintf("schema: describe %s: give its codec to NewDefinitions", c.typ.goType))
	}
	return r
}

// define returns the definition of a type and creates it on the first call.
func (d *Definitions) define(t *Type, as membership) *definition {
	key := definitionKey{typ: t.goType, tag: as.tag, unions: t.unions()}
	if as.union != nil {
		key.union, key.unions = as.union.goType, as.union.unions()
	}
	if def := d.byKey[key]; def != nil {
		return def
	}
	def := &definition{set: d, typ: t, as: as}
	d.byKey[key] = def
	d.found = append(d.found, def)
	if as.union != nil {
		def.schema = d.tagged(t, as)
	} else {
		def.schema = d.describe(t, nil)
	}
	def.schema.Description = t.Comment()
	return def
}

// unions lists the unions that a type needs, with their variants. Only these can differ between two compilers.
func (t *Type) unions() string {
	var list []string
	seen := map[*Type]bool{}
	var visit func(t *Type)
	visit = func(t *Type) {
		if seen[t] {
			return
		}
		seen[t] = true
		for part := range t.parts {
			visit(part)
		}
		if t.union == nil {
			return
		}
		words := []string{homeOf(t.goType), t.goType.String(), t.union.discriminator}
		for _, v := range t.union.variants {
			words = append(words, strconv.Quote(v.tag), homeOf(v.object().goType), v.typ.goType.String())
		}
		list = append(list, strings.Join(words, " "))
	}
	visit(t)
	slices.Sort(list)
	return strings.Join(list, "\n")
}

// MarshalText returns a reference to the definition.
func (d *definition) MarshalText() ([]byte, error) { return []byte(d.set.prefix + d.name), nil }

// MarshalJSON returns an object of all definitions, ordered by name. The error is always nil.
func (d *Definitions) MarshalJSON() ([]byte, error) {
	sorted := slices.SortedFunc(slices.Values(d.found), func(a, b *definition) int { return strings.Compare(a.name, b.name) })
	var all properties
	for _, def := range sorted {
		all = append(all, property{def.name, def.schema})
	}
	return all.MarshalJSON()
}

// nameAll lengthens clashing names until all differ. Names that clash at their full length get a number.
func (d *Definitions) nameAll() {
	for again := true; again; {
		again = false
		for _, clash := range d.clashes() {
			for _, def := range clash.members {
				again = def.lengthen(clash.sameHome()) || again
			}
		}
	}
	taken := map[string]int{}
	for _, def := range d.found {
		def.name = def.called()
		taken[def.name]++
	}
	for _, def := range d.found {
		for n, name := 1, def.name; taken[def.name] > 1; n++ {
			if next := name + "_" + strconv.Itoa(n); taken[next] == 0 {
				def.name = next
				taken[next] = 1
			}
		}
	}
}

// clash is a group of definitions with the same name.
type clash struct{ members []*definition }

// clashes lists the groups. If a type and its variants have the same name, only the variants are in the group.
func (d *Definitions) clashes() (all []clash) {
	byName := map[string][]*definition{}
	for _, def := range d.found {
		byName[def.called()] = append(byName[def.called()], def)
	}
	for _, group := range byName {
		if len(group) == 1 {
			continue
		}
		short := slices.DeleteFunc(slices.Clone(group), func(def *definition) bool { return def.as.union == nil || def.ofUnion })
		if len(short) > 0 {
			group = short
		}
		all = append(all, clash{group})
	}
	return all
}

// sameHome reports whether all types are declared in one place, as the instances of a generic type are. Then only their
// arguments can tell them apart.
func (c clash) sameHome() bool {
	return !slices.ContainsFunc(c.members, func(def *definition) bool { return def.home() != c.members[0].home() })
}

func (d *definition) home() string {
	home := homeOf(d.typ.goType)
	if d.as.union != nil {
		home += " in " + homeOf(d.as.union.goType)
	}
	return home
}

// lengthen makes the name longer by one part and reports whether it could.
func (d *definition) lengthen(sameHome bool) bool {
	switch {
	case d.as.union != nil && !d.ofUnion:
		d.ofUnion = true
	case !sameHome && d.path < d.longestPath():
		d.path++
		d.arguments++
	case d.arguments < d.longestPath():
		d.arguments++
	case d.as.union != nil && !d.withTag:
		d.withTag = true
	default:
		return false
	}
	return true
}

// longestPath returns how many path elements there are.
func (d *definition) longestPath() int {
	n := pathLength(d.typ.goType)
	if d.as.union != nil {
		n = max(n, pathLength(d.as.union.goType))
	}
	return n
}

// called returns the name at its current length.
func (d *definition) called() string {
	name := typeName(d.typ.goType, d.path, d.arguments)
	if d.ofUnion {
		name = typeName(d.as.union.goType, d.path, d.arguments) + "_" + name
	}
	if d.withTag {
		name += "_" + identifier(d.as.tag)
	}
	return name
}
