package asyncapi_test

import (
	"encoding/json"
	"errors"
	"fmt"
	"maps"
	"math/rand/v2"
	"slices"
	"strings"
	"testing"

	"github.com/santhosh-tekuri/jsonschema/v6"
	"github.com/santhosh-tekuri/jsonschema/v6/kind"

	"github.com/chanx-go/chanx"
	"github.com/chanx-go/chanx/asyncapi"
	"github.com/chanx-go/chanx/chanxtest"
	"github.com/chanx-go/chanx/internal/mutate"
)

// beyondSchemas are the items about what no keyword of a document's schemas says.
var beyondSchemas = map[string]string{
	"int_parsing_size": "the range of 64 bits is told by format: readers of a document hold numbers as float64",
	"finite_number":    "so is that of floating-point numbers",
	"value_error":      "Validate, UnmarshalText and UnmarshalJSON are code",
	"none_required":    "the document says that a message without content has no payload; the server ignores an object there",
}

// TestServerAndDocumentAgree sends frames of each message of the kitchen, changed at random. The server must refuse what
// the schema of the frame refuses, with an item at a path that the schema names too, and accept what the schema accepts.
// It answers accepted messages with themselves: the answer must fit the schema of the sent message, and have the members
// that x-chanx.always lists. FuzzTypes of package schema does the same with random types, without frames.
func TestServerAndDocumentAgree(t *testing.T) {
	rounds := 400
	if testing.Short() {
		rounds = 50
	}
	for name, camelize := range map[string]bool{"as declared": false, "camelized": true} {
		t.Run(name, func(t *testing.T) {
			srv := kitchenServer(t, camelize)
			doc := parse(t, mustDocument(t, srv.Spec(), &asyncapi.Options{}))
			conn := chanxtest.Dial(t, srv, "/kitchen/4?suit=hearts", &chanxtest.DialOptions{AllowInvalid: true})
			conn.ExpectAuthenticated()
			s := &agreement{T: t, conn: conn, doc: doc, frames: frames(t, doc), action: "action"}
			if camelize {
				s.action = "type"
			}
			for key := range at(t, doc, "#/channels/kitchen/messages").(map[string]any) {
				if o, ok := at(t, doc, "#/operations").(map[string]any)["kitchen.receive."+key]; ok && key != "ask" && key != "chanx.cancel" {
					s.message(key, o.(map[string]any), rounds)
				}
			}
		})
	}
}

type agreement struct {
	*testing.T
	conn   *chanxtest.Conn
	doc    any
	frames map[string]*jsonschema.Schema
	action string
}

func (s *agreement) message(key string, operation map[string]any, rounds int) {
	m := at(s.T, s.doc, "#/channels/kitchen/messages/"+key).(map[string]any)
	schema, reply := s.frames["kitchen "+key], s.frames["kitchen "+key+".sent"]
	example := m["examples"].([]any)[0].(map[string]any)["payload"].(map[string]any)
	random := mutate.Mutator{Rand: rand.New(rand.NewPCG(3, uint64(len(key))))}
	accepted, refused := 0, 0
	for range rounds {
		changed, ok := random.Change(example).(map[string]any)
		if !ok {
			continue
		}
		frame := maps.Clone(changed)
		frame[s.action] = example[s.action]
		if r, _ := frame["ref"].(string); r == "end" || len(r) > 64 {
			frame["ref"] = "1" // a ref is limited in bytes, its schema in code points
		}
		text, err := json.Marshal(frame)
		if err != nil {
			s.Fatal(err)
		}
		verdict := schema.Validate(parse(s.T, text))
		items, answer := s.send(text)
		if len(items) > 0 {
			refused++
			s.compare(text, items, verdict)
			continue
		}
		accepted++
		if verdict != nil {
			s.Errorf("the server accepts %s\nthe schema says %v", text, verdict)
		}
		if answer != "" && reply != nil {
			if err := reply.Validate(parse(s.T, []byte(answer))); err != nil {
				s.Errorf("%s is answered with %s: %v", text, answer, err)
			}
			s.hasAlways(key, answer)
		}
	}
	s.Logf("%s: %d accepted, %d refused", key, accepted, refused)
	if accepted == 0 || refused == 0 && at(s.T, operation, "x-chanx/kind") == "request" && key != "ping" {
		s.Errorf("%s: nothing was accepted, or nothing refused", key)
	}
}

