package schema_test

import (
	"encoding/json"
	"errors"
	"strings"
	"testing"

	"github.com/chanx-go/chanx/schema"
)

// manyNames has a member of every kind whose names are renamed, and of some whose names are not.
type manyNames struct {
	OneText   string                `json:"one_text" maxLength:"3"`
	NextOnes  []*manyNames          `json:"next_ones"`
	ByKey     map[string]*manyNames `json:"by_key"`
	TwoWays   [2]struct{ A_B int }  `json:"two_ways"`
	AnyThing  any                   `json:"any_thing"`
	RawText   json.RawMessage       `json:"raw_text"`
	InText    int                   `json:"in_text,string"`
	ItsShape  shape                 `json:"its_shape,omitzero"`
	ItsShapes []shape               `json:"its_shapes"`
}

func (manyNames) Validate() error { return errors.New("must not be asked") }

// TestConvertNamesEqualsEncodingInTheOtherNaming converts in both directions, also values that would not pass validation.
func TestConvertNamesEqualsEncodingInTheOtherNaming(t *testing.T) {
	leaf := &manyNames{OneText: "too long \"\n日本", RawText: json.RawMessage(`{"raw_name": [1, {"a_b":null}]}`)}
	v := manyNames{
		NextOnes: []*manyNames{nil, leaf}, ByKey: map[string]*manyNames{"a_key": leaf, "\"": nil}, InText: -7,
		AnyThing: map[string]any{"a_b": []any{1.5, "x_y", nil}}, ItsShape: circle{-1},
		ItsShapes: []shape{&square{SideLen: 3, Children: []shape{circle{2}, strict{N: 1}}}},
	}
	plain, camel := declared[manyNames](t, shapes), camel[manyNames](t, shapes)
	texts := map[schema.Naming]string{}
	for n, c := range map[schema.Naming]*schema.Codec{schema.AsDeclared: plain, schema.CamelCase: camel} {
		b, err := c.Append(nil, v)
		if err != nil {
			t.Fatal(err)
		}
		texts[n] = string(b)
	}
	if !strings.Contains(texts[schema.CamelCase], `"shapeKind":"square","sideLen":3`) {
		t.Errorf("in camelCase it is %s", texts[schema.CamelCase])
	}
	for from, text := range texts {
		got, err := camel.ConvertNames([]byte("kept"), []byte(" "+text), from)
		equal(t, "to camelCase", string(got), "kept"+texts[schema.CamelCase])
		equal(t, "error", err, nil)
		got, err = plain.ConvertNames(nil, []byte(text), from)
		equal(t, "as declared", string(got), texts[schema.AsDeclared])
		equal(t, "error", err, nil)
	}
}

func TestConvertNamesKeepsUnknownContent(t *testing.T) {
	c := camel[manyNames](t, shapes)
	for text, want := range map[string]string{
		`null`:                                `null`,
		`[{"one_text":1}]`:                    `[{"one_text":1}]`,
		`{"one_text":{"one_text":1}}`:         `{"oneText":{"one_text":1}}`,
		`{"an_other":[{"a_b":1}],"by_key":3}`: `{"anOther":[{"a_b":1}],"byKey":3}`,
		`{"its_shape":{"shape_kind":"cow","side_len":{"a_b":1}},"its_shapes":[{"side_len":1},{"shape_kind":7},8]}`: `{"itsShape":{"shapeKind":"cow","sideLen":{"a_b":1}},"itsShapes":[{"sideLen":1},{"shapeKind":7},8]}`,
	} {
		got, err := c.ConvertNames(nil, []byte(text), schema.AsDeclared)
		equal(t, text, string(got), want)
		equal(t, text, err, nil)
	}
	for _, text := range []string{
		``, `{`, `{"one_text"`, `{"one_text":`, `{1}`, `{"a":1,}`, `{"a":1 "b":2}`, `{"next_ones":[1`, `{"by_key":{"a":}}`, `{"by_key":{1`,
		`{"its_shape":{"shape_kind":`, `{} x`, "{\"one_text\":\"\xff\"}",
	} {
		if _, err := c.ConvertNames(nil, []byte(text), schema.AsDeclared); err == nil {
			t.Errorf("%s: no error", text)
		}
	}
}

func TestConvertNamesFrameRenamesFrameFields(t *testing.T) {
	c := camel[letter](t)
	got, err := c.ConvertFrameNames([]byte("kept"), []byte(`{"sent_from":"too long","tags":[{"tag_name":1,"x_y":{"a_b":2}}],"text_too":0}`), schema.AsDeclared)
	equal(t, "frame", string(got), `kept{"sentFrom":"too long","tags":[{"tagName":1,"xY":{"a_b":2}}],"textToo":0}`)
	equal(t, "error", err, nil)
	got, err = declared[letter](t).ConvertFrameNames(nil, got[len("kept"):], schema.CamelCase)
	equal(t, "back", string(got), `{"sent_from":"too long","tags":[{"tag_name":1,"xY":{"a_b":2}}],"textToo":0}`)
	equal(t, "error", err, nil)
	for text, want := range map[string]string{
		`[]`:               "unexpected '[', want an object at byte 0",
		``:                 "unexpected end of input at byte 0",
		`{} {}`:            "unexpected '{', want the end at byte 3",
		"{\"a\":\"\xff\"}": "invalid UTF-8 at byte 6",
	} {
		if _, err := c.ConvertFrameNames(nil, []byte(text), schema.AsDeclared); err == nil || err.Error() != want {
			t.Errorf("%q: %v, want %s", text, err, want)
		}
	}
}

// TestConvertNamesRefusesDuplicates: a type of a newer program may have a member whose new name an older member has.
func TestConvertNamesRefusesDuplicates(t *testing.T) {
	for text, want := range map[string]string{
		`{"one_text":"","oneText":""}`:        `duplicate member "oneText" at byte 15`,
		`{"a_b":1,"aB":2}`:                    `duplicate member "aB" at byte 9`,
		`{"by_key":{"k":null,"\u006b":null}}`: `duplicate member "k" at byte 20`,
	} {
		if _, err := camel[manyNames](t, shapes).ConvertNames(nil, []byte(text), schema.AsDeclared); err == nil || err.Error() != want {
			t.Errorf("%s: %v, want %s", text, err, want)
		}
	}
}
