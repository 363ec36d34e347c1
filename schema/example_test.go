package schema_test

import (
	"bytes"
	"encoding/json"
	"path/filepath"
	"reflect"
	"strconv"
	"testing"

	"github.com/santhosh-tekuri/jsonschema/v6"

	"github.com/chanx-go/chanx/schema"
)

func TestExamplesMatchTheGoldenFilesAndPassCodecAndSchema(t *testing.T) {
	for _, d := range described {
		t.Run(d.name, func(t *testing.T) {
			codec := newCodec(t, d.typ, d.naming, figures)
			example := codec.Example()
			compareKept(t, filepath.Join("testdata", "examples", d.name+".json"), indent(t, example))
			if err := codec.Unmarshal(example, reflect.New(d.typ).Interface(), schema.Limits{}); err != nil {
				t.Errorf("%v in %s", err, example)
			}
			value, err := jsonschema.UnmarshalJSON(bytes.NewReader(example))
			if err != nil {
				t.Fatal(err)
			}
			if err := judge(t, codec.JSONSchema(nil)).Validate(value); err != nil {
				t.Errorf("%v in %s", err, example)
			}
			if again := newCodec(t, d.typ, d.naming, figures).Example(); !bytes.Equal(again, example) {
				t.Errorf("first %s, then %s", example, again)
			}
		})
	}
}

// field is a struct with one member V and a tag.
func field(typ reflect.Type, tag string) reflect.Type {
	return reflect.StructOf([]reflect.StructField{{Name: "V", Type: typ, Tag: reflect.StructTag(tag)}})
}

// exampleOf returns the example's member V. The test fails if the codec does not decode it.
func exampleOf(t *testing.T, typ reflect.Type, tag string) string {
	t.Helper()
	whole := field(typ, tag)
	codec := newCodec(t, whole, schema.AsDeclared, figures)
	example := codec.Example()
	if err := codec.Unmarshal(example, reflect.New(whole).Interface(), schema.Limits{}); err != nil {
		t.Errorf("%s: %v in %s", tag, err, example)
	}
	var v struct{ V json.RawMessage }
	if err := json.Unmarshal(example, &v); err != nil {
		t.Errorf("%s: %v", tag, err)
	}
	return string(v.V)
}

func TestExamplesMatchPatterns(t *testing.T) {
	for _, c := range []struct{ pattern, more, want string }{
		{`^[a-z]+[0-9]?$`, ``, `"a"`},
		{`^\+?[1-9]\d{1,14}$`, ``, `"10"`},
		{`^(\d{3}-){2}\d{4}$`, ``, `"000-000-0000"`},
		{`^(?i)abc$`, ``, `"ABC"`},
		{`^$`, ``, `""`},
		{`^[^a-zA-Z0-9]$`, ``, `"!"`},
		{`^[\x00-\x1f]$`, ``, `"\u0000"`},
		{`^[α-ω]{2}$`, ``, `"αα"`},
		{`^\p{Greek}$`, ``, `"Ͱ"`},
		{`[[:xdigit:]]{4}`, ``, `"aaaa"`},
		{`[0-9]`, `minLength:"5"`, `"0xxxx"`},
		{`^x*$`, `minLength:"12"`, `"xxxxxxxxxxxx"`},
		{`[0-9]$`, `minLength:"3" maxLength:"3"`, `"xx0"`},
		{`^(ab|cd)*$`, `minLength:"4" maxLength:"4"`, `"abab"`},
		{`^https://`, `format:"uri"`, `"https://example.com/"`},
		{`^\S+ \S+$`, ``, `"a a"`},
		{`\bword\b`, ``, `"word"`},
		{`^((a*)*)*$`, `minLength:"3"`, `"aaaaaaaa"`},
		{`^.{3}$`, ``, `"aaa"`},
		{`^(red|blue|\?+)$`, ``, `"?"`},
	} {
		got := exampleOf(t, reflect.TypeFor[string](), "pattern:"+strconv.Quote(c.pattern)+" "+c.more)
		if got != c.want {
			t.Errorf("%s %s: got %s, want %s", c.pattern, c.more, got, c.want)
		}
	}
}

