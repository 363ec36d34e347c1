package clientgen_test

import (
	"cmp"
	"fmt"
	"os"
	"path/filepath"
	"slices"
	"strings"
	"testing"
	"time"

	"github.com/chanx-go/chanx/clientgen"
)

// documents are all documents that the repository keeps.
func documents(t testing.TB) map[string][]byte {
	t.Helper()
	all := map[string][]byte{}
	for _, pattern := range []string{"../asyncapi/testdata/*.json", "../examples/*/asyncapi.json", "testdata/*.json"} {
		files, err := filepath.Glob(pattern)
		if err != nil {
			t.Fatal(err)
		}
		for _, name := range files {
			data, err := os.ReadFile(name)
			if err != nil {
				t.Fatal(err)
			}
			all[filepath.ToSlash(name)] = data
		}
	}
	if len(all) < 8 {
		t.Fatalf("found %d documents: have they moved?", len(all))
	}
	return all
}

func read(t testing.TB, name string) *clientgen.Contract {
	t.Helper()
	c, err := clientgen.Read(documents(t)[name])
	if err != nil {
		t.Fatal(err)
	}
	return c
}

func TestEachDocumentIsAContract(t *testing.T) {
	t.Parallel()
	for name, document := range documents(t) {
		c, err := clientgen.Read(document)
		if err != nil {
			t.Errorf("%s: %v", name, err)
			continue
		}
		if len(c.Hash) != 64 || c.Title == "" || c.Discriminator == "" {
			t.Errorf("%s: hash %q, title %q, discriminator %q", name, c.Hash, c.Title, c.Discriminator)
		}
	}
}

// describe writes what a channel does, a line each.
func describe(ch *clientgen.Endpoint) string {
	var b strings.Builder
	fmt.Fprintf(&b, "%s %s\n", ch.Name, ch.Address)
	for _, p := range ch.Parameters {
		fmt.Fprintf(&b, "parameter %s query:%v rest:%v required:%v %s\n", p.Name, p.Query, p.Rest, p.Required, spell(p.Schema))
	}
	for _, c := range ch.Calls {
		fmt.Fprintf(&b, "%s %s", c.Kind, frame(c.Message))
		if c.Answer != nil {
			fmt.Fprintf(&b, " -> %s", frame(c.Answer))
		}
		for _, f := range c.Fails {
			fmt.Fprintf(&b, " !%s", f.Reason)
		}
		b.WriteByte('\n')
	}
	for _, m := range ch.Events {
		fmt.Fprintf(&b, "unasked %s group:%v kept:%v\n", frame(m), m.Group, m.Kept)
	}
	for _, a := range ch.Asks {
		fmt.Fprintf(&b, "ask %s -> %s\n", frame(a.Question), frame(a.Answer))
	}
	return b.String()
}

func frame(m *clientgen.Message) string {
	parts := []string{m.Action}
	if m.Payload != nil {
		parts[0] += "(" + spell(m.Payload) + ")"
	}
	for _, p := range m.Beside {
		parts = append(parts, property(p))
	}
	if m.Optional {
		parts = append(parts, "optional")
	}
	return strings.Join(parts, " ")
}

func property(p clientgen.Property) string {
	s := p.Name
	switch {
	case p.Always && !p.Required:
		s += "~" // the server writes it
	case !p.Required:
		s += "?"
	}
	return s + ":" + spell(p.Schema)
}

var shapes = []string{"any", "never", "null", "string", "integer", "number", "boolean"}

func spell(s *clientgen.Schema) string {
	var text string
	var parts []string
	switch s.Shape {
	case clientgen.Enum:
		for _, v := range s.Values {
			parts = append(parts, v.Text)
		}
		text = "enum(" + strings.Join(parts, ",") + ")"
	case clientgen.Array:
		text = "[" + spell(s.Items) + "]"
	case clientgen.Map:
		text = "map(" + strings.Join(s.Keys, ",") + ")" + spell(s.Items)
	case clientgen.Object:
		for _, p := range s.Properties {
			parts = append(parts, property(p))
		}
		text = "{" + strings.Join(parts, " ") + "}"
	case clientgen.Union:
		for _, of := range s.Of {
			parts = append(parts, spell(of))
		}
		text = s.Discriminator + "<" + strings.Join(parts, "|") + ">"
	case clientgen.Named:
		text = s.Ref.Name
	default:
		text = shapes[s.Shape]
		if s.Format != "" {
			text += "/" + s.Format
		}
	}
	if s.Nullable {
		text += "|null"
	}
	return text
}

