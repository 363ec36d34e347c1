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
	"github.com/chanx-go/chanx/internal/probe"
)

// DialOptions are the options of Dial. The zero value works.
type DialOptions struct {
	// Header is sent with the handshake: credentials (see Bearer and Cookies), an Origin.
	Header http.Header

	// Host is the host of the request, for servers with ServerOptions.Hosts; default "chanx.test".
	Host string

	// Identity authenticates the connection as this user. The consumer's Authenticator is not called, so the test needs
	// no credentials. With nil the Authenticator is called. An Identity for a consumer without an Authenticator ends
	// the test.
	Identity *chanx.Identity

	// Subprotocols are offered, in order of preference.
	Subprotocols []string

	// Timeout limits each wait for a frame or for the end; default 5 s.
	Timeout time.Duration

	// AllowInvalid switches off the check of received frames. By default a frame that does not match what the consumer
	// declares fails the test.
	AllowInvalid bool

	// Paused leaves everything that the server sends unread until [Conn.Resume], like a client that does not keep up.
	// From the second frame on, frames wait in the server, so a test can observe the effects of Limits.SendQueueBytes,
	// chanx.Droppable and chanx.Latest. As for any client that does not read, Limits.WriteTimeout ends the connection.
	Paused bool

	// Transcript records what the connection sends and receives; nil records nothing.
	Transcript *Transcript

	// Name is the connection's name in the transcript and in failures; default its path.
	Name string
}

// Dial opens a connection to a path of h, which is a *chanx.Server or a handler that it is mounted on. It ends the test
// if the connection is not upgraded. A connection that the server refuses with an authentication message is upgraded:
// see [Conn.ExpectRefused]. The connection is closed when the test ends. opts may be nil.
func Dial(t testing.TB, h http.Handler, path string, opts *DialOptions) *Conn {
	t.Helper()
	c, res := dial(t, h, path, opts)
	if c == nil {
		t.Fatalf("chanxtest: dial %s: status %d: %s", path, res.StatusCode, readAll(res.Body))
	}
	return c
}

// DialRefused expects that the server answers the handshake with an HTTP status instead of an upgrade. It returns the
// response, whose body need not be closed.
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
	o.Name = cmp.Or(o.Name, path)
	o.Transcript.does("%s dials %s", o.Name, path)
	p, m := probe.Probe{}, memory{handler: h}
	if o.Identity != nil {
		p.Identity = o.Identity
	}
	ctx, cancel := context.WithTimeout(probe.With(context.Background(), &p), o.Timeout)
	defer cancel()
	ws, res, err := websocket.Dial(ctx, "ws://"+host+path, &websocket.DialOptions{
		HTTPClient:   &http.Client{Transport: &m, CheckRedirect: noRedirect},
		HTTPHeader:   o.Header,
		Host:         o.Host,
		Subprotocols: o.Subprotocols,
	})
	switch {
	case err == nil && p.Consumer == nil:
		_ = ws.CloseNow() // the test ends
		t.Fatalf("chanxtest: dial %s: it was upgraded, but not by a chanx server that got the context of the request", path)
	case err == nil && o.Identity != nil && !p.Consumer.Authenticates:
		_ = ws.CloseNow() // likewise
		t.Fatalf("chanxtest: dial %s: DialOptions.Identity is set, but the consumer has no Authenticator", path)
	case err == nil:
		return newConn(t, ws, m.conn, p.Consumer, o), nil
	case res == nil || res.StatusCode == http.StatusSwitchingProtocols:
		t.Fatalf("chanxtest: dial %s: %v", path, err)
	}
	o.Transcript.saw("%s < HTTP %s", o.Name, res.Status)
	return nil, res
}

// noRedirect returns a redirection to the test instead of following it. Browsers do not follow it either.
func noRedirect(*http.Request, []*http.Request) error { return http.ErrUseLastResponse }

func readAll(r io.Reader) []byte {
	b, err := io.ReadAll(r)
	if err != nil {
		return []byte(err.Error())
	}
	return b
}
