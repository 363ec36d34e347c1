package schema_test

import (
	"net/netip"
	"testing"
	"time"
)

type defaults struct {
	String   string         `json:"string" default:"Anonymous"`
	Empty    string         `json:"empty" default:""`
	Quotes   string         `json:"quotes" default:"\"x\""`
	Int      int8           `json:"int" default:"-5"`
	Uint     uint           `json:"uint" default:"7"`
	Float    float32        `json:"float" default:"0.5"`
	Bool     bool           `json:"bool" default:"true"`
	Colour   colour         `json:"colour" default:"blue"`
	Level    level          `json:"level" default:"30"`
	Time     time.Time      `json:"time" default:"2025-05-11T14:30:00Z"`
	Quoted   time.Time      `json:"quoted" default:"\"2025-05-11T14:30:00Z\""`
	Span     time.Duration  `json:"span" default:"PT1H30M"`
	Bytes    []byte         `json:"bytes" default:"aGVsbG8="`
	Text     netip.Addr     `json:"text" default:"::1"`
	List     []string       `json:"list" default:"[\"a\",\"b\"]" maxLength:"1"`
	Map      map[string]int `json:"map" default:"{\"a\":1}"`
	Array    [2]int         `json:"array" default:"[1,2]"`
	Pointer  *int           `json:"pointer" default:"3"`
	Null     *int           `json:"null" default:"null"`
	Word     *string        `json:"word" default:"null"`
	Struct   point          `json:"struct" default:"{\"x\":4}"`
	Any      any            `json:"any" default:"[1]"`
	InString int            `json:"in_string,string" default:"12"`
}

func defaultValues() defaults {
	three, word, then := 3, "null", time.Date(2025, 5, 11, 14, 30, 0, 0, time.UTC)
	return defaults{
		"Anonymous", "", `"x"`, -5, 7, 0.5, true, "blue", 30, then, then, 90 * time.Minute, []byte("hello"), netip.IPv6Loopback(),
		[]string{"a", "b"},
		map[string]int{"a": 1},
		[2]int{1, 2},
		&three, nil, &word,
		point{X: 4},
		[]any{1.0},
		12,
	}
}

func TestAbsentMembersGetTheirDefault(t *testing.T) {
	equal(t, "all absent", decoded[defaults](t, `{}`), defaultValues())
	want := defaultValues()
	want.String, want.Int, want.List = "x", 0, []string{}
	equal(t, "some absent", decoded[defaults](t, `{"list":[],"string":"x","int":0}`), want)
	decode[defaults](t, in{`{"pointer":"x","string":null}`, `string_type "string": Input should be a valid string
int_type "pointer": Input should be a valid integer`})
}

func TestEachDefaultIsAFreshValue(t *testing.T) {
	c := declared[defaults](t)
	var first, second defaults
	for _, v := range []*defaults{&first, &second} {
		if err := c.Unmarshal([]byte(`{}`), v, limits(0)); err != nil {
			t.Fatal(err)
		}
		v.List[0], v.Map["a"], *v.Pointer, v.Bytes[0] = "changed", 9, 9, '!'
	}
	if err := c.Unmarshal([]byte(`{}`), &second, limits(0)); err != nil {
		t.Fatal(err)
	}
	equal(t, "after changes", second, defaultValues())
	if &first.List[0] == &second.List[0] || first.Pointer == second.Pointer {
		t.Error("two values share a default")
	}
}

func TestDefaultsUseDeclaredNames(t *testing.T) {
	type inner struct {
		UserName string `json:"user_name" default:"nobody"`
		UserAge  int    `json:"user_age"`
	}
	type outer struct {
		By inner `json:"by" default:"{\"user_age\":3}"`
	}
	c := camel[outer](t)
	var v outer
	if err := c.Unmarshal([]byte(`{}`), &v, limits(0)); err != nil {
		t.Fatal(err)
	}
	equal(t, "default", v, outer{inner{"nobody", 3}})
	if err := c.Unmarshal([]byte(`{"by":{"userAge":4}}`), &v, limits(0)); err != nil {
		t.Fatal(err)
	}
	equal(t, "given", v, outer{inner{"nobody", 4}})
}

func TestDefaultsOfEmbeddedPointersAreSet(t *testing.T) {
	type Base struct {
		X int `json:"x" default:"1"`
	}
	v := decoded[struct{ *Base }](t, `{}`)
	if v.Base == nil || v.X != 1 {
		t.Errorf("got %+v", v.Base)
	}
}
