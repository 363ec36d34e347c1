package site

import (
	"bytes"
	"encoding/json"
	"io"
	"log/slog"
	"net/http"
	"net/http/httptest"
	"net/url"
	"slices"
	"strings"
	"testing"
	"time"

	"github.com/chanx-go/chanx"
	"github.com/chanx-go/chanx/chanxtest"
	"github.com/chanx-go/chanx/examples/chat/login"
	"github.com/chanx-go/chanx/examples/chat/room"
	"github.com/chanx-go/chanx/examples/chat/store"
)

// world is a site with its server, store and logins.
type world struct {
	Options
	t    *testing.T
	site http.Handler
}

func newWorld(t *testing.T) world {
	t.Helper()
	history, err := store.Open(t.Context(), "")
	if err != nil {
		t.Fatal(err)
	}
	logger := slog.New(slog.DiscardHandler)
	o := Options{
		Store: history, Members: room.Members{"staff": {"Ann"}}, Logins: login.New(login.NewKey()), Logger: logger,
		Server: chanx.NewServer(&chanx.ServerOptions{Logger: logger}),
	}
	o.Server.Handle("/ws/rooms/{room}", room.New(room.Options{Store: history, Members: o.Members, Logins: o.Logins, Logger: logger}))
	t.Cleanup(func() {
		if err := o.Server.Shutdown(t.Context()); err != nil && t.Context().Err() == nil {
			t.Error(err)
		}
		if err := history.Close(); err != nil {
			t.Error(err)
		}
	})
	return world{o, t, New(o)}
}

// cookie returns the Cookie header of a user's browser.
func (w world) cookie(user string) string {
	w.t.Helper()
	rec := httptest.NewRecorder()
	if err := w.Logins.Issue(rec, httptest.NewRequest(http.MethodGet, "/", nil), user); err != nil {
		w.t.Fatal(err)
	}
	value, _, _ := strings.Cut(rec.Header().Get("Set-Cookie"), ";")
	return value
}

// do sends a request as a user; "" is no login. Headers are name, value, ….
func (w world) do(user, method, target, body string, header ...string) *http.Response {
	w.t.Helper()
	r := httptest.NewRequest(method, target, strings.NewReader(body))
	if user != "" {
		r.Header.Set("Cookie", w.cookie(user))
	}
	for pair := range slices.Chunk(header, 2) {
		r.Header.Set(pair[0], pair[1])
	}
	rec := httptest.NewRecorder()
	w.site.ServeHTTP(rec, r)
	return rec.Result()
}

const (
	formType = "application/x-www-form-urlencoded"
	jsonType = "application/json"
)

func (w world) postForm(user, target string, form url.Values, header ...string) *http.Response {
	w.t.Helper()
	return w.do(user, http.MethodPost, target, form.Encode(), append(header, "Content-Type", formType)...)
}

func body(t *testing.T, r *http.Response) string {
	t.Helper()
	b, err := io.ReadAll(r.Body)
	if err != nil {
		t.Fatal(err)
	}
	return string(b)
}

