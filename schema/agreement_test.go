package schema_test

import (
	"bytes"
	"encoding/json"
	"errors"
	"maps"
	"math/rand/v2"
	"reflect"
	"slices"
	"strings"
	"testing"

	"github.com/santhosh-tekuri/jsonschema/v6"

	"github.com/chanx-go/chanx/schema"
)

// beyondWords are the items that no keyword of our schemas covers.
var beyondWords = map[string]string{
	"int_parsing_size": "the range of 64 bits is left out, readers of a document hold numbers as float64",
	"finite_number":    "so is that of floating-point numbers",
	"value_error":      "Validate, UnmarshalText and UnmarshalJSON are code",
}

// TestTheDecoderAndTheSchemaAcceptTheSame changes a valid value of each type at random and checks it with both. Where
// they differ, the decoder must have reported nothing but items of beyondWords. Both use RE2 patterns, because the
// validator is written in Go.
func TestTheDecoderAndTheSchemaAcceptTheSame(t *testing.T) {
	rounds := 1500
	if testing.Short() {
		rounds = 200
	}
	for _, d := range described {
		t.Run(d.name, func(t *testing.T) {
			codec := newCodec(t, d.typ, d.naming, figures)
			judge, value := judge(t, codec.JSONSchema(nil)), parse(t, codec.Example())
			m := mutator{rand.New(rand.NewPCG(1, uint64(len(d.name))))}
			accepted, refused := 0, 0
			for range rounds {
				text := mustJSON(m.change(value))
				if agree(t, codec, judge, d.typ, text) {
					accepted++
				} else {
					refused++
				}
			}
			t.Logf("%d accepted, %d refused", accepted, refused)
		})
	}
}

// agree checks a text with both and returns the decoder's error.
func agree(t *testing.T, codec *schema.Codec, judge *jsonschema.Schema, typ reflect.Type, text []byte) bool {
	t.Helper()
	ours := codec.Unmarshal(text, reflect.New(typ).Interface(), schema.Limits{})
	theirs := judge.Validate(parse(t, text))
	if (ours == nil) == (theirs == nil) {
		return ours == nil
	}
	if items, ok := errors.AsType[schema.ValidationError](ours); ok && !slices.ContainsFunc(items, isForeseeable) {
		return false
	}
	t.Errorf("%s\nthe decoder says: %v\nthe schema says: %v", text, ours, theirs)
	return false
}

func isForeseeable(item schema.FieldError) bool { return beyondWords[item.Type] == "" }

func parse(t testing.TB, text []byte) any {
	t.Helper()
	value, err := jsonschema.UnmarshalJSON(bytes.NewReader(text))
	if err != nil {
		t.Fatalf("%v in %s", err, text)
	}
	return value
}

// mutator changes JSON values at random.
type mutator struct{ *rand.Rand }

// change returns a copy with some changes, mostly one.
func (m mutator) change(v any) any {
	v = m.changed(v)
	for m.IntN(3) == 0 {
		v = m.changed(v)
	}
	return v
}

// changed changes one place of v or puts something else there.
func (m mutator) changed(v any) any {
	if m.IntN(12) == 0 {
		return m.any(2)
	}
	switch v := v.(type) {
	case map[string]any:
		return m.changedObject(v)
	case []any:
		return m.changedArray(v)
	case string:
		return m.changedText(v)
	case json.Number:
		return m.number()
	case bool:
		return !v
	}
	return m.any(1)
}

func (m mutator) changedObject(v map[string]any) any {
	v = maps.Clone(v)
	names := slices.Sorted(maps.Keys(v))
	switch n := m.IntN(10); {
	case n == 0:
		v[pick(m, memberNames)] = m.any(1)
	case len(names) == 0:
	case n == 1:
		delete(v, pick(m, names))
	default:
		name := pick(m, names)
		v[name] = m.changed(v[name])
	}
	return v
}

func (m mutator) changedArray(v []any) any {
	v = slices.Clone(v)
	switch n := m.IntN(6); {
	case n == 0 || len(v) == 0:
		return append(v, m.any(1))
	case n == 1:
		return v[1:]
	case n == 2:
		return append(v, v[m.IntN(len(v))])
	}
	i := m.IntN(len(v))
	v[i] = m.changed(v[i])
	return v
}

func (m mutator) changedText(s string) any {
	switch m.IntN(4) {
	case 0:
		return s + "abc"
	case 1:
		return string([]rune(s)[:len([]rune(s))/2])
	}
	return pick(m, texts)
}

// number is small, or near a bound of a Go type or a tag.
func (m mutator) number() any { return json.Number(pick(m, numbers)) }

// any makes a value of any kind.
func (m mutator) any(depth int) any {
	switch n := m.IntN(8); {
	case n == 0:
		return nil
	case n == 1:
		return m.IntN(2) == 0
	case n < 4:
		return m.number()
	case n < 6 || depth == 0:
		return pick(m, texts)
	case n == 6:
		list := []any{}
		for range m.IntN(3) {
			list = append(list, m.any(depth-1))
		}
		return list
	}
	object := map[string]any{}
	for range m.IntN(3) {
		object[pick(m, memberNames)] = m.any(depth - 1)
	}
	return object
}

func pick[T any](m mutator, from []T) T { return from[m.IntN(len(from))] }

var memberNames = []string{
	"", "a", "b", "kind", "shape_kind", "shapeKind", "value", "next", "name", "side", "radius", "1", "-1", "01",
	"256", "x",
	"hearts", "stars", "items", "Value", "__proto__", "0", "2.0",
}

var numbers = []string{
	"0", "-0", "1", "2", "3", "5", "7", "8", "10", "11", "15", "-1", "-5", "100", "101", "127", "128", "-128", "-129",
	"255", "256",
	"32767", "32768", "65535", "65536", "2147483647", "2147483648", "-2147483649", "4294967295", "4294967296",
	"9007199254740992",
	"9007199254740993", "9223372036854775807", "9223372036854775808", "-9223372036854775809", "18446744073709551616",
	"0.1", "0.3",
	"0.35", "0.5", "0.7", "1.0", "1.5", "2.5", "1e2", "1E+2", "1e-1", "1.5e1", "1e300", "1e400", "-1e400", "15e-1",
}

// texts are clearly inside or outside each format, because implementations differ about the edge cases. The same holds
// for integers in strings: the schema requires plain digits, the decoder also accepts 1e2, as it does without quotes.
var texts = []string{
	"", "a", "ab", "abc", "abcd", "x", "xx", "é日", "😀", "😀😀", "A", "AB", "ABC", "a-b", "abc-9", "yes", "no", "?",
	"1234", "12345678",
	"123456789", "red", "green", "<b>", "hearts", "spades", "stars", "1", "3", "true", "false", "1.5", "-7", "01", "null",
	"group", "circle", "square", "hello world and more", "line\nbreak", "\u0000", "2025-05-11T14:30:00Z",
	"2025-05-11T14:30:00.5+02:00",
	"2025-05-11", "2025-13-01", "14:30:00Z", "14:30:61Z", "PT1H", "P1DT2H", "P", "a@example.org", "a@",
	"https://example.org/x",
	"9b2f7c1e-5d0a-4c3b-8e6f-000000000002", "9b2f7c1e", "192.0.2.7", "192.0.2.256", "2001:db8::7", "2001:db8::g",
	"host.example.org",
	"-host-", strings.Repeat("long", 20), "dGV4dA==", "dGV4dA", "!!!!",
}
