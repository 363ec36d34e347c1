package schema_test

import (
	"encoding/json"
	"math"
	"net/netip"
	"testing"
	"time"
)

type value[T any] struct {
	V T `json:"v"`
}

const (
	badString  = `string_type "v": Input should be a valid string`
	badInt     = `int_type "v": Input should be a valid integer`
	badFloat   = `float_type "v": Input should be a valid number`
	badBool    = `bool_type "v": Input should be a valid boolean`
	badList    = `list_type "v": Input should be a valid list`
	badMap     = `dict_type "v": Input should be a valid dictionary`
	badStruct  = `model_type "v": Input should be a valid dictionary`
	tooBig     = `int_parsing_size "v": Unable to parse input string as an integer, exceeded maximum size`
	fraction   = `int_from_float "v": Input should be a valid integer, got a number with a fractional part`
	infinite   = `finite_number "v": Input should be a finite number`
	badTime    = `datetime_type "v": Input should be a valid datetime`
	badBytes   = `bytes_type "v": Input should be a valid bytes`
	badSpan    = `time_delta_type "v": Input should be a valid timedelta`
	requiredV  = `missing "v": Field required`
	wrongTime  = `datetime_parsing "v": Input should be a valid datetime, `
	wrongSpan  = `time_delta_parsing "v": Input should be a valid timedelta, `
	wrongBytes = `bytes_invalid_encoding "v": Data should be valid base64: `
)

// kinds are texts of every kind of JSON value.
var kinds = map[string]string{
	"null": `{"v":null}`, "true": `{"v":true}`, "number": `{"v":1}`, "string": `{"v":"1"}`, "list": `{"v":[]}`, "object": `{"v":{}}`,
}

// onlyAccepts checks that a type accepts one kind of value only.
func onlyAccepts[T any](t *testing.T, kind, item string) {
	t.Helper()
	for name, text := range kinds {
		if name != kind {
			decode[value[T]](t, in{text, item})
		}
	}
	decode[value[T]](t, in{`{}`, requiredV})
}

func TestKindsAreExact(t *testing.T) {
	onlyAccepts[string](t, "string", badString)
	onlyAccepts[int](t, "number", badInt)
	onlyAccepts[uint8](t, "number", badInt)
	onlyAccepts[float64](t, "number", badFloat)
	onlyAccepts[float32](t, "number", badFloat)
	onlyAccepts[bool](t, "true", badBool)
	onlyAccepts[[]int](t, "list", badList)
	onlyAccepts[[0]int](t, "list", badList)
	onlyAccepts[map[string]int](t, "object", badMap)
	onlyAccepts[struct{}](t, "object", badStruct)
	onlyAccepts[time.Time](t, "string", badTime)
	onlyAccepts[time.Duration](t, "string", badSpan)
	onlyAccepts[[]byte](t, "string", badBytes)
	onlyAccepts[netip.Addr](t, "string", badString)
}

func TestOnlyPointersMayBeNull(t *testing.T) {
	decode[value[*string]](t, in{`{"v":null}`, ""}, in{`{}`, ""}, in{`{"v":1}`, badString})
	decode[value[**int]](t, in{`{"v":null}`, ""}, in{`{"v":"x"}`, badInt})
	decode[value[*struct{}]](t, in{`{"v":null}`, ""}, in{`{"v":1}`, badStruct})
	decode[value[[]*int]](t, in{`{"v":[1,null]}`, ""}, in{`{"v":null}`, badList})
	equal(t, "pointer", *decoded[value[*int]](t, `{"v":7}`).V, 7)
}