func TestAnEndpointHasWhatItsDocumentSays(t *testing.T) {
	t.Parallel()
	for _, test := range []struct{ document, want string }{
		{"../asyncapi/testdata/kitchen.json", `kitchen /kitchen/{table}
parameter table query:false rest:false required:true integer
parameter since query:true rest:false required:false integer/int64
parameter lang query:true rest:false required:false enum(en,de)
parameter tag query:true rest:false required:false [string]
parameter suit query:true rest:false required:true enum(hearts,spades)
request kinds(Kinds) -> kinds(Kinds) !full
request lists(Lists) -> lists(Lists)
request tree(Tree) -> tree(Tree)
request drawing(Drawing) -> drawing(Drawing) !ugly !full
request list/all items(Listing) -> list/all items(Listing)
request traced(Traced) trace_id?:string layer:integer/int64 labels?:[string] -> traced(Traced) trace_id:string layer:integer/int64 labels?:[string]
request headers(Headers) optional -> headers(Headers)
request grade(Grade) -> grade(Grade)
on knock
stream ask(Ask) -> token(Token) !too_long
unasked traced(Traced) trace_id:string layer:integer/int64 labels?:[string] group:true kept:false
unasked typing group:true kept:false
unasked price(Price) group:false kept:false
unasked news(News) group:false kept:false
`},
		{"../asyncapi/testdata/places.json", `room /orgs/{org}/rooms/{room}
parameter org query:false rest:false required:true enum(1,2)
parameter room query:false rest:false required:true string
parameter since query:true rest:false required:false integer
parameter lang query:true rest:false required:true Lang
parameter tag query:true rest:false required:false [string]
on say
unasked said group:true kept:true
ask confirm(Confirm) -> confirmed
`},
	} {
		if got := describe(read(t, test.document).Endpoints[0]); got != test.want {
			t.Errorf("%s is\n%s\nwant\n%s", test.document, got, test.want)
		}
	}
}

func TestAWildcardIsTheRestOfAnAddress(t *testing.T) {
	t.Parallel()
	c := read(t, "../asyncapi/testdata/kitchen.json")
	i := slices.IndexFunc(c.Endpoints, func(ch *clientgen.Endpoint) bool { return ch.Address == "/files/{path}" })
	if p := c.Endpoints[i].Parameters; len(p) != 1 || !p[0].Rest || c.Endpoints[i].Host != "example.com" {
		t.Errorf("got %+v of host %q", p, c.Endpoints[i].Host)
	}
}

func TestTokensAndCloseCodesAreRead(t *testing.T) {
	t.Parallel()
	ch := read(t, "../asyncapi/testdata/kitchen.json").Endpoints[0]
	want := []clientgen.Token{{"header", "Authorization", "Bearer "}, {"query", "token", ""}, {"subprotocol", "", "bearer."}}
	if !slices.Equal(ch.Tokens, want) || !ch.TokenRequired || !ch.Welcome {
		t.Errorf("got %+v, required %v, welcome %v", ch.Tokens, ch.TokenRequired, ch.Welcome)
	}
	last, after := ch.Closes[len(ch.Closes)-1], ch.Closes[len(ch.Closes)-2]
	if last.Code != 4500 || last.To != 4599 || last.Then != "retry" || after.After != 5 || after.To != after.Code {
		t.Errorf("got %+v and %+v", after, last)
	}
}

