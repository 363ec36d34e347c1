package schema_test

import (
	"encoding/json"
	"errors"
	"fmt"
	"net/netip"
	"reflect"
	"runtime"
	"strings"
	"testing"
	"time"

	"github.com/chanx-go/chanx/schema"
)

// refusedBytes is about the longest frame that a server accepts by default.
const refusedBytes = 58_000

// manyValues are those of an enum as long as the list of the world's currencies.
func manyValues(prefix string) string {
	var b strings.Builder
	for i := range 249 {
		fmt.Fprintf(&b, ",%s%d", prefix, 100+i)
	}
	return b.String()[1:]
}

type currency string

func (currency) Enum() []currency {
	var all []currency
	for v := range strings.SplitSeq(manyValues("C"), ",") {
		all = append(all, currency(v))
	}
	return all
}

type spacious struct {
	Name string     `json:"name"`
	Fill [1024]byte `json:"-"`
}

// fussy refuses itself with a text of a given length.
type fussy struct {
	N int `json:"n"`
}

func (f fussy) Validate() error {
	if f.N != 0 {
		return errors.New(strings.Repeat("x", 5_000))
	}
	return nil
}

// expr is a recursive type: a text may have its members in the reverse order of its fields.
type expr struct {
	Op    currency `json:"op" default:"C100"`
	Left  *expr    `json:"left"`
	Right *expr    `json:"right"`
}

// refusedKind is a type with elements of a list or an object that it refuses or accepts.
type refusedKind struct {
	name          string
	typ           reflect.Type
	refused, item string // item is accepted; %d is replaced by a growing number
	object        bool   // they are members of an object, not elements of a list
}

func listOf[T any](name, tag, refused, item string) refusedKind {
	return refusedKind{name: name, typ: wrapped[[]T](tag), refused: refused, item: item}
}

func mapOf[K comparable, V any](name, tag, refused, item string) refusedKind {
	return refusedKind{name: name, typ: wrapped[map[K]V](tag), refused: refused, item: item, object: true}
}

// wrapped is a struct with one field, v.
func wrapped[T any](tag string) reflect.Type {
	return reflect.StructOf([]reflect.StructField{{Name: "V", Type: reflect.TypeFor[T](), Tag: reflect.StructTag(`json:"v" ` + tag)}})
}

