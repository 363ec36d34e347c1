package chanx_test

import (
	"context"
	"encoding/json"
	"strings"
	"testing"

	"github.com/chanx-go/chanx"
	"github.com/chanx-go/chanx/chanxtest"
)

type (
	longOne   struct{}
	longTwo   struct{}
	longThree struct{}
)

func (longOne) Action() string   { return "one_" + strings.Repeat("é", 300) }
func (longTwo) Action() string   { return "two_" + strings.Repeat("é", 300) }
func (longThree) Action() string { return "three_" + strings.Repeat("é", 300) }

// TestErrorTextsForClientsAreBounded checks that each text that a client causes and receives is at most 1 KiB long, and
// valid UTF-8.
func TestErrorTextsForClientsAreBounded(t *testing.T) {
	bubble(t, chanx.ServerOptions{}, func(t *testing.T, srv *chanx.Server) {
		c := probe(func(_ *state, _ context.Context, m sayMessage) error {
			return chanx.NewError("bad_"+m.Text, "no "+m.Text)
		})
		chanx.On(c, func(*state, context.Context, longOne) error { return nil })
		chanx.On(c, func(*state, context.Context, longTwo) error { return nil })
		chanx.On(c, func(*state, context.Context, longThree) error { return nil })
		srv.Handle("/ws", c)
		client := chanxtest.Dial(t, srv, "/ws", nil)
		long := strings.Repeat("é", 5000)
		for _, sent := range []string{
			`{"action":"` + long + `"}`,
			`{"action":["` + long + `"]}`,
			`{"action":"unknown"}`,
			`{"action":"say","payload":{"text":"` + long + `"}}`,
			`{"` + long + `":1,"` + long + `":1}`,
			`{"action":"say","payload":"` + long + `\ud800"}`,
		} {
			client.SendText(sent)
			var answer any
			if err := json.Unmarshal([]byte(client.Next()), &answer); err != nil {
				t.Fatal(err)
			}
			if n := longest(answer); n > 1024 || n < 20 {
				t.Errorf("%.30s… is answered with a text of %d bytes", sent, n)
			}
		}
	})
}

// longest returns the length of the longest string in a JSON value.
func longest(v any) (n int) {
	switch v := v.(type) {
	case string:
		return len(v)
	case []any:
		for _, e := range v {
			n = max(n, longest(e))
		}
	case map[string]any:
		for _, e := range v {
			n = max(n, longest(e))
		}
	}
	return n
}
