package chanx_test

import (
	"bytes"
	"context"
	"encoding/json"
	"errors"
	"go/ast"
	"go/importer"
	"go/parser"
	"go/token"
	"go/types"
	"io"
	"net/http"
	"os"
	"os/exec"
	"strings"
	"testing"
	"testing/synctest"

	"github.com/chanx-go/chanx"
	"github.com/chanx-go/chanx/chanxtest"
)

// The requirements of docs/requirements.md that no other test shows.

type (
	noteMessage   string
	switchMessage bool
	looseMessage  map[string]any
	anyMessage    struct{ json.RawMessage }
	sealedMessage struct {
		Text string `json:"text"`
	}
)

func (sealedMessage) Action() string { return "sealed" }
func (noteMessage) Action() string   { return "note" }
func (switchMessage) Action() string { return "switch" }
func (looseMessage) Action() string  { return "custom" }
func (anyMessage) Action() string    { return "anything" }

// MarshalJSON returns the usual encoding of the fields with one more member.
func (m sealedMessage) MarshalJSON() ([]byte, error) {
	type fields sealedMessage
	return json.Marshal(struct {
		fields
		Extra string `json:"extra"`
	}{fields(m), "metadata"})
}

// answersItself registers a handler that replies with the message itself.
func answersItself[M chanx.Message](c *chanx.Consumer[state]) {
	chanx.OnRequest(c, func(_ *state, _ context.Context, m M) (M, error) { return m, nil })
}

// talk sends texts one by one and compares all frames that arrive with conversation.
func talk(t *testing.T, c *chanxtest.Conn, conversation string) {
	t.Helper()
	var got strings.Builder
	for line := range strings.Lines(conversation) {
		if text, ok := strings.CutPrefix(line, "> "); ok {
			got.WriteString(line)
			c.SendText(strings.TrimSuffix(text, "\n"))
			synctest.Wait()
			for range c.Pending() {
				got.WriteString("< " + c.Next() + "\n")
			}
		}
	}
	if got.String() != conversation {
		t.Errorf("got\n%swant\n%s", got.String(), conversation)
	}
}

func TestPayloadsMayBeAnyJSON(t *testing.T) {
	bubble(t, chanx.ServerOptions{}, func(t *testing.T, srv *chanx.Server) {
		c := newState()
		answersItself[noteMessage](c)
		answersItself[switchMessage](c)
		answersItself[looseMessage](c)
		answersItself[anyMessage](c)
		srv.Handle("/ws", c)
		talk(t, chanxtest.Dial(t, srv, "/ws", nil), `> {"action":"note","payload":"hi"}
< {"action":"note","payload":"hi"}
> {"action":"note","payload":{"text":"hi"}}
< {"action":"error","payload":[{"type":"string_type","loc":["payload"],"msg":"Input should be a valid string"}]}
> {"action":"switch","payload":true}
< {"action":"switch","payload":true}
> {"action":"custom","payload":{"a":[null,true,{"b":"c"}],"d":1}}
< {"action":"custom","payload":{"a":[null,true,{"b":"c"}],"d":1}}
> {"action":"anything","payload":null}
< {"action":"anything","payload":null}
> {"action":"anything","payload":[12345678901234567890]}
< {"action":"anything","payload":[12345678901234567890]}
`)
	})
}

func TestATypeMayAddToItsUsualForm(t *testing.T) {
	bubble(t, chanx.ServerOptions{}, func(t *testing.T, srv *chanx.Server) {
		c := newState()
		answersItself[sealedMessage](c)
		srv.Handle("/ws", c)
		talk(t, chanxtest.Dial(t, srv, "/ws", nil), `> {"action":"sealed","payload":{"text":"hi"}}
< {"action":"sealed","payload":{"text":"hi","extra":"metadata"}}
`)
	})
}

// TestUnionOfOnlyPing has the smallest consumer: a union with one case, the library's PingMessage.
func TestUnionOfOnlyPing(t *testing.T) {
	bubble(t, chanx.ServerOptions{}, func(t *testing.T, srv *chanx.Server) {
		c := chanx.NewConsumer(openState, &chanx.ConsumerOptions{Completions: chanx.Enabled})
		chanx.OnUnion(c, func(s *state, ctx context.Context, m chanx.Message) error {
			switch m.(type) {
			case chanx.Ping:
				return s.Send(ctx, chanx.Pong{})
			default:
				return errors.New("no other case is declared")
			}
		}, chanx.Case[chanx.Ping]())
		srv.Handle("/ws", c)
		srv.Handle("/built-in", newState())
		talk(t, chanxtest.Dial(t, srv, "/ws", nil), `> {"action":"ping"}
< {"action":"pong"}
< {"action":"complete"}
> {"action":"pong"}
< {"action":"error","payload":[{"type":"union_tag_invalid","loc":[],"msg":"Input tag 'pong' found using 'action' does not match any of the expected tags: 'ping'"}]}
< {"action":"complete"}
`)
		talk(t, chanxtest.Dial(t, srv, "/built-in", nil), `> {"action":"ping"}
< {"action":"pong"}
`)
	})
}