func TestRoutes(t *testing.T) {
	t.Parallel()
	w := newWorld(t)
	tests := []struct {
		name, user, method, target string
		status                     int
		location                   string
		shows                      string
	}{
		{"home without login", "", "GET", "/", 200, "", `action="/login"`},
		{"home for a room", "", "GET", "/?room=go", 200, "", `name="room" value="go"`},
		{"home with login", "Ann", "GET", "/", 303, "/rooms/lobby", ""},
		{"home with login, for a room", "Ann", "GET", "/?room=go", 303, "/rooms/go", ""},
		{"home leads nowhere else", "Ann", "GET", "/?room=//evil.example", 303, "/rooms/lobby", ""},
		{"HEAD is a GET", "", "HEAD", "/", 200, "", ""},
		{"room", "Bob", "GET", "/rooms/lobby", 200, "", `data-room="lobby"`},
		{"room without login", "", "GET", "/rooms/go", 303, "/?room=go", ""},
		{"room with a bad name", "Ann", "GET", "/rooms/Lobby", 404, "", "no room of that name"},
		{"bad name before login", "", "GET", "/rooms/Lobby", 404, "", "no room of that name"},
		{"members-only room, member", "Ann", "GET", "/rooms/staff", 200, "", `data-room="staff"`},
		{"members-only room, other", "Bob", "GET", "/rooms/staff", 403, "", "members only"},
		{"find a room", "Ann", "GET", "/rooms?name=+My++Room+", 303, "/rooms/my-room", ""},
		{"find nonsense", "Ann", "GET", "/rooms?name=%2F..%2F", 404, "", "letters a to z"},
		{"log out", "Ann", "POST", "/logout", 303, "/", ""},
		{"log out by a link", "Ann", "GET", "/logout", 405, "", ""},
		{"login is a POST", "", "GET", "/login", 405, "", ""},
		{"notify is a POST", "Ann", "GET", "/rooms/lobby/notify", 405, "", ""},
		{"style", "", "GET", "/static/chat.css", 200, "", ":root"},
		{"script", "", "GET", "/static/chat.js", 200, "", "import"},
		{"no such file", "", "GET", "/static/none.js", 404, "", ""},
		{"no list of files", "", "GET", "/static/", 404, "", ""},
		{"templates are not files", "", "GET", "/static/..%2Froom.html", 400, "", ""},
		{"no such page", "Ann", "GET", "/nowhere", 404, "", ""},
	}
	for _, tt := range tests {
		t.Run(tt.name, func(t *testing.T) {
			r := w.do(tt.user, tt.method, tt.target, "")
			if r.StatusCode != tt.status || r.Header.Get("Location") != tt.location {
				t.Errorf("%s %s = %d to %q, want %d to %q", tt.method, tt.target, r.StatusCode, r.Header.Get("Location"), tt.status, tt.location)
			}
			if got := body(t, r); !strings.Contains(got, tt.shows) {
				t.Errorf("body lacks %q:\n%s", tt.shows, got)
			}
			if got := r.Header.Get("Content-Security-Policy"); got != policy || strings.Contains(got, "unsafe") {
				t.Errorf("Content-Security-Policy = %q", got)
			}
			if got := r.Header.Get("X-Content-Type-Options"); got != "nosniff" {
				t.Errorf("X-Content-Type-Options = %q", got)
			}
		})
	}
}

func TestLogin(t *testing.T) {
	t.Parallel()
	w := newWorld(t)
	tests := []struct {
		name     string
		form     url.Values
		status   int
		location string
		user     string
	}{
		{"trimmed", url.Values{"name": {"  Zoë  "}}, 303, "/rooms/lobby", "Zoë"},
		{"back to the room", url.Values{"name": {"Ann"}, "room": {"go"}}, 303, "/rooms/go", "Ann"},
		{"to a room only", url.Values{"name": {"Ann"}, "room": {"/evil.example"}}, 303, "/rooms/lobby", "Ann"},
		{"no name", nil, 422, "", ""},
		{"long name", url.Values{"name": {strings.Repeat("a", 41)}}, 422, "", ""},
	}
	for _, tt := range tests {
		t.Run(tt.name, func(t *testing.T) {
			r := w.postForm("", "/login", tt.form)
			if r.StatusCode != tt.status || r.Header.Get("Location") != tt.location {
				t.Errorf("%d to %q, want %d to %q", r.StatusCode, r.Header.Get("Location"), tt.status, tt.location)
			}
			next := httptest.NewRequest(http.MethodGet, "/", nil)
			for _, c := range r.Cookies() {
				next.AddCookie(c)
			}
			if id, _ := w.Logins.Authenticate(next); login.Of(id).Name != tt.user {
				t.Errorf("logged in as %q, want %q", login.Of(id).Name, tt.user)
			}
		})
	}
	if r := w.postForm("", "/login", url.Values{"name": {"a"}, "x": {strings.Repeat("x", maxBody)}}); r.StatusCode != http.StatusBadRequest {
		t.Errorf("a form beyond the limit: %d, want 400", r.StatusCode)
	}
}

