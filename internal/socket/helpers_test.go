package socket

import (
	"bufio"
	"bytes"
	"context"
	"crypto/tls"
	"errors"
	"fmt"
	"io"
	"net"
	"net/http"
	"net/http/httptest"
	"os"
	"slices"
	"strings"
	"sync"
	"sync/atomic"
	"testing"
	"time"

	"github.com/gobwas/ws"
	"go.uber.org/goleak"
)

func TestMain(m *testing.M) { goleak.VerifyTestMain(m) }

// recorder is a Handler that logs its calls. Calls that must not overlap use log without a lock, so that the race
// detector finds an overlap.
type recorder struct {
	c       *Conn
	message func(p []byte, binary bool)
	event   func(e any)
	arrived func(p []byte, binary bool, ahead uint64) (answer []byte, waits bool)
	last    func() // runs in Closed

	in     atomic.Bool
	log    []string
	lost   chan struct{}
	closed chan struct{}
	overlap,
	lostTwice atomic.Bool
	closings             atomic.Int32
	answers, answerBytes atomic.Int64          // reported by Answered
	broken               atomic.Pointer[error] // what Conn.check has found

	mu    sync.Mutex
	drops [dropKinds]int
}

func newRecorder(c *Conn) *recorder {
	return &recorder{c: c, lost: make(chan struct{}), closed: make(chan struct{})}
}

func (h *recorder) enter() {
	if !h.in.CompareAndSwap(false, true) {
		h.overlap.Store(true)
	}
	h.check()
}

func (h *recorder) check() {
	if err := h.c.check(); err != nil {
		h.broken.Store(&err)
	}
}

func (h *recorder) Message(p []byte, binary bool) {
	h.enter()
	defer h.in.Store(false)
	h.log = append(h.log, "m "+abbreviated(p))
	if h.message != nil {
		h.message(p, binary)
	}
}

func (h *recorder) Event(e any) {
	h.enter()
	defer h.in.Store(false)
	h.log = append(h.log, fmt.Sprint("e ", e))
	if h.event != nil {
		h.event(e)
	}
}

func (h *recorder) StillRunning() { h.check() }

func (h *recorder) Lost() {
	select {
	case <-h.lost:
		h.lostTwice.Store(true)
	default:
		close(h.lost)
	}
}

func (h *recorder) Closing() { h.closings.Add(1) }

func (h *recorder) Closed(code int, reason string) {
	h.enter()
	h.log = append(h.log, strings.TrimSpace(fmt.Sprint("closed ", code, " ", reason)))
	if n := h.closings.Load(); n != 1 {
		h.log = append(h.log, fmt.Sprintf("Closing was called %d times", n))
	}
	select {
	case <-h.lost:
	default:
		h.log = append(h.log, "Lost was not called before")
	}
	if h.last != nil {
		h.last()
	}
	close(h.closed)
}

func (h *recorder) Arrived(p []byte, binary bool, ahead uint64) (answer []byte, waits bool) {
	if h.arrived == nil {
		return nil, true
	}
	return h.arrived(p, binary, ahead)
}

func (h *recorder) Answered(bytes int) {
	h.check()
	h.answers.Add(1)
	h.answerBytes.Add(int64(bytes))
}

func (h *recorder) Dropped(what Drop, n int) {
	h.check()
	h.mu.Lock()
	h.drops[what] += n
	h.mu.Unlock()
}

func (h *recorder) dropped(what Drop) int {
	h.mu.Lock()
	defer h.mu.Unlock()
	return h.drops[what]
}

// end waits for Closed and compares the log with the expected calls.
func (h *recorder) end(t testing.TB, want ...string) {
	t.Helper()
	<-h.closed
	if err := h.broken.Load(); err != nil {
		t.Error(*err)
	}
	if h.overlap.Load() {
		t.Error("two calls at once")
	}
	if h.lostTwice.Load() {
		t.Error("Lost was called twice")
	}
	if want != nil && !slices.Equal(h.log, want) {
		t.Errorf("calls\n%q, want\n%q", h.log, want)
	}
}

// echo makes the handler return each message and the text of each event, corked.
func (h *recorder) echo() *recorder {
	h.message = func(p []byte, _ bool) { _ = h.c.WriteText(p, true) } // fails at the end of some tests, as it should
	h.event = func(e any) { _ = h.c.WriteText(fmt.Append(nil, e), true) }
	return h
}

