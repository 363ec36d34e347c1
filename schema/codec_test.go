package schema_test

import (
	"errors"
	"reflect"
	"strings"
	"sync"
	"testing"

	"github.com/chanx-go/chanx/schema"
)

type counters map[string]int

func (c counters) Validate() error {
	if len(c) == 0 {
		return errors.New("nothing counted")
	}
	return nil
}

type refusing struct{}

func (refusing) Validate() error { return errors.New("not now") }

// absent decodes a message without payload.
func absent[T any](t *testing.T) (T, string) {
	t.Helper()
	var d schema.Decoder
	d.Reset([]byte(`{}`), schema.Limits{})
	var v T
	if m := declared[T](t).Begin(&d, &v, "payload"); m.End() != nil {
		t.Fatal("not read")
	}
	d.Fail("x", "behind")
	return v, strings.TrimSuffix(strings.TrimSuffix(shown(d.Errors()), "x : behind"), "\n")
}

func TestOnlyMapsAndEmptyTypesAllowAnAbsentPayload(t *testing.T) {
	const missing = `missing "payload": Field required`
	if v, items := absent[map[string]int](t); items != "" || v == nil {
		t.Error(v, items)
	}
	if _, items := absent[struct{}](t); items != "" {
		t.Error(items)
	}
	_, items := absent[counters](t)
	equal(t, "map with Validate", items, `value_error "payload": Value error, nothing counted`)
	_, items = absent[refusing](t)
	equal(t, "empty with Validate", items, `value_error "payload": Value error, not now`)
	_, items = absent[struct {
		X int `json:"x" default:"1"`
	}](t)
	equal(t, "struct", items, missing)
	_, items = absent[string](t)
	equal(t, "string", items, missing)
	_, items = absent[[]int](t)
	equal(t, "list", items, missing)
	_, items = absent[any](t)
	equal(t, "any", items, missing)
	decode[refusing](t, in{`null`, `value_error : Value error, not now`}, in{`{}`, `value_error : Value error, not now`}, in{`1`, `none_required : Input should be None`})
}

func TestUnmarshalZeroesTheTargetFirst(t *testing.T) {
	v := outer{Inner: Inner{1, "x"}, Tagged: &Tagged{5}, Skip: 3, secret: 4}
	if err := declared[outer](t).Unmarshal([]byte(`{"a":2,"c":6,"named":{"c":0},"b":""}`), &v, limits(0)); err != nil {
		t.Fatal(err)
	}
	equal(t, "value", v, outer{Inner: Inner{A: 2}, Tagged: &Tagged{6}})
}

func TestUnmarshalPanicsOnAWrongTarget(t *testing.T) {
	for _, v := range []any{nil, point{}, new(int), (**point)(nil)} {
		func() {
			defer func() {
				if got, ok := recover().(string); !ok || !strings.HasPrefix(got, "schema: decode schema_test.point: the target is ") {
					t.Errorf("%T: %v", v, got)
				}
			}()
			_ = declared[point](t).Unmarshal([]byte(`{}`), v, limits(0))
		}()
	}
}

func TestACodecIsBuiltOncePerTypeAndNaming(t *testing.T) {
	typ := compiled[tree](t)
	first, err := typ.Codec(schema.AsDeclared)
	if err != nil {
		t.Fatal(err)
	}
	again, _ := typ.Codec(schema.AsDeclared)
	other, _ := typ.Codec(schema.CamelCase)
	if first != again || first == other {
		t.Error("the codec was built again")
	}
}

func TestCodecsMayBeUsedConcurrently(t *testing.T) {
	compiler, err := schema.NewCompiler(nil)
	if err != nil {
		t.Fatal(err)
	}
	var all sync.WaitGroup
	for i := range 8 {
		all.Go(func() {
			typ, err := compiler.Compile(reflect.TypeFor[defaults]())
			if err != nil {
				t.Error(err)
				return
			}
			c, err := typ.Codec(schema.Naming(i % 2))
			if err != nil {
				t.Error(err)
				return
			}
			for range 50 {
				var v defaults
				if err := c.Unmarshal([]byte(`{"list":["x"]}`), &v, limits(0)); err != nil {
					t.Error(err)
				}
				if _, err := c.Append(nil, v); err != nil {
					t.Error(err)
				}
				if err := typ.Validate(v); err != nil {
					t.Error(err)
				}
			}
		})
	}
	all.Wait()
}

func TestTypeProperties(t *testing.T) {
	if typ := compiled[map[string]int](t); !typ.IsMap() || typ.IsEmpty() || typ.GoType() != reflect.TypeFor[map[string]int]() {
		t.Error(typ)
	}
	if typ := compiled[struct{ x int }](t); typ.IsMap() || !typ.IsEmpty() {
		t.Error(typ)
	}
}

func TestValidationErrorHasALinePerItem(t *testing.T) {
	v := schema.ValidationError{{Type: "missing", Loc: []any{"a", 1, "b"}, Msg: "Field required"}, {Type: "x", Msg: "Other"}}
	equal(t, "text", v.Error(), "a.1.b: Field required\nOther")
}
