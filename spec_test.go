package chanx_test

import (
	"bytes"
	"context"
	"encoding/json"
	"maps"
	"os"
	"regexp"
	"strconv"
	"strings"
	"testing"

	"github.com/santhosh-tekuri/jsonschema/v6"

	"github.com/chanx-go/chanx"
	"github.com/chanx-go/chanx/internal/chat"
)

// securedBy is an Authenticator with security schemes.
type securedBy struct{ chanx.AuthenticatorFunc }

func (securedBy) SecuritySchemes() []map[string]any {
	return []map[string]any{
		{"type": "http", "scheme": "bearer"},
		{"type": "httpApiKey", "in": "header", "name": "User"},
		{"type": "httpApiKey", "in": "header", "name": "Sec-WebSocket-Protocol"},
		{"type": "X509"},
	}
}

func (securedBy) Subprotocols() []string { return []string{"bearer."} }

func (securedBy) TokenRequired() bool { return true }

var facials = []chanx.UnionType{chanx.Union[facial]("kind", chanx.VariantOf[grin]("grin"), chanx.VariantOf[frown]("frown"))}

func specServer(camelize bool) *chanx.Server { return specServerWith(camelize, nil, facials) }

// specServerWith has the unions at the server, or at the consumer.
func specServerWith(camelize bool, atServer, atConsumer []chanx.UnionType) *chanx.Server {
	c := chanx.NewConsumer(openState, &chanx.ConsumerOptions{
		Name: "front desk", Doc: "Where people say things.", Authenticator: securedBy{byHeader}, Groups: []string{"all"},
		Unions: atConsumer,
	})
	chanx.On(c, func(*state, context.Context, formMessage) error { return nil },
		chanx.Describe("Fills in the form."), chanx.Fails("full", "there is no room"), chanx.Fails("late", "the desk is closed"))
	chanx.OnRequest(c, func(_ *state, _ context.Context, m portraitMessage) (portraitMessage, error) { return m, nil }, chanx.Deprecated())
	chanx.On(c, func(*state, context.Context, knockMessage) error { return nil })
	chanx.OnEvent(c, func(*state, context.Context, ringEvent) error { return nil }, chanx.Describe("Somebody rings."))
	chanx.Forward[newsEvent](c)
	chanx.Sends[tracedMessage](c)
	chanx.Broadcasts[saidMessage](c, chanx.Describe("Somebody has said something."), chanx.Deprecated())
	s := chanx.NewServer(&chanx.ServerOptions{Logger: quiet, Camelize: camelize, Subprotocols: []string{"v1"}, Unions: atServer})
	s.Handle("/desk/{desk_name}/{rest...}", c)
	s.Handle("/ws/rooms/{room}", chat.New())
	return s
}

type (
	facial interface{ Facial() }
	grin   struct {
		TeethShown int `json:"teeth_shown" minimum:"1"`
	}
	frown           struct{}
	portraitMessage struct {
		Face facial `json:"face"`
	}
	tracedMessage struct {
		Text    string `json:"text"`
		TraceID string `json:"trace_id" frame:"true" default:"none" doc:"where it comes from"`
	}
)

func (grin) Facial()                   {}
func (frown) Facial()                  {}
func (portraitMessage) Action() string { return "portrait" }
func (tracedMessage) Action() string   { return "traced" }

// TestSpec compares the Spec of two consumers, with and without Camelize, with the files in testdata.
func TestSpec(t *testing.T) {
	for name, camelize := range map[string]bool{"testdata/spec.json": false, "testdata/spec-camel.json": true} {
		s := specServer(camelize)
		got, err := json.MarshalIndent(s.Spec(), "", "  ")
		if err != nil {
			t.Fatal(err)
		}
		got = append(got, '\n')
		if *update {
			if err := os.WriteFile(name, got, 0o644); err != nil {
				t.Fatal(err)
			}
		}
		want, err := os.ReadFile(name)
		if err != nil {
			t.Fatal(err)
		}
		if !bytes.Equal(got, want) {
			t.Errorf("%s is not what Spec says now (refresh with -update and read the difference):\n%s",
				name, firstDifference(string(want), string(got)))
		}
		if err := s.Shutdown(context.Background()); err != nil {
			t.Error(err)
		}
	}
}

