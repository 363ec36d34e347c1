package socket

import (
	"bufio"
	"context"
	"errors"
	"net"
	"net/http"
	"net/http/httptest"
	"os"
	"strings"
	"testing"
	"testing/synctest"
	"time"
)

const sampleKey = "dGhlIHNhbXBsZSBub25jZQ==" // the example of RFC 6455, section 1.3

// set replaces the values of a header; without values it removes the header.
func set(name string, values ...string) func(*http.Request) {
	return func(r *http.Request) {
		r.Header.Del(name)
		for _, v := range values {
			r.Header.Add(name, v)
		}
	}
}

func TestHandshakeCheck(t *testing.T) {
	t.Parallel()
	u := NewUpgrader(Options{})
	for _, k := range []struct {
		name   string
		change func(*http.Request)
		status int
		err    string
	}{
		{"as it should be", func(*http.Request) {}, 0, ""},
		{"POST", func(r *http.Request) { r.Method = "POST" }, 405, "is opened with GET"},
		{"HEAD", func(r *http.Request) { r.Method = "HEAD" }, 405, "is opened with GET"},
		{"extended CONNECT of HTTP/2", func(r *http.Request) {
			r.Method, r.Proto, r.ProtoMajor, r.ProtoMinor = "CONNECT", "HTTP/2.0", 2, 0
		}, 405, "is opened with GET"},
		{"no Connection", set("Connection"), 426, "open it with a WebSocket client"},
		{"other Connection", set("Connection", "keep-alive"), 426, "open it with a WebSocket client"},
		{"longer token in Connection", set("Connection", "upgraded"), 426, "open it with a WebSocket client"},
		{"Connection in several lines", set("Connection", "keep-alive", "foo, UPGRADE ,bar"), 0, ""},
		{"no Upgrade", set("Upgrade"), 426, "open it with a WebSocket client"},
		{"other Upgrade", set("Upgrade", "h2c"), 426, "open it with a WebSocket client"},
		{"Upgrade with a version", set("Upgrade", "websocket/13"), 426, "open it with a WebSocket client"},
		{"Upgrade with a choice", set("Upgrade", "h2c,\tWebSocket"), 0, ""},
		{"Upgrade with a long s", set("Upgrade", "web\u017focket"), 426, "open it with a WebSocket client"},
		{"Upgrade with a Kelvin sign", set("Upgrade", "websoc\u212aet"), 426, "open it with a WebSocket client"},
		{"Connection with a wide space", set("Connection", "upgrade\u2003"), 426, "open it with a WebSocket client"},
		{"plain GET", func(r *http.Request) { r.Header = http.Header{} }, 426, "open it with a WebSocket client"},
		{"HTTP/1.0", func(r *http.Request) { r.Proto, r.ProtoMinor = "HTTP/1.0", 0 }, 400, "over HTTP/1.1, not HTTP/1.0"},
		{"HTTP/2", func(r *http.Request) {
			r.Proto, r.ProtoMajor, r.ProtoMinor = "HTTP/2.0", 2, 0
		}, 400, "over HTTP/1.1, not HTTP/2.0"},
		{"no version", set("Sec-WebSocket-Version"), 426, "Sec-WebSocket-Version is not 13"},
		{"old version", set("Sec-WebSocket-Version", "8"), 426, "Sec-WebSocket-Version is not 13"},
		{"list of versions", set("Sec-WebSocket-Version", "13, 8"), 426, "Sec-WebSocket-Version is not 13"},
		{"two versions", set("Sec-WebSocket-Version", "13", "13"), 426, "Sec-WebSocket-Version is not 13"},
		{"no key", set("Sec-WebSocket-Key"), 400, "Sec-WebSocket-Key is not 16 bytes"},
		{"empty key", set("Sec-WebSocket-Key", ""), 400, "Sec-WebSocket-Key is not 16 bytes"},
		{"key of 15 bytes", set("Sec-WebSocket-Key", "MTIzNDU2Nzg5MDEyMzQ1"), 400, "Sec-WebSocket-Key is not 16 bytes"},
		{"key of 17 bytes", set("Sec-WebSocket-Key", "MTIzNDU2Nzg5MDEyMzQ1Njc="), 400, "Sec-WebSocket-Key is not 16 bytes"},
		{"key not in base64", set("Sec-WebSocket-Key", "dGhlIHNhbXBsZSBub25j!Q=="), 400, "Sec-WebSocket-Key is not 16 bytes"},
		{"key without padding", set("Sec-WebSocket-Key", "dGhlIHNhbXBsZSBub25jZQ"), 400, "Sec-WebSocket-Key is not 16 bytes"},
		{"two keys", set("Sec-WebSocket-Key", sampleKey, sampleKey), 400, "Sec-WebSocket-Key is not 16 bytes"},
		{"body", func(r *http.Request) { r.ContentLength = 6 }, 400, "the request has a body"},
		{"body of unknown length", func(r *http.Request) { r.ContentLength = -1 }, 400, "the request has a body"},
		{"chunked body", func(r *http.Request) { r.TransferEncoding = []string{"chunked"} }, 400, "the request has a body"},
		{"body of a plain GET", func(r *http.Request) { r.Header, r.ContentLength = http.Header{}, 6 }, 400, "the request has a body"},
		{"foreign origin", set("Origin", "https://evil.example"), 403, `"https://evil.example" is not allowed`},
	} {
		t.Run(k.name, func(t *testing.T) {
			t.Parallel()
			r := request(t, handshake)
			k.change(r)
			err := u.Check(r)
			if (err == nil) != (k.status == 0) || err != nil && err.Status != k.status {
				t.Fatalf("%v, want %d", err, k.status)
			}
			if err != nil && !strings.Contains(err.Detail, k.err) {
				t.Errorf("%q, want %q", err.Detail, k.err)
			}
		})
	}
}

