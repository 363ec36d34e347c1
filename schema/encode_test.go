package schema_test

import (
	"encoding/json"
	"math"
	"strings"
	"testing"
	"time"

	"github.com/chanx-go/chanx/schema"
)

func TestNilSlicesAndMapsAreWrittenEmpty(t *testing.T) {
	equal(t, "nil", encoded(t, struct {
		L []int           `json:"l"`
		M map[string]int  `json:"m"`
		B []byte          `json:"b"`
		P *int            `json:"p"`
		R json.RawMessage `json:"r"`
		A any             `json:"a"`
	}{}), `{"l":[],"m":{},"b":"","p":null,"r":null,"a":null}`)
}

type never struct{ n int }

func (n never) IsZero() bool { return n.n == 7 }

func (n never) MarshalJSON() ([]byte, error) { return []byte("1"), nil }

func TestOmittedMembersMatchEncodingJSON(t *testing.T) {
	type omits struct {
		S  string          `json:"s,omitempty"`
		I  int             `json:"i,omitempty"`
		B  bool            `json:"b,omitempty"`
		F  float64         `json:"f,omitempty"`
		P  *int            `json:"p,omitempty"`
		L  []int           `json:"l,omitempty"`
		M  map[string]int  `json:"m,omitempty"`
		A  any             `json:"a,omitempty"`
		R  [0]int          `json:"r,omitempty"`
		TZ time.Time       `json:"tz,omitzero"`
		PZ *time.Time      `json:"pz,omitzero"`
		SZ struct{ X int } `json:"sz,omitzero"`
		LZ []int           `json:"lz,omitzero"`
		NZ never           `json:"nz,omitzero"`
		PN *never          `json:"pn,omitzero"`
	}
	zero, one := 0, time.Time{}
	for name, v := range map[string]omits{
		"zero":  {NZ: never{7}},
		"empty": {L: []int{}, M: map[string]int{}, LZ: []int{}, PN: &never{}},
		"set": {
			S: "x", I: 1, B: true, F: 0.5, P: &zero, L: []int{1}, M: map[string]int{"a": 1}, A: 0, TZ: time.Unix(0, 0).UTC(), PZ: &one, SZ: struct{ X int }{1}, PN: &never{7},
		},
	} {
		want, err := json.Marshal(v)
		if err != nil {
			t.Fatal(err)
		}
		equal(t, name, encoded(t, v), string(want))
	}
}

func TestNumbersAndStringsMatchEncodingJSON(t *testing.T) {
	for _, x := range []float64{0, math.Copysign(0, -1), 1, -1.5, 0.1, 1e-6, 1e-7, 1.5e-10, 1e20, 1e21, 1e22, 123456789, math.MaxFloat64, math.SmallestNonzeroFloat64, 1e100} {
		want, _ := json.Marshal(x)
		equal(t, "float64", encoded(t, x), string(want))
		if single := float32(x); !math.IsInf(float64(single), 0) {
			want, _ = json.Marshal(single)
			equal(t, "float32", encoded(t, single), string(want))
		}
	}
	for _, x := range []float32{1e-6, 9.9999999e-7, 1e21, 3.4e38, 1e-45} {
		want, _ := json.Marshal(x)
		equal(t, "float32", encoded(t, x), string(want))
	}
	equal(t, "no HTML escapes", encoded(t, "<a&b>\u2028\"\\\n\x01é😀\x7f"), "\"<a&b>\u2028\\\"\\\\\\n\\u0001é😀\x7f\"")
	equal(t, "invalid UTF-8", encoded(t, "a\xffb\xed\xa0\x80"), "\"a\ufffdb\ufffd\ufffd\ufffd\"")
	equal(t, "integers", encoded(t, []any{int8(-1), uint64(math.MaxUint64)}), `[-1,18446744073709551615]`)
	equal(t, "in strings", encoded(t, struct {
		I int     `json:"i,string"`
		F float32 `json:"f,string"`
		B bool    `json:"b,string"`
	}{-1, 0.5, true}), `{"i":"-1","f":"0.5","b":"true"}`)
}