func TestIntegersKeepTheRangeOfTheirGoType(t *testing.T) {
	decode[value[int8]](t, in{`{"v":127}`, ""}, in{`{"v":-128}`, ""}, in{`{"v":128}`, tooBig}, in{`{"v":-129}`, tooBig})
	decode[value[uint8]](t, in{`{"v":255}`, ""}, in{`{"v":256}`, tooBig}, in{`{"v":-1}`, tooBig}, in{`{"v":-0}`, ""})
	decode[value[int64]](t, in{`{"v":9223372036854775807}`, ""}, in{`{"v":-9223372036854775808}`, ""},
		in{`{"v":9223372036854775808}`, tooBig}, in{`{"v":-9223372036854775809}`, tooBig}, in{`{"v":99999999999999999999}`, tooBig})
	decode[value[uint64]](t, in{`{"v":18446744073709551615}`, ""}, in{`{"v":18446744073709551616}`, tooBig})
	equal(t, "smallest", decoded[value[int64]](t, `{"v":-9223372036854775808}`).V, int64(math.MinInt64))
	equal(t, "largest", decoded[value[uint64]](t, `{"v":18446744073709551615}`).V, uint64(math.MaxUint64))
}

func TestIntegersMayBeWrittenWithAFractionOrAnExponent(t *testing.T) {
	for text, want := range map[string]int{
		"1.0": 1, "-2.50e1": -25, "1e3": 1000, "0.001e3": 1, "0e999999999999": 0, "-0.0": 0, "120e-1": 12,
		"1000000000000000000": 1e18, "1234567890123456789.0": 1234567890123456789, "0.00": 0,
	} {
		if got := decoded[value[int]](t, `{"v":`+text+`}`).V; got != want {
			t.Errorf("%s is %d, want %d", text, got, want)
		}
	}
	decode[value[int]](t, in{`{"v":1.5}`, fraction}, in{`{"v":1e-1}`, fraction}, in{`{"v":1e-999999999999999999999}`, fraction},
		in{`{"v":1e300}`, tooBig}, in{`{"v":1e19}`, tooBig}, in{`{"v":1E400}`, infinite}, in{`{"v":1e999999999999999999999}`, infinite},
		in{`{"v":92233720368547758070e-1}`, ""})
}

func TestFloatsMustBeFinite(t *testing.T) {
	decode[value[float64]](t, in{`{"v":1e308}`, ""}, in{`{"v":1e309}`, infinite}, in{`{"v":-1e309}`, infinite}, in{`{"v":1e-400}`, ""})
	decode[value[float32]](t, in{`{"v":3e38}`, ""}, in{`{"v":1e39}`, infinite})
	equal(t, "float32", decoded[value[float32]](t, `{"v":16777219}`).V, float32(16777219))
	decode[value[any]](t, in{`{"v":[1,{"a":1e999}]}`, `finite_number "v",1,"a": Input should be a finite number`})
}

func TestTimesAreRFC3339(t *testing.T) {
	decode[value[time.Time]](t,
		in{`{"v":"2025-05-11T14:30:00Z"}`, ""}, in{`{"v":"2025-05-11T14:30:00.123456789+02:00"}`, ""},
		in{`{"v":"2025-05-11T14:30:00\u005A"}`, ""},
		in{`{"v":"2025-05-11"}`, wrongTime + "it ends too early"}, in{`{"v":""}`, wrongTime + "it ends too early"},
		in{`{"v":"2025-13-11T14:30:00Z"}`, wrongTime + "month out of range"},
		in{`{"v":"2025-02-30T14:30:00Z"}`, wrongTime + "day out of range"},
		in{`{"v":"2025-05-11 14:30:00Z"}`, wrongTime + `unexpected text at " 14:30:00Z"`},
		in{`{"v":"2025-05-11T4:30:00Z"}`, wrongTime + "the hour must have two digits"},
		in{`{"v":"2025-05-11T14:30:00,5Z"}`, wrongTime + "a fraction of a second begins with a period"},
		in{`{"v":"2025-05-11T14:30:00+24:00"}`, wrongTime + "time zone offset out of range"},
		in{`{"v":"2025-05-11T14:30:00+01:60"}`, wrongTime + "time zone offset out of range"},
		in{`{"v":"2025-05-11T14:30:00Zx"}`, wrongTime + `unexpected text at "x"`})
	got := decoded[value[time.Time]](t, `{"v":"2025-05-11T14:30:00.5+02:00"}`).V
	if want := time.Date(2025, 5, 11, 12, 30, 0, 5e8, time.UTC); !got.Equal(want) {
		t.Errorf("got %v, want %v", got, want)
	}
}

