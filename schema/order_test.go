package schema_test

import (
	"fmt"
	"math/rand/v2"
	"strings"
	"testing"

	"github.com/chanx-go/chanx/schema"
)

type point struct {
	X int `json:"x"`
	Y int `json:"y" default:"0"`
}

type several struct {
	Name string           `json:"name" minLength:"2"`
	Tags []string         `json:"tags" minItems:"3"`
	Home point            `json:"home"`
	More map[string]point `json:"more"`
	_    struct{}         `additionalProperties:"false"`
}

func TestItemsComeInTheOrderOfTheFields(t *testing.T) {
	decode[several](t,
		in{
			`{"zip":1,"more":{"b":{"y":"q"},"a":1},"home":{"y":true,"x":"a"},"tags":[1,"x"],"name":"A","also":2}`,
			`string_too_short "name": String should have at least 2 characters
string_type "tags",0: Input should be a valid string
too_short "tags": List should have at least 3 items after validation, not 2
int_type "home","x": Input should be a valid integer
int_type "home","y": Input should be a valid integer
missing "more","b","x": Field required
int_type "more","b","y": Input should be a valid integer
model_type "more","a": Input should be a valid dictionary
extra_forbidden "zip": Extra inputs are not permitted
extra_forbidden "also": Extra inputs are not permitted`,
		},
		in{`{"home":{},"":0}`, `missing "name": Field required
missing "tags": Field required
missing "home","x": Field required
missing "more": Field required
extra_forbidden "": Extra inputs are not permitted`},
		in{`[]`, `model_type : Input should be a valid dictionary`})
}

// ordered makes a type of many fields, as a map of lists would have them, and texts with its members shuffled.
type ordered struct {
	A []int `json:"a"`
	B struct {
		C []int `json:"c"`
		D int   `json:"d"`
	} `json:"b"`
	E []string `json:"e"`
	F int      `json:"f"`
}

func TestTheFirstItemsAreKeptWhateverTheOrderOfTheInput(t *testing.T) {
	bad := func(n int) string { return "[" + strings.TrimSuffix(strings.Repeat("null,", n), ",") + "]" }
	rnd := rand.New(rand.NewPCG(1, 2))
	c := declared[ordered](t)
	for range 300 {
		inner := []string{`"c":` + bad(rnd.IntN(30)), `"d":""`}
		outer := []string{`"a":` + bad(rnd.IntN(30)), `"b":{` + shuffled(rnd, inner) + `}`, `"e":` + bad(rnd.IntN(1000)), `"f":null`}
		text := []byte("{" + shuffled(rnd, outer) + "}")
		all := shown(c.Unmarshal(text, new(ordered), limits(-1)))
		for _, most := range []int{1, 7, 0, 100} {
			want := strings.Split(all, "\n")
			keep := most
			if keep == 0 {
				keep = 20
			}
			want = want[:min(len(want), keep)]
			if got := shown(c.Unmarshal(text, new(ordered), limits(most))); got != strings.Join(want, "\n") {
				t.Fatalf("%s\nat most %d:\n%s\nof\n%s", text, most, got, all)
			}
		}
	}
}

func shuffled(rnd *rand.Rand, members []string) string {
	rnd.Shuffle(len(members), func(i, j int) { members[i], members[j] = members[j], members[i] })
	return strings.Join(members, ",")
}

func TestItemsOfTheEnvelopeComeAfterThoseOfThePayload(t *testing.T) {
	var d schema.Decoder
	d.Reset([]byte(`{"payload":{"y":"x"}}`), schema.Limits{MaxErrors: 3})
	if ok, err := d.BeginObject(); !ok || err != nil {
		t.Fatal(ok, err)
	}
	if _, _, err := d.NextMember(); err != nil {
		t.Fatal(err)
	}
	if m := declared[point](t).Begin(&d, new(point), "payload"); m.Payload() != nil || m.End() != nil {
		t.Fatal("not read")
	}
	d.Fail("string_type", "bad", "ref")
	d.Fail("extra_forbidden", "cut", "topic", 1)
	want := "missing \"payload\",\"x\": Field required\nint_type \"payload\",\"y\": Input should be a valid integer\nstring_type \"ref\": bad"
	equal(t, "items", shown(d.Errors()), want)
	equal(t, "asked again", shown(d.Errors()), want)
	d.Reset(nil, schema.Limits{})
	equal(t, "after Reset", d.Errors(), schema.ValidationError(nil))
	d.Fail("x", "y")
	equal(t, "path", d.Errors(), schema.ValidationError{{Type: "x", Loc: []any{}, Msg: "y"}})
}

func TestItemsOfThePayloadDisplaceThoseOfTheEnvelope(t *testing.T) {
	var d schema.Decoder
	d.Reset([]byte(`{"b":{"x":"","y":""},"a":[]}`), schema.Limits{MaxErrors: 1})
	type nested struct {
		A int   `json:"a"`
		B point `json:"b"`
	}
	if m := declared[nested](t).Begin(&d, new(nested), "payload"); m.Payload() != nil || m.End() != nil {
		t.Fatal("not read")
	}
	d.Fail("string_type", "bad", "ref")
	equal(t, "items", shown(d.Errors()), `int_type "payload","a": Input should be a valid integer`)
}

func TestPathsQuoteAtMost64CodePoints(t *testing.T) {
	long := strings.Repeat("é", 65)
	decode[map[string]int](t, in{`{"` + long + `":""}`, fmt.Sprintf("int_type %q: Input should be a valid integer", long[:128])})
	decode[struct {
		_ struct{} `additionalProperties:"false"`
	}](t, in{`{"` + long + `":""}`, fmt.Sprintf("extra_forbidden %q: Extra inputs are not permitted", long[:128])})
	var d schema.Decoder
	d.Reset(nil, schema.Limits{})
	d.Fail("x", "y", long)
	equal(t, "loc", d.Errors()[0].Loc, []any{long[:128]})
}

func TestManyErrorsNeedLittleMemory(t *testing.T) {
	text := []byte("[" + strings.Repeat("null,", 10_000) + "null]")
	c := declared[[]int](t)
	got := testing.AllocsPerRun(10, func() {
		if items := c.Unmarshal(text, new([]int), limits(0)).(schema.ValidationError); len(items) != 20 || items[19].Loc[0] != 19 {
			t.Fatal(items)
		}
	})
	if got > 300 {
		t.Errorf("%v allocations for 10,000 errors of which 20 are reported", got)
	}
}
