package chanx_test

import (
	"bufio"
	"io"
	"net"
	"net/http"
	"strings"
	"sync"
	"testing"
	"time"

	"github.com/gobwas/ws"
)

// pipes is a net.Listener in memory, for a real http.Server inside a synctest bubble.
type pipes struct {
	conns chan net.Conn
	done  chan struct{}
	close sync.Once
}

// listen serves h until the test ends.
func listen(t *testing.T, h http.Handler) *pipes {
	t.Helper()
	p := &pipes{conns: make(chan net.Conn), done: make(chan struct{})}
	s := &http.Server{Handler: h} // no timeouts, so that a test notices what blocks
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

// rawClient is one connection to a pipes listener, before and after the handshake.
type rawClient struct {
	t  *testing.T
	nc net.Conn
	r  *bufio.Reader
}

// dial connects.
func (p *pipes) dial(t *testing.T) *rawClient {
	t.Helper()
	ours, theirs := net.Pipe()
	t.Cleanup(func() { _ = ours.Close() }) // a pipe's Close has no error
	p.conns <- theirs
	return &rawClient{t, ours, bufio.NewReader(ours)}
}

// handshake is a request to open a WebSocket, with further header lines.
func handshake(path string, lines ...string) string {
	return request("GET", path, append([]string{
		"Connection: Upgrade", "Upgrade: websocket", "Sec-WebSocket-Version: 13", "Sec-WebSocket-Key: dGhlIHNhbXBsZSBub25jZQ==",
	}, lines...)...)
}

func request(method, path string, lines ...string) string {
	return method + " " + path + " HTTP/1.1\r\n" + strings.Join(append([]string{"Host: chanx.test"}, lines...), "\r\n") + "\r\n\r\n"
}

// ask sends a request and returns the answer with its body; the body of 101 is not read.
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

// frames reads until there is a Close frame, which it does not answer, and returns the texts before it.
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

// ends expects that the server closes the connection, and returns how long that took.
func (c *rawClient) ends() time.Duration {
	c.t.Helper()
	begin := time.Now()
	if b, err := io.ReadAll(c.r); err != nil || len(b) > 0 {
		c.t.Errorf("got %q, %v, want the end of the connection", b, err)
	}
	return time.Since(begin)
}
