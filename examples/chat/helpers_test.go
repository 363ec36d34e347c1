package main

import (
	"bytes"
	"context"
	"fmt"
	"net/http"
	"net/http/cookiejar"
	"net/url"
	"regexp"
	"strings"
	"sync"
	"testing"
	"time"

	"github.com/coder/websocket"
)

// testTimeout bounds each wait in a test.
const testTimeout = 10 * time.Second

// logbook keeps a log and finds the server's address in it.
type logbook struct {
	mu   sync.Mutex
	text bytes.Buffer
	url  chan string
}

var listening = regexp.MustCompile(`msg=listening url=(\S+)`)

// Write implements io.Writer.
func (l *logbook) Write(p []byte) (int, error) {
	l.mu.Lock()
	defer l.mu.Unlock()
	if m := listening.FindSubmatch(p); m != nil {
		l.url <- string(m[1])
	}
	return l.text.Write(p)
}

func (l *logbook) String() string {
	l.mu.Lock()
	defer l.mu.Unlock()
	return l.text.String()
}

// process is a chat server as main runs it.
type process struct {
	url   string
	log   *logbook
	ended chan error
	end   context.CancelFunc
}

// start runs a server with these arguments until the test ends, on a free port unless they contain an address.
func start(t *testing.T, args ...string) *process {
	t.Helper()
	p, err := launch(args...)
	if err != nil {
		t.Fatal(err)
	}
	t.Cleanup(func() { p.stop(t) })
	return p
}

func launch(args ...string) (*process, error) {
	ctx, cancel := context.WithCancel(context.Background())
	p := &process{log: &logbook{url: make(chan string, 1)}, ended: make(chan error, 1), end: cancel}
	go func() {
		defer close(p.ended)
		p.ended <- run(ctx, append([]string{"-addr", "127.0.0.1:0"}, args...), p.log)
	}()
	select {
	case p.url = <-p.log.url:
		return p, nil
	case err := <-p.ended:
		cancel()
		return nil, err
	case <-time.After(testTimeout):
		cancel()
		return nil, fmt.Errorf("the server does not say that it listens: %s", p.log)
	}
}

// stop ends the server like a signal. A second call does nothing.
func (p *process) stop(t *testing.T) {
	t.Helper()
	p.end()
	if err := <-p.ended; err != nil {
		t.Errorf("run: %v; log:\n%s", err, p.log)
	}
}

func (p *process) host() string { return strings.TrimPrefix(p.url, "http://") }

// visitor is a browser without a page: it keeps cookies and follows no redirection.
type visitor struct {
	*http.Client
	t *testing.T
}

func newVisitor(t *testing.T) visitor {
	t.Helper()
	jar, err := cookiejar.New(nil)
	if err != nil {
		t.Fatal(err)
	}
	transport := &http.Transport{}
	t.Cleanup(transport.CloseIdleConnections)
	return visitor{&http.Client{
		Transport: transport, Jar: jar, Timeout: testTimeout,
		CheckRedirect: func(*http.Request, []*http.Request) error { return http.ErrUseLastResponse },
	}, t}
}

// expect sends a form, or a GET without one, and expects a status. It returns the header of the answer.
func (v visitor) expect(status int, target string, form url.Values) http.Header {
	v.t.Helper()
	send := v.Get
	if form != nil {
		send = func(target string) (*http.Response, error) { return v.PostForm(target, form) }
	}
	res, err := send(target)
	if err != nil {
		v.t.Fatal(err)
	}
	if err := res.Body.Close(); err != nil {
		v.t.Fatal(err)
	}
	if res.StatusCode != status {
		v.t.Errorf("%s: status %s, want %d", target, res.Status, status)
	}
	return res.Header
}

// login logs in by name.
func (v visitor) login(p *process, name string) {
	v.t.Helper()
	v.expect(http.StatusSeeOther, p.url+"/login", url.Values{"name": {name}})
}

// enter opens the WebSocket of a room.
func (v visitor) enter(p *process, room string) line {
	v.t.Helper()
	ctx, cancel := context.WithTimeout(context.Background(), testTimeout)
	v.t.Cleanup(cancel)
	ws, _, err := websocket.Dial(ctx, p.url+"/ws/rooms/"+room, &websocket.DialOptions{HTTPClient: v.Client})
	if err != nil {
		v.t.Fatal(err)
	}
	v.t.Cleanup(func() { _ = ws.CloseNow() }) // it may already be closed
	return line{ws, v.t, ctx}
}

// line is an open WebSocket.
type line struct {
	*websocket.Conn
	t   *testing.T
	ctx context.Context
}

// until reads frames up to one with this action, and returns it.
func (l line) until(action string) string {
	l.t.Helper()
	for {
		_, frame, err := l.Read(l.ctx)
		if err != nil {
			l.t.Fatalf("waiting for %s: %v", action, err)
		}
		if strings.HasPrefix(string(frame), `{"action":"`+action+`"`) {
			return string(frame)
		}
	}
}

func (l line) send(frame string) {
	l.t.Helper()
	if err := l.Write(l.ctx, websocket.MessageText, []byte(frame)); err != nil {
		l.t.Fatal(err)
	}
}

// closing reads to the end, like a page, and returns the code of the server's Close frame.
func (l line) closing() <-chan websocket.StatusCode {
	code := make(chan websocket.StatusCode, 1)
	go func() {
		for {
			if _, _, err := l.Read(l.ctx); err != nil {
				code <- websocket.CloseStatus(err)
				return
			}
		}
	}()
	return code
}
