package asyncapi_test

import (
	"bytes"
	"encoding/json"
	"fmt"
	"maps"
	"os"
	"slices"
	"strings"
	"testing"

	"github.com/chanx-go/chanx"
	"github.com/chanx-go/chanx/asyncapi"
)

// places is a Spec with the members that nothing in this repository uses yet.
func places() chanx.Spec {
	raw := func(s string) json.RawMessage { return json.RawMessage(s) }
	return chanx.Spec{
		Discriminator: "action",
		Channels: []chanx.ChannelSpec{{
			Pattern: "/orgs/{org}/rooms/{room}", Name: "room", Resume: true, Recent: 50,
			Presence: raw(`{"$ref":"#/components/schemas/Card"}`),
			Parameters: []chanx.ParameterSpec{
				{Name: "org", In: chanx.InPath, Schema: raw(`{"type":"integer","enum":[1,2],"examples":[1]}`), Required: true},
				{Name: "room", In: chanx.InPath, Schema: raw(`{"type":"string","pattern":"^[a-z]+$"}`), Required: true, Description: "The room to enter.", Deprecated: true},
				{Name: "since", In: chanx.InQuery, Schema: raw(`{"type":"integer","minimum":0}`), Default: raw(`0`)},
				{Name: "lang", In: chanx.InQuery, Schema: raw(`{"$ref":"#/components/schemas/Lang"}`), Required: true, Description: "Of the answers."},
				{Name: "tag", In: chanx.InQuery, Schema: raw(`{"type":"array","items":{"type":"string"}}`), Repeated: true, Deprecated: true},
			},
			Receives: []chanx.MessageSpec{{Action: "say", Title: "Say", Handler: chanx.HandlerOn}},
			Sends:    []chanx.MessageSpec{{Action: "said", Title: "Said", Group: true, Kept: true, Unasked: true}},
			Asks: []chanx.AskSpec{{
				Question: chanx.MessageSpec{
					Action: "confirm", Title: "Confirm", Payload: raw(`{"$ref":"#/components/schemas/Confirm"}`), Examples: []json.RawMessage{raw(`{"text":"Sure?"}`)},
				},
				Answer: chanx.MessageSpec{Action: "confirmed", Title: "Confirmed"},
			}},
		}},
		Schemas: raw(`{"Card":{"type":"object"},"Confirm":{"type":"object","properties":{"text":{"type":"string"}},"required":["text"]},` +
			`"Lang":{"type":"string","enum":["en","de"]},"Unused":{"type":"null"}}`),
	}
}

func allOptions() *asyncapi.Options {
	return &asyncapi.Options{
		AsyncAPI: "3.1.0", ID: "urn:com:example:kitchen", Title: "Kitchen", Version: "1.2.3", Description: "It *cooks*.",
		TermsOfService: "https://example.com/terms", Contact: &asyncapi.Contact{Name: "Ann", Email: "ann@example.com", URL: "https://example.com"},
		License: &asyncapi.License{Name: "MIT"}, ExternalDocs: &asyncapi.ExternalDocs{URL: "https://example.com/docs"},
		Tags: []asyncapi.Tag{{Name: "food", Description: "What is eaten."}},
		Servers: []asyncapi.Server{
			{Host: "kitchen.example.com", Description: "For everybody."},
			{Name: "local", Host: "localhost:8080", Protocol: "ws", Pathname: "/api"},
		},
	}
}

// examples are the documents of the programs in examples, which their own tests keep.
func examples(t testing.TB) map[string][]byte {
	t.Helper()
	all := map[string][]byte{}
	for _, name := range []string{"assistant", "chat", "discussion"} {
		text, err := os.ReadFile("../examples/" + name + "/asyncapi.json")
		if err != nil {
			t.Fatal(err)
		}
		all["example "+name] = text
	}
	return all
}

// allDocuments are those of the golden files and the examples.
func allDocuments(t testing.TB) map[string][]byte {
	all := documents(t)
	maps.Copy(all, examples(t))
	return all
}

