package schema_test

import (
	"reflect"
	"testing"
	"time"

	"github.com/chanx-go/chanx/schema"
)

// TestAnEmptyValueDoesNotComeBackAsTheDefault: a field is left out only if an absent member means the same.
func TestAnEmptyValueDoesNotComeBackAsTheDefault(t *testing.T) {
	t.Parallel()
	type options struct {
		On     bool     `json:"on,omitempty" default:"true"`
		Level  int      `json:"level,omitzero" default:"3"`
		Names  []string `json:"names,omitempty" default:"[\"a\"]"`
		Note   string   `json:"note,omitempty" default:""`
		Colour *string  `json:"colour,omitempty" default:"red"`
	}
	codec := newCodec(t, reflect.TypeFor[options](), schema.AsDeclared)
	const want = `{"on":false,"level":0,"names":[],"colour":null}`
	b, err := codec.Append(nil, options{})
	if err != nil || string(b) != want {
		t.Fatalf("got %s, %v, want %s", b, err, want)
	}
	var back options
	if err := codec.Unmarshal(b, &back, schema.Limits{}); err != nil || back.On || back.Level != 0 || len(back.Names) > 0 || back.Colour != nil {
		t.Errorf("came back as %+v, %v", back, err)
	}
}

// TestOmittedValuesRoundTrip also covers an omitzero struct whose only content is itself omitted.
func TestOmittedValuesRoundTrip(t *testing.T) {
	t.Parallel()
	type inner struct {
		List []int          `json:"list,omitempty"`
		Map  map[string]int `json:"map,omitempty"`
		At   time.Time      `json:"at,omitzero"`
		Note *string        `json:"note"`
		N    int            `json:"n,omitempty"`
	}
	type embedded struct{ In inner }
	type outer struct {
		In    inner     `json:"in,omitzero"`
		Pair  [2]inner  `json:"pair,omitzero"`
		Deep  *embedded `json:"deep,omitzero"`
		Plain struct {
			In inner `json:"in,omitzero"`
		} `json:"plain,omitzero"`
		When struct {
			At time.Time `json:"at"`
		} `json:"when,omitzero"`
	}
	codec := newCodec(t, reflect.TypeFor[outer](), schema.AsDeclared)
	for _, text := range []string{
		`{"in":{"list":[]}}`, `{"in":{"map":{},"note":null}}`, `{"in":{"at":"0001-01-01T00:00:00+00:00"}}`, `{"in":{"note":""}}`,
		`{"pair":[{"list":[]},{}]}`, `{"pair":[{},{"n":1}]}`, `{"deep":{"In":{"list":[]}}}`, `{"plain":{"in":{"list":[]}}}`,
		`{"plain":{"in":{"list":[1]}}}`, `{"when":{"at":"0001-01-01T00:00:00+00:00"}}`, `{"when":{"at":"0001-01-01T02:00:00+02:00"}}`,
	} {
		sameAgain(t, codec, reflect.TypeFor[outer](), []byte(text))
	}
}

// TestMultiplesOfWholeNumbersAreExact even where the tolerated relative error exceeds one.
func TestMultiplesOfWholeNumbersAreExact(t *testing.T) {
	t.Parallel()
	type value struct {
		Whole float64 `json:"whole" multipleOf:"5"`
		Tenth float64 `json:"tenth" multipleOf:"0.1"`
	}
	codec := newCodec(t, reflect.TypeFor[value](), schema.AsDeclared)
	for text, want := range map[string]bool{
		`{"whole":2147483645,"tenth":0.3}`:        true,
		`{"whole":2147483647,"tenth":0.3}`:        false,
		`{"whole":9007199254740992,"tenth":0}`:    false,
		`{"whole":0,"tenth":214748364.7}`:         true,
		`{"whole":-10,"tenth":214748364.75}`:      false,
		`{"whole":2.5,"tenth":123456.7}`:          false,
		`{"whole":5,"tenth":-123456.70000000001}`: true,
	} {
		if err := codec.Unmarshal([]byte(text), new(value), schema.Limits{}); (err == nil) != want {
			t.Errorf("%s: %v", text, err)
		}
	}
}
