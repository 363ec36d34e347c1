package schema_test

import (
	"errors"
	"strings"
	"testing"

	"github.com/chanx-go/chanx/schema"
)

// syntaxCases are texts that are not JSON, and their errors in any position.
var syntaxCases = []struct{ text, want string }{
	{``, "unexpected end of input at byte 0"},
	{`  `, "unexpected end of input at byte 2"},
	{`{`, "unexpected end of input at byte 1"},
	{`{"v"`, "unexpected end of input at byte 4"},
	{`{"v":`, "unexpected end of input at byte 5"},
	{`{"v":1`, "unexpected end of input at byte 6"},
	{`{"v":1,`, "unexpected end of input at byte 7"},
	{`{"v":1,}`, "unexpected '}', want a member name after ',' at byte 7"},
	{`{,}`, "unexpected ',', want a member name at byte 1"},
	{`{v:1}`, "unexpected 'v', want a member name at byte 1"},
	{`{"v" 1}`, "unexpected '1', want ':' at byte 5"},
	{`{"v":1 "w":2}`, "unexpected '\"', want ',' or '}' at byte 7"},
	{`{"v":01}`, "unexpected '1', want ',' or '}' at byte 6"},
	{`{"v":+1}`, "unexpected '+', want a value at byte 5"},
	{`{"v":-}`, "unexpected '}', want a digit at byte 6"},
	{`{"v":1.}`, "unexpected '}', want a digit at byte 7"},
	{`{"v":1e}`, "unexpected '}', want a digit at byte 7"},
	{`{"v":.5}`, "unexpected '.', want a value at byte 5"},
	{`{"v":NaN}`, "unexpected 'N', want a value at byte 5"},
	{`{"v":nul}`, "unexpected '}', want null at byte 8"},
	{`{"v":tru}`, "unexpected '}', want true at byte 8"},
	{`{"v":False}`, "unexpected 'F', want a value at byte 5"},
	{`{"v":'x'}`, "unexpected '\\'', want a value at byte 5"},
	{`{"v":[1,]}`, "unexpected ']', want a value after ',' at byte 8"},
	{`{"v":[1 2]}`, "unexpected '2', want ',' or ']' at byte 8"},
	{`{"v":[1}`, "unexpected '}', want ',' or ']' at byte 7"},
	{`{"v":"a`, "unexpected end of input at byte 7"},
	{`{"v":"\`, "unexpected end of input at byte 7"},
	{`{"v":"\x"}`, "invalid escape in string at byte 6"},
	{`{"v":"\u12G4"}`, "invalid escape in string at byte 6"},
	{`{"v":"a\ud800"}`, "invalid escape in string at byte 7"},
	{`{"v":"\ud800\u0041"}`, "invalid escape in string at byte 6"},
	{`{"v":"\udc00"}`, "invalid escape in string at byte 6"},
	{"{\"v\":\"a\nb\"}", "control character U+000A in string at byte 7"},
	{"{\"v\":\"a\xffb\"}", "invalid UTF-8 at byte 7"},
	{"{\"v\":\"\xed\xa0\x80\"}", "invalid UTF-8 at byte 6"},
	{`{"v":1}x`, "unexpected 'x', want the end at byte 7"},
	{`{"v":1}{"v":1}`, "unexpected '{', want the end at byte 7"},
	{`{"v":1,"v":2}`, `duplicate member "v" at byte 7`},
	{`{"v":1, "\u0076":2}`, `duplicate member "v" at byte 8`},
	{`{"w":1,"x":2,"\u0077":2}`, `duplicate member "w" at byte 13`},
	{`{"v":{"a":1,"b":2,"a":3}}`, `duplicate member "a" at byte 18`},
	{`{"x":[{"a":1,"a":3}]}`, `duplicate member "a" at byte 13`},
	{"\ufeff{}", `unexpected '\ufeff', want a value at byte 0`},
	{`{"v":1}` + "\x00", "unexpected '\\x00', want the end at byte 7"},
}

func TestSyntaxErrorsHaveAnOffset(t *testing.T) {
	type member struct {
		V any `json:"v,omitempty"`
	}
	typed := declared[member](t)
	untyped, dictionary := declared[any](t), declared[map[string]any](t)
	wrong := declared[map[string]int](t) // items found before do not matter
	for _, k := range syntaxCases {
		for name, err := range map[string]error{
			"struct": typed.Unmarshal([]byte(k.text), new(member), limits(0)),
			"any":    untyped.Unmarshal([]byte(k.text), new(any), limits(0)),
			"map":    dictionary.Unmarshal([]byte(k.text), new(map[string]any), limits(0)),
			"wrong":  wrong.Unmarshal([]byte(k.text), new(map[string]int), limits(0)),
			"skip":   skip(k.text),
			"walk":   walk(k.text),
		} {
			if syntax, ok := errors.AsType[*schema.SyntaxError](err); !ok || syntax.Error() != k.want {
				t.Errorf("%s %q:\n got %v\nwant %s", name, k.text, err, k.want)
			}
		}
	}
}

func skip(text string) error {
	var d schema.Decoder
	d.Reset([]byte(text), schema.Limits{})
	if err := d.Skip(); err != nil {
		return err
	}
	return d.End()
}

func walk(text string) error {
	var d schema.Decoder
	d.Reset([]byte(text), schema.Limits{})
	if ok, err := d.BeginObject(); err != nil {
		return err
	} else if !ok {
		return d.Skip()
	}
	for {
		if _, ok, err := d.NextMember(); err != nil {
			return err
		} else if !ok {
			return d.End()
		}
		if _, err := d.Raw(); err != nil {
			return err
		}
	}
}

func TestNestingIsBounded(t *testing.T) {
	deep := func(n int) []byte { return []byte(strings.Repeat("[", n) + strings.Repeat("]", n)) }
	type list []list
	for _, k := range []struct {
		levels, limit int
		want          string
	}{
		{32, 0, ""},
		{33, 0, "nested deeper than 32 levels at byte 32"},
		{10_000, 0, "nested deeper than 32 levels at byte 32"},
		{3, 2, "nested deeper than 2 levels at byte 2"},
		{10_000, -1, ""},
		{10_001, -1, "nested deeper than 10000 levels at byte 10000"},
	} {
		l := schema.Limits{MaxDepth: k.limit}
		for name, err := range map[string]error{
			"any":  declared[any](t).Unmarshal(deep(k.levels), new(any), l),
			"list": declared[list](t).Unmarshal(deep(k.levels), new(list), l),
			"bool": onlySyntax(declared[bool](t).Unmarshal(deep(k.levels), new(bool), l)),
		} {
			if got := strings.TrimPrefix(shown(err), "syntax: "); got != k.want {
				t.Errorf("%s of %d levels, limit %d: got %s, want %s", name, k.levels, k.limit, got, k.want)
			}
		}
	}
}

func onlySyntax(err error) error {
	if _, ok := errors.AsType[schema.ValidationError](err); ok {
		return nil
	}
	return err
}

func TestManyMembersAreReadOnceEach(t *testing.T) {
	var b strings.Builder
	for i := range 40_000 {
		b.WriteString(`,"` + strings.Repeat("k", i%7) + string(rune('a'+i%26)) + strings.Repeat("0", i/26%9) + "-" + string(rune(0x100+i)) + `":1`)
	}
	members := b.String()[1:]
	var v map[string]int
	if err := declared[map[string]int](t).Unmarshal([]byte("{"+members+"}"), &v, limits(0)); err != nil || len(v) != 40_000 {
		t.Fatal(err, len(v))
	}
	twice := []byte("{" + members + "," + members[:strings.IndexByte(members, ',')] + "}")
	for _, err := range []error{
		declared[point](t).Unmarshal(twice, new(point), limits(0)), declared[map[string]int](t).Unmarshal(twice, new(map[string]int), limits(0)),
		declared[any](t).Unmarshal(twice, new(any), limits(0)), skip(string(twice)),
	} {
		if !strings.Contains(shown(err), "duplicate member") {
			t.Error(err)
		}
	}
}

func TestKindOfTheNextValue(t *testing.T) {
	for text, want := range map[string]byte{` {`: '{', `[`: '[', `"`: '"', `tru`: 't', `f`: 'f', `n`: 'n', ` -1`: '0', `7`: '0', ``: 0xFF, `x`: 'x'} {
		var d schema.Decoder
		d.Reset([]byte(text), schema.Limits{})
		if got := d.Kind(); got != want {
			t.Errorf("%q begins a %q, want %q", text, got, want)
		}
	}
}

func TestAnObjectCanBeReadAgain(t *testing.T) {
	var d schema.Decoder
	d.Reset([]byte(`{"payload":{"x":[1]},"action":"p\u0061y"}`), schema.Limits{MaxDepth: 3})
	if err := errors.Join(second(d.BeginObject()), third(d.NextMember()), d.Skip(), third(d.NextMember())); err != nil {
		t.Fatal(err)
	}
	if s, err := d.String(); err != nil || string(s) != "pay" {
		t.Fatal(string(s), err)
	}
	if _, ok, err := d.NextMember(); ok || err != nil || d.End() != nil {
		t.Fatal(ok, err, d.End())
	}
	if err := errors.Join(second(d.BeginObject()), third(d.NextMember())); err != nil {
		t.Fatal(err)
	}
	var v map[string][]int
	m := declared[map[string][]int](t).Begin(&d, &v, "payload")
	if err := errors.Join(m.Payload(), m.End()); err != nil || len(d.Errors()) > 0 {
		t.Fatal(err, d.Errors())
	}
	equal(t, "payload", v, map[string][]int{"x": {1}})
}

func second(_ bool, err error) error          { return err }
func third(_ []byte, _ bool, err error) error { return err }

func TestStringRefusesOtherKinds(t *testing.T) {
	var d schema.Decoder
	d.Reset([]byte(` 1`), schema.Limits{})
	if _, err := d.String(); err == nil || err.Error() != "unexpected '1', want a string at byte 1" {
		t.Error(err)
	}
}
