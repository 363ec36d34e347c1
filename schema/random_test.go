package schema_test

import (
	"bytes"
	"encoding/json"
	"fmt"
	"math/rand/v2"
	"reflect"
	"strings"
	"testing"
	"time"

	"github.com/santhosh-tekuri/jsonschema/v6"

	"github.com/chanx-go/chanx/internal/mutate"
	"github.com/chanx-go/chanx/schema"
)

// FuzzTypes builds a type and a text from two numbers each. For any pair it requires what
// TestTheDecoderAndTheSchemaAcceptTheSame requires of fixed types: no panic, agreement with the validator, and that
// accepted texts survive encoding and decoding.
func FuzzTypes(f *testing.F) {
	for n := range uint64(64) {
		f.Add(n, n)
	}
	f.Add(uint64(5910704445922426242), uint64(2465018602838400154)) // omitzero around omitempty
	f.Fuzz(func(t *testing.T, typeSeed, textSeed uint64) {
		typ := typeMaker{rand.New(rand.NewPCG(typeSeed, 1))}.structure(3)
		compiler, err := schema.NewCompiler(nil)
		if err != nil {
			t.Fatal(err)
		}
		described, err := compiler.Compile(typ)
		if err != nil {
			t.Fatalf("%s: %v", typ, err)
		}
		codec, err := described.Codec(schema.AsDeclared)
		if err != nil {
			t.Fatalf("%s: %v", typ, err)
		}
		judge, value := judge(t, codec.JSONSchema(nil)), parse(t, codec.Example())
		m := mutate.Mutator{Rand: rand.New(rand.NewPCG(textSeed, 2))}
		for range 8 {
			text := mustJSON(m.Change(value))
			if agree(t, codec, judge, typ, text) {
				sameAgain(t, codec, typ, text)
				asDescribed(t, codec, judge, typ, text)
			}
		}
		if t.Failed() {
			t.Logf("the type is %s", typ)
		}
	})
}

// sameAgain decodes an accepted text, encodes it, and does both again.
func sameAgain(t *testing.T, codec *schema.Codec, typ reflect.Type, text []byte) {
	t.Helper()
	written := text
	var once []byte
	for range 2 {
		v := reflect.New(typ)
		if err := codec.Unmarshal(written, v.Interface(), schema.Limits{}); err != nil {
			t.Errorf("%s was accepted and encoded as %s, which is not: %v", text, written, err)
			return
		}
		out, err := codec.Append(nil, v.Elem().Interface())
		if err != nil {
			t.Errorf("%s was accepted and cannot be encoded: %v", text, err)
			return
		}
		once, written = written, out
	}
	if first := once; !bytes.Equal(first, written) {
		t.Errorf("%s was encoded as %s, and that as %s", text, first, written)
	}
}

// asDescribed encodes an accepted text and requires what the schema says: it is valid, and has the members that
// x-chanx.always lists.
func asDescribed(t *testing.T, codec *schema.Codec, judge *jsonschema.Schema, typ reflect.Type, text []byte) {
	t.Helper()
	v := reflect.New(typ)
	if err := codec.Unmarshal(text, v.Interface(), schema.Limits{}); err != nil {
		t.Fatal(err)
	}
	written, err := codec.Append(nil, v.Elem().Interface())
	if err != nil {
		t.Fatal(err)
	}
	value := parse(t, written)
	if err := judge.Validate(value); err != nil {
		t.Errorf("%s is encoded as %s: %v", text, written, err)
	}
	var described struct {
		Extension struct{ Always []string } `json:"x-chanx"`
	}
	if err := json.Unmarshal(codec.JSONSchema(nil), &described); err != nil {
		t.Fatal(err)
	}
	for _, name := range described.Extension.Always {
		if _, has := value.(map[string]any)[name]; !has {
			t.Errorf("%s is encoded as %s, without %s", text, written, name)
		}
	}
}

// typeMaker builds types such as applications declare.
type typeMaker struct{ *rand.Rand }

// structure is a struct with a few fields.
func (m typeMaker) structure(depth int) reflect.Type {
	fields := make([]reflect.StructField, 1+m.IntN(4))
	for i := range fields {
		typ, tag := m.typed(depth)
		omit := m.one("", "", ",omitempty", ",omitzero")
		if k := typ.Kind(); omit == ",omitempty" && (k == reflect.Struct || k == reflect.Array) {
			omit = "" // omitempty never omits it, as in encoding/json: an absent value would be encoded as an empty one
		}
		name := fmt.Sprintf(`json:"%c%s"`, 'a'+i, omit)
		fields[i] = reflect.StructField{Name: fmt.Sprintf("F%d", i), Type: typ, Tag: reflect.StructTag(strings.TrimSpace(name + " " + tag))}
	}
	return reflect.StructOf(fields)
}

// plainTypes are without []byte: the validator accepts line breaks in base64, which RFC 4648 (section 3.1) does not.
var plainTypes = []reflect.Type{
	reflect.TypeFor[string](), reflect.TypeFor[int](), reflect.TypeFor[uint8](), reflect.TypeFor[int64](), reflect.TypeFor[float64](),
	reflect.TypeFor[float32](), reflect.TypeFor[bool](), reflect.TypeFor[time.Time](), reflect.TypeFor[any](),
}

// typed is a type, and a tag that suits it.
func (m typeMaker) typed(depth int) (reflect.Type, string) {
	switch n := m.IntN(10); {
	case depth == 0 || n < 5:
		t := plainTypes[m.IntN(len(plainTypes))]
		return t, m.constraint(t)
	case n == 5:
		return m.structure(depth - 1), ""
	case n == 6:
		inner, tag := m.typed(depth - 1)
		if inner.Kind() == reflect.Pointer || inner.Kind() == reflect.Interface {
			return inner, tag
		}
		return reflect.PointerTo(inner), tag
	case n == 7:
		inner, _ := m.typed(depth - 1)
		return reflect.ArrayOf(1+m.IntN(2), inner), ""
	case n == 8:
		inner, _ := m.typed(depth - 1)
		return reflect.MapOf(reflect.TypeFor[string](), inner), m.one("", `maxProperties:"2"`, `minProperties:"1"`)
	}
	inner, _ := m.typed(depth - 1)
	if inner.Kind() == reflect.Uint8 { // else it were base64
		inner = reflect.TypeFor[uint16]()
	}
	return reflect.SliceOf(inner), m.one("", `minItems:"1"`, `maxItems:"3"`, `minItems:"1" maxItems:"2"`)
}

func (m typeMaker) one(of ...string) string { return of[m.IntN(len(of))] }

// constraint is at most one of those that a kind can have.
func (m typeMaker) constraint(t reflect.Type) string {
	switch {
	case t == reflect.TypeFor[time.Time](), t.Kind() == reflect.Interface:
		return ""
	case t.Kind() == reflect.String:
		return m.one("", `minLength:"1"`, `maxLength:"4"`, `minLength:"2" maxLength:"5"`, `pattern:"^[a-c]*$" example:"abc"`, `enum:"abc,b"`, `default:"abc"`)
	case t.Kind() == reflect.Bool:
		return m.one("", `default:"true"`)
	}
	return m.one("", `minimum:"1"`, `maximum:"100"`, `exclusiveMinimum:"0" maximum:"101"`, `multipleOf:"5"`, `default:"7"`)
}
