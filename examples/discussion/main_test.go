package main

import (
	"context"
	"net/http"
	"regexp"
	"strings"
	"testing"
	"time"

	"github.com/coder/websocket"
	"go.uber.org/goleak"
)

// TestMain fails the run if a goroutine is left.
func TestMain(m *testing.M) { goleak.VerifyTestMain(m) }

// address takes the server's address from a log.
type address chan string

var listening = regexp.MustCompile(`ws://(\S+)/ws/`)

// Write implements io.Writer.
func (a address) Write(p []byte) (int, error) {
	if found := listening.FindSubmatch(p); found != nil {
		a <- string(found[1])
	}
	return len(p), nil
}

// TestTheCommandServes runs the command: a client connects over a port, receives a notice, and gets close code 1001 at the
// end.
func TestTheCommandServes(t *testing.T) {
	ctx, stop := context.WithCancel(t.Context())
	defer stop()
	at, ended := make(address, 1), make(chan error, 1)
	go func() { ended <- run(ctx, "127.0.0.1:0", at) }()
	var host string
	select {
	case host = <-at:
	case err := <-ended:
		t.Fatal(err)
	}

	dialing, cancel := context.WithTimeout(t.Context(), 10*time.Second)
	defer cancel()
	transport := &http.Transport{}
	defer transport.CloseIdleConnections()
	web := &http.Client{Transport: transport}
	ws, _, err := websocket.Dial(dialing, "ws://"+host+"/ws/discussion", &websocket.DialOptions{HTTPClient: web})
	if err != nil {
		t.Fatal(err)
	}
	say := func(text string) {
		if err := ws.Write(dialing, websocket.MessageText, []byte(text)); err != nil {
			t.Fatal(err)
		}
	}
	hear := func(want string) {
		t.Helper()
		if _, got, err := ws.Read(dialing); err != nil || string(got) != want {
			t.Fatalf("heard %s, %v, want %s", got, err, want)
		}
	}
	say(`{"action":"ping"}`)
	hear(`{"action":"pong"}`) // the client is now in the discussion
	res, err := web.Post("http://"+host+"/notify", "application/json", strings.NewReader(`{"content":"soup"}`))
	if err != nil {
		t.Fatal(err)
	}
	if err := res.Body.Close(); err != nil || res.StatusCode != http.StatusNoContent {
		t.Errorf("answered %s, %v, want 204", res.Status, err)
	}
	hear(`{"action":"reply","payload":{"content":"soup","raw":false}}`)

	stop()
	if _, _, err := ws.Read(dialing); websocket.CloseStatus(err) != websocket.StatusGoingAway {
		t.Errorf("at the end: %v, want close code 1001", err)
	}
	if err := <-ended; err != nil {
		t.Error(err)
	}
}

func TestATakenAddressIsNamed(t *testing.T) {
	if err := run(t.Context(), "localhost:-1", make(address, 1)); err == nil || !strings.Contains(err.Error(), "-addr") {
		t.Errorf("run: %v, want the flag named", err)
	}
}
