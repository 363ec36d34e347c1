package chanxtest

import (
	"cmp"
	"context"
	"io"
	"net/http"
	"testing"
	"time"

	"github.com/coder/websocket"

	"github.com/chanx-go/chanx"
)

// DialOptions are the options of Dial. The zero value works.
type DialOptions struct {
	// Header is sent with the handshake: credentials, an Origin.
	Header http.Header

	// Subprotocols are offered, best first.
	Subprotocols []string

	// Timeout bounds each wait for a frame or for the end; default 5 s.
	Timeout time.Duration

	// Discriminator is that of the server's options; default "action".
	Discriminator string

	// Camelize is that of the server's options.
	Camelize bool

	// Unions are those of the consumer's options. Messages with interface-typed fields need them.
	Unions []chanx.UnionType
}

// Dial opens a connection to the path of a handler, a *chanx.Server or whatever it is mounted on, and ends the test if
// it is not upgraded. A connection that the server refuses with an authentication message is upgraded: receive that
// message, then [Conn.ExpectClosed]. The connection is closed when the test ends. opts may be nil.
func Dial(t testing.TB, h http.Handler, path string, opts *DialOptions) *Conn {
	t.Helper()
	c, res := dial(t, h, path, opts)
	if c == nil {
		t.Fatalf("chanxtest: dial %s: status %d: %s", path, res.StatusCode, readAll(res.Body))
	}
	return c
}

// DialRefused expects that the handshake is answered with an HTTP status instead, and returns the answer; its body need
// not be closed.
func DialRefused(t testing.TB, h http.Handler, path string, opts *DialOptions) *http.Response {
	t.Helper()
	c, res := dial(t, h, path, opts)
	if c != nil {
		t.Fatalf("chanxtest: dial %s: it was upgraded, want a plain HTTP status", path)
	}
	return res
}

func dial(t testing.TB, h http.Handler, path string, opts *DialOptions) (*Conn, *http.Response) {
	t.Helper()
	var o DialOptions
	if opts != nil {
		o = *opts
	}
	o.Timeout = cmp.Or(o.Timeout, 5*time.Second)
	o.Discriminator = cmp.Or(o.Discriminator, "action")
	ctx, cancel := context.WithTimeout(context.Background(), o.Timeout)
	defer cancel()
	ws, res, err := websocket.Dial(ctx, "ws://"+host+path, &websocket.DialOptions{
		HTTPClient:   &http.Client{Transport: memory{h}, CheckRedirect: noRedirect},
		HTTPHeader:   o.Header,
		Subprotocols: o.Subprotocols,
	})
	if err != nil && (res == nil || res.StatusCode == http.StatusSwitchingProtocols) {
		t.Fatalf("chanxtest: dial %s: %v", path, err)
	}
	if err != nil {
		return nil, res
	}
	return newConn(t, ws, o), nil
}

// noRedirect shows a redirection to the test: a browser does not follow it either.
func noRedirect(*http.Request, []*http.Request) error { return http.ErrUseLastResponse }

func readAll(r io.Reader) []byte {
	b, err := io.ReadAll(r)
	if err != nil {
		return []byte(err.Error())
	}
	return b
}
