package chanx

import (
	"context"
	"encoding/json"
	"log/slog"
	"net/http"
	"strings"
	"testing"
	"unicode/utf8"

	"github.com/chanx-go/chanx/internal/cluster"
)

type fuzzed struct{ *Conn }

type fuzzMessage struct {
	Text  string         `json:"text" minLength:"1" maxLength:"20" pattern:"^[a-z ]*$"`
	N     int8           `json:"n" default:"3" maximum:"100"`
	List  []fuzzMessage  `json:"list,omitempty" maxItems:"3"`
	Any   map[string]any `json:"any,omitempty"`
	Maybe *float64       `json:"maybe"`
}

func (fuzzMessage) Action() string { return "fuzz" }

// FuzzEnvelope checks that no frame causes a panic, that the answer to an invalid frame is valid JSON with a location for
// every item and no Go name, and that an accepted frame has a known type.
func FuzzEnvelope(f *testing.F) {
	for _, seed := range []string{
		`{"action":"fuzz","payload":{"text":"hi","n":1.0,"list":[{"text":"x"}],"any":{"a":[1,null]},"maybe":1e3},"ref":"7"}`,
		`{"payload":{"text":""},"action":"fuzz","topic":1,"ref":2}`, `{"action":"ping"}`, `{"action":"chanx.cancel","ref":"7"}`, `{"action":"chanx.ping"}`,
		`[]`, `{"action":"fuzz","action":"fuzz"}`, "\xff", `{"action":"\u0066uzz","payload":{"text":"\ud83d\ude00"}}`, ``, `{"action":"fuzz","payload":`,
	} {
		f.Add(seed)
	}
	c := NewConsumer(func(c *Conn, _ *http.Request) (*fuzzed, error) { return &fuzzed{c}, nil }, nil)
	On(c, func(*fuzzed, context.Context, fuzzMessage) error { return nil })
	m := newMount(NewServer(&ServerOptions{Logger: slog.New(slog.DiscardHandler)}), "/", &c.end)
	f.Fuzz(func(t *testing.T, text string) {
		frame, items := m.read([]byte(text))
		if action, _ := m.readControl([]byte(text)); action != "" && frame.in != nil {
			t.Errorf("%q is a cancel and a message", text)
		}
		if items == nil {
			if frame.in == nil && !strings.Contains(text, "c") {
				t.Errorf("%q is accepted as nothing", text)
			}
			return
		}
		if frame.in != nil || len(items) == 0 || len(items) > 20 {
			t.Errorf("%q: %d items, and a message: %v", text, len(items), frame.in != nil)
		}
		b, _, err := m.appendFrame(nil, ErrorMessage{items}, frame.ref)
		if err != nil || !json.Valid(b) || !utf8.Valid(b) {
			t.Errorf("%q: told %q, %v", text, b, err)
		}
		for _, i := range items {
			if i.Loc == nil || i.Type == "" || i.Msg == "" || strings.Contains(i.Msg, "fuzzMessage") || strings.Contains(i.Msg, "reflect") {
				t.Errorf("%q: item %+v", text, i)
			}
		}
	})
}

// FuzzNames checks that different accepted names of groups, users, connections and nodes have different subjects.
func FuzzNames(f *testing.F) {
	for _, seed := range []string{"lobby", "a b", "日本", "g/x", "NODE.conn", "\x00", strings.Repeat("x", 201), "c/", "."} {
		f.Add(seed, "other")
	}
	f.Fuzz(func(t *testing.T, a, b string) {
		if checkName("group name", a) != nil || checkName("group name", b) != nil {
			return
		}
		subjects := map[string]string{}
		for _, name := range []string{a, b} {
			for kind, s := range map[string]string{
				"group": cluster.GroupSubject(name), "user": cluster.UserSubject(name), "conn": cluster.ConnSubject(name), "node": cluster.NodeSubject(name),
			} {
				id := kind + name
				if other, taken := subjects[s]; taken && other != id {
					t.Errorf("%q is the subject of %q and of %q", s, other, id)
				}
				if subjects[s] = id; len(s) > 255 || s == cluster.Everyone {
					t.Errorf("subject %q", s)
				}
			}
			if cluster.SubjectOf(cluster.GroupSubject(name)) != cluster.GroupSubject(name) || cluster.SubjectOf(cluster.UserSubject(name)) != cluster.UserSubject(name) {
				t.Errorf("%q is published elsewhere", name)
			}
		}
	})
}
