package chanx_test

import (
	"context"
	"encoding/json"
	"errors"
	"fmt"
	"log/slog"
	"net/http"
	"slices"
	"strings"
	"testing"
	"testing/synctest"

	"github.com/chanx-go/chanx"
	"github.com/chanx-go/chanx/chanxtest"
)

// dialled returns a connected client; OnOpen has run.
func dialled(t *testing.T, srv *chanx.Server, path string) *chanxtest.Conn {
	t.Helper()
	client := chanxtest.Dial(t, srv, path, nil)
	synctest.Wait()
	return client
}

func TestRefusalCanBeInspected(t *testing.T) {
	err := fmt.Errorf("login: %w", errors.Join(errors.New("x"), chanx.Refuse(http.StatusForbidden, "members only")))
	var r *chanx.RefusalError
	if !errors.As(err, &r) || r.Status != http.StatusForbidden || r.Detail != "members only" {
		t.Errorf("%+v", r)
	}
}

// TestRefusalsOfHandlers checks that the client receives an error with the reason of the status, that the connection stays
// open, and that nothing is logged.
func TestRefusalsOfHandlers(t *testing.T) {
	for status, reason := range map[int]string{
		403: "forbidden", 404: "not_found", 401: "unauthorized", 409: "conflict", 418: "im_a_teapot", 422: "unprocessable_entity",
		429: "too_many_requests", 499: "status_499", 503: "service_unavailable", 505: "http_version_not_supported",
	} {
		log := &logRecorder{}
		bubble(t, chanx.ServerOptions{Logger: slog.New(log)}, func(t *testing.T, srv *chanx.Server) {
			srv.Handle("/ws", allKinds(func(context.Context) error { return fmt.Errorf("load: %w", chanx.Refuse(status, "a detail")) }))
			client := dialled(t, srv, "/ws")
			start(t, srv, client, func(action, ref string) {
				if detail := client.ExpectError(reason); detail != "a detail" {
					t.Errorf("%s: detail %q", action, detail)
				}
			})
			if lines := log.take(); len(lines) != 0 {
				t.Errorf("log %q", lines)
			}
		})
	}
}

// TestRefusalOfOnOpen checks that the client receives an error and that the close code is 4000 plus the status.
func TestRefusalOfOnOpen(t *testing.T) {
	log := &logRecorder{}
	bubble(t, chanx.ServerOptions{Logger: slog.New(log)}, func(t *testing.T, srv *chanx.Server) {
		c := newState()
		c.OnOpen(func(*state, context.Context) error { return chanx.Refuse(http.StatusForbidden, "members only") })
		srv.Handle("/ws", c)
		client := dialled(t, srv, "/ws")
		client.ExpectError("forbidden")
		if reason := client.ExpectClosed(4403); reason != "members only" {
			t.Errorf("reason %q", reason)
		}
		if lines := log.take(); len(lines) != 0 {
			t.Errorf("log %q", lines)
		}
	})
}

// TestRefusalWithoutAnErrorStatus checks that it is an internal error wherever it is returned.
func TestRefusalWithoutAnErrorStatus(t *testing.T) {
	for name, bad := range map[string]*chanx.RefusalError{"zero": {}, "200": {Status: 200}, "nil": nil} {
		t.Run(name, func(t *testing.T) {
			log := &logRecorder{}
			bubble(t, chanx.ServerOptions{Logger: slog.New(log)}, func(t *testing.T, srv *chanx.Server) {
				srv.Handle("/ws", probe(func(*state, context.Context, sayMessage) error { return bad }))
				srv.Handle("/open", chanx.NewConsumer(func(*chanx.Conn, *http.Request) (*state, error) { return nil, bad }, nil))
				client := dialled(t, srv, "/ws")
				client.Send(sayMessage{"x"})
				client.ExpectError("internal")
				refused := chanxtest.Dial(t, srv, "/open", nil)
				refused.ExpectRefused(500)
				if lines := log.take(); len(lines) != 2 || slices.ContainsFunc(lines, func(l string) bool { return l[:5] != "ERROR" }) {
					t.Errorf("log %q", lines)
				}
			})
		})
	}
}

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