// TestHandshakeAnswer compares the bytes of the answer, for the key of the RFC's example.
func TestHandshakeAnswer(t *testing.T) {
	t.Parallel()
	for _, k := range []struct {
		name    string
		ours    []string
		offered []string
		want    string
	}{
		{"none wanted, none offered", nil, nil, ""},
		{"none wanted", nil, []string{"chat"}, ""},
		{"none offered", []string{"chat"}, nil, ""},
		{"no match", []string{"chat"}, []string{"mqtt, Chat"}, ""},
		{"the only one", []string{"chat"}, []string{"chat"}, "chat"},
		{"our order decides", []string{"v2", "v1"}, []string{"v1, v2"}, "v2"},
		{"in several lines", []string{"v2", "v1"}, []string{"x,v1", " v3 "}, "v1"},
		{"behind a line separator", []string{"v1"}, []string{"x,\u2028v1"}, ""},
	} {
		t.Run(k.name, func(t *testing.T) {
			t.Parallel()
			ours, theirs := net.Pipe()
			r := request(t, handshake)
			set("Sec-WebSocket-Protocol", k.offered...)(r)
			answer := make(chan string)
			go func() {
				b := make([]byte, 500)
				n, _ := theirs.Read(b) // an error shows as a wrong answer
				answer <- string(b[:n])
			}()
			c, err := NewUpgrader(Options{Subprotocols: k.ours}).Upgrade(hijacked{nc: ours}, r)
			must(t, err)
			want := "HTTP/1.1 101 Switching Protocols\r\nUpgrade: websocket\r\nConnection: Upgrade\r\n" +
				"Sec-WebSocket-Accept: s3pPLMBiTxaQ9kYGzzhZRbK+xOo=\r\n"
			if k.want != "" {
				want += "Sec-WebSocket-Protocol: " + k.want + "\r\n"
			}
			if got := <-answer; got != want+"\r\n" {
				t.Errorf("answer %q", got)
			}
			if got := c.Subprotocol(); got != k.want {
				t.Errorf("subprotocol %q", got)
			}
			if c.RemoteAddr() != ours.RemoteAddr() {
				t.Errorf("remote address %v", c.RemoteAddr())
			}
			c.Abort()
			must(t, c.up.Wait(t.Context()))
		})
	}
}

