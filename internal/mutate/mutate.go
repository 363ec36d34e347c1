// Package mutate changes JSON values at random, for tests that compare a decoder with a JSON Schema.
package mutate

import (
	"encoding/json"
	"maps"
	"math/rand/v2"
	"slices"
	"strings"
)

// Mutator changes JSON values at random. Values are as jsonschema.UnmarshalJSON returns them. It must not be used
// concurrently.
type Mutator struct{ *rand.Rand }

// Change returns a copy with some changes, mostly one.
func (m Mutator) Change(v any) any {
	v = m.changed(v)
	for m.IntN(3) == 0 {
		v = m.changed(v)
	}
	return v
}

// changed changes one place of v or puts something else there.
func (m Mutator) changed(v any) any {
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

func (m Mutator) changedObject(v map[string]any) any {
	v = maps.Clone(v)
	names := slices.Sorted(maps.Keys(v))
	switch n := m.IntN(10); {
	case n == 0:
		v[Pick(m, memberNames)] = m.any(1)
	case len(names) == 0:
	case n == 1:
		delete(v, Pick(m, names))
	default:
		name := Pick(m, names)
		v[name] = m.changed(v[name])
	}
	return v
}

func (m Mutator) changedArray(v []any) any {
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

func (m Mutator) changedText(s string) any {
	switch m.IntN(4) {
	case 0:
		return s + "abc"
	case 1:
		return string([]rune(s)[:len([]rune(s))/2])
	}
	return Pick(m, Texts)
}

func (m Mutator) number() any { return json.Number(Pick(m, Numbers)) }

// any makes a value of any kind.
func (m Mutator) any(depth int) any {
	switch n := m.IntN(8); {
	case n == 0:
		return nil
	case n == 1:
		return m.IntN(2) == 0
	case n < 4:
		return m.number()
	case n < 6 || depth == 0:
		return Pick(m, Texts)
	case n == 6:
		list := []any{}
		for range m.IntN(3) {
			list = append(list, m.any(depth-1))
		}
		return list
	}
	object := map[string]any{}
	for range m.IntN(3) {
		object[Pick(m, memberNames)] = m.any(depth - 1)
	}
	return object
}

// Pick returns one of from.
func Pick[T any](m Mutator, from []T) T { return from[m.IntN(len(from))] }

var memberNames = []string{
	"", "a", "b", "kind", "shape_kind", "shapeKind", "value", "next", "name", "side", "radius", "1", "-1", "01",
	"256", "x",
	"hearts", "stars", "items", "Value", "__proto__", "0", "2.0",
}

// Numbers are small, or near a bound of a Go type or a tag.
var Numbers = []string{
	"0", "-0", "1", "2", "3", "5", "7", "8", "10", "11", "15", "-1", "-5", "100", "101", "127", "128", "-128", "-129",
	"255", "256",
	"32767", "32768", "65535", "65536", "2147483647", "2147483648", "-2147483649", "4294967295", "4294967296",
	"9007199254740992",
	"9007199254740993", "9223372036854775807", "9223372036854775808", "-9223372036854775809", "18446744073709551616",
	"0.1", "0.3",
	"0.35", "0.5", "0.7", "1.0", "1.5", "2.5", "1e2", "1E+2", "1e-1", "1.5e1", "1e300", "1e400", "-1e400", "15e-1",
}

// Texts are clearly inside or outside each format, because implementations differ about the edge cases. The same holds
// for integers in strings: the schema requires plain digits, the decoder also accepts 1e2, as it does without quotes.
var Texts = []string{
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