// documents are the documents of the golden files, by name.
func documents(t testing.TB) map[string][]byte {
	return map[string][]byte{
		"chat":    mustDocument(t, chatServer(t).Spec(), &asyncapi.Options{Title: "Chat", Version: "1.0.0"}),
		"kitchen": mustDocument(t, kitchenServer(t, false).Spec(), nil),
		"camel":   mustDocument(t, kitchenServer(t, true).Spec(), allOptions()),
		"places":  mustDocument(t, places(), nil),
		"empty":   mustDocument(t, newServer(t, nil).Spec(), nil),
	}
}

func TestDocumentsMatchTheGoldenFiles(t *testing.T) {
	for name, doc := range documents(t) {
		golden(t, "testdata/"+name+".json", doc)
	}
}

func TestDocumentsAreValidAsyncAPI(t *testing.T) {
	for name, doc := range allDocuments(t) {
		v := parse(t, doc)
		version := v.(map[string]any)["asyncapi"].(string)
		if err := official(t, version).Validate(v); err != nil {
			t.Errorf("%s: %v", name, err)
		}
	}
	doc := mustDocument(t, kitchenServer(t, false).Spec(), &asyncapi.Options{AsyncAPI: "3.1.0"})
	if err := official(t, "3.1.0").Validate(parse(t, doc)); err != nil {
		t.Error(err)
	}
}

// TestReferencesOfADocumentLead follows each reference. AsyncAPI's own schema does not.
func TestReferencesOfADocumentLead(t *testing.T) {
	for name, text := range allDocuments(t) {
		doc, seen := parse(t, text), 0
		var visit func(v any)
		visit = func(v any) {
			switch v := v.(type) {
			case map[string]any:
				if ref, ok := v["$ref"].(string); ok {
					seen++
					at(t, doc, ref)
				}
				for _, part := range v {
					visit(part)
				}
			case []any:
				for _, part := range v {
					visit(part)
				}
			}
		}
		visit(doc)
		if seen == 0 && name != "empty" {
			t.Errorf("%s has no references", name)
		}
	}
}

// TestExamplesFitTheirFrames validates each example with the schema of its message.
func TestExamplesFitTheirFrames(t *testing.T) {
	for name, text := range allDocuments(t) {
		doc := parse(t, text)
		for key, schema := range frames(t, doc) {
			channel, message, _ := strings.Cut(key, " ")
			m := at(t, doc, "#/channels/"+channel+"/messages/"+message).(map[string]any)
			examples, _ := m["examples"].([]any)
			if len(examples) == 0 {
				t.Errorf("%s: %s has no example", name, key)
			}
			for _, e := range examples {
				if err := schema.Validate(e.(map[string]any)["payload"]); err != nil {
					t.Errorf("%s: %s: %v", name, key, err)
				}
			}
		}
	}
}

func TestEveryWildcardHasAParameter(t *testing.T) {
	doc := parse(t, mustDocument(t, kitchenServer(t, false).Spec(), nil))
	for key, c := range at(t, doc, "#/channels").(map[string]any) {
		address := c.(map[string]any)["address"].(string)
		parameters, _ := c.(map[string]any)["parameters"].(map[string]any)
		for name := range parameters {
			if !strings.Contains(address, "{"+name+"}") {
				t.Errorf("%s: %s has no {%s}", key, address, name)
			}
		}
		if n := strings.Count(address, "{"); n != len(parameters) {
			t.Errorf("%s: %s has %d wildcards and %d parameters", key, address, n, len(parameters))
		}
	}
}

// TestChannelsOfOneNameAreToldApartByAddress: their keys do not depend on the order.
func TestChannelsOfOneNameAreToldApartByAddress(t *testing.T) {
	spec := kitchenServer(t, false).Spec()
	keys := func() (list []string) {
		for key := range at(t, parse(t, mustDocument(t, spec, nil)), "#/channels").(map[string]any) {
			list = append(list, key)
		}
		slices.Sort(list)
		return list
	}
	got := keys()
	if want := []string{"kitchen", "larder_files_path", "larder_root"}; !slices.Equal(got, want) {
		t.Errorf("got %q, want %q", got, want)
	}
	slices.Reverse(spec.Channels)
	if again := keys(); !slices.Equal(again, got) {
		t.Errorf("got %q in another order", again)
	}
}