// TestUpgradeFails: before the hijack an error leaves the ResponseWriter usable; after it the connection is closed.
func TestUpgradeFails(t *testing.T) {
	t.Parallel()
	u := NewUpgrader(Options{})
	w := httptest.NewRecorder()
	if _, err := u.Upgrade(w, request(t, handshake)); !errors.Is(err, http.ErrNotSupported) {
		t.Errorf("hijack: %v", err)
	}
	r := request(t, handshake)
	r.Method = "PUT"
	if _, err := u.Upgrade(w, r); err == nil || !strings.Contains(err.Error(), "opened with GET") {
		t.Errorf("method: %v", err)
	}
	ours, theirs := net.Pipe()
	must(t, theirs.Close())
	if _, err := u.Upgrade(hijacked{nc: ours}, request(t, handshake)); err == nil {
		t.Error("writing the answer failed, without an error")
	}
	if _, err := ours.Write([]byte("x")); !errors.Is(err, net.ErrClosed) && !strings.Contains(err.Error(), "closed pipe") {
		t.Errorf("write after a failed upgrade: %v", err)
	}
	if _, err := u.Upgrade(hijacked{nc: ours}, request(t, handshake)); err == nil {
		t.Error("upgraded a closed connection")
	}
	if n := u.Stats().Open; n != 0 {
		t.Errorf("%d open", n)
	}
	must(t, u.Wait(t.Context()))
}

func TestHandshakeTimeout(t *testing.T) {
	t.Parallel()
	synctest.Test(t, func(t *testing.T) {
		ours, theirs := net.Pipe()
		begin := time.Now()
		_, err := NewUpgrader(Options{}).Upgrade(hijacked{nc: ours}, request(t, handshake))
		if !errors.Is(err, os.ErrDeadlineExceeded) || time.Since(begin) != 10*time.Second {
			t.Errorf("%v after %v", err, time.Since(begin))
		}
		if _, err := theirs.Read(make([]byte, 1)); err == nil {
			t.Error("not closed")
		}
	})
}

// TestDeadlinesOfTheHTTPServer: neither the HTTP server's deadlines nor those of the handshake remain.
func TestDeadlinesOfTheHTTPServer(t *testing.T) {
	t.Parallel()
	synctest.Test(t, func(t *testing.T) {
		ours, theirs := net.Pipe()
		must(t, ours.SetDeadline(time.Now().Add(time.Minute)))
		r := &recording{Conn: ours}
		c, p := upgraded(t, NewUpgrader(Options{PingInterval: -1}), r, theirs)
		if !r.until.IsZero() {
			t.Error("a write deadline is left")
		}
		h := newRecorder(c)
		c.Start(h.echo(), nil)
		time.Sleep(time.Hour)
		p.send(text("late"))
		p.expect("text late")
		p.send(closing(1000, ""))
		p.expect("close 1000", "eof")
		h.end(t, "m late", "closed 1000")
	})
}

// TestRefusedRequest: after a failed Check the caller can send an ordinary HTTP answer.
func TestRefusedRequest(t *testing.T) {
	t.Parallel()
	s := newServer(t, Options{}, false)
	nc, err := net.Dial("tcp", s.http.Listener.Addr().String())
	must(t, err)
	defer nc.Close()
	_, err = nc.Write([]byte(strings.Replace(handshake, "Version: 13", "Version: 7", 1)))
	must(t, err)
	answer, err := http.ReadResponse(bufio.NewReader(nc), nil)
	must(t, err)
	if answer.StatusCode != http.StatusUpgradeRequired {
		t.Errorf("status %s", answer.Status)
	}
	h, p := s.dial(t, nil)
	p.send(closing(1000, ""))
	p.expect("close 1000", "eof")
	h.end(t)
}

