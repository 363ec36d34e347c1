package main

import (
	"bytes"
	"errors"
	"flag"
	"log/slog"
	"net"
	"net/http"
	"net/url"
	"os"
	"path/filepath"
	"slices"
	"strings"
	"syscall"
	"testing"
)

func TestMistakesOnTheCommandLineAreNamed(t *testing.T) {
	t.Parallel()
	dir := t.TempDir()
	short := filepath.Join(dir, "short.key")
	if err := os.WriteFile(short, []byte("secret"), 0o600); err != nil {
		t.Fatal(err)
	}
	absent := filepath.Join(dir, "absent", "chat.db")
	tests := []struct {
		name string
		args []string
		says []string
	}{
		{"unknown flag", []string{"-port", "80"}, []string{"-port", "-h lists the flags"}},
		{"argument", []string{"-db", "chat.db", "8080"}, []string{`unexpected argument "8080"`, "-h lists the flags"}},
		{"no port", []string{"-addr", "localhost"}, []string{"missing port", "-addr chooses another"}},
		{"bad port", []string{"-addr", "localhost:http0"}, []string{"http0", "-addr chooses another"}},
		{"database in no folder", []string{"-addr", "127.0.0.1:0", "-db", absent, "-key", filepath.Join(dir, "chat.key")}, []string{"store: open", absent}},
		{"key in no folder", []string{"-addr", "127.0.0.1:0", "-db", absent}, []string{"login: load key", absent + ".key"}},
		{"short key", []string{"-addr", "127.0.0.1:0", "-key", short}, []string{short, "6 bytes, want 32"}},
		{"short layer key", []string{"-addr", "127.0.0.1:0", "-layer-key", short}, []string{"-layer-key", short, "6 bytes, want 32"}},
		{"no NATS there", []string{"-addr", "127.0.0.1:0", "-layer", "nats://127.0.0.1:1"}, []string{"natslayer: connect", "is one running there?"}},
		{"bad database of Redis", []string{"-addr", "127.0.0.1:0", "-layer", "redis://:secret@127.0.0.1/x"}, []string{"redislayer: read URL", "database"}},
		{"layer of another kind", []string{"-addr", "127.0.0.1:0", "-layer", "amqp://me:secret@127.0.0.1"}, []string{"-layer", "nats://", "redis://"}},
		{"layer without a scheme", []string{"-addr", "127.0.0.1:0", "-layer", "nats:4222"}, []string{"-layer", "nats://"}},
	}
	for _, tt := range tests {
		var log bytes.Buffer
		err := run(t.Context(), tt.args, &log)
		if err == nil {
			t.Errorf("%s: no error", tt.name)
			continue
		}
		for _, text := range tt.says {
			if !strings.Contains(err.Error(), text) {
				t.Errorf("%s: the error does not say %q: %v", tt.name, text, err)
			}
		}
		if strings.Contains(err.Error(), "secret") {
			t.Errorf("%s: the error contains a password: %v", tt.name, err)
		}
		if log.Len() > 0 {
			t.Errorf("%s: the error is printed twice: %s", tt.name, &log)
		}
	}
}

func TestHelpListsTheFlags(t *testing.T) {
	t.Parallel()
	var out bytes.Buffer
	if err := run(t.Context(), []string{"-h"}, &out); !errors.Is(err, flag.ErrHelp) {
		t.Errorf("run -h: %v", err)
	}
	for _, text := range []string{"-addr", "localhost:8080", "-db", "-key", "-layer", "-layer-key", "-node", "-staff"} {
		if !strings.Contains(out.String(), text) {
			t.Errorf("the help lacks %s:\n%s", text, &out)
		}
	}
}

