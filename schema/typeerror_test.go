package schema_test

import (
	"errors"
	"reflect"
	"strings"
	"testing"

	"github.com/chanx-go/chanx/schema"
)

// mistake compiles a wrong T and compares the error, without "schema: compile " and, for structs without a name,
// without their type.
func mistake[T any](t *testing.T, want string, unions ...schema.Union) {
	t.Helper()
	_, err := describe[T](unions...)
	wrong, ok := errors.AsType[*schema.TypeError](err)
	if !ok {
		t.Errorf("%v: got %v, want a TypeError: %s", reflect.TypeFor[T](), err, want)
		return
	}
	got := wrong.Error()
	if wrong.Type.Name() == "" && wrong.Type.Kind() == reflect.Struct {
		got = got[len("schema: compile ")+len(wrong.Type.String()):]
	} else {
		got = got[len("schema: compile "):]
	}
	if got != want {
		t.Errorf("%v:\n got %s\nwant %s", reflect.TypeFor[T](), got, want)
	}
}

type (
	noSet  string
	boolOf bool
	First  struct{}
	Second struct{}
	both   struct {
		First
		Second
	}
	viaPointer struct{ *One }
	One        struct{ N *int }
	shadowed   struct{ *One }
)

func (noSet) Enum() []noSet    { return nil }
func (boolOf) Enum() []boolOf  { return []boolOf{true} }
func (First) Validate() error  { return nil }
func (Second) Validate() error { return nil }
func (One) Validate() error    { return nil }

func (s shadowed) Validate() error { return nil }

func TestUnsupportedTypesAreReported(t *testing.T) {
	const mend = `: JSON has no such value: leave the field out with json:"-" or give the type MarshalJSON and UnmarshalJSON`
	mistake[chan int](t, "chan int"+mend)
	mistake[struct{ F func() }](t, "func() at struct { F func() }.F"+mend)
	mistake[[]complex128](t, "complex128 at []complex128[]"+mend)
	mistake[map[bool]int](t, "map[bool]int: keys of a JSON object are strings: use a string, an integer or a TextMarshaler as key")
	mistake[struct{ E error }](t, "error at struct { E error }.E: it is an interface: declare the types it may hold in Options.Unions")
	mistake[noSet](t, "schema_test.noSet: its Enum returns no value: return all that are allowed")
	mistake[boolOf](t, "schema_test.boolOf: Enum is for strings and integers: remove the method or change the type")
}

type (
	orderLine struct {
		Price any `json:"price"`
		Done  chan int
	}
	orderBook struct {
		ByID  map[int]*[]orderLine `json:"by_id"`
		Again *orderBook
	}
	deepOrder struct {
		viaBook
	}
	viaBook  struct{ Book orderBook }
	deepTag  struct{ Lines []*wrongTag }
	wrongTag struct {
		Price int `json:"price" minimum:"low"`
	}
	deepDefault  struct{ Lines [2]wrongDefault }
	wrongDefault struct {
		Price int `json:"price" default:"low"`
	}
	deepKey   struct{ ByPoint map[string]map[point]int }
	deepUnion struct{ Shapes []shape }
	badShape  struct{ Inner []struct{ C chan int } }
)

func (badShape) shape() {}

func TestTheErrorNamesThePathFromTheMessage(t *testing.T) {
	const noValue = `: JSON has no such value: leave the field out with json:"-" or give the type MarshalJSON and UnmarshalJSON`
	mistake[deepOrder](t, "chan int at schema_test.deepOrder.viaBook.Book.ByID[][].Done"+noValue)
	mistake[deepTag](t, `schema_test.wrongTag.Price minimum:"low" at schema_test.deepTag.Lines[].Price: it must be a number`)
	mistake[deepDefault](t, `schema_test.wrongDefault.Price default:"low" at schema_test.deepDefault.Lines[].Price: `+
		`it must be JSON: unexpected 'l', want a value at byte 0`)
	mistake[deepKey](t, "map[schema_test.point]int at schema_test.deepKey.ByPoint[]: keys of a JSON object are strings: use a string, an integer or a TextMarshaler as key")
	mistake[deepUnion](t, "chan int at schema_test.deepUnion.Shapes[].(schema_test.badShape).Inner[].C"+noValue, schema.Union{
		Interface: reflect.TypeFor[shape](), Discriminator: "kind", Variants: []schema.Variant{
			{Tag: "circle", Type: reflect.TypeFor[circle]()}, {Tag: "bad", Type: reflect.TypeFor[badShape]()},
		},
	})
	c, err := schema.NewCompiler(nil)
	if err != nil {
		t.Fatal(err)
	}
	for range 2 { // what has failed is not kept
		if _, err := c.Compile(reflect.TypeFor[deepTag]()); err == nil || !strings.Contains(err.Error(), "deepTag.Lines[].Price") {
			t.Error(err)
		}
	}
}

