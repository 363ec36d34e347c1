package chanxtest

import (
	"bufio"
	"cmp"
	"errors"
	"io"
	"net"
	"net/http"
	"net/http/httptest"
)

const (
	host   = "chanx.test"
	remote = "192.0.2.1:1234" // an address reserved for documentation (RFC 5737)
)

// memory is an http.RoundTripper that passes the handshake to a handler and uses a pipe as the connection.
type memory struct {
	handler http.Handler
	conn    net.Conn // the client's end, once upgraded
}

// RoundTrip implements http.RoundTripper.
func (m *memory) RoundTrip(r *http.Request) (*http.Response, error) {
	client, theirs := net.Pipe()
	ours := newClientPipe(client)
	w := &hijackable{ResponseRecorder: httptest.NewRecorder(), conn: theirs}
	done := make(chan struct{})
	go func() {
		defer close(done)
		m.handler.ServeHTTP(w, incoming(r))
		if !w.hijacked {
			_ = theirs.Close() // a pipe's Close has no error
		}
	}()
	br := bufio.NewReader(ours)
	res, err := http.ReadResponse(br, r)
	if err != nil {
		<-done
		_ = ours.Close() // likewise
		if w.hijacked {
			return nil, err
		}
		return w.Result(), nil
	}
	m.conn, res.Body = ours, upgraded{br, ours}
	return res, nil
}

// incoming returns the request as a server would receive it.
func incoming(r *http.Request) *http.Request {
	r = r.Clone(r.Context())
	r.Host, r.RemoteAddr, r.RequestURI = cmp.Or(r.Host, r.URL.Host), remote, r.URL.RequestURI()
	r.Proto, r.ProtoMajor, r.ProtoMinor = "HTTP/1.1", 1, 1
	r.Body = http.NoBody
	return r
}

// hijackable is a ResponseWriter whose connection can be hijacked.
type hijackable struct {
	*httptest.ResponseRecorder
	conn     net.Conn
	hijacked bool
}

// Hijack implements http.Hijacker.
func (h *hijackable) Hijack() (net.Conn, *bufio.ReadWriter, error) {
	if h.hijacked {
		return nil, nil, errors.New("chanxtest: hijack connection: it has been hijacked before")
	}
	h.hijacked = true
	return h.conn, bufio.NewReadWriter(bufio.NewReader(h.conn), bufio.NewWriter(h.conn)), nil
}

// upgraded is the body of a 101 response: the connection, after the bytes that were read ahead.
type upgraded struct {
	io.Reader
	net.Conn
}

// Read reads from the connection.
func (u upgraded) Read(p []byte) (int, error) { return u.Reader.Read(p) }
