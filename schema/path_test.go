package schema_test

import (
	"reflect"
	"testing"

	"github.com/chanx-go/chanx/schema"
)

// pathological returns an item at each of its paths.
type pathological struct {
	AllPaths [][]any              `json:"all_paths"`
	NextOne  *pathological        `json:"next_one"`
	ByKey    map[string][]shelved `json:"by_key,omitempty"`
	ItsShape shape                `json:"its_shape,omitzero"`
}

type shelved struct {
	BookName string `json:"book_name"`
}

func (p pathological) Validate() error {
	var items schema.ValidationError
	for _, path := range p.AllPaths {
		items = append(items, schema.FieldError{Type: "x", Loc: path, Msg: "y"})
	}
	return items
}

func TestPathsOfValidateUseTheNamesOnTheWire(t *testing.T) {
	for path, want := range map[string]string{
		`["next_one","next_one","by_key","a_b",0,"book_name"]`: `["nextOne","nextOne","byKey","a_b",0,"bookName"]`,
		`["all_paths",0,"a_b"]`:                                `["allPaths",0,"a_b"]`,
		`["its_shape","side_len"]`:                             `["itsShape","sideLen"]`,
		`["its_shape","children",1,"children",0,"side_len"]`:   `["itsShape","children",1,"children",0,"sideLen"]`,
		`["its_shape","cone","side_len"]`:                      `["itsShape","cone","side_len"]`,
		`["nextOne","by_key"]`:                                 `["nextOne","by_key"]`,
		`[0,"by_key"]`:                                         `[0,"by_key"]`,
		`[]`:                                                   ``,
	} {
		text := []byte(`{"allPaths":[` + path + `],"nextOne":null}`)
		got := shown(camel[pathological](t, shapes).Unmarshal(text, new(pathological), limits(0)))
		if want != "" {
			want = want[1 : len(want)-1]
		}
		equal(t, path, got, "x "+want+": y")
	}
}

func TestValidateKeepsItsOwnItems(t *testing.T) {
	v := keeping{}
	for range 2 {
		if err := camel[keeping](t).Unmarshal([]byte(`{"aB":1}`), &v, limits(0)); shown(err) != `x "aB": y` {
			t.Error(err)
		}
	}
	equal(t, "path", kept[0].Loc, []any{"a_b"})
}

// keeping always returns the same items.
type keeping struct {
	AB int `json:"a_b"`
}

var kept = schema.ValidationError{{Type: "x", Loc: []any{"a_b"}, Msg: "y"}}

func (keeping) Validate() error { return kept }

func TestCheckFrameFieldsGetsEveryName(t *testing.T) {
	var asked []string
	err := compiled[letter](t).CheckFrameFields(func(name string) string { asked = append(asked, name); return "" })
	equal(t, "error", err, nil)
	equal(t, "names", asked, []string{"sent_from", "sentFrom", "copy_count", "copyCount", "tags", "tags", "reply_to", "replyTo"})
	err = compiled[letter](t).CheckFrameFields(func(name string) string {
		if name == "copyCount" {
			return "rename it"
		}
		return ""
	})
	equal(t, "error", err, error(&schema.TypeError{Type: reflect.TypeFor[letter](), Field: "Copies", Tag: `frame:"true"`, Msg: "rename it"}))
}