func TestMistakesInTagsAreReported(t *testing.T) {
	mistake[struct {
		X string `json:",string"`
	}](t, `.X json:",string": it applies to numbers and booleans only: remove it`)
	mistake[struct {
		X int `json:"a"`
		Y int `json:"b" minLength:"1"`
	}](t, `.Y minLength:"1": it does not apply to int: remove it`)
	mistake[struct {
		X []map[string]bool `maximum:"1"`
	}](t, `.X maximum:"1": it does not apply to []map[string]bool: remove it`)
	mistake[struct {
		X string `minLength:"-1"`
	}](t, `.X minLength:"-1": it must be a whole number from 0`)
	mistake[struct {
		X []int `maxItems:"many"`
	}](t, `.X maxItems:"many": it must be a whole number from 0`)
	mistake[struct {
		X string `pattern:"("`
	}](t, ".X pattern: error parsing regexp: missing closing ): `(`")
	mistake[struct {
		X string `format:"zip"`
	}](t, `.X format:"zip": it is not known: use one of date, date-time, duration, email, hostname, ipv4, ipv6, time, uri, uuid`)
	mistake[struct {
		X []int `uniqueItems:"yes"`
	}](t, `.X uniqueItems:"yes": it must be true or false`)
	mistake[struct {
		X int `minimum:"one"`
	}](t, `.X minimum:"one": it must be a number`)
	mistake[struct {
		X int `multipleOf:"0.5"`
	}](t, `.X multipleOf:"0.5": it must be greater than 0, and whole for integers`)
	mistake[struct {
		X int `enum:"1,x"`
	}](t, `.X enum:"1,x": "x" is not an integer that int holds, as JSON spells it`)
	mistake[struct {
		X int `enum:"01"`
	}](t, `.X enum:"01": "01" is not an integer that int holds, as JSON spells it`)
	mistake[struct {
		X []uint8 `json:"x" enum:"1"`
	}](t, `.X enum:"1": it does not apply to []uint8: remove it`)
	mistake[struct {
		X map[string]uint8 `enum:"1,256"`
	}](t, `.X enum:"1,256": "256" is not an integer that uint8 holds, as JSON spells it`)
	mistake[struct {
		X Suit `enum:"stars,moons"`
	}](t, `.X enum:"stars,moons": schema_test.Suit allows none of them`)
}

func TestTagsOnUnexportedFieldsAreReported(t *testing.T) {
	c, err := schema.NewCompiler(nil)
	if err != nil {
		t.Fatal(err)
	}
	f := reflect.StructField{Name: "x", PkgPath: "chat", Type: reflect.TypeFor[int](), Tag: `json:"x"`} // go vet finds it in source
	_, err = c.Compile(reflect.StructOf([]reflect.StructField{f}))
	const want = `.x json:"x": the field is not exported: export it or remove the tag`
	if err == nil || !strings.HasSuffix(err.Error(), want) {
		t.Errorf("got %v, want %s", err, want)
	}
}

func TestEmptyRangesAreReported(t *testing.T) {
	mistake[struct {
		X []string `minLength:"3" maxLength:"2"`
	}](t, `.X minLength: it is greater than maxLength: no string passes both`)
	mistake[struct {
		X []int `minItems:"3" maxItems:"2"`
	}](t, `.X minItems or minProperties: it is greater than the maximum: nothing passes both`)
	mistake[struct {
		X int `minimum:"3" exclusiveMaximum:"2"`
	}](t, `.X minimum: it is greater than exclusiveMaximum: no number passes both`)
}

type selfDefault struct {
	Again *selfDefault `json:"again" default:"{}"`
}

func TestDefaultsAreCheckedWhenTheTypeIsCompiled(t *testing.T) {
	mistake[struct {
		X int `default:"x"`
	}](t, `.X default:"x": it must be JSON: unexpected 'x', want a value at byte 0`)
	mistake[struct {
		X int `default:""`
	}](t, `.X default:"": it must be JSON: unexpected end of input at byte 0`)
	mistake[struct {
		X int `default:"1 2"`
	}](t, `.X default:"1 2": it must be JSON: unexpected '2', want the end at byte 2`)
	mistake[struct {
		X int `default:"9" maximum:"5"`
	}](t, `.X default:"9": it does not pass its own checks: Input should be less than or equal to 5`)
	mistake[struct {
		X colour `default:"green"`
	}](t, `.X default:"green": it does not pass its own checks: Input should be 'red' or 'blue'`)
	mistake[struct {
		X []point `default:"[{}]"`
	}](t, `.X default:"[{}]": it does not pass its own checks: 0.x: Field required`)
	mistake[struct {
		X temperature `default:"cold"`
	}](t, `.X default:"cold": it does not pass its own checks: Value error, it must end with C`)
	mistake[selfDefault](t, `schema_test.selfDefault.Again default:"{}": it has a member whose default is the same again: remove one`)
}

