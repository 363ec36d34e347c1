package schema_test

import (
	"bytes"
	"errors"
	"math/rand/v2"
	"reflect"
	"slices"
	"testing"

	"github.com/santhosh-tekuri/jsonschema/v6"

	"github.com/chanx-go/chanx/internal/mutate"
	"github.com/chanx-go/chanx/schema"
)

// beyondWords are the items that no keyword of our schemas covers.
var beyondWords = map[string]string{
	"int_parsing_size": "the range of 64 bits is left out, readers of a document hold numbers as float64",
	"finite_number":    "so is that of floating-point numbers",
	"value_error":      "Validate, UnmarshalText and UnmarshalJSON are code",
}

// TestTheDecoderAndTheSchemaAcceptTheSame changes a valid value of each type at random and checks it with both. Where
// they differ, the decoder must have reported nothing but items of beyondWords. Both use RE2 patterns, because the
// validator is written in Go.
func TestTheDecoderAndTheSchemaAcceptTheSame(t *testing.T) {
	rounds := 1500
	if testing.Short() {
		rounds = 200
	}
	for _, d := range described {
		t.Run(d.name, func(t *testing.T) {
			codec := newCodec(t, d.typ, d.naming, figures)
			judge, value := judge(t, codec.JSONSchema(nil)), parse(t, codec.Example())
			m := mutate.Mutator{Rand: rand.New(rand.NewPCG(1, uint64(len(d.name))))}
			accepted, refused := 0, 0
			for range rounds {
				text := mustJSON(m.Change(value))
				if agree(t, codec, judge, d.typ, text) {
					accepted++
				} else {
					refused++
				}
			}
			t.Logf("%d accepted, %d refused", accepted, refused)
		})
	}
}

// agree checks a text with both and returns the decoder's error.
func agree(t *testing.T, codec *schema.Codec, judge *jsonschema.Schema, typ reflect.Type, text []byte) bool {
	t.Helper()
	ours := codec.Unmarshal(text, reflect.New(typ).Interface(), schema.Limits{})
	theirs := judge.Validate(parse(t, text))
	if (ours == nil) == (theirs == nil) {
		return ours == nil
	}
	if items, ok := errors.AsType[schema.ValidationError](ours); ok && !slices.ContainsFunc(items, isForeseeable) {
		return false
	}
	t.Errorf("%s\nthe decoder says: %v\nthe schema says: %v", text, ours, theirs)
	return false
}

func isForeseeable(item schema.FieldError) bool { return beyondWords[item.Type] == "" }

func parse(t testing.TB, text []byte) any {
	t.Helper()
	value, err := jsonschema.UnmarshalJSON(bytes.NewReader(text))
	if err != nil {
		t.Fatalf("%v in %s", err, text)
	}
	return value
}
