package schema_test

import (
	"encoding/json"
	"errors"
	"fmt"
	"math"
	"net/netip"
	"strings"
	"testing"
	"time"

	"github.com/chanx-go/chanx/schema"
)

// span has a Validate method and counts its calls.
type span struct {
	Low  int `json:"low"`
	High int `json:"high" minimum:"0"`
}

var spanChecks int

func (s span) Validate() error {
	spanChecks++
	if s.Low > s.High {
		return errors.New("low must not exceed high")
	}
	return nil
}

// word is made lower case by Validate.
type word string

func (w *word) Validate() error {
	if *w == "" {
		return fmt.Errorf("wrapped: %w", schema.ValidationError{{Type: "empty", Loc: []any{"at", 1}, Msg: "no text"}, {Type: "more", Msg: "really"}})
	}
	*w = word(strings.ToLower(string(*w)))
	return nil
}

type checked struct {
	Span  span            `json:"span"`
	Words []word          `json:"words" maxItems:"2"`
	ByKey map[string]word `json:"by_key"`
	Ref   *span           `json:"ref"`
	Keys  map[word]int    `json:"keys,omitempty"`
}

// Validate sees what the checks of the fields have made.
func (c *checked) Validate() error {
	for _, w := range c.Words {
		if string(w) != strings.ToLower(string(w)) {
			return errors.New("not lower case yet")
		}
	}
	if len(c.Words) == 1 && c.Words[0] == "none" {
		return schema.ValidationError{}
	}
	if len(c.Words) == 1 && c.Words[0] == "bad" {
		return errors.New("bad word")
	}
	return nil
}

func TestValidateRunsOnceAfterTheFieldsPassed(t *testing.T) {
	spanChecks = 0
	v := decoded[checked](t, `{"by_key":{"X":"ABC"},"words":["A","b"],"span":{"high":2,"low":1},"ref":{"low":0,"high":0},"keys":{"K":1}}`)
	equal(t, "calls", spanChecks, 2)
	equal(t, "value", v, checked{span{1, 2}, []word{"a", "b"}, map[string]word{"X": "abc"}, &span{}, map[word]int{"k": 1}})
	spanChecks = 0
	decode[checked](t,
		in{
			`{"span":{"low":3,"high":2},"words":["x",""],"by_key":{"k":""},"ref":{"low":1,"high":0}}`,
			`value_error "span": Value error, low must not exceed high
empty "words",1,"at",1: no text
more "words",1: really
empty "by_key","k","at",1: no text
more "by_key","k": really
value_error "ref": Value error, low must not exceed high`,
		},
		in{
			`{"span":{"low":3,"high":-1},"words":["BAD"],"by_key":{}}`,
			`greater_than_equal "span","high": Input should be greater than or equal to 0`,
		},
		in{`{"span":{"low":3,"high":4},"words":["BAD"],"by_key":{}}`, `value_error : Value error, bad word`},
		in{`{"span":{"low":3,"high":4},"words":["none"],"by_key":{}}`, ""},
		in{`{"span":{"low":3,"high":4},"words":[],"by_key":{},"keys":{"":1}}`, "empty \"keys\",\"\",\"[key]\",\"at\",1: no text\nmore \"keys\",\"\",\"[key]\": really"})
	equal(t, "calls", spanChecks, 5)
}

func TestValidateMakesTheChecksOfDecoding(t *testing.T) {
	typ := compiled[checked](t)
	v := checked{span{3, 2}, []word{"x", ""}, map[string]word{"k": ""}, &span{1, 0}, map[word]int{"": 1}}
	equal(t, "items", shown(typ.Validate(v)), `value_error "span": Value error, low must not exceed high
empty "words",1,"at",1: no text
more "words",1: really
empty "by_key","k","at",1: no text
more "by_key","k": really
value_error "ref": Value error, low must not exceed high
empty "keys","","[key]","at",1: no text
more "keys","","[key]": really`)
	equal(t, "too long", shown(typ.Validate(&checked{Words: []word{"", "", ""}})), `too_long "words": List should have at most 2 items after validation, not 3`)
	equal(t, "itself", shown(typ.Validate(&checked{Words: []word{"BAD"}})), `value_error : Value error, bad word`)
}

func TestValidateChangesOnlyTheValueOfAPointer(t *testing.T) {
	typ := compiled[checked](t)
	make := func() checked { return checked{Words: []word{"ABC"}, ByKey: map[string]word{"k": "ABC"}, Ref: &span{}} }
	v := make()
	if err := typ.Validate(v); err != nil {
		t.Fatal(err)
	}
	equal(t, "after Validate of a value", v, make())
	if err := typ.Validate(&v); err != nil {
		t.Fatal(err)
	}
	equal(t, "after Validate of a pointer", v, checked{Words: []word{"abc"}, ByKey: map[string]word{"k": "abc"}, Ref: &span{}})

	type Base struct {
		W word `json:"w"`
	}
	type owner struct{ *Base }
	o := owner{&Base{"ABC"}}
	if err := compiled[owner](t).Validate(o); err != nil || o.W != "ABC" {
		t.Error(err, o.W)
	}
	s := []shape{&square{SideLen: 2}}
	if err := compiled[[]shape](t, shapes).Validate(s); err != nil || s[0].(*square).SideLen != 2 {
		t.Error(err, s[0])
	}
	if err := compiled[[]shape](t, shapes).Validate(&s); err != nil || s[0].(*square).SideLen != 20 {
		t.Error(err, s[0])
	}
}

