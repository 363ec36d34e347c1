package schema_test

import (
	"fmt"
	"reflect"
	"strings"
	"testing"

	"github.com/chanx-go/chanx/schema"
)

type Inner struct {
	A int    `json:"a"`
	B string `json:"b" default:"inner"`
}

type hidden struct {
	H bool `json:"h,omitempty"`
}

type Tagged struct {
	C int `json:"c"`
}

type outer struct {
	Inner
	*Tagged
	hidden
	Named  Tagged `json:"named"`
	B      string `json:"b"` // wins against Inner.B
	Skip   int    `json:"-"`
	NoName *int
	secret int
}

func TestFieldsOfEmbeddedStructsAreMembers(t *testing.T) {
	v := decoded[outer](t, `{"a":1,"c":2,"h":true,"named":{"c":3},"b":"x","NoName":5,"Skip":6,"secret":7}`)
	five := 5
	want := outer{Inner{A: 1}, &Tagged{2}, hidden{true}, Tagged{3}, "x", 0, &five, 0}
	equal(t, "value", v, want)
	equal(t, "text", encoded(t, want), `{"a":1,"c":2,"h":true,"named":{"c":3},"b":"x","NoName":5}`)
	decode[outer](t, in{`{"a":"x","named":{}}`, `int_type "a": Input should be a valid integer
missing "c": Field required
missing "named","c": Field required
missing "b": Field required`})
	equal(t, "embedded nil pointer", encoded(t, outer{}), `{"a":0,"named":{"c":0},"b":"","NoName":null}`)
}

func TestGoRulesChooseBetweenFieldsWithOneName(t *testing.T) {
	type One struct{ X, Y int }
	type Two struct {
		Z int `json:"Y"`
	}
	type Deep struct{ Two }
	type Both struct {
		Deep
		*One
		W int `json:"X"`
	}
	v := decoded[struct {
		One
		Two
	}](t, `{"X":1,"Y":2}`)
	if v.X != 1 || v.One.Y != 0 || v.Z != 2 {
		t.Errorf("got %+v: of the two Y the tagged one wins", v)
	}
	b := decoded[Both](t, `{"X":1,"Y":2}`)
	if b.W != 1 || b.One.X != 0 || b.One.Y != 2 || b.Z != 0 {
		t.Errorf("got %+v: the field that is embedded less deeply wins", b)
	}
}

func TestUnknownMembersAreIgnoredUnlessRefused(t *testing.T) {
	decode[Tagged](t, in{`{"C":1,"c":2,"x":{"c":[1,{"a":null}]}}`, ""})
	decode[struct {
		T Tagged   `json:"t"`
		_ struct{} `additionalProperties:"false"`
	}](t, in{`{"t":{"c":1,"d":2},"c":[]}`, `extra_forbidden "c": Extra inputs are not permitted`})
}

type tree struct {
	Left  *tree           `json:"left"`
	More  []tree          `json:"more,omitempty"`
	Named map[string]tree `json:"named,omitempty"`
	Leaf  *Leaf           `json:"leaf,omitempty"`
	V     int             `json:"v" maximum:"9"`
}

type Leaf struct {
	Up *tree `json:"up"`
}

func TestTypesMayContainThemselves(t *testing.T) {
	v := decoded[tree](t, `{"v":1,"left":{"v":2},"more":[{"v":3,"more":[{"v":4}]}],"named":{"x":{"v":5}},"leaf":{"up":{"v":6}}}`)
	equal(t, "value", v, tree{
		V: 1, Left: &tree{V: 2}, More: []tree{{V: 3, More: []tree{{V: 4}}}}, Named: map[string]tree{"x": {V: 5}}, Leaf: &Leaf{&tree{V: 6}},
	})
	decode[tree](t, in{`{"v":1,"more":[{"v":3,"more":[{"v":10}]}],"named":{"x":{}}}`, `less_than_equal "more",0,"more",0,"v": Input should be less than or equal to 9
missing "named","x","v": Field required`})
	loop := tree{}
	loop.Left = &loop
	if _, err := declared[tree](t).Append(nil, loop); err == nil || !strings.HasSuffix(err.Error(), "nested deeper than 10000 levels: it contains itself") {
		t.Errorf("%.100v", err)
	}
	if err := compiled[tree](t).Validate(loop); err == nil || !strings.HasSuffix(err.Error(), "nested deeper than 10000 levels: it contains itself") {
		t.Errorf("%.100v", err)
	}
}

