//go:build abuse

package abuse_test

import (
	"context"
	"encoding/json"
	"fmt"
	"net/http"
	"strings"
	"testing"
	"unicode/utf8"

	"github.com/gobwas/ws"

	"github.com/chanx-go/chanx"
)

// asked sends a message and a ping, and returns the texts up to the pong.
func (r *raider) asked(m string) (texts []string, err error) {
	if err := r.say(append(text(m), text(message("ping", "null"))...)); err != nil {
		return nil, err
	}
	for {
		_, got, err := r.next()
		if err != nil || got == `{"action":"pong"}` {
			return texts, err
		}
		texts = append(texts, got)
	}
}

const failed = `{"action":"error","payload":{"reason":"internal","detail":"Failed to process message"},"ref":"1"}`

// TestInvalidGroupNames: a client that may name groups can send invalid names. It joins none of them, and the server
// continues.
func TestInvalidGroupNames(t *testing.T) {
	f := build(t, plan{})
	r, err := f.enter("/ws")
	if err != nil {
		t.Fatal(err)
	}
	for _, name := range []string{``, `\u0000`, `\n`, `\u007f`, `\u0085`, strings.Repeat("x", 201), strings.Repeat(`\u20ac`, 67)} {
		got, err := r.asked(`{"action":"visit","ref":"1","payload":{"Join":["fine","` + name + `"],"Leave":[]}}`)
		if err != nil || len(got) != 1 || got[0] != failed || f.srv.Count("fine") != 0 {
			t.Errorf("%.20q: got %q, %v; %d in the other group", name, got, err, f.srv.Count("fine"))
		}
	}
	if err := r.leave(); err != nil {
		t.Error(err)
	}
}

// TestInvalidRefs: an invalid ref is an item of a validation error; a valid one comes back unchanged.
func TestInvalidRefs(t *testing.T) {
	f := build(t, plan{})
	r, err := f.enter("/ws")
	if err != nil {
		t.Fatal(err)
	}
	for _, k := range []struct{ ref, want string }{
		{`""`, `"string_too_short"`},
		{`1`, `"string_type"`},
		{`null`, `"string_type"`},
		{`{"__proto__":1}`, `"string_type"`},
		{`"` + strings.Repeat("x", 65) + `"`, `"string_too_long"`},
		{`"` + strings.Repeat("\u20ac", 22) + `"`, `"string_too_long"`},
		{`"\ud800"`, `"json_invalid"`},
		{`"\u0000"`, `"ref":"\u0000"`},
		{`"__proto__"`, `"ref":"__proto__"`},
		{`"\"},{\""`, `"ref":"\"},{\""`},
		{`"` + strings.Repeat("\u20ac", 21) + `"`, `"ref":"` + strings.Repeat("\u20ac", 21) + `"`},
	} {
		got, err := r.asked(`{"action":"ask","payload":{"Text":"x"},"ref":` + k.ref + `}`)
		if err != nil || len(got) != 1 || !strings.Contains(got[0], k.want) {
			t.Errorf("%s: got %q, %v, want %s", k.ref, got, err, k.want)
		}
	}
	if err := r.leave(); err != nil {
		t.Error(err)
	}
}

// TestPrototypeNames: names with a special meaning in JavaScript have none here, wherever a client uses them.
func TestPrototypeNames(t *testing.T) {
	f := build(t, plan{})
	r, err := f.enter("/ws?apart")
	if err != nil {
		t.Fatal(err)
	}
	for _, name := range []string{"__proto__", "constructor", "prototype", "toString", "hasOwnProperty", "__class__", "valueOf", "then"} {
		whole := `{"` + name + `":{"` + name + `":"` + name + `"}}`
		for _, k := range []struct{ what, m, want string }{
			{"keys of a map", message("mirror", whole), message("mirror", whole)},
			{"a member of the frame", `{"` + name + `":{"payload":{"Text":"other"}},"action":"ask","payload":{"Text":"x"}}`, message("answer", `{"Text":"x"}`)},
			{"a field", message("ask", `{"`+name+`":{"Text":"other"},"Text":"x"}`), message("answer", `{"Text":"x"}`)},
			{
				"an action", message(name, `{}`), `{"action":"error","payload":[{"type":"union_tag_invalid","loc":[],"msg":"Input tag '` + name +
					`' found using 'action' does not match any of the expected tags: 'ask', 'mirror', 'say', 'visit', 'hold', 'form', 'pour', 'ping'"}]}`,
			},
			{
				"the path of an error", message("form", `{"counts":{"`+name+`":{"`+name+`":"x"}}}`),
				`{"action":"error","payload":[{"type":"int_type","loc":["payload","counts","` + name + `","` + name + `"],"msg":"Input should be a valid integer"}]}`,
			},
		} {
			if got, err := r.asked(k.m); err != nil || len(got) != 1 || got[0] != k.want {
				t.Errorf("%s as %s: got %q, %v, want %s", name, k.what, got, err, k.want)
			}
		}
		if got, err := r.asked(message("visit", `{"Join":["`+name+`"],"Leave":[]}`)); err != nil || len(got) != 0 || f.srv.Count(name) != 1 {
			t.Errorf("%s as a group: got %q, %v; %d members", name, got, err, f.srv.Count(name))
		}
		if err := f.srv.Broadcast(t.Context(), said{name}, chanx.To(name)); err != nil {
			t.Error(err)
		}
		if err := r.want(ws.OpText, `{"action":"said","payload":{"Text":"`+name+`"},"is_mine":false,"is_current":false}`); err != nil {
			t.Errorf("%s as a group: %v", name, err)
		}
	}
	if err := r.leave(); err != nil {
		t.Error(err)
	}
}

