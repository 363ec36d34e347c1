package chanx_test

import (
	"context"
	"encoding/json"
	"errors"
	"fmt"
	"io"
	"net/http"
	"net/url"
	"reflect"
	"strings"
	"testing"
	"testing/synctest"

	"github.com/chanx-go/chanx"
	"github.com/chanx-go/chanx/chanxtest"
)

// entry is what a client gives to enter a room.
type entry struct {
	Room     string   `path:"room" pattern:"^[a-z0-9-]+$" maxLength:"40"`
	SinceDay int      `query:"since_day" default:"0" minimum:"0"`
	Lang     *string  `query:"lang" enum:"en,de"`
	Tags     []string `query:"tag" maxItems:"2"`
}

func (e entry) Validate() error {
	if e.SinceDay > 0 && len(e.Tags) == 0 {
		return chanx.ValidationError{{Type: "no_tags", Loc: []any{"tag"}, Msg: "Say which tags"}}
	}
	return nil
}

// entrance returns a consumer that sends each connection its parameters.
func entrance(opts *chanx.ConsumerOptions) *chanx.Consumer[desk] {
	c := chanx.NewConsumerWith(func(c *chanx.Conn, _ *http.Request, e entry) (*desk, error) {
		lang := "none"
		if e.Lang != nil {
			lang = *e.Lang
		}
		return &desk{c, fmt.Sprint(e.Room, " ", e.SinceDay, " ", lang, " ", e.Tags)}, nil
	}, opts)
	c.OnOpen(func(d *desk, ctx context.Context) error { return d.Send(ctx, answerMessage{d.name}) })
	chanx.Sends[answerMessage](c)
	return c
}

func TestParametersReachOpen(t *testing.T) {
	bubble(t, chanx.ServerOptions{Camelize: true}, func(t *testing.T, srv *chanx.Server) {
		srv.Handle("/rooms/{room}", entrance(nil))
		for path, want := range map[string]string{
			"/rooms/a":                               "a 0 none []",
			"/rooms/a?lang=de&since_day=3&tag=x":     "a 3 de [x]",
			"/rooms/a?tag=%26&tag=x%20y&sinceDay=no": "a 0 none [& x y]",
		} {
			client := chanxtest.Dial(t, srv, path, nil)
			client.ExpectAuthenticated()
			if got := chanxtest.Receive[answerMessage](client).Message.Answer; got != want {
				t.Errorf("%s: open got %q, want %q", path, got, want)
			}
		}
	})
}

func TestWrongParametersRefuseTheConnection(t *testing.T) {
	bubble(t, chanx.ServerOptions{}, func(t *testing.T, srv *chanx.Server) {
		srv.Handle("/rooms/{room}", entrance(nil))
		for path, want := range map[string]string{
			"/rooms/a?lang=fr&lang=de":               "400 [query lang]",
			"/rooms/a?since_day=x&tag=1&tag=2&tag=3": "400 [query since_day] [query tag]",
			"/rooms/a?since_day=1":                   "400 [query tag]",
			"/rooms/a?%zz":                           "400 [query]",
			"/rooms/A?since_day=x":                   "404 [path room] [query since_day]",
			"/rooms/" + strings.Repeat("a", 10_000):  "404 [path room]",
		} {
			client := chanxtest.Dial(t, srv, path, nil)
			m := chanxtest.Receive[chanx.AuthenticationMessage](client).Message
			places := []string{fmt.Sprint(m.StatusCode)}
			for _, item := range m.Data.Errors {
				places = append(places, fmt.Sprint(item.Loc))
			}
			if got := strings.Join(places, " "); got != want || m.Data.Detail != "invalid parameters" {
				t.Errorf("%.60s: refused with %s %q, want %s", path, got, m.Data.Detail, want)
			}
			client.ExpectClosed(4000 + m.StatusCode)
		}
	})
}

func TestParametersAreCheckedAfterTheAuthenticatorAndBeforeOpen(t *testing.T) {
	bubble(t, chanx.ServerOptions{RefuseWithHTTP: true}, func(t *testing.T, srv *chanx.Server) {
		opened := false
		c := chanx.NewConsumerWith(func(c *chanx.Conn, _ *http.Request, _ entry) (*desk, error) {
			opened = true
			return &desk{c, ""}, nil
		}, &chanx.ConsumerOptions{Authenticator: chanx.AuthenticatorFunc(func(r *http.Request) (chanx.Identity, error) {
			if r.Header.Get("User") == "" {
				return chanx.Identity{}, chanx.Refuse(http.StatusUnauthorized, "who are you")
			}
			return chanx.Identity{UserID: r.Header.Get("User")}, nil
		})})
		srv.Handle("/rooms/{room}", c)
		if got := chanxtest.DialRefused(t, srv, "/rooms/A", nil).StatusCode; got != http.StatusUnauthorized {
			t.Errorf("without a user: status %d", got)
		}
		ann := &chanxtest.DialOptions{Header: http.Header{"User": {"ann"}}}
		if got := chanxtest.DialRefused(t, srv, "/rooms/A", ann).StatusCode; got != http.StatusNotFound || opened {
			t.Errorf("with a wrong room: status %d, open was called: %v", got, opened)
		}
		if n := srv.Stats().Connections; n != 0 {
			t.Errorf("%d connections", n)
		}
	})
}

