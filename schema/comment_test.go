package schema_test

import (
	"reflect"
	"testing"

	"github.com/chanx-go/chanx/schema"
)

type (
	mood   string
	rank   uint8
	common struct {
		ID int `json:"id"`
	}
	praise struct {
		common
		Text string `json:"text" doc:"from the tag"`
		Mood mood   `json:"mood" enum:"kind,\"rude\",mild"`
		Rank rank   `json:"rank" enum:"1,2"`
		To   []mood `json:"to"`
	}
)

// TestCommentsDescribeTypesFieldsAndConstants also shows that tags win.
func TestCommentsDescribeTypesFieldsAndConstants(t *testing.T) {
	comments := map[string]string{
		"praise": "Praise is given.", "praise.Text": "hidden by the tag", "praise.Mood": "how", "common.ID": "of all", "mood": "Mood is a mood.",
		"mood=kind": "nice", `mood="rude"`: "not nice", "mood=sad": "not allowed here", "rank=1": "first",
	}
	c, err := schema.NewCompiler(&schema.Options{Comment: func(t reflect.Type, part string) string { return comments[t.Name()+part] }})
	if err != nil {
		t.Fatal(err)
	}
	typ, err := c.Compile(reflect.TypeFor[praise]())
	if err != nil {
		t.Fatal(err)
	}
	codec, err := typ.Codec(schema.AsDeclared)
	if err != nil {
		t.Fatal(err)
	}
	if got := typ.Comment(); got != "Praise is given." {
		t.Errorf("comment of the type: %q", got)
	}
	compareKept(t, "testdata/comments.json", indent(t, codec.JSONSchema(nil)))
}
