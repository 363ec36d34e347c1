package schema_test

import (
	"errors"
	"reflect"
	"strings"
	"testing"

	"github.com/chanx-go/chanx/schema"
)

type shape interface{ shape() }

type circle struct {
	Radius float64 `json:"radius" minimum:"0"`
}

type square struct {
	Kind     string   `json:"shape_kind"`
	SideLen  int      `json:"side_len"`
	Children []shape  `json:"children,omitempty"`
	_        struct{} `additionalProperties:"false"`
}

type strict struct {
	N int      `json:"n"`
	_ struct{} `additionalProperties:"false"`
}

func (circle) shape()  {}
func (*square) shape() {}
func (strict) shape()  {}

type drawing struct {
	Shape shape `json:"shape"`
}

func (s *square) Validate() error {
	if s.SideLen < 0 {
		return errors.New("negative side")
	}
	s.SideLen *= 10
	return nil
}

var shapes = schema.Union{
	Interface: reflect.TypeFor[shape](), Discriminator: "shape_kind",
	Variants: []schema.Variant{
		{Tag: "circle", Type: reflect.TypeFor[circle]()}, {Tag: "square", Type: reflect.TypeFor[*square]()}, {Tag: "strict", Type: reflect.TypeFor[strict]()},
	},
}

func TestTheDiscriminatorSelectsTheVariant(t *testing.T) {
	got := decoded[drawing](t, `{"shape":{"radius":1.5,"shape_kind":"circle","x":1}}`, shapes)
	equal(t, "circle", got, drawing{circle{1.5}})
	got = decoded[drawing](t, `{"shape":{"shape_kind":"square","side_len":2,"children":[{"n":1,"shape_kind":"strict"}]}}`, shapes)
	equal(t, "square", got, drawing{&square{Kind: "square", SideLen: 20, Children: []shape{strict{N: 1}}}})
	equal(t, "list", decoded[[]shape](t, `[{"shape_kind":"circle","radius":0}]`, shapes), []shape{circle{}})
}

func TestUnionErrors(t *testing.T) {
	const object = `model_attributes_type "shape": Input should be a valid dictionary or object to extract fields from`
	const noTag = `union_tag_not_found "shape": Unable to extract tag using discriminator 'shape_kind'`
	badTag := func(tag string) string {
		return `union_tag_invalid "shape": Input tag '` + tag + `' found using 'shape_kind' does not match any of the expected tags: 'circle', 'square', 'strict'`
	}
	c := declared[drawing](t, shapes)
	for text, want := range map[string]string{
		`null`:                                  object,
		`[]`:                                    object,
		`"circle"`:                              object,
		`{}`:                                    noTag,
		`{"radius":1}`:                          noTag,
		`{"shape_kind":"cow"}`:                  badTag("cow"),
		`{"shape_kind":null}`:                   badTag("null"),
		`{"shape_kind": [ 1 ]}`:                 badTag("[ 1 ]"),
		`{"a":{},"shape_kind":{"a": 1}}`:        badTag(`{"a": 1}`),
		`{"shape_kind":1}`:                      badTag("1"),
		`{"shape_kind":"` + long(70) + `"}`:     badTag(long(64)),
		`{"shape_kind":"circle"}`:               `missing "shape","radius": Field required`,
		`{"radius":-1,"shape_kind":"circle"}`:   `greater_than_equal "shape","radius": Input should be greater than or equal to 0`,
		`{"shape_kind":"strict","n":1,"m":2}`:   `extra_forbidden "shape","m": Extra inputs are not permitted`,
		`{"shape_kind":"square","side_len":-1}`: `value_error "shape": Value error, negative side`,
		`{"shape_kind":"square","side_len":1,"children":[{}]}`:           `union_tag_not_found "shape","children",0: Unable to extract tag using discriminator 'shape_kind'`,
		`{"shape_kind":"circle","radius":1,"shape_kind":"circle"}`:       `syntax: duplicate member "shape_kind" at byte 43`,
		`{"shape_kind":"cow","radius":1,"radius":2}`:                     `syntax: duplicate member "radius" at byte 40`,
		`{"a":[1,"shape_kind":"circle"}`:                                 `syntax: unexpected ':', want ',' or ']' at byte 29`,
		`{"shape_kind":"square","side_len":1,"shape_kind":"square"}`:     `syntax: duplicate member "shape_kind" at byte 45`,
		`{"shape_kind":"square","side_len":1,"children":[],"sideLen":1}`: `extra_forbidden "shape","sideLen": Extra inputs are not permitted`,
	} {
		if got := shown(c.Unmarshal([]byte(`{"shape":`+text+`}`), new(drawing), limits(0))); got != want {
			t.Errorf("%s:\n got %s\nwant %s", text, got, want)
		}
	}
}