func refusedKinds() []refusedKind {
	return []refusedKind{
		listOf[string]("enum of strings", `enum:"`+manyValues("C")+`"`, `""`, `"C100"`),
		listOf[int]("enum of integers", `enum:"`+manyValues("")+`"`, `0`, `100`),
		listOf[int]("enum of integers, strings", `enum:"`+manyValues("")+`"`, `""`, `100`),
		listOf[currency]("Enum method", "", `""`, `"C100"`),
		listOf[*currency]("Enum method of pointers", "", `""`, `"C100"`),
		mapOf[currency, int]("enum as key", "", `"%d":1`, `"C100":1`),
		mapOf[string, currency]("enum as member", "", `"%d":""`, `"%d":"C100"`),
		mapOf[int, int]("integers as keys", "", `"x%d":1`, `"%d":1`),
		mapOf[netip.Addr, int]("text as key", "", `"%d":1`, `"::%x":1`),
		listOf[string]("pattern", `pattern:"^(`+strings.Repeat("a|", 500)+`b)$"`, `""`, `"b"`),
		listOf[string]("length", `minLength:"3"`, `""`, `"abc"`),
		listOf[int]("bound", `minimum:"3"`, `0`, `5`),
		listOf[float64]("bound of numbers", `multipleOf:"0.5"`, `0.3`, `0.5`),
		listOf[float64]("numbers that are too large", "", `1e999`, `1e99`),
		listOf[int8]("integers that are too large", "", `999`, `99`),
		listOf[int]("integers with a fraction", "", `0.5`, `1.0`),
		listOf[int]("integers of many digits", "", `99999999999999999999`, `999999999999999999`),
		listOf[any]("any", "", `1e999`, `1e99`),
		listOf[bool]("null", "", `null`, `true`),
		listOf[spacious]("wide structs", "", `0`, `{"name":""}`),
		listOf[spacious]("wide structs, members missing", "", `{}`, `{"name":""}`),
		listOf[[]int]("lists", "", `0`, `[]`),
		listOf[map[string]int]("maps", "", `0`, `{}`),
		listOf[time.Time]("times", "", `"x"`, `"2025-05-11T14:30:00Z"`),
		listOf[time.Time]("times without zone", "", `"2025-05-11T14:30:00"`, `"2025-05-11T14:30:00Z"`),
		listOf[time.Duration]("durations", "", `"x"`, `"PT1S"`),
		listOf[[]byte]("base64", "", `"!"`, `"AAAA"`),
		listOf[netip.Addr]("text", "", `"x"`, `"::1"`),
		listOf[json.RawMessage]("own JSON", `maxItems:"1"`, `{}`, `{}`),
		listOf[fussy]("Validate", "", `{"n":1}`, `{"n":0}`),
		listOf[shape]("no union", "", `0`, `{"shape_kind":"circle","radius":1}`),
		listOf[shape]("union without tag", "", `{}`, `{"shape_kind":"circle","radius":1}`),
		listOf[shape]("union of another tag", "", `{"shape_kind":""}`, `{"shape_kind":"circle","radius":1}`),
		listOf[shape]("variant of a union", "", `{"shape_kind":"circle"}`, `{"shape_kind":"circle","radius":1}`),
		listOf[int]("not unique", `uniqueItems:"true" minimum:"3"`, `0`, `1%05d`),
		listOf[string]("email", `format:"email"`, `""`, `"a@example.org"`),
		listOf[string]("uri", `format:"uri"`, `""`, `"https://example.org"`),
		listOf[string]("date-time", `format:"date-time"`, `""`, `"2025-05-11T14:30:00Z"`),
		listOf[string]("time", `format:"time"`, `""`, `"14:30:00Z"`),
		listOf[string]("uuid", `format:"uuid"`, `""`, `"9b2f7c1e-5d0a-4c3b-8e6f-000000000002"`),
		listOf[string]("hostname", `format:"hostname"`, `""`, `"example.org"`),
		listOf[string]("ipv4", `format:"ipv4"`, `""`, `"192.0.2.7"`),
		{name: "unknown members", typ: reflect.TypeFor[struct {
			V strict `json:"v"`
		}](), refused: `"%d":1`, item: `"n":1`, object: true},
	}
}

// text returns a list or an object of a given length.
func (k *refusedKind) text(member string, size int) []byte {
	begin, end := `{"v":[`, `]}`
	if k.object {
		begin, end = `{"v":{`, `}}`
	}
	b := []byte(begin)
	for i := 0; len(b) < size; i++ {
		if i > 0 {
			b = append(b, ',')
		}
		if strings.Contains(member, "%") {
			b = fmt.Appendf(b, member, i)
		} else {
			b = append(b, member...)
		}
	}
	return append(b, end...)
}

// allocated is how many bytes f allocates, at least, in several runs: others may allocate meanwhile.
func allocated(f func()) uint64 {
	least := ^uint64(0)
	for range 5 {
		var before, after runtime.MemStats
		runtime.ReadMemStats(&before)
		f()
		runtime.ReadMemStats(&after)
		least = min(least, after.TotalAlloc-before.TotalAlloc)
	}
	return least
}

// TestARefusedFrameAllocatesOnlyForReportedItems: a client must not cause work by sending invalid frames. Failures
// beyond MaxErrors need no item, no text and no memory for their values.
func TestARefusedFrameAllocatesOnlyForReportedItems(t *testing.T) {
	for _, k := range refusedKinds() {
		t.Run(k.name, func(t *testing.T) {
			c := newCodec(t, k.typ, schema.AsDeclared, shapes)
			text := k.text(k.refused, refusedBytes)
			run := func() {
				var items schema.ValidationError
				if err := c.Unmarshal(text, reflect.New(k.typ).Interface(), limits(0)); !errors.As(err, &items) || len(items) == 0 {
					t.Fatalf("got %v for %.60s", err, text)
				}
			}
			allocs, bytes := testing.AllocsPerRun(3, run), allocated(run)
			if k.object { // names are compared with each other
				bytes -= min(bytes, allocated(func() { passOver(t, text) }))
				allocs -= testing.AllocsPerRun(3, func() { passOver(t, text) })
			}
			if allocs > 1500 || bytes > 300_000 {
				t.Errorf("%.0f allocations of %d bytes for a frame of %d", allocs, bytes, len(text))
			}
		})
	}
}