// TestAHandlerMaySendAnErrorOfItsOwn has a handler send its own error message; the handled message counts as successful.
func TestAHandlerMaySendAnErrorOfItsOwn(t *testing.T) {
	bubble(t, chanx.ServerOptions{Completions: true}, func(t *testing.T, srv *chanx.Server) {
		srv.Handle("/ws", probe(func(s *state, ctx context.Context, m sayMessage) error {
			return s.Send(ctx, chanx.ErrorMessage{Payload: map[string]string{"detail": "not " + m.Text}})
		}))
		talk(t, chanxtest.Dial(t, srv, "/ws", nil), `> {"action":"say","payload":{"text":"now"},"ref":"1"}
< {"action":"error","payload":{"detail":"not now"}}
< {"action":"complete","ref":"1"}
`)
	})
}

func TestTheClientMayNameTheGroupsOfABroadcast(t *testing.T) {
	bubble(t, chanx.ServerOptions{}, func(t *testing.T, srv *chanx.Server) {
		c := chanx.NewConsumer(func(c *chanx.Conn, r *http.Request) (*state, error) {
			return &state{c}, c.Join(r.Context(), r.URL.Query()["in"]...)
		}, nil)
		chanx.On(c, func(s *state, ctx context.Context, m joinMessage) error {
			return s.Broadcast(ctx, saidMessage{"hi"}, chanx.To(m.Groups...))
		})
		chanx.Broadcasts[saidMessage](c)
		srv.Handle("/ws", c)
		sender := chanxtest.Dial(t, srv, "/ws?in=c", nil)
		a, both, other := chanxtest.Dial(t, srv, "/ws?in=a", nil), chanxtest.Dial(t, srv, "/ws?in=a&in=b", nil), chanxtest.Dial(t, srv, "/ws", nil)
		synctest.Wait()
		sender.Send(joinMessage{[]string{"b", "a", "nobody"}})
		chanxtest.Receive[saidMessage](a)
		chanxtest.Receive[saidMessage](both)
		for _, c := range []*chanxtest.Conn{sender, a, both, other} {
			c.ExpectNothing()
		}
	})
}

func TestGroupsComeFromOptionsPathQueryAndUser(t *testing.T) {
	bubble(t, chanx.ServerOptions{}, func(t *testing.T, srv *chanx.Server) {
		c := chanx.NewConsumer(func(c *chanx.Conn, r *http.Request) (*state, error) {
			groups := []string{"room_" + r.PathValue("room"), "lang_" + r.URL.Query().Get("lang"), "user_" + c.Identity().UserID}
			return &state{c}, c.Join(r.Context(), groups...)
		}, &chanx.ConsumerOptions{Authenticator: byHeader, AuthenticationMessage: chanx.Disabled, Groups: []string{"announcements"}})
		c.OnOpen(func(s *state, ctx context.Context) error {
			return s.Send(ctx, answerMessage{s.Identity().UserID + " is in " + strings.Join(s.Groups(), " ")})
		})
		chanx.Sends[answerMessage](c)
		srv.Handle("/ws/{room}", c)
		client := chanxtest.Dial(t, srv, "/ws/lobby?lang=en", asUser("ann"))
		if got := chanxtest.Receive[answerMessage](client).Message.Answer; got != "ann is in room_lobby lang_en user_ann announcements" {
			t.Errorf("got %q", got)
		}
	})
}

func TestAnAuthenticatorMayVetoAnother(t *testing.T) {
	bubble(t, chanx.ServerOptions{}, func(t *testing.T, srv *chanx.Server) {
		banned := chanx.AuthenticatorFunc(func(r *http.Request) (chanx.Identity, error) {
			id, err := byHeader(r)
			if err == nil && id.UserID == "eve" {
				err = chanx.Refuse(http.StatusForbidden, "you are banned")
			}
			return id, err
		})
		srv.Handle("/ws", chanx.NewConsumer(openState, &chanx.ConsumerOptions{Authenticator: banned}))
		chanxtest.Dial(t, srv, "/ws", asUser("ann")).ExpectAuthenticated()
		for user, want := range map[string]string{"eve": "you are banned", "nobody": "log in first"} {
			status := map[string]int{"eve": http.StatusForbidden, "nobody": http.StatusUnauthorized}[user]
			if got := chanxtest.Dial(t, srv, "/ws", asUser(user)).ExpectRefused(status); got != want {
				t.Errorf("%s got %q, want %q", user, got, want)
			}
		}
	})
}