func TestCollidingNamesAreReported(t *testing.T) {
	type leaf struct {
		A int `json:"user_name"`
		B int `json:"userName"`
	}
	type branch struct {
		L map[string][]*leaf `json:"l"`
	}
	typ := compiled[branch](t)
	if _, err := typ.Codec(schema.AsDeclared); err != nil {
		t.Error(err)
	}
	for range 2 {
		_, err := typ.Codec(schema.CamelCase)
		wrong, ok := errors.AsType[*schema.TypeError](err)
		if want := `schema: compile schema_test.leaf.B at schema_test.branch.L[][].B: it and A are both "userName" in camelCase: rename one`; !ok || wrong.Error() != want {
			t.Errorf("got %v, want %s", err, want)
		}
	}
	union := schema.Union{Interface: reflect.TypeFor[any](), Discriminator: "kind", Variants: []schema.Variant{{Tag: "leaf", Type: reflect.TypeFor[leaf]()}}}
	if _, err := schema.NewCompiler(&schema.Options{Unions: []schema.Union{union}}); err != nil {
		t.Error(err)
	}
	shapes := shapes
	shapes.Variants = append(shapes.Variants[:1:1], schema.Variant{Tag: "clash", Type: reflect.TypeFor[clash]()})
	if _, err := compiled[[]shape](t, shapes).Codec(schema.CamelCase); err == nil {
		t.Error("the collision in a variant was not found")
	}
}

type clash struct {
	A int `json:"a_b"`
	B int `json:"aB"`
}

type selfWritten struct{ N int }

type badTag struct {
	Kind int `json:"shape_kind"`
}

func (clash) shape()                             {}
func (selfWritten) shape()                       {}
func (badTag) shape()                            {}
func (selfWritten) MarshalJSON() ([]byte, error) { return nil, nil }

type (
	camelKind struct {
		Kind string `json:"shapeKind"`
	}
	snakeKind struct {
		Kind int `json:"shape_kind"`
	}
	limitedKind struct {
		Kind string `json:"shape_kind" enum:"a,b"`
	}
	embeddedKind struct{ camelKind }
)

func (camelKind) shape()    {}
func (snakeKind) shape()    {}
func (limitedKind) shape()  {}
func (embeddedKind) shape() {}

func TestFieldsCollidingWithTheDiscriminatorAreReported(t *testing.T) {
	union := func(discriminator, tag string, of reflect.Type) schema.Union {
		return schema.Union{Interface: reflect.TypeFor[shape](), Discriminator: discriminator, Variants: []schema.Variant{{Tag: tag, Type: of}}}
	}
	for _, k := range []struct {
		union schema.Union
		want  string
	}{
		{union("shape_kind", "c", reflect.TypeFor[camelKind]()), `camelKind.Kind at schema_test.drawing.Shape.(schema_test.camelKind).Kind: ` +
			`it and the discriminator "shape_kind" of the union schema_test.shape are both "shapeKind" in camelCase: rename one`},
		{union("shape_kind", "c", reflect.TypeFor[embeddedKind]()), `embeddedKind.Kind at`},
		{union("shapeKind", "s", reflect.TypeFor[snakeKind]()), `snakeKind.Kind at`},
		{union("shape_kind", "s", reflect.TypeFor[*camelKind]()), `camelKind.Kind at`},
	} {
		typ := compiled[drawing](t, k.union)
		if _, err := typ.Codec(schema.AsDeclared); err != nil {
			t.Error(err)
		}
		if _, err := typ.Codec(schema.CamelCase); err == nil || !strings.Contains(err.Error(), k.want) {
			t.Errorf("got %v, want %s", err, k.want)
		}
	}
	if _, err := compiled[drawing](t, shapes).Codec(schema.CamelCase); err != nil {
		t.Error(err) // square has a field for its tag
	}
	mistake[drawing](t, "schema_test.limitedKind.Kind at schema_test.drawing.Shape.(schema_test.limitedKind).Kind: it is the discriminator of the union "+
		`schema_test.shape and its tags or type refuse "c", the tag of the variant: Input should be 'a' or 'b'`, union("shape_kind", "c", reflect.TypeFor[limitedKind]()))
	compiled[drawing](t, union("shape_kind", "a", reflect.TypeFor[limitedKind]()))
}