func TestParse(t *testing.T) {
	t.Parallel()
	tests := []struct {
		args          string
		addr, db, key string
		staff         []string
	}{
		{"", "localhost:8080", "", "", []string{"Ann", "Bob"}},
		{"-db a.db", "localhost:8080", "a.db", "a.db.key", []string{"Ann", "Bob"}},
		{"-db a.db -key b.key -addr :0", ":0", "a.db", "b.key", []string{"Ann", "Bob"}},
		{"-key b.key -staff Zoë,,李", "localhost:8080", "", "b.key", []string{"Zoë", "李"}},
		{"-staff=", "localhost:8080", "", "", nil},
	}
	for _, tt := range tests {
		c, err := parse(strings.Fields(tt.args), nil)
		if err != nil || c.addr != tt.addr || c.db != tt.db || c.key != tt.key || !slices.Equal(c.members["staff"], tt.staff) {
			t.Errorf("parse %q = %+v, %v; want %+v", tt.args, c, err, tt)
		}
		if c.members.Admit("Eve", "staff") {
			t.Errorf("parse %q: everybody is staff", tt.args)
		}
	}
	if got := names(" Ann Lee , Bob,"); !slices.Equal(got, []string{"Ann Lee", "Bob"}) {
		t.Errorf("names = %q", got)
	}
}

func TestAnAddressInUseLeavesTheFilesAlone(t *testing.T) {
	t.Parallel()
	l, err := net.Listen("tcp", "127.0.0.1:0")
	if err != nil {
		t.Fatal(err)
	}
	defer l.Close()
	dir := t.TempDir()
	err = run(t.Context(), []string{"-addr", l.Addr().String(), "-db", filepath.Join(dir, "chat.db")}, &bytes.Buffer{})
	if !errors.Is(err, syscall.EADDRINUSE) || !strings.Contains(err.Error(), l.Addr().String()) {
		t.Errorf("run = %v, want that the address is in use", err)
	}
	if made, err := os.ReadDir(dir); err != nil || len(made) > 0 {
		t.Errorf("files made: %v, %v", made, err)
	}
}

// TestAnEndFreesTheAddress ends a server just after its start, and one that fails to start. It is not parallel, because
// another test could get its port.
func TestAnEndFreesTheAddress(t *testing.T) {
	p := start(t)
	p.stop(t)
	absent := filepath.Join(t.TempDir(), "absent", "chat.db")
	if err := run(t.Context(), []string{"-addr", p.host(), "-db", absent}, &bytes.Buffer{}); err == nil || strings.Contains(err.Error(), "-addr") {
		t.Fatalf("run = %v, want an error of the database", err)
	}
	l, err := net.Listen("tcp", p.host())
	if err != nil {
		t.Fatal(err)
	}
	if err := l.Close(); err != nil {
		t.Error(err)
	}
}

func TestEndpoints(t *testing.T) {
	t.Parallel()
	p := start(t, "-staff", "Ann")
	v := newVisitor(t)
	v.expect(http.StatusOK, p.url+"/", nil)
	v.expect(http.StatusSeeOther, p.url+"/rooms/lobby", nil)
	v.expect(http.StatusUnauthorized, p.url+"/rooms/lobby/notify", url.Values{"content": {"hi"}})
	v.login(p, "Bob")
	if to := v.expect(http.StatusSeeOther, p.url+"/", nil).Get("Location"); to != "/rooms/lobby" {
		t.Errorf("home leads to %q", to)
	}
	v.expect(http.StatusOK, p.url+"/rooms/lobby", nil)
	v.expect(http.StatusForbidden, p.url+"/rooms/staff", nil)
	v.expect(http.StatusOK, p.url+"/static/chat.js", nil)
	v.expect(http.StatusOK, p.url+"/docs/", nil)
	v.expect(http.StatusOK, p.url+"/docs/asyncapi.json", nil)
	v.expect(http.StatusNotFound, p.url+"/nowhere", nil)
	v.expect(http.StatusUpgradeRequired, p.url+"/ws/rooms/lobby", nil)
	v.expect(http.StatusNotFound, p.url+"/ws/elsewhere", nil)

	lobby := v.enter(p, "lobby")
	lobby.until("user_joined")
	v.expect(http.StatusNoContent, p.url+"/rooms/lobby/notify", url.Values{"content": {"soup is ready"}, "level": {"warning"}})
	want := `{"action":"notification","payload":{"content":"soup is ready","level":"warning","sender_name":"Bob"}}`
	if got := lobby.until("notification"); got != want {
		t.Errorf("got %s, want %s", got, want)
	}
	staff := v.enter(p, "staff")
	if got := staff.until("authentication"); !strings.Contains(got, `"status_code":403`) {
		t.Errorf("Bob in staff got %s", got)
	}
	if code := <-staff.closing(); code != 4403 {
		t.Errorf("Bob in staff: closed with %d, want 4403", code)
	}
}

