package schema_test

import (
	"encoding/json"
	"fmt"
	"testing"

	"github.com/chanx-go/chanx/schema"
)

type (
	byPointer string
	asStrings string
	asAny     uint8
	asArray   string
	asInts    int8
	textLevel int
	textPoint struct{ x int }
	jsonLevel int
	jsonWord  string
	protoEnum int32
	params    struct{ Names []string }
	takesOne  string
	notAList  string
	otherType string
	tooLarge8 uint8
	twiceSame string
	ofMap     map[string]int
	pointless struct {
		byPointer
		N int
	}
)

func (*byPointer) Enum() []byPointer             { return []byPointer{"a", "b"} }
func (asStrings) Enum() []string                 { return []string{"a", "b"} }
func (asAny) Enum() []any                        { return []any{asAny(1), 2, int64(3)} }
func (*asArray) Enum() [2]asArray                { return [2]asArray{"a", "b"} }
func (asInts) Enum() []int                       { return []int{-1, 1} }
func (textLevel) Enum() []textLevel              { return []textLevel{1, 2} }
func (textPoint) Enum() []textPoint              { return []textPoint{{1}, {2}} }
func (jsonLevel) Enum() []jsonLevel              { return []jsonLevel{1, 2} }
func (*jsonWord) Enum() []string                 { return []string{"a", "b"} }
func (protoEnum) Enum() *protoEnum               { return nil }
func (p params) Enum() []string                  { return p.Names }
func (takesOne) Enum(int) []takesOne             { return nil }
func (notAList) Enum() notAList                  { return "" }
func (otherType) Enum() []int                    { return []int{1} }
func (tooLarge8) Enum() []int                    { return []int{1, 256} }
func (twiceSame) Enum() []twiceSame              { return []twiceSame{"a", "b", "a"} }
func (ofMap) Enum() []ofMap                      { return nil }
func (l textLevel) MarshalText() ([]byte, error) { return fmt.Appendf(nil, "L%d", int(l)), nil }
func (l *textLevel) UnmarshalText(b []byte) error {
	_, err := fmt.Sscanf(string(b), "L%d", (*int)(l))
	return err
}
func (p textPoint) MarshalText() ([]byte, error) { return fmt.Appendf(nil, "P%d", p.x), nil }
func (p *textPoint) UnmarshalText(b []byte) error {
	_, err := fmt.Sscanf(string(b), "P%d", &p.x)
	return err
}

func (l jsonLevel) MarshalJSON() ([]byte, error) { return fmt.Appendf(nil, `{"l":%d}`, int(l)), nil }

func (l *jsonLevel) UnmarshalJSON(b []byte) error {
	var v struct{ L int }
	err := json.Unmarshal(b, &v)
	*l = jsonLevel(v.L)
	return err
}
func (w jsonWord) MarshalJSON() ([]byte, error) { return json.Marshal("word " + string(w)) }
func (w *jsonWord) UnmarshalJSON(b []byte) error {
	_, err := fmt.Sscanf(string(b), `"word %1s"`, (*string)(w))
	return err
}

func TestEnumMethodsAreHonoured(t *testing.T) {
	const ab, words = "Input should be 'a' or 'b'", "Input should be 'word a' or 'word b'"
	inEnum[byPointer](t, `"a"`, `"c"`, ab, `["a","b"]`)
	inEnum[asStrings](t, `"b"`, `"c"`, ab, `["a","b"]`)
	inEnum[asAny](t, `3`, `4`, "Input should be 1, 2 or 3", `[1,2,3]`)
	inEnum[asArray](t, `"a"`, `"c"`, ab, `["a","b"]`)
	inEnum[asInts](t, `-1`, `0`, "Input should be -1 or 1", `[-1,1]`)
	inEnum[textLevel](t, `"L1"`, `"L3"`, "Input should be 'L1' or 'L2'", `["L1","L2"]`)
	inEnum[textPoint](t, `"P2"`, `"P3"`, "Input should be 'P1' or 'P2'", `["P1","P2"]`)
	inEnum[jsonLevel](t, `{"l":2}`, `{"l":3}`, `Input should be {"l":1} or {"l":2}`, `[{"l":1},{"l":2}]`)
	inEnum[jsonWord](t, `"word b"`, `"word c"`, words, `["word a","word b"]`)
	decode[map[textLevel]int](t, in{`{"L1":1}`, ""}, in{`{"L3":1}`, `literal_error "L3","[key]": Input should be 'L1' or 'L2'`})
	equal(t, "key", shown(compiled[map[textLevel]int](t).Validate(map[textLevel]int{3: 1})), `literal_error "L3","[key]": Input should be 'L1' or 'L2'`)
	decode[value[textLevel]](t, in{`{"v":1}`, `literal_error "v": Input should be 'L1' or 'L2'`})
}

// inEnum checks that decoding and Validate accept one text of T and refuse another, and that the schema and the example
// have the values.
func inEnum[T any](t *testing.T, good, bad, msg, values string) {
	t.Helper()
	decode[T](t, in{good, ""}, in{bad, "literal_error : " + msg})
	typ := compiled[T](t)
	v := decoded[T](t, good)
	if err := typ.Validate(v); err != nil {
		t.Errorf("%T: %v", v, err)
	}
	equal(t, "zero", shown(typ.Validate(*new(T))), "literal_error : "+msg)
	equal(t, "again", encoded(t, v), good)
	var whole struct {
		Definitions map[string]struct{ Enum json.RawMessage }
	}
	c, err := typ.Codec(schema.AsDeclared)
	if err != nil {
		t.Fatal(err)
	}
	if err := json.Unmarshal(c.JSONSchema(nil), &whole); err != nil {
		t.Fatal(err)
	}
	for _, d := range whole.Definitions {
		equal(t, "schema", string(d.Enum), values)
	}
	decode[T](t, in{string(c.Example()), ""})
}

func TestInvalidEnumMethodsAreReported(t *testing.T) {
	const mend = ": its method Enum is not func (%[1]s) Enum() []%[1]s: make it that, or rename it"
	for name, err := range map[string]error{
		"takesOne": failure[takesOne](), "notAList": failure[notAList](), "otherType": failure[value[otherType]](), "tooLarge8": failure[tooLarge8](),
	} {
		name = "schema_test." + name
		if want := fmt.Sprintf("schema: compile "+name+mend, name); err == nil || name != "schema_test.otherType" && err.Error() != want {
			t.Errorf("got %v\nwant %s", err, want)
		}
	}
	mistake[twiceSame](t, `schema_test.twiceSame: its Enum returns "a" twice: remove one`)
	mistake[ofMap](t, "schema_test.ofMap: Enum is for strings and integers: remove the method or change the type")
	compiled[protoEnum](t)
	compiled[params](t)
	compiled[*byPointer](t)
	compiled[pointless](t)
}
