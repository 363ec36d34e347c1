package schema_test

import (
	"bytes"
	"encoding/json"
	"maps"
	"os"
	"path/filepath"
	"reflect"
	"slices"
	"strings"
	"sync"
	"testing"

	"github.com/santhosh-tekuri/jsonschema/v6"

	"github.com/chanx-go/chanx/schema"
)

func TestSchemasMatchTheGoldenFiles(t *testing.T) {
	for _, d := range described {
		t.Run(d.name, func(t *testing.T) {
			codec := newCodec(t, d.typ, d.naming, figures)
			compareKept(t, filepath.Join("testdata", "described", d.name+".json"), indent(t, codec.JSONSchema(nil)))
		})
	}
}

// compareKept compares a text with a golden file, or writes the file with -update.
func compareKept(t *testing.T, file, got string) {
	t.Helper()
	if *update {
		if err := os.MkdirAll(filepath.Dir(file), 0o755); err != nil {
			t.Fatal(err)
		}
		if err := os.WriteFile(file, []byte(got), 0o644); err != nil {
			t.Fatal(err)
		}
		return
	}
	want, err := os.ReadFile(file)
	if err != nil {
		t.Fatal(err)
	}
	if got != string(want) {
		t.Errorf("got\n%s\n%s has\n%s", got, file, want)
	}
}

func indent(t *testing.T, text json.RawMessage) string {
	t.Helper()
	var b bytes.Buffer
	if err := json.Indent(&b, text, "", "  "); err != nil {
		t.Fatalf("%v in %s", err, text)
	}
	return b.String() + "\n"
}

func TestSchemasAreDeterministic(t *testing.T) {
	for _, d := range described {
		first := newCodec(t, d.typ, d.naming, figures).JSONSchema(nil)
		second := newCodec(t, d.typ, d.naming, figures).JSONSchema(nil)
		if !bytes.Equal(first, second) {
			t.Errorf("%s: first\n%s\nthen\n%s", d.name, first, second)
		}
	}
}

func TestDefinitionsAreSharedByCodecsAndDoNotDependOnTheirOrder(t *testing.T) {
	c := compilerWith(t, figures)
	tree, drawing, named := codecFrom[Tree](t, c), codecFrom[Drawing](t, c), codecFrom[Named](t, c)
	one := schema.NewDefinitions("#/components/schemas/", tree, drawing, named, tree)
	other := schema.NewDefinitions("#/components/schemas/", named, drawing, tree)
	if got, want := show(one), show(other); got != want {
		t.Errorf("in one order\n%s\nin another\n%s", got, want)
	}
	if got, want := string(tree.JSONSchema(one)), `{"$ref":"#/components/schemas/Tree"}`; got != want {
		t.Errorf("got %s, want %s", got, want)
	}
	all := map[string]json.RawMessage{}
	if err := json.Unmarshal(mustJSON(one), &all); err != nil {
		t.Fatal(err)
	}
	names := []string{"Tree", "Forest", "Drawing", "Shape", "Circle", "Square", "Group", "Named", "Suit", "Shape_Circle"}
	for _, name := range names {
		if all[name] == nil {
			t.Errorf("no definition of %s in %s", name, show(one))
		}
	}
}

func TestUnnamedTypesAreDescribedInPlace(t *testing.T) {
	c := compilerWith(t)
	list := codecFrom[[]string](t, c)
	d := schema.NewDefinitions("#/x/", list)
	if got, want := string(list.JSONSchema(d)), `{"type":"array","items":{"type":"string"}}`; got != want {
		t.Errorf("got %s, want %s", got, want)
	}
	if got := show(d); got != "{}" {
		t.Errorf("got definitions %s, want none", got)
	}
}

func TestTheDiscriminatorFollowsTheNaming(t *testing.T) {
	for naming, member := range map[schema.Naming]string{schema.AsDeclared: "shape_kind", schema.CamelCase: "shapeKind"} {
		text := string(newCodec(t, reflect.TypeFor[Shape](), naming, figures).JSONSchema(nil))
		for _, want := range []string{
			`"discriminator":"` + member + `"`,
			`"` + member + `":{"type":"string","enum":["group","circle","square"]}`,
			`"` + member + `":{"type":"string","const":"circle"}`,
			`"required":["` + member + `","radius"]`,
		} {
			if !strings.Contains(text, want) {
				t.Errorf("no %s in %s", want, text)
			}
		}
	}
}

