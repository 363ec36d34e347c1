package schema_test

import (
	"encoding/json"
	"errors"
	"math/big"
	"net/netip"
	"reflect"
	"strings"
	"testing"
	"time"

	"github.com/chanx-go/chanx/schema"
)

type (
	slug  string
	shelf int8
	paged struct {
		Page int `query:"page" default:"1" minimum:"1" doc:"from 1"`
	}
	visit struct {
		Room  slug          `path:"room" pattern:"^[a-z0-9-]+$" maxLength:"9" doc:"The room to enter"`
		Since uint          `query:"since" minimum:"2"`
		Shelf shelf         `path:"shelf"`
		Lang  *string       `query:"lang" enum:"en,de" example:"de"`
		Tags  []string      `query:"tag" maxItems:"2" maxLength:"3"`
		Marks []shelf       `query:"mark" default:"[1,2]"`
		Ratio float64       `query:"ratio" default:"0.5"`
		Loud  bool          `query:"loud" default:"false"`
		From  *time.Time    `query:"from"`
		For   time.Duration `query:"for" default:"PT1M"`
		Addr  netip.Addr    `query:"addr" default:"::1"`
		Sum   *big.Int      `query:"sum"`
		Exact json.Number   `query:"exact" default:"0.1"`
		paged
		note string
	}
)

func (v visit) Validate() error {
	switch {
	case v.Loud && v.Ratio > 1:
		return schema.ValidationError{{Type: "too_loud", Loc: []any{"ratio"}, Msg: "Too loud"}, {Type: "no_room", Loc: []any{"path", "room"}, Msg: "No"}}
	case v.Loud && v.Shelf == 0:
		return errors.New("shelf 0 is silent")
	}
	return nil
}

// written has no UnmarshalText.
type written struct{}

func (written) MarshalText() ([]byte, error) { return nil, nil }

// readVisit decodes a visit and returns its items as JSON.
func readVisit(t *testing.T, room, shelf, query string) (v visit, items string) {
	t.Helper()
	p, err := schema.CompileParams(reflect.TypeFor[visit](), nil)
	if err != nil {
		t.Fatal(err)
	}
	v.note = "old"
	path := map[string]string{"room": room, "shelf": shelf}
	b, err := json.Marshal(p.Decode(func(name string) string { return path[name] }, query, &v, schema.Limits{}))
	if err != nil {
		t.Fatal(err)
	}
	return v, string(b)
}

func TestParamsAreReadFromPathAndQuery(t *testing.T) {
	v, items := readVisit(t, "a-1", "-128",
		"since=7&lang=de&tag=a&tag=b%C3%A4&mark=-3&ratio=1e1&loud=false&from=2025-05-11T14:30:00Z&for=PT2S&addr=10.0.0.1&sum=123456789012345678901&exact=1.50&page=3&other=1")
	if items != "null" {
		t.Fatal(items)
	}
	lang, from := "de", time.Date(2025, 5, 11, 14, 30, 0, 0, time.UTC)
	sum, _ := new(big.Int).SetString("123456789012345678901", 10)
	want := visit{
		Room: "a-1", Shelf: -128, Since: 7, Lang: &lang, Tags: []string{"a", "bä"}, Marks: []shelf{-3}, Ratio: 10, From: &from, For: 2 * time.Second,
		Addr: netip.MustParseAddr("10.0.0.1"), Sum: sum, Exact: "1.50", paged: paged{Page: 3},
	}
	if !reflect.DeepEqual(v, want) {
		t.Errorf("read %+v, want %+v", v, want)
	}
}

func TestAbsentParamsHaveTheirDefaults(t *testing.T) {
	v, items := readVisit(t, "a", "0", "since=2")
	want := visit{
		Room: "a", Since: 2, Tags: []string{}, Marks: []shelf{1, 2}, Ratio: 0.5, For: time.Minute, Addr: netip.IPv6Loopback(), Exact: "0.1", paged: paged{Page: 1},
	}
	if items != "null" || !reflect.DeepEqual(v, want) {
		t.Errorf("read %+v, %s, want %+v", v, items, want)
	}
}