// TestRepliesDoNotComeUnasked: an operation of kind send is only for what a client has not asked for.
func TestRepliesDoNotComeUnasked(t *testing.T) {
	doc := parse(t, mustDocument(t, kitchenServer(t, false).Spec(), nil))
	var got []string
	for key, o := range at(t, doc, "#/operations").(map[string]any) {
		if name, ok := strings.CutPrefix(key, "kitchen.send."); ok {
			got = append(got, fmt.Sprint(name, " ", at(t, o, "x-chanx/kind")))
		}
	}
	slices.Sort(got)
	want := []string{"authentication send", "error send", "news send", "price send", "traced.sent send", "typing send"}
	if !slices.Equal(got, want) {
		t.Errorf("got %q, want %q", got, want)
	}
}

// TestMessagesOfTheLibraryAreWrittenOnce: a number in a key would depend on other channels.
func TestMessagesOfTheLibraryAreWrittenOnce(t *testing.T) {
	for name, text := range allDocuments(t) {
		messages, _ := at(t, parse(t, text), "#/components").(map[string]any)["messages"].(map[string]any)
		for key, m := range messages {
			if m.(map[string]any)["name"] != key {
				t.Errorf("%s: %s", name, key)
			}
		}
	}
}

func TestTypesThatNoMessageNeedsAreLeftOut(t *testing.T) {
	for name, text := range documents(t) {
		for _, word := range []string{"Secret", "Unused"} {
			if bytes.Contains(text, []byte(word)) {
				t.Errorf("%s contains %s", name, word)
			}
		}
	}
}

func TestADocumentIsTheSameEachTime(t *testing.T) {
	first := mustDocument(t, kitchenServer(t, true).Spec(), nil)
	for range 5 {
		if again := mustDocument(t, kitchenServer(t, true).Spec(), nil); !bytes.Equal(first, again) {
			t.Fatal("it differs")
		}
	}
}

func TestBadOptionsAreErrors(t *testing.T) {
	for want, o := range map[string]*asyncapi.Options{
		`Options.AsyncAPI "2.6.0": use 3.0.0 or 3.1.0`:     {AsyncAPI: "2.6.0"},
		`Options.License.Name is empty`:                    {License: &asyncapi.License{}},
		`Options.ExternalDocs.URL is empty`:                {ExternalDocs: &asyncapi.ExternalDocs{}},
		`Options.Tags: Name is empty`:                      {Tags: []asyncapi.Tag{{}}},
		`Options.Contact.URL "x": it is not an absolute`:   {Contact: &asyncapi.Contact{URL: "x"}},
		`Options.Servers[0]: its Host is empty`:            {Servers: []asyncapi.Server{{}}},
		`Options.Servers[1].Name "a": use letters`:         {Servers: []asyncapi.Server{{Host: "a"}, {Host: "a"}}},
		`Options.Servers[0].Name "a b": use letters`:       {Servers: []asyncapi.Server{{Host: "a", Name: "a b"}}},
		`Options.TermsOfService "/t": it is not an absolu`: {TermsOfService: "/t"},
	} {
		if _, err := asyncapi.Document(chanx.Spec{}, o); err == nil || !strings.Contains(err.Error(), want) {
			t.Errorf("got %v, want %s", err, want)
		}
	}
}

// BenchmarkDocument writes a document of 200 messages.
func BenchmarkDocument(b *testing.B) {
	spec := kitchenServer(b, false).Spec()
	one := spec.Channels[0]
	messages := len(one.Receives) + len(one.Sends)
	for i := range 200/messages + 1 {
		next := one
		next.Name = fmt.Sprint("kitchen", i)
		spec.Channels = append(spec.Channels, next)
	}
	size := 0
	for b.Loop() {
		size = len(mustDocument(b, spec, nil))
	}
	b.ReportMetric(float64(size), "bytes")
}

// BenchmarkSpec describes a server of about 70 messages.
func BenchmarkSpec(b *testing.B) {
	srv := kitchenServer(b, false)
	for b.Loop() {
		srv.Spec()
	}
}
