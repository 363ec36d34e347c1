package schema_test

import (
	"encoding/json"
	"errors"
	"net/netip"
	"reflect"
	"strings"
	"testing"
	"time"

	"github.com/go-json-experiment/json/jsontext"

	"github.com/chanx-go/chanx/schema"
)

type fuzzed struct {
	Text    string              `json:"text" minLength:"1" maxLength:"5"`
	Mail    *string             `json:"mail_address" format:"email"`
	Count   int8                `json:"count" minimum:"-5" multipleOf:"5"`
	Big     uint64              `json:"big" maximum:"18446744073709551614"`
	Ratio   float64             `json:"ratio" exclusiveMaximum:"2"`
	Single  float32             `json:"single" default:"0.5"`
	On      bool                `json:"on,string" default:"true"`
	Time    time.Time           `json:"time" default:"2025-05-11T14:30:00Z"`
	Span    time.Duration       `json:"span" default:"PT1S"`
	Bytes   []byte              `json:"bytes" default:""`
	Addr    netip.Addr          `json:"addr" default:"::1"`
	Colour  colour              `json:"colour" default:"red"`
	Level   level               `json:"level" default:"1"`
	List    []*fuzzed           `json:"list,omitempty" maxItems:"3"`
	Set     []any               `json:"set" default:"[]" uniqueItems:"true"`
	Pair    [2]int              `json:"pair" default:"[1,2]"`
	ByText  map[string]*point   `json:"by_text" default:"{}" maxProperties:"2"`
	ByLevel map[level]string    `json:"by_level" default:"{}"`
	ByAddr  map[netip.Addr]bool `json:"by_addr" default:"{}"`
	Raw     json.RawMessage     `json:"raw" default:"null"`
	Any     any                 `json:"any" default:"null"`
	Shape   shape               `json:"shape,omitzero"`
	_       struct{}            `additionalProperties:"false"`
}

var fuzzShapes = schema.Union{Interface: shapes.Interface, Discriminator: "shape_kind", Variants: []schema.Variant{
	{Tag: "circle", Type: reflect.TypeFor[circle]()}, {Tag: "strict", Type: reflect.TypeFor[*strict]()},
}}

// FuzzDecode looks for texts that panic, that are accepted without being JSON, or that change when they are encoded and
// decoded again.
func FuzzDecode(f *testing.F) {
	for _, k := range syntaxCases {
		f.Add(k.text)
	}
	f.Add(`{"text":"é","mail_address":"a@b.co","count":-5,"big":7,"ratio":1.5e-3,"single":1e-7,"on":"false","time":"2025-05-11T14:30:00.5+02:00"}`)
	f.Add(`{"ratio":0,"big":1e2,"count":0.0,"text":"\ud83d\ude00","list":[{"text":"","x":1}],"set":[1,1.0],"pair":[1],"by_text":{"a":null,"b":{"x":1}}}`)
	f.Add(`{"text":"a","count":0,"big":0,"ratio":-0.0,"span":"-P1DT2.5S","bytes":"AP8=","addr":"fe80::1%eth0","colour":"blue","level":30,"by_level":{"1":""}}`)
	f.Add(`{"text":"a","count":0,"big":0,"ratio":1,"by_addr":{"::1":true},"raw":{"a":[1]},"any":[{}],"shape":{"radius":1,"shape_kind":"circle"}}`)
	f.Add(`{"shape":{"n":1,"shape_kind":"strict","y":[]}}`)
	f.Add(strings.Repeat(`{"list":[`, 20) + strings.Repeat(`]}`, 20))
	all := []func(*testing.T, string){
		again[fuzzed](f, schema.AsDeclared), again[fuzzed](f, schema.CamelCase), again[any](f, schema.AsDeclared), again[tree](f, schema.AsDeclared),
		again[map[string][]point](f, schema.CamelCase), again[json.RawMessage](f, schema.AsDeclared),
	}
	f.Fuzz(func(t *testing.T, text string) {
		for _, check := range all {
			check(t, text)
		}
	})
}

// again decodes a text into a T. It validates, encodes, decodes and encodes an accepted value again.
func again[T any](f *testing.F, n schema.Naming) func(*testing.T, string) {
	typ := compiled[T](f, fuzzShapes)
	c, err := typ.Codec(n)
	if err != nil {
		f.Fatal(err)
	}
	return func(t *testing.T, text string) { roundTrip[T](t, c, typ, text) }
}

func roundTrip[T any](t *testing.T, c *schema.Codec, typ *schema.Type, text string) {
	v := new(T)
	err := c.Unmarshal([]byte(text), v, schema.Limits{MaxDepth: -1, MaxErrors: -1})
	if _, bad := errors.AsType[*schema.SyntaxError](err); bad == jsontext.Value(text).IsValid() {
		t.Fatalf("%T: got %v, jsontext says valid: %v", *v, err, !bad)
	}
	if all, ok := errors.AsType[schema.ValidationError](err); ok {
		var few schema.ValidationError
		errors.As(c.Unmarshal([]byte(text), v, schema.Limits{MaxDepth: -1, MaxErrors: 2}), &few)
		equal(t, "the first items", few, all[:min(len(all), 2)])
	}
	if err != nil {
		return
	}
	if err := typ.Validate(*v); err != nil {
		t.Fatalf("%T: Validate refuses what was decoded: %v", *v, err)
	}
	first, err := c.Append(nil, *v)
	if err != nil {
		t.Fatalf("%T: %v", *v, err)
	}
	var back T
	if err := c.Unmarshal(first, &back, schema.Limits{MaxDepth: -1}); err != nil {
		t.Fatalf("%T: %s is refused: %v", *v, first, err)
	}
	second, err := c.Append(nil, back)
	if err != nil || string(first) != string(second) {
		t.Fatalf("%T: first %s, then %s, %v", *v, first, second, err)
	}
}