func TestRoutesAreThoseOfNetHTTP(t *testing.T) {
	bubble(t, chanx.ServerOptions{}, func(t *testing.T, srv *chanx.Server) {
		says := func(what string) *chanx.Consumer[state] {
			var values string
			c := chanx.NewConsumer(func(c *chanx.Conn, r *http.Request) (*state, error) {
				values = what + " " + r.PathValue("room") + r.PathValue("rest")
				return &state{c}, nil
			}, nil)
			c.OnOpen(func(s *state, ctx context.Context) error { return s.Send(ctx, answerMessage{values}) })
			chanx.Sends[answerMessage](c)
			return c
		}
		srv.Handle("/ws/{room}", says("room"))
		srv.Handle("/ws/help", says("help"))
		srv.Handle("/ws/files/{rest...}", says("file"))
		site := http.NewServeMux()
		site.Handle("/ws/", srv)
		site.HandleFunc("GET /{$}", func(w http.ResponseWriter, _ *http.Request) { _, _ = io.WriteString(w, "home") })
		for path, want := range map[string]string{
			"/ws/lobby": "room lobby", "/ws/a%2Fb": "room a/b", "/ws/help": "help ", "/ws/files/a/b": "file a/b", "/ws/files/": "file ",
		} {
			if got := chanxtest.Receive[answerMessage](chanxtest.Dial(t, site, path, nil)).Message.Answer; got != want {
				t.Errorf("%s: got %q, want %q", path, got, want)
			}
		}
		for _, path := range []string{"/ws/", "/ws/a/b"} {
			chanxtest.Dial(t, site, path, nil).ExpectRefused(404)
		}
		for path, want := range map[string]int{"/": 200, "/nowhere": 404} {
			if got := chanxtest.DialRefused(t, site, path, nil).StatusCode; got != want {
				t.Errorf("%s: status %d, want %d", path, got, want)
			}
		}
	})
}

// misuse has lines of code, and a part of the compiler's error for each; "" if the line compiles.
var misuse = map[string]string{
	"":                                      "",
	"chanx.On(c, (*State).answer)":          "", // a type may be both a request and a reply
	"chanx.On(c, (*State).plain)":           "M (type string) does not satisfy chanx.Message (missing method Action)",
	"chanx.On(c, (*State).other)":           "does not satisfy chanx.Message (missing method Action)",
	"chanx.OnRequest(c, (*State).answer)":   "does not match",
	"chanx.OnEvent(c, (*State).answer)":     "does not satisfy chanx.Event (missing method Event)",
	"chanx.Forward[chat.NotifyEvent](c)":    "does not satisfy interface{chanx.Event; chanx.Message} (missing method Action)",
	"chanx.On(chat.New(), (*State).answer)": "does not match",
	"c.OnOpen(func(*chat.Room, context.Context) error { return nil })": "cannot use",
	"chanx.Sends[chat.NotifyEvent](c)":                                 "does not satisfy chanx.Message (missing method Action)",
	`s.Send(ctx, "hi")`:                                                "missing method Action",
	"s.Emit(ctx, chat.Answer{})":                                       "missing method Event",
	"s.Broadcast(ctx, chat.NotifyEvent{})":                             "missing method Action",
}

const misuser = `package misuser
import ("context"; "github.com/chanx-go/chanx"; "github.com/chanx-go/chanx/internal/chat")
type State struct{ *chanx.Conn }
func (*State) answer(context.Context, chat.Answer) error { return nil }
func (*State) plain(context.Context, string) error { return nil }
func (*State) other(context.Context, chat.NotifyEvent) error { return nil }
func f(c *chanx.Consumer[State], s *State, ctx context.Context) { _ = chat.New; `

func TestTheCompilerFindsMisuse(t *testing.T) {
	fset, imports := token.NewFileSet(), compiledPackages(t)
	for code, want := range misuse {
		file, err := parser.ParseFile(fset, "misuser.go", misuser+code+" }", parser.SkipObjectResolution)
		if err != nil {
			t.Fatal(err)
		}
		said := ""
		if _, err := (&types.Config{Importer: imports}).Check("misuser", fset, []*ast.File{file}, nil); err != nil {
			said = err.Error()
		}
		if (said == "") != (want == "") || !strings.Contains(said, want) {
			t.Errorf("%s\ngot  %s\nwant %s", code, said, want)
		}
	}
}

// compiledPackages returns an importer that reads the compiler's export data of internal/chat and its imports.
func compiledPackages(t *testing.T) types.Importer {
	t.Helper()
	out, err := exec.CommandContext(t.Context(), "go", "list", "-export", "-deps", "-f", "{{.ImportPath}} {{.Export}}", "./internal/chat").Output()
	if err != nil {
		t.Fatalf("go list: %v", err)
	}
	files := map[string]string{}
	for line := range bytes.Lines(out) {
		path, file, _ := bytes.Cut(bytes.TrimSpace(line), []byte(" "))
		files[string(path)] = string(file)
	}
	return importer.ForCompiler(token.NewFileSet(), "gc", func(path string) (io.ReadCloser, error) { return os.Open(files[path]) })
}