// passOver skips a text without a type.
func passOver(t *testing.T, text []byte) {
	var d schema.Decoder
	d.Reset(text, schema.Limits{})
	if err := d.Skip(); err != nil {
		t.Fatal(err)
	}
}

// TestAcceptedItemsOfRefusedKinds checks that each kind accepts its valid values.
func TestAcceptedItemsOfRefusedKinds(t *testing.T) {
	for _, k := range refusedKinds() {
		c := newCodec(t, k.typ, schema.AsDeclared, shapes)
		if err := c.Unmarshal(k.text(k.item, len(`{"v":{"`)), reflect.New(k.typ).Interface(), limits(0)); err != nil {
			t.Errorf("%s: %v", k.name, err)
		}
	}
}

// treeText is an expression with so many levels, its members in the reverse order of the fields, whose leaves are refused.
func treeText(levels int) string {
	if levels == 0 {
		return `{"op":""}`
	}
	return `{"right":` + treeText(levels-1) + `,"left":` + treeText(levels-1) + `}`
}

// TestItemsInReverseOrderAreCheap: each item is kept for a while, because it is one of the first so far.
func TestItemsInReverseOrderAreCheap(t *testing.T) {
	c, text := declared[expr](t), []byte(treeText(11))
	accepted := []byte(strings.ReplaceAll(string(text), `""`, `"C100"`))
	run := func(text []byte, passes bool) func() {
		return func() {
			if err := c.Unmarshal(text, new(expr), limits(0)); (err == nil) != passes {
				t.Fatal(err)
			}
		}
	}
	refused, taken := allocated(run(text, false)), allocated(run(accepted, true))
	if refused > 2*taken+100_000 {
		t.Errorf("%d bytes, %d for one that is accepted", refused, taken)
	}
}

// TestTextsOfItemsAreBounded: every message is cut at 1 KiB, wherever it comes from.
func TestTextsOfItemsAreBounded(t *testing.T) {
	for _, k := range refusedKinds() {
		c := newCodec(t, k.typ, schema.AsDeclared, shapes)
		var items schema.ValidationError
		errors.As(c.Unmarshal(k.text(k.refused, 2000), reflect.New(k.typ).Interface(), limits(0)), &items)
		for _, item := range items {
			if len(item.Msg) > 1024 {
				t.Errorf("%s: a text of %d bytes: %.80s", k.name, len(item.Msg), item.Msg)
			}
		}
	}
}

// BenchmarkRefused decodes a long frame of each kind, alternately refused and accepted. The metric ratio must stay
// below 5.
func BenchmarkRefused(b *testing.B) {
	for _, k := range refusedKinds() {
		c := newCodec(b, k.typ, schema.AsDeclared, shapes)
		refused, accepted := k.text(k.refused, refusedBytes), k.text(k.item, refusedBytes)
		if c.Unmarshal(accepted, reflect.New(k.typ).Interface(), limits(0)) != nil {
			continue // nothing as long is accepted
		}
		b.Run(k.name, func(b *testing.B) {
			var no, yes time.Duration
			b.ReportAllocs()
			for b.Loop() {
				start := time.Now()
				if c.Unmarshal(refused, reflect.New(k.typ).Interface(), limits(0)) == nil {
					b.Fatal("taken")
				}
				middle := time.Now()
				if err := c.Unmarshal(accepted, reflect.New(k.typ).Interface(), limits(0)); err != nil {
					b.Fatal(err)
				}
				no, yes = no+middle.Sub(start), yes+time.Since(middle)
			}
			b.ReportMetric(float64(no.Nanoseconds())/float64(b.N), "ns/refused")
			b.ReportMetric(float64(yes.Nanoseconds())/float64(b.N), "ns/accepted")
			b.ReportMetric(float64(no)/float64(yes), "ratio")
		})
	}
}