func TestBadOptionsPanic(t *testing.T) {
	t.Parallel()
	for want, o := range map[string]Options{
		`use origin "example.com"`:          {Origins: []string{"example.com"}},
		`use origin "https://example.com/"`: {Origins: []string{"https://example.com/"}},
		`use origin "https://*.com:x"`:      {Origins: []string{"https://*.com:x"}},
		`use origin "https://*"`:            {Origins: []string{"https://*"}},
		`use origin "https://*."`:           {Origins: []string{"https://*."}},
		`use origin "https://*:443"`:        {Origins: []string{"https://*:443"}},
		`use origin "https://a.*.com"`:      {Origins: []string{"https://a.*.com"}},
		`use origin "https://*a.com"`:       {Origins: []string{"https://*a.com"}},
		`use origin "https://*.*.com"`:      {Origins: []string{"https://*.*.com"}},
		`use origin "*.example.com"`:        {Origins: []string{"*.example.com"}},
		`use origin "//example.com"`:        {Origins: []string{"//example.com"}},
		`use origin "https://a.com/x"`:      {Origins: []string{"https://a.com/x"}},
		`use origin "https://a.com:0443"`:   {Origins: []string{"https://a.com:0443"}},
		`use origin "https://a.com:99999"`:  {Origins: []string{"https://a.com:99999"}},
		`use origin "https://bücher.de"`:    {Origins: []string{"https://bücher.de"}},
		`use origin "https://a.com,b.com"`:  {Origins: []string{"https://a.com,b.com"}},
		`use origin " https://a.com"`:       {Origins: []string{" https://a.com"}},
		`use origin ""`:                     {Origins: []string{""}},
		`use host "https://example.com"`:    {Hosts: []string{"https://example.com"}},
		`use host "example.com/"`:           {Hosts: []string{"example.com/"}},
		`use host "*"`:                      {Hosts: []string{"*"}},
		`use host "::1"`:                    {Hosts: []string{"::1"}},
		`use host "a:"`:                     {Hosts: []string{"a:"}},
		`use host "a:0"`:                    {Hosts: []string{"a:0"}},
		`use host ""`:                       {Hosts: []string{""}},
		`use subprotocol "a b"`:             {Subprotocols: []string{"a b"}},
		`use subprotocol ""`:                {Subprotocols: []string{""}},
		`use subprotocol "a"`:               {Subprotocols: []string{"a", "b", "a"}},
	} {
		t.Run(want, func(t *testing.T) {
			t.Parallel()
			defer func() {
				if err, _ := recover().(error); err == nil || !strings.Contains(err.Error(), want) {
					t.Errorf("panic %v, want %s", err, want)
				}
			}()
			NewUpgrader(o)
		})
	}
}

func TestWait(t *testing.T) {
	t.Parallel()
	synctest.Test(t, func(t *testing.T) {
		u := NewUpgrader(Options{})
		must(t, u.Wait(t.Context()))
		one, p := piped(t, u)
		two, _ := piped(t, u)
		ctx, cancel := context.WithTimeout(t.Context(), time.Minute)
		defer cancel()
		if err := u.Wait(ctx); !errors.Is(err, context.DeadlineExceeded) {
			t.Errorf("two are open: %v", err)
		}
		h := newRecorder(one)
		h.last = func() { time.Sleep(time.Minute) }
		one.Start(h, nil)
		begin := time.Now()
		must(t, p.nc.Close())
		two.Abort()
		must(t, u.Wait(t.Context()))
		if d := time.Since(begin); d != time.Minute {
			t.Errorf("waited for %v, and Closed for a minute", d)
		}
		if s := u.Stats(); s.Open != 0 {
			t.Errorf("%d open", s.Open)
		}
		h.end(t, "closed 1006")
	})
}

// slowToClose is a transport whose Close takes long, as with TLS.
type slowToClose struct{ net.Conn }

func (s slowToClose) Close() error {
	time.Sleep(3 * time.Second) // in a bubble
	return s.Conn.Close()
}

func TestWaitForTheTransport(t *testing.T) {
	t.Parallel()
	synctest.Test(t, func(t *testing.T) {
		ours, theirs := net.Pipe()
		u := NewUpgrader(Options{})
		c, p := upgraded(t, u, slowToClose{ours}, theirs)
		h := newRecorder(c)
		c.Start(h, nil)
		p.send(closing(1000, ""))
		p.expect("close 1000")
		begin := time.Now()
		h.end(t, "closed 1000")
		if time.Since(begin) != 0 {
			t.Error("Closed waited for the transport")
		}
		must(t, u.Wait(t.Context()))
		if d := time.Since(begin); d != 3*time.Second {
			t.Errorf("waited for %v", d)
		}
	})
}
