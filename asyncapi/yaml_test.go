package asyncapi_test

import (
	"encoding/json"
	"reflect"
	"strings"
	"testing"

	"go.yaml.in/yaml/v3"

	"github.com/chanx-go/chanx/asyncapi"
)

func TestYAMLMatchesTheGoldenFile(t *testing.T) {
	text, err := asyncapi.YAML(documents(t)["places"])
	if err != nil {
		t.Fatal(err)
	}
	golden(t, "testdata/places.yaml", text)
}

// TestYAMLHasTheSameValues reads each document in both formats.
func TestYAMLHasTheSameValues(t *testing.T) {
	all := documents(t)
	all["texts"] = []byte(`{"yes":["yes","no","null","~","1","1.5","0x1f","1e3","2025-01-01","","a: b","# c","a\nb","é😀","\u0000\u2028"," a ","- a","<<","=","!x"],
		"12":[1,1.5,-0.1,1e3,true,null,{},[]]}`)
	for name, doc := range all {
		text, err := asyncapi.YAML(doc)
		if err != nil {
			t.Fatal(err)
		}
		var want, got any
		if err := json.Unmarshal(doc, &want); err != nil {
			t.Fatal(err)
		}
		if err := yaml.Unmarshal(text, &got); err != nil {
			t.Fatalf("%s: %v\n%s", name, err, text)
		}
		if got = numbers(got); !reflect.DeepEqual(got, want) {
			t.Errorf("%s: got %v, want %v", name, got, want)
		}
	}
}

// numbers converts integers to float64, as encoding/json has them.
func numbers(v any) any {
	switch v := v.(type) {
	case map[string]any:
		for k := range v {
			v[k] = numbers(v[k])
		}
	case []any:
		for i := range v {
			v[i] = numbers(v[i])
		}
	case int:
		return float64(v)
	}
	return v
}

func TestYAMLOfBadJSONIsAnError(t *testing.T) {
	for _, text := range []string{"", "{", `{"a":1,"a":2}`, `{"a":`, "[1", "[1}"} {
		if _, err := asyncapi.YAML([]byte(text)); err == nil || !strings.HasPrefix(err.Error(), "asyncapi: convert to YAML: ") {
			t.Errorf("%q: %v", text, err)
		}
	}
}
