package schema_test

import (
	"encoding/json"
	"errors"
	"fmt"
	"math/big"
	"net/netip"
	"strings"
	"testing"
	"time"
)

// temperature is encoded as "21C".
type temperature struct{ degrees int }

func (t temperature) MarshalText() ([]byte, error) {
	if t.degrees < -273 {
		return nil, errors.New("below absolute zero")
	}
	return fmt.Appendf(nil, "%dC", t.degrees), nil
}

func (t *temperature) UnmarshalText(b []byte) error {
	if _, err := fmt.Sscanf(string(b), "%dC", &t.degrees); err != nil {
		return errors.New("it must end with C")
	}
	return nil
}

// pair is encoded as [a,b] by methods with a pointer receiver.
type pair struct{ a, b int }

func (p *pair) MarshalJSON() ([]byte, error) { return fmt.Appendf(nil, "[%d, %d]", p.a, p.b), nil }

func (p *pair) UnmarshalJSON(b []byte) error {
	var list []int
	if err := json.Unmarshal(b, &list); err != nil || len(list) != 2 {
		return errors.New("it must be two numbers")
	}
	p.a, p.b = list[0], list[1]
	return nil
}

// writes has a method for one direction only, and so has reads.
type writes struct {
	N int `json:"n"`
}

func (w writes) MarshalJSON() ([]byte, error) { return fmt.Appendf(nil, `{"n":%d}`, w.N), nil }

type reads struct{ S string }

func (r *reads) UnmarshalJSON(b []byte) error { r.S = string(b); return nil }

// broken returns invalid JSON or an error.
type broken string

func (b broken) MarshalJSON() ([]byte, error) {
	if b == "" {
		return nil, errors.New("nothing to say")
	}
	return []byte(b), nil
}

type owned struct {
	T temperature            `json:"t"`
	P pair                   `json:"p"`
	W writes                 `json:"w"`
	R reads                  `json:"r"`
	M map[string]pair        `json:"m"`
	K map[temperature]string `json:"k"`
	L []*pair                `json:"l"`
}

func TestMarshalersAreUsed(t *testing.T) {
	v := owned{
		temperature{21},
		pair{1, 2},
		writes{3},
		reads{`{"x":1}`},
		map[string]pair{"x": {3, 4}},
		map[temperature]string{{2}: "two", {1}: "one"},
		[]*pair{{5, 6}, nil},
	}
	equal(t, "value", decoded[owned](t, `{"t":"21C","p":[1,2],"w":{"n":3},"r":{"x":1},"m":{"x":[3,4]},"k":{"1C":"one","2C":"two"},"l":[[5,6],null]}`), v)
	equal(t, "text", encoded(t, v), `{"t":"21C","p":[1, 2],"w":{"n":3},"r":{"S":"{\"x\":1}"},"m":{"x":[3, 4]},"k":{"1C":"one","2C":"two"},"l":[[5, 6],null]}`)
}

func TestErrorsOfMarshalersAreValueErrors(t *testing.T) {
	decode[owned](t, in{
		`{"t":"21","p":[1],"w":{"n":"x"},"r":null,"m":{"a":1},"k":{"x":"y"},"l":[{}]}`,
		`value_error "t": Value error, it must end with C
value_error "p": Value error, it must be two numbers
value_error "w": Value error, unexpected string
value_error "r": Value error, it must not be null
value_error "m","a": Value error, it must be two numbers
value_error "k","x","[key]": Value error, it must end with C
value_error "l",0: Value error, it must be two numbers`,
	},
		in{`{"t":1,"p":null,"w":[],"r":1,"m":{},"k":{},"l":[]}`, `string_type "t": Input should be a valid string
value_error "p": Value error, it must be two numbers
value_error "w": Value error, unexpected array`})
	decode[value[netip.Addr]](t, in{`{"v":"` + strings.Repeat("é", 1000) + `"}`, `value_error "v": Value error, invalid string`})
	decode[value[big.Int]](t, in{`{"v":123456789012345678901234567890}`, ""})
}

func TestInvalidJSONOfMarshalersIsNotSent(t *testing.T) {
	c := declared[map[string]broken](t)
	for text, want := range map[broken]string{
		"":              "nothing to say",
		"{":             "invalid JSON: unexpected end of input at byte 1",
		`{"a":1}2`:      "invalid JSON: unexpected '2', want the end at byte 7",
		"\"\xff\"":      "invalid JSON: invalid UTF-8 at byte 1",
		`{"a":1,"a":2}`: `invalid JSON: duplicate member "a" at byte 7`,
	} {
		_, err := c.Append(nil, map[string]broken{"x": text})
		if err == nil || err.Error() != "schema: encode map[string]schema_test.broken: x: "+want {
			t.Errorf("%q: got %v, want %s", text, err, want)
		}
	}
	if _, err := declared[value[temperature]](t).Append(nil, value[temperature]{temperature{-300}}); err == nil ||
		err.Error() != "schema: encode schema_test.value[github.com/chanx-go/chanx/schema_test.temperature]: v: below absolute zero" {
		t.Error(err)
	}
	if _, err := declared[map[temperature]int](t).Append(nil, map[temperature]int{{-300}: 1}); err == nil || !strings.HasSuffix(err.Error(), ": below absolute zero") {
		t.Error(err)
	}
}

func TestErrorsOfMarshalersAreWrapped(t *testing.T) {
	_, err := declared[[]*failing](t).Append(nil, []*failing{nil, {errNoText}})
	if !errors.Is(err, errNoText) || err.Error() != "schema: encode []*schema_test.failing: 1: no text" {
		t.Error(err)
	}
}

var errNoText = errors.New("no text")

type failing struct{ err error }

func (f failing) MarshalJSON() ([]byte, error) { return nil, f.err }

func TestEmbeddedTimesKeepTheirEncoding(t *testing.T) {
	type stamp struct{ time.Time }
	at := time.Date(2025, 5, 11, 14, 30, 0, 0, time.UTC)
	equal(t, "text", encoded(t, stamp{at}), `"2025-05-11T14:30:00Z"`)
	equal(t, "value", decoded[stamp](t, `"2025-05-11T14:30:00Z"`), stamp{at})
}