// wantDefinitions compares the names of the definitions that a type needs.
func wantDefinitions(t *testing.T, typ reflect.Type, want []string, unions ...schema.Union) {
	t.Helper()
	all := map[string]json.RawMessage{}
	codec := newCodec(t, typ, schema.AsDeclared, unions...)
	if err := json.Unmarshal(mustJSON(schema.NewDefinitions("", codec)), &all); err != nil {
		t.Fatal(err)
	}
	if got := slices.Sorted(maps.Keys(all)); !slices.Equal(got, want) {
		t.Errorf("%v: got %q, want %q", typ, got, want)
	}
}

func TestVariantsWithTheSameNameGetDistinctDefinitions(t *testing.T) {
	circle := reflect.TypeFor[Circle]()
	anonymous, round := reflect.TypeFor[interface{ Area() float64 }](), reflect.TypeFor[Round]()
	union := func(i reflect.Type, variants ...schema.Variant) schema.Union {
		return schema.Union{Interface: i, Discriminator: "kind", Variants: variants}
	}
	wantDefinitions(t, reflect.TypeFor[[]Round](), []string{"Circle", "Round"},
		union(round, schema.Variant{Tag: "a", Type: circle}))
	wantDefinitions(t, reflect.TypeFor[[]Round](), []string{"Round", "Round_Circle_a", "Round_Circle_b_2"},
		union(round, schema.Variant{Tag: "a", Type: circle}, schema.Variant{Tag: "b-2", Type: reflect.PointerTo(circle)}))
	wantDefinitions(t, reflect.TypeFor[struct {
		A Round
		B interface{ Area() float64 }
		C *Circle
	}](), []string{"Circle", "Round", "Round_Circle", "Union", "Union_Circle"},
		union(round, schema.Variant{Tag: "a", Type: circle}), union(anonymous, schema.Variant{Tag: "a", Type: circle}))
	nameless := reflect.TypeFor[struct{ Circle }]()
	wantDefinitions(t, anonymous, []string{"Union"}, union(anonymous, schema.Variant{Tag: "a", Type: nameless}))
}

func TestATypeOfManyCompilersIsDefinedOnceUnlessItsUnionsDiffer(t *testing.T) {
	one, other := compilerWith(t, figures), compilerWith(t, figures)
	fewer := figures
	fewer.Variants = fewer.Variants[1:2]
	third := compilerWith(t, fewer)
	alone := schema.NewDefinitions("", codecFrom[Node](t, one), codecFrom[Drawing](t, one))
	both := schema.NewDefinitions("", codecFrom[Node](t, one), codecFrom[Drawing](t, one),
		codecFrom[Node](t, other), codecFrom[Drawing](t, other))
	if got, want := show(both), show(alone); got != want {
		t.Errorf("got %s, want %s", got, want)
	}
	node, drawing := codecFrom[Node](t, third), codecFrom[Drawing](t, third)
	all := schema.NewDefinitions("", codecFrom[Node](t, one), codecFrom[Drawing](t, one), node, drawing)
	if got, want := string(node.JSONSchema(all)), `{"$ref":"Node"}`; got != want {
		t.Errorf("got %s, want %s", got, want)
	}
	if got, want := string(drawing.JSONSchema(all)), `{"$ref":"Drawing_2"}`; got != want {
		t.Errorf("got %s, want %s", got, want)
	}
	renamed := figures
	renamed.Discriminator = "sort"
	sorted := schema.NewDefinitions("", codecFrom[Shape](t, one), codecFrom[Shape](t, compilerWith(t, renamed)))
	if text := show(sorted); strings.Count(text, `"const":"circle"`) != 2 {
		t.Errorf("the variants of two discriminators are one in %s", text)
	}
}

// Round is a second union of shapes.
type Round interface{ Area() float64 }

func TestDescribingMayRunConcurrently(t *testing.T) {
	codec := codecFrom[Drawing](t, compilerWith(t, figures))
	shared := schema.NewDefinitions("#/x/", codec)
	want := [3]string{string(codec.JSONSchema(nil)), show(shared), string(codec.Example())}
	var all sync.WaitGroup
	for range 4 {
		all.Go(func() {
			if got := [3]string{string(codec.JSONSchema(nil)), show(shared), string(codec.Example())}; got != want {
				t.Errorf("got %s, want %s", got, want)
			}
		})
	}
	all.Wait()
}