func TestTimesAndBytesAreEncodedAsText(t *testing.T) {
	zone := time.FixedZone("", -90*60)
	equal(t, "times", encoded(t, []time.Time{time.Date(2025, 5, 11, 1, 2, 3, 40, zone), time.Date(0, 1, 1, 0, 0, 0, 0, time.UTC)}),
		`["2025-05-11T01:02:03.00000004-01:30","0000-01-01T00:00:00Z"]`)
	equal(t, "durations", encoded(t, []time.Duration{0, time.Second, -90 * time.Minute, 25*time.Hour + time.Millisecond, math.MinInt64}),
		`["PT0S","PT1S","-PT1H30M","PT25H0.001S","-PT2562047H47M16.854775808S"]`)
	equal(t, "bytes", encoded(t, [][]byte{nil, {0, 255}}), `["","AP8="]`)
}

func TestMapsAreSortedByKey(t *testing.T) {
	equal(t, "strings", encoded(t, map[string]int{"b": 1, "a": 2, "": 3, "Z": 4, "\xff": 5}), `{"":3,"Z":4,"a":2,"b":1,"`+"\ufffd"+`":5}`)
	equal(t, "integers", encoded(t, map[int]string{10: "x", 9: "y", -1: "z"}), `{"-1":"z","10":"x","9":"y"}`)
	equal(t, "any", encoded(t, any(map[string]any{"b": []any{nil, "<"}, "a": struct{ X []int }{}})), `{"a":{"X":null},"b":[null,"<"]}`)
}

func TestEncodeErrorsNameThePath(t *testing.T) {
	type inner struct {
		F map[string][]float32 `json:"f"`
		A any                  `json:"a"`
		T *time.Time           `json:"t"`
		R json.RawMessage      `json:"r"`
		K map[string]int       `json:"k"`
	}
	late := time.Date(10000, 1, 1, 0, 0, 0, 0, time.UTC)
	for want, v := range map[string]inner{
		"v.f.x.1: NaN is not a JSON number": {F: map[string][]float32{"x": {0, float32(math.NaN())}}},
		"v.a: -Inf is not a JSON number":    {A: math.Inf(-1)},
		"v.t: RFC 3339 has no such time: the year must be 0 to 9999, the zone less than a day": {T: &late},
		"v.r: invalid JSON: unexpected end of input at byte 1":                                 {R: json.RawMessage("{")},
		"v.a: json: unsupported type: chan int":                                                {A: make(chan int)},
		"v.a: invalid UTF-8 in JSON":                                                           {A: []json.RawMessage{json.RawMessage("\"\xff\"")}},
		"v.k: two keys are both written as \"\ufffd\"":                                         {K: map[string]int{"\xff": 1, "\xfe": 2}},
	} {
		_, err := declared[value[inner]](t).Append(nil, value[inner]{v})
		if err == nil || !strings.HasSuffix(err.Error(), "]: "+want) {
			t.Errorf("got %v, want %s", err, want)
		}
	}
}

func TestAppendKeepsThePrefixAndRefusesOtherTypes(t *testing.T) {
	c := declared[point](t)
	b, err := c.Append([]byte("head "), point{1, 2})
	if err != nil {
		t.Fatal(err)
	}
	equal(t, "text", string(b), `head {"x":1,"y":2}`)
	for want, v := range map[string]any{
		"schema: encode schema_test.point: the value is *schema_test.point": &point{},
		"schema: encode schema_test.point: the value is <nil>":              nil,
	} {
		if _, err := c.Append(nil, v); err == nil || err.Error() != want {
			t.Errorf("got %v, want %s", err, want)
		}
	}
}

func TestEncodedValuesRoundTrip(t *testing.T) {
	v := defaultValues()
	equal(t, "defaults", decoded[defaults](t, encoded(t, v)), v)
	o := outer{Inner: Inner{1, ""}, Tagged: &Tagged{2}, B: "b"}
	equal(t, "embedded", decoded[outer](t, encoded(t, o)), o)
	var c schema.Codec = *camel[defaults](t)
	b, err := c.Append(nil, v)
	if err != nil || !strings.HasSuffix(string(b), `,"inString":"12"}`) {
		t.Fatal(string(b), err)
	}
	var back defaults
	if err := c.Unmarshal(b, &back, limits(0)); err != nil {
		t.Fatal(err)
	}
	equal(t, "camelCase", back, v)
}