type everything struct {
	S  string          `json:"s" pattern:"^a"`
	I  int             `json:"i" maximum:"5"`
	U  level           `json:"u"`
	F  float32         `json:"f" maximum:"0.1"`
	N  float64         `json:"n"`
	T  time.Time       `json:"t"`
	A  netip.Addr      `json:"a" format:"ipv4"`
	C  temperature     `json:"c"`
	R  json.RawMessage `json:"r"`
	L  []int           `json:"l" minItems:"1" uniqueItems:"true" minimum:"0"`
	M  map[level]int   `json:"m" minProperties:"1" maxProperties:"2"`
	P  *string         `json:"p" minLength:"2"`
	O  string          `json:"o,omitempty" minLength:"2"`
	Y  any             `json:"y"`
	B  []byte          `json:"b"`
	D  time.Duration   `json:"d"`
	Q  int             `json:"q,string" minimum:"1"`
	AA [2]colour       `json:"aa"`
}

func TestValidateChecksEveryKind(t *testing.T) {
	typ, a, ab := compiled[everything](t), "a", "ab"
	good := everything{
		S: "a", U: 1, F: 0.1, A: netip.MustParseAddr("1.2.3.4"), L: []int{1, 2}, M: map[level]int{1: 1}, P: &ab, Q: 1, AA: [2]colour{"red", "blue"},
	}
	equal(t, "good", shown(typ.Validate(good)), "")
	bad := everything{
		S: "b", I: 6, U: 5, F: 0.11, N: math.NaN(), T: time.Date(10000, 1, 1, 0, 0, 0, 0, time.UTC), A: netip.IPv6Loopback(), C: temperature{-300},
		R: json.RawMessage("{"), L: []int{1, -1, 1}, M: map[level]int{4: 1}, P: &a, O: "x", AA: [2]colour{"red", ""},
	}
	equal(t, "bad", shown(typ.Validate(&bad)), `string_pattern_mismatch "s": String should match pattern '^a'
less_than_equal "i": Input should be less than or equal to 5
literal_error "u": Input should be 1, 2 or 30
less_than_equal "f": Input should be less than or equal to 0.1
finite_number "n": Input should be a finite number
datetime_parsing "t": Input should be a valid datetime, RFC 3339 has no such time: the year must be 0 to 9999, the zone less than a day
ip_v4_address "a": Input is not a valid IPv4 address
value_error "c": Value error, below absolute zero
json_invalid "r": Invalid JSON: unexpected end of input at byte 1
greater_than_equal "l",1: Input should be greater than or equal to 0
literal_error "m","4","[key]": Input should be 1, 2 or 30
string_too_short "p": String should have at least 2 characters
string_too_short "o": String should have at least 2 characters
greater_than_equal "q": Input should be greater than or equal to 1
literal_error "aa",1: Input should be 'red' or 'blue'`)
	good.L, good.M = []int{1, 1}, map[level]int{1: 1, 2: 1, 30: 1}
	equal(t, "sets", shown(typ.Validate(good)), `unique_items "l": Items should be unique
too_long "m": Dictionary should have at most 2 items after validation, not 3`)
	good.L, good.M = nil, nil
	equal(t, "nil", shown(typ.Validate(good)), `too_short "l": List should have at least 1 item after validation, not 0
too_short "m": Dictionary should have at least 1 item after validation, not 0`)
}

func TestValidateChecksUnionsAndEmbeddedPointers(t *testing.T) {
	typ := compiled[map[string]shape](t, shapes)
	equal(t, "items", shown(typ.Validate(map[string]shape{"a": circle{-1}, "b": &square{SideLen: -1}, "c": nil, "d": foreign{}, "e": strict{}})),
		`greater_than_equal "a","radius": Input should be greater than or equal to 0
value_error "b": Value error, negative side
union_tag_not_found "c": Unable to extract tag using discriminator 'shape_kind'
union_tag_not_found "d": Unable to extract tag using discriminator 'shape_kind'`)
	equal(t, "embedded", shown(compiled[struct{ *Tagged }](t).Validate(struct{ *Tagged }{})), `missing "c": Field required`)
	type ambiguous map[temperature]int
	equal(t, "keys", shown(compiled[ambiguous](t).Validate(ambiguous{{-300}: 1})), `value_error : Value error, below absolute zero`)
}

func TestValidateRefusesOtherTypes(t *testing.T) {
	typ := compiled[span](t)
	for want, v := range map[string]any{
		"schema: validate schema_test.span: the value is int":     1,
		"schema: validate schema_test.span: the value is <nil>":   nil,
		"schema: validate schema_test.span: it is a nil pointer":  (*span)(nil),
		"schema: validate schema_test.span: the value is *string": new(string),
	} {
		if err := typ.Validate(v); err == nil || err.Error() != want {
			t.Errorf("got %v, want %s", err, want)
		}
	}
}
