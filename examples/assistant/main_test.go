package main

import (
	"context"
	"io"
	"log/slog"
	"net/http"
	"net/http/httptest"
	"regexp"
	"strings"
	"testing"
	"testing/synctest"
	"time"

	"github.com/coder/websocket"
	"go.uber.org/goleak"

	"github.com/chanx-go/chanx"
	"github.com/chanx-go/chanx/chanxtest"
	"github.com/chanx-go/chanx/examples/assistant/dialog"
	"github.com/chanx-go/chanx/examples/assistant/model"
)

// TestMain fails the run if a goroutine is left.
func TestMain(m *testing.M) { goleak.VerifyTestMain(m) }

func TestThePageIsBesideTheAssistant(t *testing.T) {
	synctest.Test(t, func(t *testing.T) {
		quiet := slog.New(slog.DiscardHandler)
		srv := chanx.NewServer(&chanx.ServerOptions{Logger: quiet})
		srv.Handle("/ws", dialog.New(dialog.Options{Model: model.Model{}, Limit: answerTime, Logger: quiet}))
		h := routes(srv)
		for path, kind := range map[string]string{"/": "text/html", "/assistant.js": "text/javascript", "/assistant.css": "text/css", "/docs/": "text/html"} {
			w := httptest.NewRecorder()
			h.ServeHTTP(w, httptest.NewRequest(http.MethodGet, path, nil))
			policy := w.Header().Get("Content-Security-Policy")
			if w.Code != http.StatusOK || !strings.HasPrefix(w.Header().Get("Content-Type"), kind) || !strings.Contains(policy, "default-src 'self'") {
				t.Errorf("%s: %d %v, want %s with a policy", path, w.Code, w.Header(), kind)
			}
		}
		w := httptest.NewRecorder()
		h.ServeHTTP(w, httptest.NewRequest(http.MethodGet, "/main.go", nil))
		if w.Code != http.StatusNotFound {
			t.Errorf("what is not of the page: %d, want 404", w.Code)
		}
		c := chanxtest.Dial(t, h, "/ws", nil)
		if m := chanxtest.Request[dialog.HistoryMessage](c, dialog.RecallMessage{}).Message; len(m) > 0 {
			t.Errorf("a new conversation has %+v", m)
		}
		if err := srv.Shutdown(context.Background()); err != nil {
			t.Error(err)
		}
	})
}

// TestThePageKnowsTheMessages: each action that the page reads or sends is an action of the assistant.
func TestThePageKnowsTheMessages(t *testing.T) {
	script, err := files.ReadFile("page/assistant.js")
	if err != nil {
		t.Fatal(err)
	}
	known := map[string]bool{"chanx.cancel": true}
	srv := chanx.NewServer(nil)
	srv.Handle("/ws", dialog.New(dialog.Options{Model: model.Model{}, Limit: answerTime, Logger: slog.Default()}))
	of := srv.Spec().Channels[0]
	for _, m := range append(of.Receives, of.Sends...) {
		known[m.Action] = true
	}
	used := regexp.MustCompile(`(?:case|action:) "([^"]+)"`).FindAllSubmatch(script, -1)
	if len(used) < 6 {
		t.Errorf("found the actions %q in the page: does it write them in another way?", used)
	}
	for _, u := range used {
		if !known[string(u[1])] {
			t.Errorf("the page uses the action %q, which the assistant does not know", u[1])
		}
	}
	if err := srv.Shutdown(context.Background()); err != nil {
		t.Error(err)
	}
}

// address takes the server's address from a log.
type address chan string

var listening = regexp.MustCompile(`url=http://(\S+)`)

// Write implements io.Writer.
func (a address) Write(p []byte) (int, error) {
	if found := listening.FindSubmatch(p); found != nil {
		a <- string(found[1])
	}
	return len(p), nil
}

// TestTheCommandServes runs the command and ends it during an answer.
func TestTheCommandServes(t *testing.T) {
	ctx, stop := context.WithCancel(t.Context())
	defer stop()
	at, ended := make(address, 1), make(chan error, 1)
	go func() { ended <- run(ctx, "127.0.0.1:0", time.Millisecond, at) }()
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
	ws, _, err := websocket.Dial(dialing, "ws://"+host+"/ws", &websocket.DialOptions{HTTPClient: &http.Client{Transport: transport}})
	if err != nil {
		t.Fatal(err)
	}
	if err := ws.Write(dialing, websocket.MessageText, []byte(`{"action":"ask","payload":{"prompt":"count to 30"},"ref":"1"}`)); err != nil {
		t.Fatal(err)
	}
	var heard []string
	for {
		_, text, err := ws.Read(dialing)
		if err != nil {
			if websocket.CloseStatus(err) != websocket.StatusGoingAway {
				t.Errorf("at the end: %v, want close code 1001", err)
			}
			break
		}
		if heard = append(heard, string(text)); len(heard) == 1 {
			stop()
		}
	}
	if n := len(heard); n != 36 || heard[n-1] != `{"action":"complete","ref":"1"}` {
		t.Errorf("%d frames, the last of them %s; want 34 tokens, usage and complete", n, heard[n-1])
	}
	if err := <-ended; err != nil {
		t.Error(err)
	}
}

func TestATakenAddressIsNamed(t *testing.T) {
	if err := run(t.Context(), "localhost:-1", 0, io.Discard); err == nil || !strings.Contains(err.Error(), "-addr") {
		t.Errorf("run: %v, want the flag named", err)
	}
}