func TestTypesAreOfEachShape(t *testing.T) {
	t.Parallel()
	c := read(t, "../asyncapi/testdata/kitchen.json")
	for name, want := range map[string]string{
		"Tree":         `{name:string children:[Tree] by_name:map()Tree parent~:Tree|null}`,
		"Shape":        `shape_kind<Shape_Circle|Square>`,
		"Shape_Circle": `{shape_kind:enum(circle) radius:number}`,
		"Drawing":      `{main_shape:Shape others:[Shape] circle:Circle}`,
		"Lists":        `{few:[string] unique:[integer/int64] pair:[number] suits:[Suit] by_id:map()string by_suit:map(hearts,spades)boolean}`,
		"Headers":      `map()string`,
		"Grade":        `enum(1,2,3)`,
		"Kinds": `{text_value:string int:integer/int64 int8:integer uint64:integer/uint64 float:number quoted:string bool:boolean ` +
			`bytes:string/base64 time:string/date-time length:string level:Level number:number raw:any any:any old~:string|null ` +
			`choice:enum(red,green) slug:string when:string/date-time mail:string/email default~:string omitted?:string inline:{a:integer/int64}}`,
	} {
		i := slices.IndexFunc(c.Types, func(ty *clientgen.Type) bool { return ty.Name == name })
		if i < 0 {
			t.Errorf("%s is no type", name)
		} else if got := spell(c.Types[i].Schema); got != want {
			t.Errorf("%s is %s, want %s", name, got, want)
		}
	}
}

func TestOnlyTypesThatDifferByDirectionAreSplit(t *testing.T) {
	t.Parallel()
	var split, names []string
	for _, ty := range read(t, "../asyncapi/testdata/kitchen.json").Types {
		names = append(names, ty.Name)
		if ty.Split {
			split = append(split, ty.Name)
		}
		if !ty.Sent && !ty.Received {
			t.Errorf("%s is neither sent nor received", ty.Name)
		}
	}
	if want := "Drawing Kinds Listing Page_Tree Shape Square Tree"; strings.Join(split, " ") != want {
		t.Errorf("split are %v, want %s", split, want)
	}
	if slices.Contains(names, "AuthenticationMessage") {
		t.Error("a type of the library is among the application's")
	}
}

// small is a document with one message and one type, which tests change.
const small = `{"asyncapi":"3.0.0","info":{"title":"T"},"x-chanx":{"wire":1,"discriminator":"action"},
"channels":{"room":{"address":"/room/{id}","parameters":{"id":{}},"messages":{"say":{"name":"say","payload":{"properties":
{"action":{"const":"say"},"payload":{"$ref":"#/components/schemas/Say"}},"required":["action","payload"]},"x-chanx":{"type":"Say"}}},
"x-chanx":{"name":"room"}}},
"operations":{"say":{"action":"receive","channel":{"$ref":"#/channels/room"},"messages":[{"$ref":"#/channels/room/messages/say"}],"x-chanx":{"kind":"on"}}},
"components":{"schemas":{"Say":{"type":"object","properties":{"text":{"type":"string"}}}}}}`