type page[T any] struct {
	Items []T `json:"items" minItems:"1"`
	Next  *T  `json:"next"`
}

func TestGenericTypesAreDescribedOncePerInstance(t *testing.T) {
	decode[page[string]](t, in{`{"items":[1]}`, `string_type "items",0: Input should be a valid string`})
	decode[page[page[int]]](t, in{
		`{"items":[{"items":[]}],"next":{"items":[1],"next":"x"}}`,
		`too_short "items",0,"items": List should have at least 1 item after validation, not 0
int_type "next","next": Input should be a valid integer`,
	})
}

func TestStructsWithManyFields(t *testing.T) {
	var fields []reflect.StructField
	var text []string
	for i := range 150 {
		fields = append(fields, reflect.StructField{Name: fmt.Sprintf("F%d", i), Type: reflect.TypeFor[int]()})
		if i != 7 && i != 70 && i != 149 {
			text = append(text, fmt.Sprintf(`"F%d":%d`, i, i))
		}
	}
	c, err := schema.NewCompiler(nil)
	if err != nil {
		t.Fatal(err)
	}
	typ, err := c.Compile(reflect.StructOf(fields))
	if err != nil {
		t.Fatal(err)
	}
	codec, err := typ.Codec(schema.AsDeclared)
	if err != nil {
		t.Fatal(err)
	}
	v := reflect.New(typ.GoType())
	missing := "missing \"F7\": Field required\nmissing \"F70\": Field required\nmissing \"F149\": Field required"
	equal(t, "items", shown(codec.Unmarshal([]byte("{"+strings.Join(text, ",")+"}"), v.Interface(), limits(0))), missing)
	equal(t, "field 148", v.Elem().Field(148).Int(), int64(148))
	twice := "{" + strings.Join(text, ",") + `,"F148":1}`
	if err := codec.Unmarshal([]byte(twice), v.Interface(), limits(0)); err == nil || !strings.HasPrefix(err.Error(), `duplicate member "F148"`) {
		t.Error(err)
	}
}

func TestNamesInCamelCase(t *testing.T) {
	for name, want := range map[string]string{
		"user_name": "userName", "a_b_c": "aBC", "_private": "_private", "trailing_": "trailing_", "a__b": "a_B", "x_1": "x1", "ID": "ID",
		"user_ID": "userID", "été_x": "étéX", "": "", "_": "_", "__a_b": "__aB",
	} {
		if got := schema.Camel(name); got != want {
			t.Errorf("%q is %q, want %q", name, got, want)
		}
	}
	type item struct {
		ItemName string         `json:"item_name"`
		ByKey    map[string]int `json:"by_key"`
	}
	type message struct {
		UserItems []item `json:"user_items"`
		Last      any    `json:"last_one"`
	}
	c := camel[message](t)
	v := message{[]item{{"a_b", map[string]int{"snake_key": 1}}}, map[string]any{"snake_too": 1.0}}
	b, err := c.Append(nil, v)
	if err != nil {
		t.Fatal(err)
	}
	equal(t, "text", string(b), `{"userItems":[{"itemName":"a_b","byKey":{"snake_key":1}}],"lastOne":{"snake_too":1}}`)
	var back message
	if err := c.Unmarshal(b, &back, limits(0)); err != nil {
		t.Fatal(err)
	}
	equal(t, "back", back, v)
	equal(t, "items", shown(c.Unmarshal([]byte(`{"user_items":[],"userItems":[{}],"lastOne":1}`), &back, limits(0))),
		"missing \"userItems\",0,\"itemName\": Field required\nmissing \"userItems\",0,\"byKey\": Field required")
}