func TestMistakesInEnumTagsAreReported(t *testing.T) {
	tagMistake[string](t, `enum:"red, green"`, `enum:"red, green"`, `" green" begins or ends with a space`)
	tagMistake[string](t, `enum:"red ,green"`, `"red " begins or ends with a space`)
	tagMistake[int](t, `enum:"1, 2"`, `" 2" begins or ends with a space`)
	tagMistake[string](t, `enum:"a,,b"`, "an empty value")
	tagMistake[string](t, `enum:"a,"`, "an empty value")
	tagMistake[string](t, `enum:""`, "an empty value")
	tagMistake[*[]string](t, `enum:"a,b,a"`, `"a" twice`)
	tagMistake[uint8](t, `enum:"1,1"`, `"1" twice`)
	for _, tag := range []string{`enum:"New York,Los Angeles"`, `enum:"a"`, `default:" a b "`, `example:"a,  b"`, `enum:"a,A"`, `doc:" what, it is "`} {
		if _, err := compileTag[string](t, tag); err != nil {
			t.Errorf("%s: %v", tag, err)
		}
	}
}

func TestMistakesInUnionsAreReported(t *testing.T) {
	variants := func(all ...schema.Variant) schema.Union {
		return schema.Union{Interface: reflect.TypeFor[shape](), Discriminator: "shape_kind", Variants: all}
	}
	a := schema.Variant{Tag: "a", Type: reflect.TypeFor[circle]()}
	mistake[shape](t, "schema_test.shape: the tag \"a\" marks two variants: rename one", variants(a, a))
	mistake[shape](t, "schema_test.shape: variant schema_test.circle has two tags: declare a type for each",
		variants(a, schema.Variant{Tag: "b", Type: reflect.TypeFor[circle]()}))
	mistake[shape](t, "schema_test.shape: variant int does not implement it", variants(schema.Variant{Tag: "i", Type: reflect.TypeFor[int]()}))
	mistake[shape](t, "schema_test.shape: it is declared as a union twice: merge the declarations", variants(a), variants(a))
	mistake[shape](t, "schema_test.shape: a union needs a discriminator and at least one variant", variants())
	mistake[shape](t, "interface {}: a union has no interface type", schema.Union{})
	mistake[shape](t, "schema_test.circle: a union needs an interface type", schema.Union{Interface: reflect.TypeFor[circle]()})
	mistake[shape](t, `schema_test.shape: variant schema_test.selfWritten is written by its own methods, which know no "shape_kind": `+
		"remove the methods or wrap it in a struct", variants(schema.Variant{Tag: "s", Type: reflect.TypeFor[selfWritten]()}))
	mistake[shape](t, "schema_test.badTag.Kind at schema_test.shape.(schema_test.badTag).Kind: it is the discriminator of the union schema_test.shape and has the variant's tag: "+
		"make it a string or rename it", variants(schema.Variant{Tag: "b", Type: reflect.TypeFor[badTag]()}))
}

type (
	saysBool struct{ N int }
	saysList string
	goesFar  struct{ N int }
)

func (saysBool) Validate() bool     { return true }
func (*saysList) Validate() []error { return nil }
func (goesFar) Validate(any) error  { return nil } // of another library: go-swagger passes its formats

func TestValidateMethodsThatNeverRunAreReported(t *testing.T) {
	const mend = ": its method Validate would never run: make it func Validate() error, or rename it"
	mistake[saysBool](t, "schema_test.saysBool"+mend)
	mistake[[]saysList](t, "schema_test.saysList at []schema_test.saysList[]"+mend)
	mistaken[struct{ saysBool }](t, "never run")
	compiled[goesFar](t)
	mistake[both](t, "schema_test.both: it embeds schema_test.First and schema_test.Second, so that Validate of neither runs: declare Validate on it")
	mistake[viaPointer](t, "schema_test.viaPointer.One: its Validate could run on a nil pointer: embed schema_test.One itself, "+
		"or declare Validate on schema_test.viaPointer")
	mistake[struct{ viaPointer }](t, "schema_test.viaPointer.One at struct { schema_test.viaPointer }.One: its Validate could run on a nil pointer: embed schema_test.One itself, "+
		"or declare Validate on schema_test.viaPointer")
	compiled[shadowed](t)
	compiled[struct{ One }](t)
}

var enumCalls int

type costly string

func (costly) Enum() []costly {
	enumCalls++
	return nil
}

// TestAFailureIsKept: compiling a wrong type again costs nothing.
func TestAFailureIsKept(t *testing.T) {
	c, err := schema.NewCompiler(nil)
	if err != nil {
		t.Fatal(err)
	}
	typ := reflect.TypeFor[struct{ C costly }]()
	_, first := c.Compile(typ)
	_, second := c.Compile(typ)
	if first == nil || first != second || enumCalls != 1 {
		t.Errorf("got %v, then %v, after %d calls of Enum", first, second, enumCalls)
	}
}