func TestDurationsAreISO8601(t *testing.T) {
	for text, want := range map[string]time.Duration{
		"PT0S": 0, "P1D": 24 * time.Hour, "P2W": 14 * 24 * time.Hour, "P1DT2H3M4.5S": 26*time.Hour + 3*time.Minute + 4500*time.Millisecond,
		"-PT1.5S": -1500 * time.Millisecond, "PT0.000000001S": 1, "PT0.5H": 30 * time.Minute,
	} {
		if got := decoded[value[time.Duration]](t, `{"v":"`+text+`"}`).V; got != want {
			t.Errorf("%s is %v, want %v", text, got, want)
		}
	}
	decode[value[time.Duration]](t,
		in{`{"v":"1h"}`, wrongSpan + "it must begin with P"}, in{`{"v":"P"}`, wrongSpan + "it has no part with a number"},
		in{`{"v":"P1DT"}`, wrongSpan + "it has no part with a number"}, in{`{"v":"PT1"}`, wrongSpan + "each number must be followed by its unit"},
		in{`{"v":"P1Y"}`, wrongSpan + "its units must be W, D, then T and H, M, S, in this order"},
		in{`{"v":"PT1S1M"}`, wrongSpan + "its units must be W, D, then T and H, M, S, in this order"},
		in{`{"v":"PT1.S"}`, wrongSpan + "it has a number that cannot be read"}, in{`{"v":"P999999W"}`, wrongSpan + "it is too long"})
}

func TestBytesAreBase64(t *testing.T) {
	equal(t, "bytes", decoded[value[[]byte]](t, `{"v":"aGVsbG8="}`).V, []byte("hello"))
	equal(t, "no bytes", decoded[value[[]byte]](t, `{"v":""}`).V, []byte{})
	decode[value[[]byte]](t,
		in{`{"v":"aGVsbG8"}`, wrongBytes + "incorrect padding"}, in{`{"v":"aGVsb*8="}`, wrongBytes + "unexpected character at byte 5"},
		in{`{"v":"aGVs\nbG8="}`, wrongBytes + "unexpected character at byte 4"}, in{`{"v":"aGVsbG9="}`, wrongBytes + "incorrect padding"},
		in{`{"v":"aG=sbG8="}`, wrongBytes + "unexpected character at byte 2"}, in{`{"v":"===="}`, wrongBytes + "incorrect padding"})
}

func TestAnyAcceptsEverything(t *testing.T) {
	got := decoded[any](t, ` {"a": [1, 2.5, "x\n", true, false, null], "b": {}, "c": []} `)
	equal(t, "any", got, map[string]any{"a": []any{1.0, 2.5, "x\n", true, false, nil}, "b": map[string]any{}, "c": []any{}})
	decode[value[any]](t, in{`{}`, requiredV}, in{`{"v":null}`, ""})
}

func TestRawMessagesAreCopied(t *testing.T) {
	text := []byte(`{"v": {"a" : [1 , "\u00e9"]} }`)
	var v value[json.RawMessage]
	if err := declared[value[json.RawMessage]](t).Unmarshal(text, &v, limits(0)); err != nil {
		t.Fatal(err)
	}
	var s value[map[string]string]
	other := []byte(`{"v":{"key":"text"}}`)
	if err := declared[value[map[string]string]](t).Unmarshal(other, &s, limits(0)); err != nil {
		t.Fatal(err)
	}
	clear(text)
	clear(other)
	equal(t, "raw", string(v.V), `{"a" : [1 , "\u00e9"]}`)
	equal(t, "strings", s.V, map[string]string{"key": "text"})
}

