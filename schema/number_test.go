package schema_test

import (
	"encoding/json"
	"math/big"
	"math/rand/v2"
	"reflect"
	"strings"
	"testing"

	"github.com/chanx-go/chanx/internal/mutate"
	"github.com/chanx-go/chanx/schema"
)

type amounts struct {
	V json.Number   `json:"v" minimum:"-1.5" maximum:"100000000000000000000.25"`
	M json.Number   `json:"m,omitempty" multipleOf:"0.05" exclusiveMinimum:"0"`
	D json.Number   `json:"d" default:"12.50"`
	S json.Number   `json:"s,string,omitempty"`
	P *json.Number  `json:"p"`
	L []json.Number `json:"l,omitempty" maximum:"9" uniqueItems:"true"`
}

func TestJSONNumbersKeepTheirText(t *testing.T) {
	for _, text := range []string{"12.50", "0", "-0", "1e400", "-1E-400", "0.1000", "123456789012345678901234567890.123456789", "1e999999999999"} {
		got := decoded[value[json.Number]](t, `{"v": `+text+` }`)
		equal(t, "value", string(got.V), text)
		equal(t, "text", encoded(t, got), `{"v":`+text+`}`)
		if err := compiled[value[json.Number]](t).Validate(got); err != nil {
			t.Error(err)
		}
	}
	onlyAccepts[json.Number](t, "number", badFloat)
	decode[value[json.Number]](t, in{`{"v":"12.50"}`, badFloat}, in{`{"v":"no number"}`, badFloat}, in{`{"v":012}`, "syntax: unexpected '1', want ',' or '}' at byte 6"})
	p := json.Number("7")
	equal(t, "all", decoded[amounts](t, `{"v":1.0,"s":"2.50","p":7,"l":[1,2.0]}`), amounts{V: "1.0", D: "12.50", S: "2.50", P: &p, L: []json.Number{"1", "2.0"}})
	equal(t, "zero", encoded(t, amounts{}), `{"v":0,"d":0,"p":null}`)
	equal(t, "map", encoded(t, map[string]json.Number{"a": "1.50"}), `{"a":1.50}`)
}

func TestConstraintsOnJSONNumbersAreExact(t *testing.T) {
	const less, more = `less_than_equal "v": Input should be less than or equal to 100000000000000000000.25`, `greater_than_equal "v": Input should be greater than or equal to -1.5`
	zeros := strings.Repeat("0", 3000)
	decode[amounts](t, in{`{"v":100000000000000000000.25}`, ""}, in{`{"v":100000000000000000000.26}`, less}, in{`{"v":1e999999999}`, less},
		in{`{"v":-1.5` + zeros + `}`, ""}, in{`{"v":-1.5` + zeros + `1}`, more}, in{`{"v":-1.4` + strings.Repeat("9", 3000) + `}`, ""}, in{`{"v":-1e-999999999}`, ""},
		in{`{"v":-1e999999999}`, more}, in{`{"v":-1.50000000000000000001}`, more},
		in{`{"v":0,"m":0.15}`, ""}, in{`{"v":0,"m":1e999999999}`, ""}, in{`{"v":0,"m":0.151}`, `multiple_of "m": Input should be a multiple of 0.05`},
		in{`{"v":0,"m":1e-999999999}`, `multiple_of "m": Input should be a multiple of 0.05`}, in{`{"v":0,"m":-0.0}`, `greater_than "m": Input should be greater than 0`},
		in{`{"v":0,"l":[1,10]}`, `less_than_equal "l",1: Input should be less than or equal to 9`}, in{`{"v":0,"l":[1,1.0]}`, `unique_items "l": Items should be unique`})
	equal(t, "made in code", shown(compiled[amounts](t).Validate(amounts{V: "abc", D: "1", L: []json.Number{"10"}})),
		"float_type \"v\": Input should be a valid number\nless_than_equal \"l\",0: Input should be less than or equal to 9")
	for _, bad := range []json.Number{"abc", "1 ", " 1", "01", "1.", "+1", "NaN", "\"1\"", "0x1"} {
		if _, err := declared[json.Number](t).Append(nil, bad); err == nil || !strings.Contains(err.Error(), "is not a JSON number") {
			t.Errorf("%q: got %v", bad, err)
		}
	}
	mistake[struct {
		V json.Number `default:"abc"`
	}](t, `.V default:"abc": it must be JSON: unexpected 'a', want a value at byte 0`)
	mistake[struct {
		V json.Number `maxLength:"3"`
	}](t, `.V maxLength:"3": it does not apply to json.Number: remove it`)
}

func TestJSONNumbersAreComparedLikeRationals(t *testing.T) {
	type limited struct {
		V json.Number `json:"v" minimum:"-3.25" exclusiveMaximum:"1e20" multipleOf:"0.125"`
	}
	c, r := declared[limited](t), rand.New(rand.NewPCG(1, 2))
	least, most, of := big.NewRat(-13, 4), new(big.Rat).SetInt(new(big.Int).Exp(big.NewInt(10), big.NewInt(20), nil)), big.NewRat(1, 8)
	for range 5000 {
		text := mutate.Pick(mutate.Mutator{Rand: r}, mutate.Numbers)
		if !strings.ContainsAny(text, "eE") && r.IntN(2) == 0 {
			text += "e" + mutate.Pick(mutate.Mutator{Rand: r}, []string{"-3", "2", "18", "-1", "17"})
		}
		x, ok := new(big.Rat).SetString(text)
		if !ok {
			t.Fatal(text)
		}
		want := x.Cmp(least) >= 0 && x.Cmp(most) < 0 && new(big.Rat).Quo(x, of).IsInt()
		if err := c.Unmarshal([]byte(`{"v":`+text+`}`), new(limited), limits(0)); (err == nil) != want {
			t.Errorf("%s: got %v, want it to pass: %v", text, err, want)
		}
	}
}

func TestTheSchemaOfAJSONNumberAgreesWithTheDecoder(t *testing.T) {
	typ := reflect.TypeFor[amounts]()
	codec := newCodec(t, typ, schema.AsDeclared, figures)
	judge, value := judge(t, codec.JSONSchema(nil)), parse(t, codec.Example())
	equal(t, "example", string(codec.Example()), `{"v":1,"m":1,"d":12.50,"s":"1","p":1,"l":[1]}`)
	m := mutate.Mutator{Rand: rand.New(rand.NewPCG(1, 3))}
	for range 1000 {
		text := mustJSON(m.Change(value))
		if agree(t, codec, judge, typ, text) {
			sameAgain(t, codec, typ, text)
		}
	}
}