func TestMistakesWithDefinitionsPanic(t *testing.T) {
	c := compilerWith(t)
	node, text := codecFrom[Node](t, c), codecFrom[string](t, c)
	camel := newCodec(t, reflect.TypeFor[Node](), schema.CamelCase)
	wantPanic(t, "NewDefinitions", func() { text.JSONSchema(schema.NewDefinitions("", node)) })
	wantPanic(t, "naming", func() { schema.NewDefinitions("", node, camel) })
}

func wantPanic(t *testing.T, part string, f func()) {
	t.Helper()
	defer func() {
		if text, _ := recover().(string); !strings.Contains(text, part) {
			t.Errorf("panic %q, want one with %q", text, part)
		}
	}()
	f()
}

func TestTypesDeclaredInFunctionsGetNumbers(t *testing.T) {
	text := show(schema.NewDefinitions("", codecFrom[struct {
		A any
		B map[string]localA
	}](t, compilerWith(t))))
	if !strings.Contains(text, `"localA"`) {
		t.Errorf("no definition in %s", text)
	}
	first, second := localTypes()
	both := reflect.StructOf([]reflect.StructField{{Name: "A", Type: first}, {Name: "B", Type: second}})
	text = string(newCodec(t, both, schema.AsDeclared).JSONSchema(nil))
	for _, want := range []string{`"A":{"$ref":"#/definitions/local_1"}`, `"B":{"$ref":"#/definitions/local_2"}`} {
		if !strings.Contains(text, want) {
			t.Errorf("no %s in %s", want, text)
		}
	}
}

type localA struct{ N int }

func localTypes() (a, b reflect.Type) {
	type local struct{ A int }
	a = reflect.TypeFor[local]()
	{
		type local struct{ B string }
		b = reflect.TypeFor[local]()
	}
	return a, b
}

func TestMistakesInDocumentationTagsAreReported(t *testing.T) {
	for _, c := range []struct {
		typ  reflect.Type
		want string
	}{
		{reflect.TypeFor[struct {
			A int `example:"x"`
		}](), `.A example:"x": it must be JSON`},
		{reflect.TypeFor[struct {
			A string `example:"x" minLength:"2"`
		}](), `.A example:"x": it does not pass its own checks: String should have at least 2 characters`},
		{reflect.TypeFor[struct {
			A int `example:"7" maximum:"5"`
		}](), "less than or equal to 5"},
		{reflect.TypeFor[struct {
			A int `deprecated:"use B"`
		}](), "true or false"},
	} {
		compiler := compilerWith(t)
		_, err := compiler.Compile(c.typ)
		wrong, ok := err.(*schema.TypeError)
		if !ok || wrong.Field != "A" || !strings.Contains(err.Error(), c.want) {
			t.Errorf("got %v, want a *TypeError about A with %q", err, c.want)
		}
	}
}

func compilerWith(t testing.TB, unions ...schema.Union) *schema.Compiler {
	t.Helper()
	c, err := schema.NewCompiler(&schema.Options{Unions: unions})
	if err != nil {
		t.Fatal(err)
	}
	return c
}

func codecFrom[T any](t testing.TB, c *schema.Compiler) *schema.Codec {
	t.Helper()
	typ, err := c.Compile(reflect.TypeFor[T]())
	if err != nil {
		t.Fatal(err)
	}
	codec, err := typ.Codec(schema.AsDeclared)
	if err != nil {
		t.Fatal(err)
	}
	return codec
}

// judge compiles a JSON Schema with an independent validator, which also checks formats and encodings.
func judge(t testing.TB, text json.RawMessage) *jsonschema.Schema {
	t.Helper()
	doc, err := jsonschema.UnmarshalJSON(bytes.NewReader(text))
	if err != nil {
		t.Fatal(err)
	}
	c := jsonschema.NewCompiler()
	c.DefaultDraft(jsonschema.Draft7)
	c.AssertFormat()
	c.AssertContent()
	if err := c.AddResource("mem:///schema.json", doc); err != nil {
		t.Fatal(err)
	}
	s, err := c.Compile("mem:///schema.json")
	if err != nil {
		t.Fatalf("%v in %s", err, text)
	}
	return s
}