func TestAPageOfAnotherSiteCannotConnect(t *testing.T) {
	t.Parallel()
	p := start(t)
	v := newVisitor(t)
	v.login(p, "Ann")
	for origin, want := range map[string]int{p.url: http.StatusSwitchingProtocols, "http://evil.example": http.StatusForbidden, "null": http.StatusForbidden} {
		r, err := http.NewRequestWithContext(t.Context(), http.MethodGet, p.url+"/ws/rooms/lobby", nil)
		if err != nil {
			t.Fatal(err)
		}
		for name, value := range map[string]string{
			"Origin": origin, "Connection": "Upgrade", "Upgrade": "websocket",
			"Sec-WebSocket-Version": "13", "Sec-WebSocket-Key": "dGhlIHNhbXBsZSBub25jZQ==",
		} {
			r.Header.Set(name, value)
		}
		res, err := v.Do(r)
		if err != nil {
			t.Fatal(err)
		}
		if err := res.Body.Close(); err != nil {
			t.Error(err)
		}
		if res.StatusCode != want {
			t.Errorf("origin %s: status %s, want %d", origin, res.Status, want)
		}
	}
}

func TestARestartKeepsHistoryAndLogins(t *testing.T) {
	t.Parallel()
	db := filepath.Join(t.TempDir(), "chat.db")
	p := start(t, "-db", db)
	v := newVisitor(t)
	v.login(p, "Ann")
	lobby := v.enter(p, "lobby")
	lobby.send(`{"action":"chat","payload":{"content":"before"}}`)
	said := lobby.until("chat_group")
	closed := lobby.closing()
	p.stop(t)
	if code := <-closed; code != 1001 {
		t.Errorf("closed with %d, want 1001: come back", code)
	}
	if info, err := os.Stat(db + ".key"); err != nil || info.Mode().Perm() != 0o600 {
		t.Errorf("the key beside the database: %v, %v; want mode 0600", info, err)
	}

	p = start(t, "-db", db) // at another port: cookies do not depend on the port
	past := v.enter(p, "lobby").until("history")
	post, _, _ := strings.Cut(strings.TrimPrefix(said, `{"action":"chat_group","payload":{`), "}")
	if want := `{"action":"history","payload":[{` + post + `,"is_mine":true}]}`; past != want {
		t.Errorf("after the restart:\n%s, want\n%s", past, want)
	}
}

func TestWithoutAFileNothingIsKept(t *testing.T) {
	t.Parallel()
	p := start(t)
	v := newVisitor(t)
	v.login(p, "Ann")
	lobby := v.enter(p, "lobby")
	lobby.send(`{"action":"chat","payload":{"content":"before"}}`)
	lobby.until("chat_group")
	closed := lobby.closing()
	p.stop(t)
	<-closed

	p = start(t)
	v.expect(http.StatusOK, p.url+"/", nil) // the login form again
	v.login(p, "Ann")
	if past := v.enter(p, "lobby").until("history"); past != `{"action":"history","payload":[]}` {
		t.Errorf("after the restart: %s", past)
	}
}

// TestAServerThatCannotServeEnds: serve returns the listener's error and closes everything.
func TestAServerThatCannotServeEnds(t *testing.T) {
	t.Parallel()
	c, err := parse(nil, nil)
	if err != nil {
		t.Fatal(err)
	}
	a, err := newApp(t.Context(), c, slog.New(slog.DiscardHandler))
	if err != nil {
		t.Fatal(err)
	}
	l, err := net.Listen("tcp", "127.0.0.1:0")
	if err != nil {
		t.Fatal(err)
	}
	if err := l.Close(); err != nil {
		t.Fatal(err)
	}
	if err := a.serve(t.Context(), l); !errors.Is(err, net.ErrClosed) {
		t.Errorf("serve = %v, want that the listener is closed", err)
	}
	if _, err := a.store.Rooms(t.Context(), 1); err == nil {
		t.Error("the store is open still")
	}
}
