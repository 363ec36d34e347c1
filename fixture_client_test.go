package chanx_test

import (
	"bufio"
	"bytes"
	"io"
	"net"
	"net/http"
	"strings"
	"sync"
	"testing"
	"time"

	"github.com/gobwas/ws"
)

// pipes is an in-memory net.Listener, for a real http.Server inside a synctest bubble.
type pipes struct {
	conns chan net.Conn
	done  chan struct{}
	close sync.Once
}

// listen serves h until the test ends.
func listen(t *testing.T, h http.Handler) *pipes {
	t.Helper()
	p := &pipes{conns: make(chan net.Conn), done: make(chan struct{})}
	s := &http.Server{Handler: h} // no timeouts, so that a test fails if something blocks
	ended := make(chan struct{})
	go func() {
		defer close(ended)
		_ = s.Serve(p) // always returns an error, ErrServerClosed at the end
	}()
	t.Cleanup(func() {
		if err := s.Close(); err != nil {
			t.Error(err)
		}
		<-ended
	})
	return p
}

func (p *pipes) Accept() (net.Conn, error) {
	select {
	case c := <-p.conns:
		return c, nil
	case <-p.done:
		return nil, net.ErrClosed
	}
}

func (p *pipes) Close() error {
	p.close.Do(func() { close(p.done) })
	return nil
}

func (p *pipes) Addr() net.Addr { return &net.TCPAddr{} }

// rawClient is a client's end of a connection to pipes, which a test uses before and after the handshake.
type rawClient struct {
	t  *testing.T
	nc net.Conn
	r  *bufio.Reader
}

// dial returns a new connection, without a handshake.
func (p *pipes) dial(t *testing.T) *rawClient {
	t.Helper()
	ours, theirs := net.Pipe()
	t.Cleanup(func() { _ = ours.Close() }) // a pipe's Close has no error
	p.conns <- theirs
	return &rawClient{t, ours, bufio.NewReader(ours)}
}

// handshake returns a request to open a WebSocket, with additional header lines.
func handshake(path string, lines ...string) string {
	return request("GET", path, append([]string{
		"Connection: Upgrade", "Upgrade: websocket", "Sec-WebSocket-Version: 13", "Sec-WebSocket-Key: dGhlIHNhbXBsZSBub25jZQ==",
	}, lines...)...)
}

func request(method, path string, lines ...string) string {
	return method + " " + path + " HTTP/1.1\r\n" + strings.Join(append([]string{"Host: chanx.test"}, lines...), "\r\n") + "\r\n\r\n"
}

// ask sends a request and returns the response and its body. After status 101 nothing is read.
func (c *rawClient) ask(request string) (*http.Response, string) {
	c.t.Helper()
	if _, err := io.WriteString(c.nc, request); err != nil {
		c.t.Fatal(err)
	}
	method, _, _ := strings.Cut(request, " ")
	res, err := http.ReadResponse(c.r, &http.Request{Method: method})
	if err != nil {
		c.t.Fatal(err)
	}
	if res.StatusCode == http.StatusSwitchingProtocols {
		return res, ""
	}
	b, err := io.ReadAll(res.Body)
	if err != nil {
		c.t.Fatal(err)
	}
	return res, string(b)
}

// frames reads until a Close frame, which it does not answer, and returns the texts before it.
func (c *rawClient) frames() (texts []string, code ws.StatusCode, reason string) {
	c.t.Helper()
	for {
		f, err := (&wire{c.t, c.nc, c.r}).frame()
		if err != nil {
			c.t.Fatal(err)
		}
		if f.Header.OpCode == ws.OpClose {
			code, reason = ws.ParseCloseFrameData(f.Payload)
			return texts, code, reason
		}
		texts = append(texts, string(f.Payload))
	}
}

// ends expects that the server closes the connection, and returns the time until then.
func (c *rawClient) ends() time.Duration {
	c.t.Helper()
	begin := time.Now()
	if b, err := io.ReadAll(c.r); err != nil || len(b) > 0 {
		c.t.Errorf("got %q, %v, want the end of the connection", b, err)
	}
	return time.Since(begin)
}

// wire is a client that writes arbitrary bytes to a connection.
type wire struct {
	t    *testing.T
	conn net.Conn
	read io.Reader
}

func dialWire(t *testing.T, url string) *wire {
	t.Helper()
	conn, early, _, err := ws.Dial(t.Context(), "ws"+strings.TrimPrefix(url, "http"))
	if err != nil {
		t.Fatal(err)
	}
	t.Cleanup(func() { _ = conn.Close() }) // the server may have closed it
	if err := conn.SetDeadline(time.Now().Add(30 * time.Second)); err != nil {
		t.Fatal(err)
	}
	w := &wire{t, conn, conn}
	if early != nil {
		w.read = early // it holds the bytes after the response
	}
	w.expect(ws.OpText, `"status_code":200`)
	return w
}

// frames returns the bytes of masked frames.
func frames(fs ...ws.Frame) []byte {
	var b bytes.Buffer
	for _, f := range fs {
		if err := ws.WriteFrame(&b, ws.MaskFrame(f)); err != nil {
			panic(err)
		}
	}
	return b.Bytes()
}

func text(s string) ws.Frame { return ws.NewTextFrame([]byte(s)) }

func part(op ws.OpCode, last bool, s string) ws.Frame { return ws.NewFrame(op, last, []byte(s)) }

func (w *wire) write(b []byte) {
	w.t.Helper()
	if _, err := w.conn.Write(b); err != nil {
		w.t.Fatal(err)
	}
}

// frame reads the next frame. The payload of a frame of more than 64 KiB is not read.
func (w *wire) frame() (f ws.Frame, err error) {
	if f.Header, err = ws.ReadHeader(w.read); err != nil || f.Header.Length > 64<<10 {
		return f, err
	}
	f.Payload = make([]byte, f.Header.Length)
	_, err = io.ReadFull(w.read, f.Payload)
	return f, err
}

// expect reads one frame.
func (w *wire) expect(op ws.OpCode, says string) {
	w.t.Helper()
	f, err := w.frame()
	if err != nil {
		w.t.Fatalf("want %s: %v", says, err)
	}
	if f.Header.OpCode != op || !strings.Contains(string(f.Payload), says) {
		w.t.Fatalf("got %#x %.200s, want %#x %s", f.Header.OpCode, f.Payload, op, says)
	}
}

// expectClose reads the Close frame and the end of the connection.
func (w *wire) expectClose(code ws.StatusCode) {
	w.t.Helper()
	f, err := w.frame()
	if err != nil || f.Header.OpCode != ws.OpClose {
		w.t.Fatalf("got %#x %.200s, %v, want close %d", f.Header.OpCode, f.Payload, err, code)
	}
	if got, reason := ws.ParseCloseFrameData(f.Payload); got != code {
		w.t.Fatalf("closed with %d %s, want %d", got, reason, code)
	}
	if _, err := w.read.Read(make([]byte, 1)); err != io.EOF {
		w.t.Fatalf("behind the Close frame: %v, want the end", err)
	}
	_ = w.conn.Close() // otherwise the server reads until its CloseTimeout
}