func TestWhatIsNoContractIsRefusedWithOneSentence(t *testing.T) {
	t.Parallel()
	if _, err := clientgen.Read([]byte(small)); err != nil {
		t.Fatal(err)
	}
	const schema = `{"type":"object","properties":{"text":{"type":"string"}}}`
	deep := strings.Repeat(`{"items":`, 65) + "{}" + strings.Repeat("}", 65)
	for _, test := range []struct{ old, now, want string }{
		{`,"x-chanx":{"wire":1,"discriminator":"action"}`, ``, "it has no x-chanx"},
		{`"wire":1`, `"wire":2`, "wire is not version 1"},
		{`"wire":1`, `"wire":"1"`, "wire is not version 1"},
		{`"3.0.0"`, `"2.6.0"`, "not AsyncAPI 3"},
		{`{"asyncapi"`, `[{"asyncapi"`, "not JSON"},
		{`"title":"T"`, `"title":7`, `"info.title": it must be a string`},
		{`"title":"T"`, `"title":"T","title":"U"`, "duplicate"},
		{`"title":"T"`, `"title":"` + "\xff" + `"`, "UTF-8"},
		{`"title":"T"`, `"title":` + strings.Repeat("[", 200) + strings.Repeat("]", 200), "nests more than 128"},
		{`"title":"T"`, `"x":[` + strings.Repeat("0,", 1<<20) + `0]`, "more than 1048576 values"},
		{`"/room/{id}"`, `"room/{id}"`, "does not begin with a slash"},
		{`"/room/{id}"`, `"/room/{id"`, "braces"},
		{`"/room/{id}"`, `"/room/{id}/{other}"`, "one parameter for each name"},
		{`"/room/{id}"`, `"/room/{id}/{id}"`, "one parameter for each name"},
		{`"id":{}`, `"id":{"x-chanx":{"rest":true}}`, ""},
		{`"const":"say"`, `"const":"sya"`, "not what its frame says"},
		{`"kind":"on"`, `"kind":"of"`, `unknown kind "of"`},
		{`"kind":"on"`, `"kind":"request"`, "it has no reply"},
		{`{"$ref":"#/channels/room"}`, `{"$ref":"#/channels/rooms"}`, `nothing at "#/channels/rooms"`},
		{`{"$ref":"#/channels/room"}`, `{"$ref":"https://example.com"}`, "only refer to itself"},
		{`{"$ref":"#/channels/room"}`, `{"$ref":"#/operations/say/channel"}`, "refer to each other"},
		{`"$ref":"#/components/schemas/Say"`, `"$ref":"#/components/schemas/Sya"`, "no schema of the document"},
		{`"type":"Say"`, `"beside":["layer"]`, "lacks a member"},
		{`"name":"room"`, `"tokens":[{"in":"body"}]`, `no token goes into "body"`},
		{`"name":"room"`, `"closes":[{"code":4000,"then":"dance"}]`, `no client does "dance"`},
		{`"name":"room"`, `"closes":[{"code":5000,"then":"stop"}]`, "from 1000 to 4999"},
		{`"name":"room"`, `"closes":[{"code":-1,"then":"stop"}]`, "integer from 0"},
		{schema, `{"type":"strung"}`, `no type "strung"`},
		{schema, `7`, "a schema must be"},
		{schema, deep, "more than 64 schemas are nested"},
		{schema, `{"$ref":"#/components/schemas/Say"}`, "defined by itself"},
		{schema, `{"anyOf":[{"$ref":"#/components/schemas/B"},{"type":"null"}]},"B":{"allOf":[{"$ref":"#/components/schemas/Say"}]}`, "defined by itself"},
		{schema, `{"allOf":[{},{}]}`, "allOf of more than one"},
		{schema, `{"enum":[[]]}`, "a value of an enum"},
	} {
		_, err := clientgen.Read([]byte(strings.Replace(small, test.old, test.now, 1)))
		text := fmt.Sprint(err)
		if test.want == "" && err == nil {
			continue
		}
		if err == nil || test.want == "" || !strings.HasPrefix(text, "chanx: read document: ") || !strings.Contains(text, test.want) || strings.Contains(text, "\n") {
			t.Errorf("%.80s: got %v, want %q", test.now, err, test.want)
		}
	}
}

func TestADocumentOfMoreThanTenMegabytesIsRefused(t *testing.T) {
	t.Parallel()
	_, err := clientgen.Read([]byte(small + strings.Repeat(" ", 10<<20)))
	if err == nil || !strings.Contains(err.Error(), "at most 10485760 are read") {
		t.Errorf("got %v", err)
	}
}

func TestNarrowingKeywordsAreIgnored(t *testing.T) {
	t.Parallel()
	const schema = `{"type":"object","properties":{"text":{"type":"string"}}}`
	for now, want := range map[string]string{
		`{"type":"string","pattern":"^a","allOf":[{"pattern":"b$"}]}`:        "string",
		`{"type":["integer","null"],"minimum":1}`:                            "integer|null",
		`{"type":["string","integer"]}`:                                      "<string|integer>",
		`{"properties":{"a":true},"additionalProperties":{"type":"number"}}`: "{a?:any}",
		`{"type":"object"}`:                                                    "map()any",
		`{"type":"object","properties":{}}`:                                    "{}",
		`{"type":"object","additionalProperties":false}`:                       "{}",
		`{"items":{"type":"boolean"}}`:                                         "[boolean]",
		`{"oneOf":[{"type":"null"}]}`:                                          "null",
		`{"enum":["__proto__",1,true,null]}`:                                   "enum(__proto__,1,true)|null",
		`{"type":"object","properties":{"__proto__":{},"constructor":false}}`:  "{__proto__?:any constructor?:never}",
		`{"allOf":[{"$ref":"#/components/schemas/a~1b"}]},"a/b":{"const":"x"}`: "a/b",
	} {
		c, err := clientgen.Read([]byte(strings.Replace(small, schema, now, 1)))
		if err != nil {
			t.Errorf("%s: %v", now, err)
			continue
		}
		i := slices.IndexFunc(c.Types, func(ty *clientgen.Type) bool { return ty.Name == "Say" })
		if got := spell(c.Types[i].Schema); got != want {
			t.Errorf("%s is %s, want %s", now, got, want)
		}
	}
}

