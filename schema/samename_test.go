package schema_test

import (
	"reflect"
	"strings"
	"testing"

	"github.com/chanx-go/chanx/schema"
)

type (
	Left  struct{ ID, Name string }
	Right struct {
		ID   string
		Text string
	}
	Base      struct{ ID string }
	BaseLeft  struct{ Base }
	BaseRight struct{ Base }
)

// tagged makes a struct with fields A, B, and so on, of these tags: go vet refuses some of them in source.
func tagged(tags ...string) reflect.Type {
	fields := make([]reflect.StructField, len(tags))
	for i, tag := range tags {
		fields[i] = reflect.StructField{Name: string(rune('A' + i)), Type: reflect.TypeFor[int](), Tag: reflect.StructTag(tag)}
	}
	return reflect.StructOf(fields)
}

func compileType(t *testing.T, typ reflect.Type) error {
	t.Helper()
	c, err := schema.NewCompiler(nil)
	if err != nil {
		t.Fatal(err)
	}
	_, err = c.Compile(typ)
	return err
}

func TestTwoFieldsWithOneNameAreReported(t *testing.T) {
	const mend = `, so that neither would be read or written: rename one, or leave one out with json:"-"`
	for want, typ := range map[string]reflect.Type{
		`.A: it and B are both "id"`: tagged(`json:"id"`, `json:"id,omitempty"`),
		`.B: it and D are both "C"`:  tagged(``, `json:"C"`, `json:"A1"`, `json:"C"`),
		`.A: it and B are both "x"`:  tagged(`json:"x"`, `json:"x"`, `json:"x"`),
		`.A: it and B are both "f"`:  tagged(`json:"f" frame:"true"`, `json:"f" frame:"true"`),
		`.Left.ID: it and Right.ID are both "ID"`: reflect.TypeFor[struct {
			Left
			Right
		}](),
		`.Right.ID: it and Base.ID are both "ID"`: reflect.TypeFor[struct {
			*Right
			*Base
		}](),
		`.BaseLeft.Base.ID: it and BaseRight.Base.ID are both "ID"`: reflect.TypeFor[struct {
			BaseLeft
			BaseRight
		}](),
	} {
		if err := compileType(t, typ); err == nil || !strings.HasSuffix(err.Error(), want+mend) {
			t.Errorf("got %v, want %s%s", err, want, mend)
		}
	}
}

func TestHiddenFieldsWithOneNameAreAllowed(t *testing.T) {
	compiled[struct {
		Left
		ID string `json:"ID"`
	}](t)
	compiled[struct {
		Left
		Right
		ID string
	}](t)
	compiled[struct {
		A int `json:"id"`
		B int `json:"ID"` // names are matched exactly
	}](t)
	if err := compileType(t, tagged(`json:"id"`, `json:"id" frame:"true"`, `json:"-"`)); err != nil {
		t.Error(err)
	}
	compiled[struct {
		A  int `json:"id"`
		B  int `json:"-"`
		id int
	}](t)
	if text := encoded(t, struct {
		Left
		Right
		ID string `json:"ID"`
	}{ID: "x"}); !strings.Contains(text, `"ID":"x"`) {
		t.Error(text)
	}
}