// send sends a frame and returns the items of the answer if it is refused, else the answer. Frames of one connection are
// handled in order, so the answer to the ping comes last.
func (s *agreement) send(text []byte) (items chanx.ValidationError, answer string) {
	s.conn.SendText(string(text))
	s.conn.SendText(`{"` + s.action + `":"ping","ref":"end"}`)
	for {
		got := s.conn.Next()
		var f struct {
			Action  string          `json:"action"`
			Type    string          `json:"type"`
			Payload json.RawMessage `json:"payload"`
			Ref     string          `json:"ref"`
		}
		if err := json.Unmarshal([]byte(got), &f); err != nil {
			s.Fatal(err)
		}
		switch action := f.Action + f.Type; {
		case f.Ref == "end":
			return items, answer
		case action == "error":
			if err := json.Unmarshal(f.Payload, &items); err != nil {
				s.Fatalf("%s is answered with %s", text, got)
			}
		case !strings.HasSuffix(action, "complete"):
			answer = got
		}
	}
}

// compare requires that the schema refuses what the server has refused, at one of the same paths.
func (s *agreement) compare(text []byte, items chanx.ValidationError, verdict error) {
	foreseeable := slices.DeleteFunc(slices.Clone(items), func(i chanx.FieldError) bool { return beyondSchemas[i.Type] != "" })
	refusal, _ := errors.AsType[*jsonschema.ValidationError](verdict)
	switch {
	case refusal == nil && len(foreseeable) == 0:
	case refusal == nil:
		s.Errorf("%s\nthe schema accepts what the server refuses: %v", text, items)
	default:
		named := map[string]bool{}
		paths(refusal, named)
		for _, item := range foreseeable {
			if !named[pathOf(item.Loc)] {
				s.Errorf("%s\nthe server refuses it at %s with %s, the schema at %v", text, pathOf(item.Loc), item.Type, slices.Sorted(maps.Keys(named)))
			}
		}
	}
}

// pathOf writes a path. JSON Schema has none to the key of a map, only the key.
func pathOf(loc []any) string {
	if n := len(loc); n > 1 && loc[n-1] == "[key]" {
		return fmt.Sprint("key ", loc[n-2])
	}
	var b strings.Builder
	for _, part := range loc {
		fmt.Fprintf(&b, "/%v", part)
	}
	return b.String()
}

// paths collects where a validator found errors: at the missing or surplus member itself, as the server does.
func paths(e *jsonschema.ValidationError, into map[string]bool) {
	at := strings.Join(append([]string{""}, e.InstanceLocation...), "/")
	switch k := e.ErrorKind.(type) {
	case *kind.Required:
		for _, name := range k.Missing {
			into[at+"/"+name] = true
		}
	case *kind.AdditionalProperties:
		for _, name := range k.Properties {
			into[at+"/"+name] = true
		}
	case *kind.PropertyNames:
		into["key "+k.Property] = true
	default:
		into[at] = true
	}
	for _, c := range e.Causes {
		paths(c, into)
	}
}

// hasAlways requires the members that the server always writes.
func (s *agreement) hasAlways(key, answer string) {
	var f struct {
		Payload map[string]json.RawMessage `json:"payload"`
	}
	if json.Unmarshal([]byte(answer), &f) != nil {
		return // the payload is not an object
	}
	frame := at(s.T, s.doc, "#/channels/kitchen/messages/"+key+"/payload/properties/payload").(map[string]any)
	x, _ := frame["x-chanx"].(map[string]any)
	always, _ := x["always"].([]any)
	for _, name := range always {
		if f.Payload[name.(string)] == nil {
			s.Errorf("%s: %s has no %s", key, answer, name)
		}
	}
}
