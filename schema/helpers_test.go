package schema_test

import (
	"encoding/json"
	"errors"
	"reflect"
	"strings"
	"testing"

	"github.com/chanx-go/chanx/schema"
)

// compiled compiles T, with unions, or fails the test.
func compiled[T any](t testing.TB, unions ...schema.Union) *schema.Type {
	t.Helper()
	typ, err := describe[T](unions...)
	if err != nil {
		t.Fatal(err)
	}
	return typ
}

func describe[T any](unions ...schema.Union) (*schema.Type, error) {
	c, err := schema.NewCompiler(&schema.Options{Unions: unions})
	if err != nil {
		return nil, err
	}
	return c.Compile(reflect.TypeFor[T]())
}

// declared returns the codec of T with declared names.
func declared[T any](t testing.TB, unions ...schema.Union) *schema.Codec {
	t.Helper()
	c, err := compiled[T](t, unions...).Codec(schema.AsDeclared)
	if err != nil {
		t.Fatal(err)
	}
	return c
}

// in is a text and the expected error: none, a line for each item in the format of shown, or a syntax error.
type in struct{ text, want string }

// decode decodes each text into a T.
func decode[T any](t *testing.T, cases ...in) {
	t.Helper()
	c := declared[T](t)
	for _, k := range cases {
		if got := shown(c.Unmarshal([]byte(k.text), new(T), schema.Limits{MaxErrors: -1})); got != k.want {
			t.Errorf("%T %s:\n got %s\nwant %s", *new(T), k.text, got, k.want)
		}
	}
}

// decoded decodes a text that must be valid.
func decoded[T any](t testing.TB, text string, unions ...schema.Union) T {
	t.Helper()
	var v T
	if err := declared[T](t, unions...).Unmarshal([]byte(text), &v, schema.Limits{MaxDepth: -1}); err != nil {
		t.Fatalf("%T %.100s: %v", v, text, err)
	}
	return v
}

// encoded encodes a value that JSON can express.
func encoded[T any](t testing.TB, v T, unions ...schema.Union) string {
	t.Helper()
	b, err := declared[T](t, unions...).Append(nil, v)
	if err != nil {
		t.Fatalf("%T: %v", v, err)
	}
	return string(b)
}

// shown formats items as "type path: message", one per line; the path is the client's.
func shown(err error) string {
	items, ok := errors.AsType[schema.ValidationError](err)
	if !ok {
		if err != nil {
			return "syntax: " + err.Error()
		}
		return ""
	}
	lines := make([]string, len(items))
	for i, f := range items {
		loc, err := json.Marshal(f.Loc)
		if err != nil {
			return err.Error()
		}
		lines[i] = f.Type + " " + strings.Trim(string(loc), "[]") + ": " + f.Msg
	}
	return strings.Join(lines, "\n")
}

func equal(t testing.TB, what string, got, want any) {
	t.Helper()
	if !reflect.DeepEqual(got, want) {
		t.Errorf("%s:\n got %#v\nwant %#v", what, got, want)
	}
}

func limits(items int) schema.Limits { return schema.Limits{MaxErrors: items} }

// formatChecker checks strings in a field with a format.
func formatChecker(t *testing.T, format string) func(string) error {
	t.Helper()
	typ := reflect.StructOf([]reflect.StructField{{Name: "V", Type: reflect.TypeFor[string](), Tag: reflect.StructTag(`json:"v" format:"` + format + `"`)}})
	c, err := schema.NewCompiler(nil)
	if err != nil {
		t.Fatal(err)
	}
	described, err := c.Compile(typ)
	if err != nil {
		t.Fatal(err)
	}
	return func(s string) error {
		v := reflect.New(typ)
		v.Elem().Field(0).SetString(s)
		return described.Validate(v.Interface())
	}
}

// camel returns the codec of T in camelCase.
func camel[T any](t testing.TB, unions ...schema.Union) *schema.Codec {
	t.Helper()
	c, err := compiled[T](t, unions...).Codec(schema.CamelCase)
	if err != nil {
		t.Fatal(err)
	}
	return c
}