// TestSpecTellsRepliesFromWhatComesUnasked: a reply that is declared with Sends too may come unasked.
func TestSpecTellsRepliesFromWhatComesUnasked(t *testing.T) {
	c := chanx.NewConsumer(openState, nil)
	chanx.OnRequest(c, func(*state, context.Context, formMessage) (saidMessage, error) { return saidMessage{}, nil })
	chanx.OnRequest(c, func(*state, context.Context, knockMessage) (tracedMessage, error) { return tracedMessage{}, nil })
	chanx.Sends[tracedMessage](c)
	chanx.Forward[newsEvent](c)
	s := chanx.NewServer(nil)
	s.Handle("/", c)
	got := map[string]bool{}
	for _, m := range s.Spec().Channels[0].Sends {
		got[m.Action] = m.Unasked
	}
	want := map[string]bool{
		"said": false, "traced": true, "news": true, "error": true, "authentication": true,
		"pong": false, "ping": false, "chanx.pong": false, "complete": false, "group_complete": false, "event_complete": false,
	}
	if !maps.Equal(got, want) {
		t.Errorf("got %v, want %v", got, want)
	}
	if err := s.Shutdown(t.Context()); err != nil {
		t.Error(err)
	}
}

// TestTheCloseCodesAreThoseOfTheDesign compares them with the table in docs/design.md.
func TestTheCloseCodesAreThoseOfTheDesign(t *testing.T) {
	design, err := os.ReadFile("docs/design.md")
	if err != nil {
		t.Fatal(err)
	}
	_, table, _ := strings.Cut(string(design), "### Close codes")
	table, _, _ = strings.Cut(table, "\n## ")
	words := map[string]string{"stop": chanx.ThenStop, "reconnect": chanx.ThenRetry, "reconnect once": chanx.ThenFresh}
	want := map[string]string{}
	for _, row := range regexp.MustCompile(`(?m)^\| ([0-9][^|]*) \| [^|]* \| (reconnect once|reconnect|stop)`).FindAllStringSubmatch(table, -1) {
		for _, code := range regexp.MustCompile(`[0-9]{4}(–[0-9]{4})?`).FindAllString(row[1], -1) {
			want[code] = words[row[2]]
		}
	}
	s := chanx.NewServer(nil)
	s.Handle("/", chat.New())
	got := map[string]string{}
	for _, c := range s.Spec().Channels[0].Closes {
		code := strconv.Itoa(c.Code)
		if c.To > 0 {
			code += "–" + strconv.Itoa(c.To)
		}
		got[code] = c.Then
	}
	if !maps.Equal(got, want) {
		t.Errorf("got %v, want %v", got, want)
	}
	if err := s.Shutdown(t.Context()); err != nil {
		t.Error(err)
	}
}

// TestSpecExamplesFitTheirSchemas validates the examples of every payload with an independent validator.
func TestSpecExamplesFitTheirSchemas(t *testing.T) {
	s := specServer(false)
	spec := s.Spec()
	doc, err := jsonschema.UnmarshalJSON(strings.NewReader(`{"components":{"schemas":` + string(spec.Schemas) + `}}`))
	if err != nil {
		t.Fatal(err)
	}
	checked := 0
	for _, c := range spec.Channels {
		for _, m := range append(c.Receives, c.Sends...) {
			if m.Payload == nil {
				continue
			}
			checked++
			text := strings.ReplaceAll(string(m.Payload), `"#/components`, `"spec.json#/components`)
			schema, err := jsonschema.UnmarshalJSON(strings.NewReader(text))
			if err != nil {
				t.Fatal(err)
			}
			compiler := jsonschema.NewCompiler()
			compiler.DefaultDraft(jsonschema.Draft7)
			if err := compiler.AddResource("spec.json", doc); err != nil {
				t.Fatal(err)
			}
			if err := compiler.AddResource("payload.json", schema); err != nil {
				t.Fatal(err)
			}
			judge, err := compiler.Compile("payload.json")
			if err != nil {
				t.Fatalf("%s: %v", m.Action, err)
			}
			for _, text := range m.Examples {
				example, err := jsonschema.UnmarshalJSON(bytes.NewReader(text))
				if err != nil {
					t.Fatal(err)
				}
				if err := judge.Validate(example); err != nil {
					t.Errorf("%s: example %s: %v", m.Action, text, err)
				}
			}
		}
	}
	if checked < 10 {
		t.Errorf("only %d examples", checked)
	}
	if err := s.Shutdown(context.Background()); err != nil {
		t.Error(err)
	}
}