func abbreviated(p []byte) string {
	if len(p) > 40 {
		return fmt.Sprintf("%s…%d", p[:8], len(p))
	}
	return string(p)
}

// peer is the client's end. It sends and receives arbitrary frames.
type peer struct {
	t  testing.TB
	nc net.Conn
	br *bufio.Reader
}

// masked returns a client's frame.
func masked(op ws.OpCode, fin bool, p string) []byte {
	return ws.MustCompileFrame(ws.MaskFrameWith(ws.NewFrame(op, fin, []byte(p)), [4]byte{1, 2, 3, 0xfd}))
}

func text(p string) []byte { return masked(ws.OpText, true, p) }
func closing(code ws.StatusCode, reason string) []byte {
	return masked(ws.OpClose, true, string(ws.NewCloseFrameBody(code, reason)))
}

func (p *peer) send(frames ...[]byte) {
	p.t.Helper()
	if _, err := p.nc.Write(bytes.Join(frames, nil)); err != nil {
		p.t.Errorf("write: %v", err)
	}
}

// frame reads the next frame and describes it: "text hi", "pong x", "close 1000 bye", or "eof", "reset".
func (p *peer) frame() string {
	h, err := ws.ReadHeader(p.br)
	if err == nil {
		b := make([]byte, h.Length)
		if _, err = io.ReadFull(p.br, b); err == nil {
			return describe(h, b)
		}
	}
	switch {
	case errors.Is(err, io.EOF), errors.Is(err, io.ErrClosedPipe):
		return "eof"
	case errors.Is(err, os.ErrDeadlineExceeded):
		return "nothing"
	}
	return "reset"
}

func describe(h ws.Header, b []byte) string {
	s, deflated := "", h.Rsv == rsv1
	if deflated {
		h.Rsv, b, s = 0, reference(b), "deflated "
	}
	s += abbreviated(b)
	switch h.OpCode {
	case ws.OpText:
		s = "text " + s
	case ws.OpPing:
		s = "ping " + s
	case ws.OpPong:
		s = "pong " + s
	case ws.OpClose:
		s = "close"
		if len(b) >= 2 {
			code, reason := ws.ParseCloseFrameData(b)
			s = strings.TrimSpace(fmt.Sprint("close ", code, " ", reason))
		}
	default:
		s = fmt.Sprintf("%#x %s", byte(h.OpCode), s)
	}
	if !h.Fin || h.Rsv != 0 || h.Masked || deflated && h.OpCode.IsControl() {
		s = fmt.Sprintf("bad header %+v", h)
	}
	return strings.TrimSpace(s)
}

// expect reads frames, which must be these.
func (p *peer) expect(want ...string) {
	p.t.Helper()
	for i, w := range want {
		if got := p.frame(); got != w {
			p.t.Fatalf("frame %d: %q, want %q", i, got, w)
		}
	}
}

// quiet checks that nothing arrives for d. It works in a bubble only.
func (p *peer) quiet(d time.Duration) {
	p.t.Helper()
	must(p.t, p.nc.SetReadDeadline(time.Now().Add(d)))
	if got := p.frame(); got != "nothing" {
		p.t.Errorf("%q, want nothing", got)
	}
	must(p.t, p.nc.SetReadDeadline(time.Time{}))
}

func must(t testing.TB, err error) {
	t.Helper()
	if err != nil {
		t.Fatal(err)
	}
}

const handshake = "GET /ws HTTP/1.1\r\nHost: example.com\r\nConnection: keep-alive, Upgrade\r\nUpgrade: websocket\r\n" +
	"Sec-WebSocket-Version: 13\r\nSec-WebSocket-Key: dGhlIHNhbXBsZSBub25jZQ==\r\n\r\n"

// handshakeFor returns a handshake, which offers permessage-deflate if u accepts it.
func handshakeFor(u *Upgrader) string {
	if u.deflater == nil {
		return handshake
	}
	return strings.TrimSuffix(handshake, "\r\n") + "Sec-WebSocket-Extensions: permessage-deflate; client_max_window_bits\r\n\r\n"
}