func TestWrongParamsAreRefused(t *testing.T) {
	for _, tt := range []struct{ room, shelf, query, want string }{
		{"a", "0", "", `["query","since"],"msg":"Field required"`},
		{"a", "0", "since=x", `"int_type","loc":["query","since"]`},
		{"a", "0", "since=", `"int_type","loc":["query","since"]`},
		{"a", "0", "since=%202", `"int_type"`},
		{"a", "0", "since=%2B2", `"int_type"`},
		{"a", "0", "since=2.0", `"int_type"`},
		{"a", "0", "since=2e3", `"int_type"`},
		{"a", "0", "since=0x10", `"int_type"`},
		{"a", "0", "since=02", `"int_type"`},
		{"a", "0", "since=-2", `"int_parsing_size"`},
		{"a", "0", "since=99999999999999999999999", `"int_parsing_size"`},
		{"a", "0", "since=1", `"greater_than_equal","loc":["query","since"]`},
		{"a", "0", "since=2&since=3", `"multiple_argument_values","loc":["query","since"]`},
		{"a", "0", "since=2&lang=fr", `"literal_error","loc":["query","lang"]`},
		{"a", "0", "since=2&lang=", `"literal_error","loc":["query","lang"]`},
		{"a", "0", "since=2&tag=a&tag=b&tag=c", `"too_long","loc":["query","tag"]`},
		{"a", "0", "since=2&tag=a&tag=abcd", `"string_too_long","loc":["query","tag",1]`},
		{"a", "0", "since=2&mark=1&mark=", `"int_type","loc":["query","mark",1]`},
		{"a", "0", "since=2&mark=128", `"int_parsing_size","loc":["query","mark",0]`},
		{"a", "0", "since=2&ratio=NaN", `"float_type"`},
		{"a", "0", "since=2&ratio=1e309", `"finite_number"`},
		{"a", "0", "since=2&loud=1", `"bool_type"`},
		{"a", "0", "since=2&loud=True", `"bool_type"`},
		{"a", "0", "since=2&from=yesterday", `"datetime_parsing"`},
		{"a", "0", "since=2&for=1m", `"time_delta_parsing"`},
		{"a", "0", "since=2&addr=10.0.0", `"value_error","loc":["query","addr"],"msg":"Value error, invalid string"`},
		{"a", "0", "since=2&sum=x", `"value_error","loc":["query","sum"]`},
		{"a", "0", "since=2&lang=%ff", `"string_unicode","loc":["query","lang"]`},
		{"a", "0", "since=2&x=%zz", `"value_error","loc":["query"],"msg":"Value error, the query is not encoded correctly: invalid URL escape \"%zz\""`},
		{"a", "0", "since=2;lang=de", `"loc":["query"],"msg":"Value error, the query is not encoded correctly: invalid semicolon`},
		{"A", "0", "since=2", `"string_pattern_mismatch","loc":["path","room"]`},
		{strings.Repeat("a", 10_000), "0", "since=2", `"string_too_long","loc":["path","room"]`},
		{"\xff", "0", "since=2", `"string_unicode","loc":["path","room"]`},
		{"a", "1.0", "since=2", `"int_type","loc":["path","shelf"]`},
		{"a", "", "since=2", `"int_type","loc":["path","shelf"]`},
		{"a", "128", "since=2", `"int_parsing_size","loc":["path","shelf"]`},
		{"a", "1", "since=2&loud=true&ratio=2", `[{"type":"too_loud","loc":["query","ratio"],"msg":"Too loud"},{"type":"no_room","loc":["path","room"],"msg":"No"}]`},
		{"a", "0", "since=2&loud=true", `[{"type":"value_error","loc":[],"msg":"Value error, shelf 0 is silent"}]`},
	} {
		_, items := readVisit(t, tt.room, tt.shelf, tt.query)
		if !strings.Contains(items, tt.want) || strings.Count(items, `"loc"`) != max(1, strings.Count(tt.want, `{"type"`)) {
			t.Errorf("%.20q %q %q: %s, want %s", tt.room, tt.shelf, tt.query, items, tt.want)
		}
	}
}

func TestItemsOfThePathComeFirst(t *testing.T) {
	_, items := readVisit(t, "A", "x", "since=x&page=0")
	var got []string
	for _, item := range strings.Split(items, `"loc":`)[1:] {
		loc, _, _ := strings.Cut(item, ",\"msg")
		got = append(got, loc)
	}
	want := []string{`["path","room"]`, `["path","shelf"]`, `["query","since"]`, `["query","page"]`}
	if !reflect.DeepEqual(got, want) {
		t.Errorf("items at %v, want %v", got, want)
	}
}