func TestCommentsOfConstantsAreRead(t *testing.T) {
	t.Parallel()
	const schema = `{"type":"object","properties":{"text":{"type":"string"}}}`
	c, err := clientgen.Read([]byte(strings.Replace(small, schema, `{"enum":["a","b"],"x-chanx":{"enumDocs":{"b":"The second."}}}`, 1)))
	if err != nil {
		t.Fatal(err)
	}
	if v := c.Types[0].Schema.Values; v[0].Doc != "" || v[1].Doc != "The second." {
		t.Errorf("got %+v", v)
	}
}

func TestAContractOfTenThousandMessagesIsReadQuickly(t *testing.T) {
	t.Parallel()
	const n = 10_000
	start := time.Now()
	c, err := clientgen.Read(manyMessages(n))
	if err != nil {
		t.Fatal(err)
	}
	if got := len(c.Endpoints[0].Events); got != n || len(c.Types) != n {
		t.Errorf("got %d messages and %d types", got, len(c.Types))
	}
	if text := clientgen.ClientText(c, "many", "./runtime.js"); strings.Count(text, "export interface M") != n {
		t.Error("not each type is in the program")
	}
	if took := time.Since(start); took > 20*time.Second {
		t.Errorf("it took %v: is something quadratic?", took)
	}
}

// manyMessages is a document of n messages of n types, each of which has a member of the next.
func manyMessages(n int) []byte {
	var messages, operations, schemas []string
	for i := range n {
		name := fmt.Sprintf("m%d", i)
		messages = append(messages, fmt.Sprintf(`%q:{"name":%q,"payload":{"properties":{"action":{"const":%q},"payload":{"$ref":"#/components/schemas/%s"}}}}`, name, name, name, name))
		operations = append(operations, fmt.Sprintf(`%q:{"channel":{"$ref":"#/channels/c"},"messages":[{"$ref":"#/channels/c/messages/%s"}],"x-chanx":{"kind":"send"}}`, name, name))
		schemas = append(schemas, fmt.Sprintf(`%q:{"type":"object","properties":{"next":{"$ref":"#/components/schemas/m%d"}}}`, name, (i+1)%n))
	}
	return fmt.Appendf(nil, `{"asyncapi":"3.0.0","x-chanx":{"wire":1},"channels":{"c":{"address":"/","messages":{%s}}},"operations":{%s},"components":{"schemas":{%s}}}`,
		strings.Join(messages, ","), strings.Join(operations, ","), strings.Join(schemas, ","))
}

func FuzzRead(f *testing.F) {
	for _, name := range []string{"../asyncapi/testdata/places.json", "../asyncapi/testdata/empty.json"} {
		f.Add(documents(f)[name])
	}
	f.Add([]byte(small))
	f.Fuzz(func(t *testing.T, document []byte) {
		c, err := clientgen.Read(document)
		if err != nil {
			if !strings.HasPrefix(err.Error(), "chanx: read document: ") {
				t.Errorf("the error is %q", err)
			}
			return
		}
		for _, ch := range c.Endpoints {
			if describe(ch) == "" || cmp.Or(ch.Address, "?")[0] != '/' {
				t.Errorf("channel %q has the address %q", ch.Name, ch.Address)
			}
		}
		for _, ty := range c.Types {
			_ = spell(ty.Schema)
		}
		if text := clientgen.ClientText(c, "fuzz", "./runtime.js"); strings.ContainsAny(text, "\r\u2028\u2029") {
			t.Errorf("a line of the document is a line of the program: %q", text)
		}
	})
}