// TestLogoutClosesTheConnectionsOfItsLogin: those of another browser of the same user stay open.
func TestLogoutClosesTheConnectionsOfItsLogin(t *testing.T) {
	t.Parallel()
	w := newWorld(t)
	dial := func(cookie, name string) *chanxtest.Conn {
		c := chanxtest.Dial(t, w.Server, "/ws/rooms/"+name, &chanxtest.DialOptions{Header: http.Header{"Cookie": {cookie}}})
		chanxtest.ReceiveUntil[room.UserJoinedMessage](c)
		return c
	}
	here, elsewhere := w.cookie("Ann"), w.cookie("ann")
	closed, open := dial(here, "go"), dial(elsewhere, "random")
	r := w.do("", "POST", "/logout", "", "Cookie", here)
	if cookies := r.Cookies(); r.StatusCode != http.StatusSeeOther || len(cookies) != 1 || cookies[0].MaxAge >= 0 {
		t.Errorf("logout: %d, cookies %v, want 303 and the cookie deleted", r.StatusCode, cookies)
	}
	closed.ExpectClosed(4401)
	open.ExpectNothing()
	if r := w.do("", "POST", "/logout", ""); r.StatusCode != http.StatusSeeOther {
		t.Errorf("logout without a login: %d, want 303", r.StatusCode)
	}
}

func TestPagesEscape(t *testing.T) {
	t.Parallel()
	w := newWorld(t)
	const name = `"><script>alert(1)</script>`
	pages := map[string]*http.Response{
		"room":         w.do(name, "GET", "/rooms/lobby", ""),
		"login, again": w.postForm("", "/login", url.Values{"name": {name + strings.Repeat("a", 40)}, "room": {name}}),
	}
	for page, r := range pages {
		if got := body(t, r); strings.Contains(got, "<script>") || !strings.Contains(got, "&lt;script&gt;") {
			t.Errorf("%s: the name is not escaped:\n%s", page, got)
		}
	}
}

func TestRoomList(t *testing.T) {
	t.Parallel()
	w := newWorld(t)
	for _, name := range []string{"attic", "staff"} {
		if _, err := w.Store.Add(t.Context(), store.Message{Room: name, Sender: "Ann", Content: "x", SentAt: time.Now()}); err != nil {
			t.Fatal(err)
		}
	}
	for user, want := range map[string][]string{
		"Ann": {"attic", "cellar", "go", "lobby", "random", "staff"},
		"Bob": {"attic", "cellar", "go", "lobby", "random"},
	} {
		page := body(t, w.do(user, "GET", "/rooms/cellar", ""))
		var got []string
		for part := range strings.SplitSeq(page, `<a href="/rooms/`) {
			if name, _, ok := strings.Cut(part, `"`); ok && !strings.Contains(part, "<!doctype") {
				got = append(got, name)
			}
		}
		if !slices.Equal(got, want) {
			t.Errorf("%s is offered %q, want %q", user, got, want)
		}
		if !strings.Contains(page, `<a href="/rooms/cellar" aria-current="page">`) {
			t.Errorf("%s: the current room is not marked:\n%s", user, page)
		}
	}
}

func TestStoreFails(t *testing.T) {
	t.Parallel()
	w := newWorld(t)
	var log bytes.Buffer
	o := w.Options
	o.Logger = slog.New(slog.NewTextHandler(&log, nil))
	w.site = New(o)
	if err := w.Store.Close(); err != nil {
		t.Fatal(err)
	}
	r := w.do("Ann", "GET", "/rooms/lobby", "")
	if got := body(t, r); r.StatusCode != 500 || strings.Contains(got, "sql") {
		t.Errorf("%d: %s; want 500 without the cause", r.StatusCode, got)
	}
	if !strings.Contains(log.String(), "database is closed") {
		t.Errorf("the cause is not in the log: %s", log.String())
	}
}