func TestParamsAreDescribed(t *testing.T) {
	p, err := schema.CompileParams(reflect.TypeFor[visit](), nil)
	if err != nil {
		t.Fatal(err)
	}
	var got []string
	for _, a := range p.Describe() {
		flags := ""
		if a.Required {
			flags += " required"
		}
		if a.Repeated {
			flags += " repeated"
		}
		got = append(got, a.In+" "+a.Name+flags+" "+string(a.Schema)+" "+string(a.Example))
	}
	compareKept(t, "testdata/params.txt", strings.Join(got, "\n")+"\n")
}

// inParams is not a parameter.
type inParams struct{ X int }

var mistakesInParams = map[string]struct {
	typ  reflect.Type
	want []string
}{
	"not a struct": {reflect.TypeFor[string](), []string{"string", "fields of a struct"}},
	"no tag":       {reflect.TypeFor[struct{ Room string }](), []string{"Room", `path:"name" or query:"name"`}},
	"both": {reflect.TypeFor[struct {
		Room string `path:"a" query:"b"`
	}](), []string{"Room", "one tag"}},
	"json too": {reflect.TypeFor[struct {
		Room string `query:"a" json:"b"`
	}](), []string{"Room", "remove its tags json"}},
	"of a frame": {reflect.TypeFor[struct {
		Room string `query:"a" frame:"true"`
	}](), []string{"Room"}},
	"hidden": {reflect.TypeFor[struct {
		room string `query:"a"`
	}](), []string{"room", "export it"}},
	"no name": {reflect.TypeFor[struct {
		Room string `query:""`
	}](), []string{"Room", `"" is no name`}},
	"braces": {reflect.TypeFor[struct {
		Room string `path:"{room}"`
	}](), []string{"Room", "is no name"}},
	"the library's": {reflect.TypeFor[struct {
		Room string `query:"chanx.x"`
	}](), []string{"Room", "rename it"}},
	"twice": {reflect.TypeFor[struct {
		A, B string `query:"a"`
	}](), []string{"B", "another field"}},
	"a struct": {reflect.TypeFor[struct {
		A inParams `query:"a"`
	}](), []string{"A", "inParams", "UnmarshalText"}},
	"a map": {reflect.TypeFor[struct {
		A map[string]int `query:"a"`
	}](), []string{"A", "UnmarshalText"}},
	"any": {reflect.TypeFor[struct {
		A any `query:"a"`
	}](), []string{"A", "UnmarshalText"}},
	"bytes": {reflect.TypeFor[struct {
		A []byte `query:"a"`
	}](), []string{"A", "UnmarshalText"}},
	"a list of lists": {reflect.TypeFor[struct {
		A [][]string `query:"a"`
	}](), []string{"A", "UnmarshalText"}},
	"write-only": {reflect.TypeFor[struct {
		A written `query:"a"`
	}](), []string{"A", "UnmarshalText"}},
	"a list in a path": {reflect.TypeFor[struct {
		A []int `path:"a"`
	}](), []string{"A", "make it int"}},
	"a pointer in it": {reflect.TypeFor[struct {
		A *int `path:"a"`
	}](), []string{"A", "make it int"}},
	"a default in it": {reflect.TypeFor[struct {
		A int `path:"a" default:"1"`
	}](), []string{"A", "remove its default"}},
	"pointer, default": {reflect.TypeFor[struct {
		A *int `query:"a" default:"1"`
	}](), []string{"A", "make it int"}},
	"a wrong default": {reflect.TypeFor[struct {
		A int `query:"a" default:"x"`
	}](), []string{"A", `default:"x"`}},
	"a misspelt tag": {reflect.TypeFor[struct {
		A string `query:"a" maxLenght:"1"`
	}](), []string{"A", "maxLength"}},
	"a wrong tag": {reflect.TypeFor[struct {
		A bool `query:"a" maxLength:"1"`
	}](), []string{"A", "maxLength"}},
}

func TestMistakesInParams(t *testing.T) {
	for name, tt := range mistakesInParams {
		_, err := schema.CompileParams(tt.typ, nil)
		if err == nil {
			t.Errorf("%s: no error", name)
			continue
		}
		for _, part := range tt.want {
			if !strings.Contains(err.Error(), part) {
				t.Errorf("%s: %v, want it to say %q", name, err, part)
			}
		}
	}
}