func long(n int) string { return strings.Repeat("é", n) }

func TestUnionsAreEncodedWithTheirDiscriminator(t *testing.T) {
	v := []shape{circle{2}, &square{Kind: "ignored", SideLen: 1, Children: []shape{strict{}}}}
	equal(t, "declared", encoded(t, v, shapes), `[{"shape_kind":"circle","radius":2},{"shape_kind":"square","side_len":1,"children":[{"shape_kind":"strict","n":0}]}]`)
	c := camel[[]shape](t, shapes)
	b, err := c.Append(nil, v[1:])
	if err != nil {
		t.Fatal(err)
	}
	equal(t, "camelCase", string(b), `[{"shapeKind":"square","sideLen":1,"children":[{"shapeKind":"strict","n":0}]}]`)
	var back []shape
	if err := c.Unmarshal(b, &back, limits(0)); err != nil {
		t.Fatal(err)
	}
	equal(t, "back", back[0].(*square).SideLen, 10)
}

type foreign struct{}

func (foreign) shape() {}

func TestOnlyDeclaredVariantsAreEncoded(t *testing.T) {
	c := declared[drawing](t, shapes)
	for want, v := range map[string]shape{
		"schema: encode schema_test.drawing: shape: it is nil: set the schema_test.shape, or leave it out with omitzero":                                          nil,
		"schema: encode schema_test.drawing: shape: schema_test.foreign is not a variant of the union schema_test.shape: declare it in Options.Unions":            foreign{},
		"schema: encode schema_test.drawing: shape: it is a nil *schema_test.square: set it":                                                                      (*square)(nil),
		"schema: encode schema_test.drawing: shape.children.1: schema_test.foreign is not a variant of the union schema_test.shape: declare it in Options.Unions": &square{Children: []shape{circle{}, foreign{}}},
	} {
		if _, err := c.Append(nil, drawing{v}); err == nil || err.Error() != want {
			t.Errorf("got %v, want %s", err, want)
		}
	}
	type optional struct {
		Shape shape `json:"shape,omitzero"`
	}
	equal(t, "left out", encoded(t, optional{}, shapes), `{}`)
	equal(t, "absent", decoded[optional](t, `{}`, shapes), optional{})
}

func TestAUnionMayBeTheWholeValue(t *testing.T) {
	equal(t, "text", encoded[shape](t, circle{1}, shapes), `{"shape_kind":"circle","radius":1}`)
	equal(t, "value", decoded[shape](t, `{"shape_kind":"strict","n":1}`, shapes), shape(strict{N: 1}))
	typ := compiled[shape](t, shapes)
	equal(t, "items", shown(typ.Validate(circle{-1})), `greater_than_equal "radius": Input should be greater than or equal to 0`)
	equal(t, "nil", shown(typ.Validate(nil)), `union_tag_not_found : Unable to extract tag using discriminator 'shape_kind'`)
	if err := typ.Validate(1); err == nil || err.Error() != "schema: validate schema_test.shape: the value is int" {
		t.Error(err)
	}
}