// garbled is an application that sends invalid UTF-8 wherever it can.
type garbled struct {
	*chanx.Conn
	path string
}

const noText = "a\xffb\xed\xa0\x80c"

// unruly is a message with its own MarshalJSON, which returns invalid UTF-8.
type unruly struct{}

func (unruly) Action() string               { return "unruly" }
func (unruly) MarshalJSON() ([]byte, error) { return []byte(`"` + noText + `"`), nil }

func (g *garbled) ask(ctx context.Context, m askMessage) (answer, error) {
	switch m.Text {
	case "error":
		return answer{}, chanx.NewError("bad"+noText, "bad "+noText)
	case "send":
		return answer{}, g.Send(ctx, answer{noText})
	case "raw":
		return answer{}, g.Send(ctx, chanx.Raw{Name: "raw", Payload: json.RawMessage(`"` + noText + `"`)})
	case "raw name":
		return answer{}, g.Send(ctx, chanx.Raw{Name: noText})
	case "raw broadcast":
		return answer{}, g.Broadcast(ctx, chanx.Raw{Name: "raw", Payload: json.RawMessage(`"` + noText + `"`)}, chanx.All())
	case "unruly":
		return answer{}, g.Send(ctx, unruly{})
	case "group":
		return answer{}, g.Join(ctx, noText)
	case "path":
		return answer{}, g.Join(ctx, "room_"+g.path)
	case "close":
		return answer{}, &chanx.CloseError{Code: 4000, Reason: noText}
	}
	return answer{noText}, nil
}

func newGarbled() *chanx.Consumer[garbled] {
	c := chanx.NewConsumer(func(c *chanx.Conn, r *http.Request) (*garbled, error) {
		if r.URL.Query().Has("refuse") {
			return nil, chanx.Refuse(http.StatusForbidden, noText)
		}
		return &garbled{c, r.PathValue("name")}, nil
	}, nil)
	chanx.OnRequest(c, (*garbled).ask)
	chanx.Sends[unruly](c)
	return c
}

// TestInvalidTextIsNotSent: if an application sends invalid UTF-8, taken from a client or a file, the bytes do not
// reach the wire: other members of its groups would have to close their connections (RFC 6455, section 8.1).
func TestInvalidTextIsNotSent(t *testing.T) {
	f := build(t, plan{also: func(s *chanx.Server) { s.Handle("/garbled/{name}", newGarbled()) }})
	r, err := f.enter("/garbled/a%ffb%ed%a0%80c")
	if err != nil {
		t.Fatal(err)
	}
	valid := func(what string, texts []string, err error) {
		for _, s := range texts {
			if !utf8.ValidString(s) || !json.Valid([]byte(s)) {
				err = fmt.Errorf("%q is not JSON in UTF-8", s)
			}
		}
		if err != nil {
			t.Errorf("%s: %v", what, err)
		}
	}
	for _, what := range []string{"reply", "error", "send", "raw", "raw name", "raw broadcast", "unruly", "group", "path"} {
		got, err := r.asked(message("ask", `{"Text":"`+what+`"}`))
		if err == nil && len(got) == 0 {
			err = fmt.Errorf("no reply")
		}
		valid(what, got, err)
	}
	if err := r.say(text(message("ask", `{"Text":"close"}`))); err != nil {
		t.Fatal(err)
	}
	texts, err := r.ends(4000)
	valid("close", texts, err)
	if r, err = f.dialRaw(opening("/garbled/x?refuse")); err != nil {
		t.Fatal(err)
	}
	if a, _, err := r.answer(); err != nil || a.StatusCode != http.StatusSwitchingProtocols {
		t.Fatal(a, err)
	}
	texts, err = r.ends(4403)
	valid("refusal", texts, err)
	if len(texts) != 1 {
		t.Errorf("a refused client got %q", texts)
	}
}

// TestIdentifiersCannotBeGuessed: ToConn needs nothing but a connection's id.
func TestIdentifiersCannotBeGuessed(t *testing.T) {
	const raiders, letters = 300, 26 // 26 letters of 32 are 130 bits
	f, g := build(t, plan{}), build(t, plan{})
	all := make([]*raider, raiders)
	f.crowd(raiders, func(i int) (err error) {
		all[i], err = f.enter("/ws")
		return err
	})
	seen, at := map[string]bool{}, [letters]map[byte]bool{}
	var node string
	for c := range f.srv.Conns() {
		n, secret, _ := strings.Cut(c.ID(), ".")
		if len(secret) != letters || len(n) < 12 || node != "" && n != node || seen[secret] {
			t.Fatalf("id %s after %d others", c.ID(), len(seen))
		}
		node, seen[secret] = n, true
		for i := range at {
			if at[i] == nil {
				at[i] = map[byte]bool{}
			}
			at[i][secret[i]] = true
		}
	}
	for i, kinds := range at {
		if len(kinds) < 25 { // of 32: with 301 ids it is hardly ever fewer than 31
			t.Errorf("letter %d is one of %d only", i, len(kinds))
		}
	}
	for c := range g.srv.Conns() {
		if strings.HasPrefix(c.ID(), node+".") {
			t.Errorf("two servers have the node %s", node)
		}
	}
	if len(seen) != raiders+1 {
		t.Errorf("%d connections, want %d", len(seen), raiders+1)
	}
	f.crowd(raiders, func(i int) error { return all[i].leave() })
}