func TestExamplesOfNumbersAreWithinTheirBounds(t *testing.T) {
	integer, float, small := reflect.TypeFor[int](), reflect.TypeFor[float64](), reflect.TypeFor[uint8]()
	for _, c := range []struct {
		typ       reflect.Type
		tag, want string
	}{
		{integer, ``, `1`},
		{integer, `minimum:"10"`, `10`},
		{integer, `exclusiveMinimum:"10"`, `11`},
		{integer, `maximum:"-3"`, `-3`},
		{integer, `exclusiveMaximum:"1"`, `0`},
		{integer, `minimum:"2.5" maximum:"3.5"`, `3`},
		{integer, `multipleOf:"7" minimum:"8" maximum:"20"`, `14`},
		{integer, `minimum:"9223372036854775807"`, `9223372036854775807`},
		{integer, `enum:"4,2"`, `4`},
		{small, `minimum:"-9" exclusiveMaximum:"1"`, `0`},
		{small, `minimum:"255"`, `255`},
		{float, `exclusiveMinimum:"0" exclusiveMaximum:"0.001"`, `0.0005`},
		{float, `minimum:"1.5"`, `2`},
		{float, `multipleOf:"0.25" exclusiveMinimum:"1"`, `1.25`},
		{float, `exclusiveMaximum:"-0.5"`, `-1`},
	} {
		if got := exampleOf(t, c.typ, c.tag); got != c.want {
			t.Errorf("%s %s: got %s, want %s", c.typ, c.tag, got, c.want)
		}
	}
}

func TestExamplesOfListsSatisfySizeAndUniqueness(t *testing.T) {
	for _, c := range []struct {
		typ       reflect.Type
		tag, want string
	}{
		{reflect.TypeFor[[]int](), `maxItems:"0"`, `[]`},
		{reflect.TypeFor[[]int](), `minItems:"3" uniqueItems:"true"`, `[1,2,3]`},
		{reflect.TypeFor[[]int](), `minItems:"3" uniqueItems:"true" maximum:"1"`, `[1,0,-1]`},
		{reflect.TypeFor[[]bool](), `minItems:"2" uniqueItems:"true"`, `[true,false]`},
		{reflect.TypeFor[[]Suit](), `minItems:"2" uniqueItems:"true"`, `["hearts","spades"]`},
		{reflect.TypeFor[[]string](), `minItems:"3" uniqueItems:"true" maxLength:"1"`, `["t","2","3"]`},
		{reflect.TypeFor[[]string](), `minItems:"2" uniqueItems:"true" format:"date"`, `["2025-01-01","2025-01-02"]`},
		{reflect.TypeFor[[]string](), `minItems:"2" uniqueItems:"true" pattern:"^[0-9]+$"`, `["0","1"]`},
		{reflect.TypeFor[[]Node](), `minItems:"2" uniqueItems:"true"`, `[{"value":1,"next":null},{"value":2,"next":null}]`},
		{reflect.TypeFor[[3]int](), ``, `[1,1,1]`},
		{reflect.TypeFor[map[int]int](), `minProperties:"2"`, `{"1":1,"2":1}`},
		{reflect.TypeFor[map[string]Suit](), `minProperties:"2" maxProperties:"2"`, `{"key":"hearts","key2":"hearts"}`},
	} {
		if got := exampleOf(t, c.typ, c.tag); got != c.want {
			t.Errorf("%s %s: got %s, want %s", c.typ, c.tag, got, c.want)
		}
	}
}

// endless has no finite value.
type endless struct {
	More []endless `json:"more" minItems:"1"`
}

func TestATypeWithoutAFiniteValueHasTheExampleNull(t *testing.T) {
	if got := newCodec(t, reflect.TypeFor[endless](), schema.AsDeclared).Example(); string(got) != "null" {
		t.Errorf("got %s, want null", got)
	}
}

// wide refers to narrower types in many ways, so that an example that follows them all would be endless.
type (
	wide   struct{ A, B, C, D *wider }
	wider  struct{ A, B, C, D []widest }
	widest struct{ A, B, C, D map[string]*deep }
	deep   struct{ A, B, C, D []*deeper }
	deeper struct{ A, B, C, D []int }
)

func TestExamplesOfManyTypesStaySmall(t *testing.T) {
	codec := newCodec(t, reflect.TypeFor[wide](), schema.AsDeclared)
	example := codec.Example()
	if len(example) > 1<<14 {
		t.Errorf("%d bytes", len(example))
	}
	if err := codec.Unmarshal(example, &wide{}, schema.Limits{}); err != nil {
		t.Error(err)
	}
}
