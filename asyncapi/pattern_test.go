package asyncapi_test

import (
	"context"
	"encoding/json"
	"regexp"
	"strings"
	"testing"

	"github.com/chanx-go/chanx"
	"github.com/chanx-go/chanx/asyncapi"
)

func patternSpec(pattern string) chanx.Spec {
	schema, _ := json.Marshal(map[string]any{"type": "object", "properties": map[string]any{
		"list": map[string]any{"type": "array", "items": map[string]any{"type": "string", "pattern": pattern}},
	}})
	return chanx.Spec{
		Discriminator: "action",
		Channels: []chanx.ChannelSpec{{Pattern: "/", Name: "room", Receives: []chanx.MessageSpec{{
			Action: "say", GoType: "app.Say", Payload: json.RawMessage(`{"$ref":"#/components/schemas/Say"}`),
		}}}},
		Schemas: json.RawMessage(`{"Say":` + string(schema) + `}`),
	}
}

// TestPatternsOfBothSyntaxesAreAccepted: each is also tried by Go's regexp here, and in JavaScript by contract-check.
func TestPatternsOfBothSyntaxesAreAccepted(t *testing.T) {
	for _, p := range []string{
		`^[a-z0-9-]+$`, `^(?:a|b)*?c{2,3}d{1,}e{0}$`, `[\w\-.]+\.\d`, `\/\\\^\$\*\+\?\(\)\[\]\{\}\|`, `(?<year>\d{4})`, `\x41\p{Lu}\P{L}`,
		`[^\]a]`, `\bword\B`, `é😀`, `[é-ü]`, `[\]]`, `[[a]`, `a|`, ``, `[$-/]`,
	} {
		regexp.MustCompile(p)
		if _, err := asyncapi.Document(patternSpec(p), nil); err != nil {
			t.Errorf("%s: %v", p, err)
		}
	}
}

func TestPatternsOfRE2OnlyAreErrors(t *testing.T) {
	for p, want := range map[string]string{
		`(?i)abc`: "(?i): write both cases", `a(?s:.)`: "flags", `(?P<year>\d)`: "write (?<year>"[:8], `\Aabc`: "write ^", `abc\z`: "write $",
		`[[:alpha:]]`: "[:alpha:]", `\pL`: `\p{L}`, `\p{^L}`: `\p{L}`, `\p{Greek}`: "ranges", `\x{1F600}`: "the character itself",
		`\Qa.b\E`: `\Q`, `[]a]`: `write \]`, `[^]a]`: `write \]`, `a{,2}`: `\{`, `{`: `\{`, `a}`: `\}`, `a]`: `\]`, `\a`: `\a`, `\@`: `\@`, `a\-b`: `\-`,
		`\101`: `\1`, `[\B]`: "",
	} {
		if want != "" {
			regexp.MustCompile(p)
		}
		_, err := asyncapi.Document(patternSpec(p), nil)
		if err == nil || !strings.Contains(err.Error(), want) {
			t.Errorf("%s: %v", p, err)
			continue
		}
		const where = `asyncapi: write document: message "say" (app.Say) of room: payload.list[]: pattern `
		if !strings.HasPrefix(err.Error(), where) {
			t.Errorf("%s: %v", p, err)
		}
	}
}

type Slug struct {
	Text string `json:"text" pattern:"(?i)^[a-z]+$" example:"abc"`
}

func (Slug) Action() string { return "slug" }

// TestATypeThatADocumentCannotExpressIsNamed goes through a real server.
func TestATypeThatADocumentCannotExpressIsNamed(t *testing.T) {
	c := newLarder(nil)
	chanx.On(c, func(*larder, context.Context, Slug) error { return nil })
	srv := newServer(t, nil)
	srv.Handle("/", c)
	_, err := asyncapi.Document(srv.Spec(), nil)
	const want = `asyncapi: write document: message "slug" (asyncapi_test.Slug) of larder: payload.text: pattern "(?i)^[a-z]+$": ` +
		`JSON Schema has the patterns of ECMA-262, and it has no flags like (?i): write both cases, such as [aA]`
	if err == nil || err.Error() != want {
		t.Errorf("got %v\nwant %s", err, want)
	}
}

func TestASpecThatIsNotWholeIsAnError(t *testing.T) {
	for schemas, want := range map[string]string{
		`{}`: `no schema "#/components/schemas/Say": give Document a whole Spec`, `[`: "read schemas", `{"Say":1`: "read schemas", `{"Say":{"properties":1}}`: "read schema",
	} {
		spec := patternSpec("")
		spec.Schemas = json.RawMessage(schemas)
		if _, err := asyncapi.Document(spec, nil); err == nil || !strings.Contains(err.Error(), want) {
			t.Errorf("%s: %v", schemas, err)
		}
	}
}