func TestParametersBehindOtherRouters(t *testing.T) {
	bubble(t, chanx.ServerOptions{}, func(t *testing.T, srv *chanx.Server) {
		type file struct {
			Shelf int8   `path:"shelf"`
			Rest  string `path:"rest"`
		}
		c := chanx.NewConsumerWith(func(c *chanx.Conn, r *http.Request, f file) (*state, error) {
			return &state{c}, c.Join(r.Context(), fmt.Sprint(r.PathValue("tenant"), f.Shelf, f.Rest))
		}, &chanx.ConsumerOptions{AuthenticationMessage: chanx.Disabled})
		handler := srv.Handler("/shelves/{shelf}/{rest...}", c)
		outer := http.NewServeMux()
		outer.HandleFunc("/shelves/", func(w http.ResponseWriter, r *http.Request) {
			r.SetPathValue("tenant", "acme")
			handler.ServeHTTP(w, r)
		})
		for path, group := range map[string]string{"/shelves/7/": "acme7", "/shelves/-1/x/y": "acme-1x/y"} {
			chanxtest.Dial(t, outer, path, nil)
			synctest.Wait()
			if n := srv.Count(group); n != 1 {
				t.Errorf("%s: %d in group %s, want 1", path, n, group)
			}
		}
		chanxtest.Dial(t, outer, "/shelves/128/", nil).ExpectRefused(http.StatusNotFound)
	})
}

func TestRefusedParametersAreListedInAPlainAnswer(t *testing.T) {
	bubble(t, chanx.ServerOptions{RefuseWithHTTP: true}, func(t *testing.T, srv *chanx.Server) {
		srv.Handle("/rooms/{room}", entrance(nil))
		r := chanxtest.DialRefused(t, srv, "/rooms/a?lang=fr", nil)
		body, err := io.ReadAll(r.Body)
		if want := "invalid parameters\nquery.lang: Input should be 'en' or 'de'\n"; string(body) != want || err != nil {
			t.Errorf("body %q, %v, want %q", body, err, want)
		}
	})
}

func TestParametersAreDescribedInSpec(t *testing.T) {
	srv := serve(nil, "/rooms/{room}/{file...}", entrance(nil))
	c := srv.Spec().Channels[0]
	got, err := json.Marshal(c.Parameters)
	want := `[{"name":"room","in":"path","schema":{"type":"string","pattern":"^[a-z0-9-]+$","maxLength":40},"required":true,"example":"a"},` +
		`{"name":"file","in":"path","schema":{"type":"string"},"required":true,"rest":true},` +
		`{"name":"since_day","in":"query","schema":{"type":"integer","format":"int64","minimum":0,"default":0},"required":false,"default":0,"example":0},` +
		`{"name":"lang","in":"query","schema":{"type":"string","enum":["en","de"]},"required":false,"example":"en"},` +
		`{"name":"tag","in":"query","schema":{"type":"array","items":{"type":"string"},"maxItems":2},"required":false,"repeated":true,"example":["text"]}]`
	if string(got) != want || err != nil || !c.Welcome {
		t.Errorf("got %s, %v, welcome %v, want %s", got, err, c.Welcome, want)
	}
}

func TestMistakesInParametersPanic(t *testing.T) {
	open := func(c *chanx.Conn, _ *http.Request, _ entry) (*state, error) { return &state{c}, nil }
	for _, tt := range []mistake{
		{"nil", func() { chanx.NewConsumerWith[state, entry](nil, nil) }, []string{"state", "open is nil"}},
		{"no struct", func() {
			chanx.NewConsumerWith(func(*chanx.Conn, *http.Request, url.Values) (*state, error) { return nil, errors.ErrUnsupported }, nil)
		}, []string{"state", "url.Values", "fields of a struct"}},
		{"no tag", func() {
			chanx.NewConsumerWith(func(*chanx.Conn, *http.Request, struct{ Room string }) (*state, error) {
				return nil, errors.ErrUnsupported
			}, nil)
		}, []string{"Room", `path:"name"`}},
		{"no wildcard", func() {
			chanx.NewServer(nil).Handle("/ws/{name}", chanx.NewConsumerWith(open, &chanx.ConsumerOptions{Name: "hall"}))
		}, []string{`"/ws/{name}"`, "hall", `path:"room"`, "write {room} in it"}},
	} {
		said := panicOf(tt.do)
		for _, part := range tt.says {
			if !strings.Contains(said, part) {
				t.Errorf("%s: panic %q, want it to say %q", tt.name, said, part)
			}
		}
	}
}

// TestParametersAreReadByOneCall checks that a value of one request does not reach another.
func TestParametersAreReadByOneCall(t *testing.T) {
	bubble(t, chanx.ServerOptions{}, func(t *testing.T, srv *chanx.Server) {
		var got []entry
		srv.Handle("/rooms/{room}", chanx.NewConsumerWith(func(c *chanx.Conn, _ *http.Request, e entry) (*state, error) {
			got = append(got, e)
			return &state{c}, nil
		}, nil))
		chanxtest.Dial(t, srv, "/rooms/a?tag=x&lang=de", nil)
		chanxtest.Dial(t, srv, "/rooms/b", nil)
		if want := (entry{Room: "b", Tags: []string{}}); len(got) != 2 || !reflect.DeepEqual(got[1], want) {
			t.Errorf("open got %+v, want %+v last", got, want)
		}
	})
}