func request(t testing.TB, raw string) *http.Request {
	t.Helper()
	r, err := http.ReadRequest(bufio.NewReader(strings.NewReader(raw)))
	must(t, err)
	return r
}

// hijacked is a ResponseWriter with a connection to hijack.
type hijacked struct {
	http.ResponseWriter
	nc    net.Conn
	early string
}

func (h hijacked) Hijack() (net.Conn, *bufio.ReadWriter, error) {
	br := bufio.NewReader(io.MultiReader(strings.NewReader(h.early), h.nc))
	if h.early != "" {
		if _, err := br.Peek(1); err != nil {
			return nil, nil, err
		}
	}
	return h.nc, bufio.NewReadWriter(br, bufio.NewWriter(h.nc)), nil
}

// piped returns a connection over net.Pipe that is not started; early are bytes that arrived with the handshake.
func piped(t testing.TB, u *Upgrader, early ...[]byte) (*Conn, *peer) {
	t.Helper()
	ours, theirs := net.Pipe()
	return upgraded(t, u, ours, theirs, early...)
}

func upgraded(t testing.TB, u *Upgrader, ours, theirs net.Conn, early ...[]byte) (*Conn, *peer) {
	t.Helper()
	p := &peer{t: t, nc: theirs, br: bufio.NewReader(theirs)}
	answered := make(chan error, 1)
	go func() {
		_, err := http.ReadResponse(p.br, nil)
		answered <- err
	}()
	w := hijacked{httptest.NewRecorder(), ours, string(bytes.Join(early, nil))}
	c, err := u.Upgrade(w, request(t, handshakeFor(u)))
	must(t, err)
	must(t, <-answered)
	return c, p
}

// started returns a connection like piped, started with a recorder.
func started(t testing.TB, o Options, first any, early ...[]byte) (*recorder, *peer) {
	t.Helper()
	c, p := piped(t, NewUpgrader(o), early...)
	h := newRecorder(c)
	c.Start(h.echo(), first)
	return h, p
}

// server accepts real connections. It passes each to conns, and the test starts it.
type server struct {
	u     *Upgrader
	http  *httptest.Server
	mu    sync.Mutex // one opening at a time, because conns identifies connections by their order only
	conns chan *Conn
}

func newServer(t testing.TB, o Options, secure bool) *server {
	t.Helper()
	s := &server{u: NewUpgrader(o), conns: make(chan *Conn, 64)}
	s.http = httptest.NewUnstartedServer(http.HandlerFunc(func(w http.ResponseWriter, r *http.Request) {
		if err := s.u.Check(r); err != nil {
			http.Error(w, err.Detail, err.Status)
			return
		}
		c, err := s.u.Upgrade(w, r)
		if err != nil {
			t.Error(err)
			return
		}
		s.conns <- c
	}))
	if secure {
		s.http.StartTLS()
	} else {
		s.http.Start()
	}
	t.Cleanup(func() {
		s.http.Close()
		ctx, cancel := context.WithTimeout(context.WithoutCancel(t.Context()), 20*time.Second)
		defer cancel()
		must(t, s.u.Wait(ctx))
	})
	return s
}

// dial opens a connection and starts it with an echo handler.
func (s *server) dial(t testing.TB, first any, early ...[]byte) (*recorder, *peer) {
	t.Helper()
	c, p := s.open(t, early...)
	h := newRecorder(c)
	c.Start(h.echo(), first)
	return h, p
}

func (s *server) open(t testing.TB, early ...[]byte) (*Conn, *peer) {
	t.Helper()
	s.mu.Lock()
	defer s.mu.Unlock()
	nc, err := net.Dial("tcp", s.http.Listener.Addr().String())
	must(t, err)
	if s.http.TLS != nil {
		nc = tls.Client(nc, &tls.Config{InsecureSkipVerify: true, NextProtos: []string{"http/1.1"}})
	}
	t.Cleanup(func() { _ = nc.Close() }) // most tests have closed it already
	p := &peer{t: t, nc: nc, br: bufio.NewReader(nc)}
	p.send(append([][]byte{[]byte(handshakeFor(s.u))}, early...)...)
	_, err = http.ReadResponse(p.br, nil)
	must(t, err)
	return <-s.conns, p
}
