package schema_test

import (
	"bytes"
	"encoding/json"
	"fmt"
	"maps"
	"os"
	"reflect"
	"slices"
	"strings"
	"testing"

	"github.com/chanx-go/chanx/schema"
)

const recordingFile = "testdata/recorded.json"

// recording holds the answers of the original to payloads of many declarations.
type recording struct {
	Source       string        `json:"source"`
	Declarations []declaration `json:"declarations"`
}

type declaration struct {
	Name     string     `json:"name"`
	Declared string     `json:"declared"`
	Cases    []*example `json:"cases"`
}

// example is one payload. Items are those of the original, none if it accepted; Ours are stored where ours differ.
type example struct {
	Payload string              `json:"payload,omitempty"`
	Absent  bool                `json:"absent,omitempty"`
	Failed  bool                `json:"failed,omitempty"` // it answered with something else
	Items   []schema.FieldError `json:"items,omitempty"`
	Ours    *answer             `json:"ours,omitempty"`
	Reason  string              `json:"reason,omitempty"`
}

// answer is a list of items that is encoded even if it is empty.
type answer []schema.FieldError

func TestRecordedCasesGetTheOriginalAnswerOrANamedReason(t *testing.T) {
	rec := loadRecording(t)
	counts, total := map[string]int{}, 0
	for _, d := range rec.Declarations {
		total += len(d.Cases)
		counterpart, ok := counterparts[d.Name]
		if why, none := withoutCounterpart[d.Name]; none == ok {
			t.Errorf("%s: it must have either a Go type or a reason why not", d.Name)
		} else if none {
			counts["not replayed: "+why] += len(d.Cases)
			continue
		}
		t.Run(d.Name, func(t *testing.T) { replay(t, d, counterpart, counts) })
	}
	if total != 1476 || len(rec.Declarations) != len(counterparts)+len(withoutCounterpart) {
		t.Errorf("%d cases of %d declarations: some are lost", total, len(rec.Declarations))
	}
	if *update {
		saveRecording(t, rec)
	}
	for _, line := range slices.Sorted(maps.Keys(counts)) {
		t.Logf("%5d %s", counts[line], line)
	}
}

func replay(t *testing.T, d declaration, as counterpart, counts map[string]int) {
	codec := newCodec(t, as.typ, as.naming, beasts)
	for _, c := range d.Cases {
		counts["replayed"]++
		ours := decodePayload(codec, as.typ, c)
		if reflect.DeepEqual(normal(t, ours), normal(t, c.Items)) {
			counts["replayed, equal"]++
			c.expect(t, nil, "")
			continue
		}
		why := explain(d.Name, c, ours)
		if why == "" {
			t.Errorf("payload %.64s: got %s\nrecorded %s\nno reason is known", c.Payload, show(ours), show(c.Items))
		}
		counts["replayed, different: "+why]++
		kept := append(answer{}, ours...)
		c.expect(t, &kept, why)
	}
}

// expect compares our answer with the one that was reviewed.
func (c *example) expect(t *testing.T, ours *answer, why string) {
	t.Helper()
	switch {
	case *update:
		c.Ours, c.Reason = ours, why
	case (c.Ours == nil) != (ours == nil) || ours != nil && !reflect.DeepEqual(normal(t, *c.Ours), normal(t, *ours)):
		t.Errorf("payload %.64s:\ngot  %s\nkept %s", c.Payload, show(ours), show(c.Ours))
	case c.Reason != why:
		t.Errorf("payload %.64s: the reason is %q, kept is %q", c.Payload, why, c.Reason)
	}
}

func decodePayload(codec *schema.Codec, t reflect.Type, c *example) []schema.FieldError {
	var d schema.Decoder
	d.Reset([]byte(c.Payload), schema.Limits{})
	m := codec.Begin(&d, reflect.New(t).Interface(), "payload")
	var err error
	if !c.Absent {
		err = m.Payload()
	}
	if err == nil && !c.Absent {
		err = d.End()
	}
	if err == nil {
		err = m.End()
	}
	if err != nil {
		return []schema.FieldError{{Type: "json_invalid", Loc: []any{}, Msg: "Invalid JSON: " + err.Error()}}
	}
	return d.Errors()
}

// normal makes items comparable: all indexes get one type.
func normal[T ~[]schema.FieldError](t *testing.T, items T) (out []schema.FieldError) {
	t.Helper()
	if len(items) == 0 {
		return nil
	}
	if err := json.Unmarshal(mustJSON(items), &out); err != nil {
		t.Fatal(err)
	}
	return out
}

func show(items any) string { return string(mustJSON(items)) }

func mustJSON(v any) []byte {
	var b bytes.Buffer
	e := json.NewEncoder(&b)
	e.SetEscapeHTML(false)
	if err := e.Encode(v); err != nil {
		panic(err)
	}
	return bytes.TrimSpace(b.Bytes())
}

func loadRecording(t *testing.T) *recording {
	t.Helper()
	text, err := os.ReadFile(recordingFile)
	if err != nil {
		t.Fatal(err)
	}
	rec := &recording{}
	if err := json.Unmarshal(text, rec); err != nil {
		t.Fatal(err)
	}
	return rec
}

// saveRecording writes one case per line, so that changes can be reviewed.
func saveRecording(t *testing.T, rec *recording) {
	t.Helper()
	var b strings.Builder
	fmt.Fprintf(&b, "{\"source\":%s,\"declarations\":[\n", mustJSON(rec.Source))
	for i, d := range rec.Declarations {
		fmt.Fprintf(&b, "{\"name\":%s,\"declared\":%s,\"cases\":[\n", mustJSON(d.Name), mustJSON(d.Declared))
		for j, c := range d.Cases {
			fmt.Fprintf(&b, "%s%s\n", mustJSON(c), comma(j, len(d.Cases)))
		}
		fmt.Fprintf(&b, "]}%s\n", comma(i, len(rec.Declarations)))
	}
	b.WriteString("]}\n")
	if err := os.WriteFile(recordingFile, []byte(b.String()), 0o644); err != nil {
		t.Fatal(err)
	}
}

func comma(i, n int) string {
	if i < n-1 {
		return ","
	}
	return ""
}

// newCodec compiles a type given at run time.
func newCodec(t testing.TB, typ reflect.Type, n schema.Naming, unions ...schema.Union) *schema.Codec {
	t.Helper()
	compiler, err := schema.NewCompiler(&schema.Options{Unions: unions})
	if err != nil {
		t.Fatal(err)
	}
	compiled, err := compiler.Compile(typ)
	if err != nil {
		t.Fatal(err)
	}
	codec, err := compiled.Codec(n)
	if err != nil {
		t.Fatal(err)
	}
	return codec
}