func TestArraysHaveTheirLength(t *testing.T) {
	equal(t, "array", decoded[value[[2]string]](t, `{"v":["a","b"]}`).V, [2]string{"a", "b"})
	decode[value[[2]int]](t,
		in{`{"v":[1]}`, `too_short "v": List should have at least 2 items after validation, not 1`},
		in{`{"v":[1,2,"x"]}`, `too_long "v": List should have at most 2 items after validation, not 3`})
}

func TestSlicesAndMapsAreNeverNilAfterDecoding(t *testing.T) {
	v := decoded[struct {
		L []int          `json:"l"`
		M map[string]int `json:"m"`
	}](t, `{"l":[],"m":{}}`)
	if v.L == nil || v.M == nil {
		t.Errorf("got %#v", v)
	}
}

func TestMapKeysAreDecodedAsTheirType(t *testing.T) {
	equal(t, "int keys", decoded[map[int8]string](t, `{"1":"a","-2":"b","0":"c"}`), map[int8]string{1: "a", -2: "b", 0: "c"})
	equal(t, "text keys", decoded[map[netip.Addr]int](t, `{"::1":1}`), map[netip.Addr]int{netip.IPv6Loopback(): 1})
	const key = `int_type "x","[key]": Input should be a valid integer`
	decode[map[int8]int](t, in{`{"x":1}`, key}, in{`{"x":"y"}`, key + "\nint_type \"x\": Input should be a valid integer"},
		in{`{"01":1}`, `int_type "01","[key]": Input should be a valid integer`}, in{`{"-0":1}`, `int_type "-0","[key]": Input should be a valid integer`},
		in{`{"128":1}`, `int_parsing_size "128","[key]": Unable to parse input string as an integer, exceeded maximum size`})
	decode[map[uint8]int](t, in{`{"256":1}`, `int_parsing_size "256","[key]": Unable to parse input string as an integer, exceeded maximum size`},
		in{`{"1.0":1}`, `int_type "1.0","[key]": Input should be a valid integer`})
	decode[map[netip.Addr]int](t, in{`{"x":1}`, `value_error "x","[key]": Value error, invalid string`})
	decode[map[colour]int](t, in{`{"red":1}`, ""}, in{`{"Red":1}`, `literal_error "Red","[key]": Input should be 'red' or 'blue'`})
}

func TestNumbersInStringsAreReadFromStringsOnly(t *testing.T) {
	type quoted struct {
		V int     `json:"v,string" maximum:"9"`
		F float64 `json:"f,string,omitempty"`
		B bool    `json:"b,string,omitempty"`
	}
	equal(t, "value", decoded[quoted](t, `{"v":"7","f":"1.5","b":"true"}`), quoted{7, 1.5, true})
	decode[quoted](t, in{`{"v":7}`, badString}, in{`{"v":"x"}`, badInt}, in{`{"v":""}`, badInt}, in{`{"v":" 7"}`, badInt}, in{`{"v":"7 "}`, badInt},
		in{`{"v":"[7]"}`, badInt}, in{`{"v":"\"7\""}`, badInt}, in{`{"v":"null"}`, badInt}, in{`{"v":null}`, badString}, in{`{"v":"1.5"}`, fraction},
		in{`{"v":"10"}`, `less_than_equal "v": Input should be less than or equal to 9`},
		in{`{"v":"1","f":"true","b":"1"}`, "float_type \"f\": Input should be a valid number\nbool_type \"b\": Input should be a valid boolean"})
}

func TestAnEmptyMessageAcceptsNullAndAnyObject(t *testing.T) {
	const item = `none_required : Input should be None`
	decode[struct{}](t, in{`null`, ""}, in{`{}`, ""}, in{`{"x":1}`, ""}, in{`[]`, item}, in{`0`, item}, in{`"x"`, item}, in{`true`, item},
		in{`nul`, "syntax: unexpected end of input at byte 3"}, in{`[`, "syntax: unexpected end of input at byte 1"})
}
