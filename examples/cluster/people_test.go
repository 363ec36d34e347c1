package main

import (
	"context"
	"encoding/json"
	"errors"
	"fmt"
	"net/http"
	"net/http/cookiejar"
	"net/url"
	"slices"
	"testing"
	"time"

	"github.com/coder/websocket"
)

// person is a user with a login.
type person struct {
	name  string
	house *house
	*http.Client
}

// login logs in at the node that the proxy chooses; the login is valid on all nodes.
func (h *house) login(name string) *person {
	h.t.Helper()
	jar, err := cookiejar.New(nil)
	if err != nil {
		h.t.Fatal(err)
	}
	p := &person{name, h, &http.Client{
		Jar: jar, Timeout: testTimeout, Transport: &http.Transport{DisableKeepAlives: true},
		CheckRedirect: func(*http.Request, []*http.Request) error { return http.ErrUseLastResponse },
	}}
	res, err := p.PostForm(h.url+"/login", url.Values{"name": {name}})
	if err != nil {
		h.t.Fatal(err)
	}
	if err := res.Body.Close(); err != nil || res.StatusCode != http.StatusSeeOther {
		h.t.Fatalf("login: %s, %v", res.Status, err)
	}
	return p
}

// frame is a frame that a tab receives.
type frame struct {
	Action    string
	IsMine    bool `json:"is_mine"`
	IsCurrent bool `json:"is_current"`
	Payload   json.RawMessage
}

// post is a message of the chat.
type post struct {
	ID      int
	Content string
	IsMine  bool `json:"is_mine"`
}

func (f frame) decode(t *testing.T, payload any) {
	t.Helper()
	if err := json.Unmarshal(f.Payload, payload); err != nil {
		t.Fatalf("%s: %v", f.Payload, err)
	}
}

// tab is an open WebSocket of a person in the lobby.
type tab struct {
	*websocket.Conn
	t    *testing.T
	who  *person
	node string
	past []post
}

// open opens a tab like a page: it retries until it is connected.
func (p *person) open() *tab {
	t := p.house.t
	t.Helper()
	var err error
	for deadline := time.Now().Add(testTimeout); time.Now().Before(deadline); {
		var b *tab
		if b, err = p.tryOpen(t); err == nil {
			return b
		}
	}
	t.Fatalf("%s cannot enter: %v", p.name, err)
	return nil
}

func (p *person) tryOpen(t *testing.T) (*tab, error) {
	t.Helper()
	ctx, cancel := context.WithTimeout(t.Context(), testTimeout)
	defer cancel()
	ws, _, err := websocket.Dial(ctx, p.house.url+"/ws/rooms/lobby", &websocket.DialOptions{HTTPClient: p.Client})
	if err != nil {
		return nil, err
	}
	t.Cleanup(func() { _ = ws.CloseNow() }) // it may already be closed
	b := &tab{Conn: ws, t: t, who: p}
	for {
		f, err := b.next()
		if err != nil {
			return nil, err
		}
		switch f.Action {
		case "node":
			var m struct{ Name string }
			f.decode(t, &m)
			b.node = m.Name
		case "history":
			f.decode(t, &b.past)
			return b, nil
		}
	}
}

// openAt opens tabs until one is on a node, and closes the others.
func (p *person) openAt(node string) *tab {
	p.house.t.Helper()
	var seen []string
	for range 10 * nodes {
		b := p.open()
		if b.node == node {
			return b
		}
		seen = append(seen, b.node)
		defer b.CloseNow()
	}
	p.house.t.Fatalf("%s tried to connect to %s, but reached only %q", p.name, node, seen)
	return nil
}

func (b *tab) next() (f frame, err error) {
	ctx, cancel := context.WithTimeout(b.t.Context(), testTimeout)
	defer cancel()
	_, text, err := b.Read(ctx)
	if err == nil {
		err = json.Unmarshal(text, &f)
	}
	return f, err
}

// hears reads up to the next post, which must have this content and the right flags.
func (b *tab) hears(speaker *tab, content string) post {
	b.t.Helper()
	for {
		f, err := b.next()
		if err != nil {
			b.t.Fatalf("%s on %s waits for %q: %v", b.who.name, b.node, content, err)
		}
		if f.Action != "chat_group" {
			continue
		}
		var m post
		f.decode(b.t, &m)
		if m.Content != content || f.IsMine != (b.who == speaker.who) || f.IsCurrent != (b == speaker) {
			b.t.Errorf("%s on %s got %+v %s; %s on %s said %q", b.who.name, b.node, f, f.Payload, speaker.who.name, speaker.node, content)
		}
		return m
	}
}

// talk sends a post from one tab, and expects it in all tabs.
func talk(speaker *tab, all []*tab) {
	t := speaker.t
	t.Helper()
	content := fmt.Sprintf("%s on %s, %d tabs", speaker.who.name, speaker.node, len(all))
	say := fmt.Sprintf(`{"action":"chat","payload":{"content":%q}}`, content)
	if err := speaker.Write(t.Context(), websocket.MessageText, []byte(say)); err != nil {
		t.Fatal(err)
	}
	heard := make([]post, len(all))
	for i, b := range all {
		heard[i] = b.hears(speaker, content)
	}
	if slices.ContainsFunc(heard, func(p post) bool { return p != heard[0] }) {
		t.Errorf("the tabs received different posts: %+v", heard)
	}
}

// ends reads to the end, and returns the close code: -1 without a Close frame.
func (b *tab) ends() websocket.StatusCode {
	b.t.Helper()
	for {
		_, err := b.next()
		switch {
		case errors.Is(err, context.DeadlineExceeded):
			b.t.Fatalf("%s on %s waits for the end: %v", b.who.name, b.node, err)
		case err != nil:
			return websocket.CloseStatus(err)
		}
	}
}