func TestNotifyReachesTheRoom(t *testing.T) {
	t.Parallel()
	w := newWorld(t)
	c := chanxtest.Dial(t, w.Server, "/ws/rooms/lobby", &chanxtest.DialOptions{Header: http.Header{"Cookie": {w.cookie("Bob")}}})
	chanxtest.ReceiveUntil[room.UserJoinedMessage](c)

	sent := map[room.Notice]*http.Response{
		{Content: "by JSON", Level: "warning", SenderName: "Ann"}: w.do("Ann", "POST", "/rooms/lobby/notify",
			`{"content":"by JSON","level":"warning","sender_name":"somebody else"}`, "Content-Type", jsonType+"; charset=utf-8"),
		{Content: "by form", Level: "info", SenderName: "Ann"}: w.postForm("Ann", "/rooms/lobby/notify",
			url.Values{"content": {"by form"}}, "Origin", "http://example.com", "Sec-Fetch-Site", "same-origin"),
	}
	for n, r := range sent {
		if r.StatusCode != http.StatusNoContent {
			t.Errorf("%s: %d: %s", n.Content, r.StatusCode, body(t, r))
		}
	}
	for range sent {
		if got := chanxtest.Receive[room.NotificationMessage](c).Message.Notice; sent[got] == nil {
			t.Errorf("received %+v, which was not sent", got)
		}
	}
}

func TestNotifyRefusals(t *testing.T) {
	t.Parallel()
	w := newWorld(t)
	const good = `{"content":"hi"}`
	tests := []struct {
		name, user, room, kind, body string
		header                       []string
		status                       int
	}{
		{"nobody", "", "lobby", jsonType, good, nil, 401},
		{"not a member", "Bob", "staff", jsonType, good, nil, 403},
		{"no such room", "Ann", "Lobby", jsonType, good, nil, 404},
		{"from another site", "Ann", "lobby", formType, "content=hi", []string{"Sec-Fetch-Site", "cross-site"}, 403},
		{"from another site, older browser", "Ann", "lobby", formType, "content=hi", []string{"Origin", "https://evil.example"}, 403},
		{"no type", "Ann", "lobby", "", good, nil, 415},
		{"other type", "Ann", "lobby", "text/plain", good, nil, 415},
		{"bad JSON", "Ann", "lobby", jsonType, `{"content":`, nil, 400},
		{"bad form", "Ann", "lobby", formType, "content=%zz", nil, 400},
		{"too large", "Ann", "lobby", jsonType, `{"content":"` + strings.Repeat("x", maxBody) + `"}`, nil, 413},
		{"no content", "Ann", "lobby", jsonType, `{}`, nil, 422},
		{"blank content", "Ann", "lobby", formType, "content=+", nil, 422},
		{"long content", "Ann", "lobby", formType, "content=" + strings.Repeat("x", 501), nil, 422},
		{"unknown level", "Ann", "lobby", jsonType, `{"content":"hi","level":"panic"}`, nil, 422},
	}
	for _, tt := range tests {
		t.Run(tt.name, func(t *testing.T) {
			r := w.do(tt.user, "POST", "/rooms/"+tt.room+"/notify", tt.body, append(tt.header, "Content-Type", tt.kind)...)
			if r.StatusCode != tt.status {
				t.Errorf("status %d, want %d: %s", r.StatusCode, tt.status, body(t, r))
			}
		})
	}
}

func TestNotifyNamesWhatIsWrong(t *testing.T) {
	t.Parallel()
	r := newWorld(t).do("Ann", "POST", "/rooms/lobby/notify", `{"content":"","level":"panic"}`, "Content-Type", jsonType)
	var got struct{ Error []chanx.FieldError }
	if err := json.NewDecoder(r.Body).Decode(&got); err != nil || len(got.Error) != 2 {
		t.Fatalf("%+v, %v; want two items", got, err)
	}
	if got.Error[0].Type != "string_too_short" || got.Error[1].Type != "literal_error" || got.Error[1].Loc[0] != "level" {
		t.Errorf("items %+v", got.Error)
	}
}

func TestNotifyAfterShutdown(t *testing.T) {
	t.Parallel()
	w := newWorld(t)
	if err := w.Server.Shutdown(t.Context()); err != nil {
		t.Fatal(err)
	}
	if r := w.do("Ann", "POST", "/rooms/lobby/notify", `{"content":"hi"}`, "Content-Type", jsonType); r.StatusCode != http.StatusServiceUnavailable {
		t.Errorf("status %d, want 503", r.StatusCode)
	}
}
