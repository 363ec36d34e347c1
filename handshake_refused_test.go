package chanx_test

import (
	"bufio"
	"bytes"
	"crypto/tls"
	"io"
	"log/slog"
	"net"
	"net/http"
	"net/http/httptest"
	"strings"
	"testing"
	"testing/synctest"
	"time"

	"github.com/chanx-go/chanx"
	"github.com/chanx-go/chanx/chanxtest"
)

// door returns a consumer that refuses the room "no" and accepts all others.
func door() *chanx.Consumer[state] {
	return chanx.NewConsumer(func(c *chanx.Conn, r *http.Request) (*state, error) {
		if r.URL.RawQuery == "no" {
			return nil, chanx.Refuse(http.StatusForbidden, "members only")
		}
		return &state{c}, nil
	}, nil)
}

// TestRequestBodiesAreNotRead sends a Content-Length and no body. The request is answered at once and the connection
// closed.
func TestRequestBodiesAreNotRead(t *testing.T) {
	bubble(t, chanx.ServerOptions{}, func(t *testing.T, srv *chanx.Server) {
		srv.Handle("/ws", door())
		srv.Handle("/tree/", door())
		web := listen(t, srv)
		for _, length := range []string{"Content-Length: 10", "Content-Length: 1000000", "Transfer-Encoding: chunked", "Content-Length: 10\r\nExpect: 100-continue"} {
			for request, want := range map[string]int{
				handshake("/ws", length):        400,
				request("GET", "/ws", length):   400,
				request("POST", "/ws", length):  405,
				handshake("/nowhere", length):   404,
				request("PUT", "/none", length): 404,
				request("GET", "/tree", length): 307,
			} {
				begin := time.Now()
				c := web.dial(t)
				res, _ := c.ask(request)
				if res.StatusCode != want || !res.Close || time.Since(begin) != 0 {
					t.Errorf("%q: %s after %v, close %t, want %d at once", request, res.Status, time.Since(begin), res.Close, want)
				}
				if d := c.ends(); d > time.Second {
					t.Errorf("%q: closed after %v", request, d)
				}
			}
		}
	})
}

// TestRefusalTexts checks the headers and bodies of responses to requests that open no WebSocket.
func TestRefusalTexts(t *testing.T) {
	bubble(t, chanx.ServerOptions{Limits: chanx.Limits{MaxConnections: 1}}, func(t *testing.T, srv *chanx.Server) {
		srv.Handle("/ws", door())
		web := listen(t, srv)
		chanxtest.Dial(t, srv, "/ws", nil)
		for _, k := range []struct {
			request string
			status  int
			header  string
		}{
			{request("GET", "/ws"), 426, "Upgrade: websocket"},
			{request("GET", "/ws"), 426, "Connection: Upgrade"},
			{handshake("/ws", "Sec-WebSocket-Version: 8"), 426, "Sec-Websocket-Version: 13"},
			{request("POST", "/ws"), 405, "Allow: GET"},
			{request("HEAD", "/ws"), 405, "Allow: GET"},
			{request("OPTIONS", "/ws"), 405, "Allow: GET"},
			{handshake("/ws", "Content-Length: 1") + "x", 400, "Connection: close"},
			{strings.Replace(handshake("/ws"), "dGhlI", "", 1), 400, "Content-Type: text/plain; charset=utf-8"},
			{handshake("/ws", "Origin: https://evil.example"), 403, "Content-Type: text/plain; charset=utf-8"},
			{handshake("/ws"), 503, "Retry-After: 5"},
			{request("GET", "/nowhere"), 404, "Content-Type: text/plain; charset=utf-8"},
		} {
			res, body := web.dial(t).ask(k.request)
			name, value, _ := strings.Cut(k.header, ": ")
			if res.StatusCode != k.status || res.Header.Get(name) != value && (value != "close" || !res.Close) {
				t.Errorf("%q: %s with %v, want %d with %s", k.request, res.Status, res.Header, k.status, k.header)
			}
			if strings.Contains(body, "chanx:") || strings.Contains(body, "socket:") || (body == "") != strings.HasPrefix(k.request, "HEAD") {
				t.Errorf("%q: body %q", k.request, body)
			}
		}
	})
}

// TestPlainRequestsOverHTTP2 checks that the responses have no connection headers: HTTP/2 forbids them.
func TestPlainRequestsOverHTTP2(t *testing.T) {
	srv := chanx.NewServer(&chanx.ServerOptions{Logger: quiet})
	srv.Handle("/ws", door())
	web := httptest.NewUnstartedServer(srv)
	web.EnableHTTP2 = true
	web.StartTLS()
	defer web.Close()
	for _, k := range []struct {
		method, path string
		body         io.Reader
		status       int
	}{
		{"GET", "/ws", nil, 426},
		{"HEAD", "/ws", nil, 405},
		{"POST", "/ws", strings.NewReader("x"), 405},
		{"GET", "/ws", strings.NewReader("x"), 400},
		{"GET", "/nowhere", nil, 404},
	} {
		r, err := http.NewRequestWithContext(t.Context(), k.method, web.URL+k.path, k.body)
		if err != nil {
			t.Fatal(err)
		}
		res, err := web.Client().Do(r)
		if err != nil {
			t.Errorf("%s %s: %v", k.method, k.path, err)
			continue
		}
		if res.ProtoMajor != 2 || res.StatusCode != k.status || len(res.Header["Upgrade"])+len(res.Header["Connection"]) > 0 {
			t.Errorf("%s %s: %s %s with %v, want %d", k.method, k.path, res.Proto, res.Status, res.Header, k.status)
		}
		if err := res.Body.Close(); err != nil {
			t.Error(err)
		}
	}
	if err := srv.Shutdown(t.Context()); err != nil {
		t.Error(err)
	}
}

// TestHandshakesWithoutAPatternAreRefused checks that they get a close code, so that a client does not reconnect for ever.
func TestHandshakesWithoutAPatternAreRefused(t *testing.T) {
	bubble(t, chanx.ServerOptions{}, func(t *testing.T, srv *chanx.Server) {
		srv.Handle("/ws", door())
		srv.Handle("/tree/{x}/", door())
		site := http.NewServeMux()
		site.Handle("/", srv)
		site.Handle("/alone/", srv.Handler("/alone/{x}", door()))
		for path, detail := range map[string]string{
			"/nowhere":       "nothing is served at this path",
			"/ws/":           "nothing is served at this path",
			"/tree/a":        "nothing is served at this path: /tree/{x}/ is",
			"/alone/a/b":     "nothing is served at this path",
			"/alone/":        "nothing is served at this path",
			"/nowhere?a=b&c": "nothing is served at this path",
		} {
			if got := chanxtest.Dial(t, site, path, nil).ExpectRefused(404); got != detail {
				t.Errorf("%s: told %q, want %q", path, got, detail)
			}
		}
		as := &chanxtest.DialOptions{Identity: &chanx.Identity{UserID: "ann"}}
		chanxtest.Dial(t, srv, "/nowhere", as).ExpectRefused(404)
		if c := chanxtest.Dial(t, srv, "/nowhere", nil); c.ExpectRefused(404) == "" {
			t.Error("no detail")
		}
		synctest.Wait()
		if s := srv.Stats(); s.Connections != 0 || s.Out["authentication"].Count != 8 {
			t.Errorf("%d connections, told %d", s.Connections, s.Out["authentication"].Count)
		}
		evil := &chanxtest.DialOptions{Header: http.Header{"Origin": {"https://evil.example"}}}
		if res := chanxtest.DialRefused(t, srv, "/nowhere", evil); res.StatusCode != 404 {
			t.Errorf("a foreign page got %s", res.Status)
		}
	})
}

// TestHandshakesWithoutAPatternAreBounded checks that the limit of concurrent refusals includes them.
func TestHandshakesWithoutAPatternAreBounded(t *testing.T) {
	bubble(t, chanx.ServerOptions{Limits: chanx.Limits{MaxConnections: 16}}, func(t *testing.T, srv *chanx.Server) {
		web := listen(t, srv)
		for i := range 20 {
			c := web.dial(t)
			res, body := c.ask(handshake("/nowhere"))
			if i < 16 && res.StatusCode == http.StatusSwitchingProtocols {
				if _, code, _ := c.frames(); code != 4404 {
					t.Errorf("number %d: closed with %d", i, code)
				}
			} else if i < 16 || res.StatusCode != http.StatusNotFound {
				t.Errorf("number %d: %s %q", i, res.Status, body)
			}
		}
	})
}

// TestHandshakesWithoutAPatternWithPlainStatuses checks them with ServerOptions.RefuseWithHTTP.
func TestHandshakesWithoutAPatternWithPlainStatuses(t *testing.T) {
	bubble(t, chanx.ServerOptions{RefuseWithHTTP: true}, func(t *testing.T, srv *chanx.Server) {
		srv.Handle("/tree/", door())
		for path, want := range map[string]int{"/nowhere": 404, "/tree": 307} {
			if res := chanxtest.DialRefused(t, srv, path, nil); res.StatusCode != want {
				t.Errorf("%s: %s, want %d", path, res.Status, want)
			}
		}
	})
}

// hiding is the ResponseWriter of a middleware that does not support Hijack.
type hiding struct{ http.ResponseWriter }

// showing has an Unwrap method, by which http.ResponseController finds the wrapped ResponseWriter.
type showing struct{ hiding }

func (s showing) Unwrap() http.ResponseWriter { return s.ResponseWriter }

// failing has a Hijack method that returns an error.
type failing struct{ hiding }

func (failing) Hijack() (net.Conn, *bufio.ReadWriter, error) { return nil, nil, http.ErrNotSupported }

// TestMiddlewareThatHidesTheConnection checks that the log names its type, and that a refusal keeps its status.
func TestMiddlewareThatHidesTheConnection(t *testing.T) {
	log := &bytes.Buffer{}
	bubble(t, chanx.ServerOptions{Logger: slog.New(slog.NewTextHandler(log, nil))}, func(t *testing.T, srv *chanx.Server) {
		srv.Handle("/ws", door())
		for name, wrap := range map[string]func(http.ResponseWriter) http.ResponseWriter{
			"hiding":       func(w http.ResponseWriter) http.ResponseWriter { return hiding{w} },
			"failing":      func(w http.ResponseWriter) http.ResponseWriter { return failing{hiding{w}} },
			"hidden twice": func(w http.ResponseWriter) http.ResponseWriter { return showing{hiding{hiding{w}}} },
		} {
			h := http.HandlerFunc(func(w http.ResponseWriter, r *http.Request) { srv.ServeHTTP(wrap(w), r) })
			for path, want := range map[string]int{"/ws": 500, "/ws?no": 403, "/nowhere": 404} {
				if res := chanxtest.DialRefused(t, h, path, nil); res.StatusCode != want {
					t.Errorf("%s: %s: %s, want %d", name, path, res.Status, want)
				}
			}
		}
		h := http.HandlerFunc(func(w http.ResponseWriter, r *http.Request) { srv.ServeHTTP(showing{hiding{showing{hiding{w}}}}, r) })
		chanxtest.Dial(t, h, "/ws", nil).ExpectNothing()
		synctest.Wait()
		if n := srv.Stats().Connections; n != 1 {
			t.Errorf("%d connections", n)
		}
		said := log.String()
		if strings.Count(said, "level=ERROR") != 2 || // one for the pattern, and one for requests without a pattern
			!strings.Contains(said, "middleware") || !strings.Contains(said, "Unwrap() http.ResponseWriter") {
			t.Errorf("log %s", said)
		}
	})
}

// TestTheHostMustBeListed checks that other hosts are refused, as in an attack by DNS rebinding.
func TestTheHostMustBeListed(t *testing.T) {
	bubble(t, chanx.ServerOptions{Hosts: []string{"chat.example.com", "localhost"}}, func(t *testing.T, srv *chanx.Server) {
		srv.Handle("/ws", door())
		dial := func(host string) *chanxtest.DialOptions {
			return &chanxtest.DialOptions{Host: host, Header: http.Header{"Origin": {"http://" + host}}}
		}
		for _, host := range []string{"chat.example.com", "CHAT.example.com:8080", "localhost:8080"} {
			chanxtest.Dial(t, srv, "/ws", dial(host)).ExpectNothing()
		}
		for _, host := range []string{"evil.example", "evil.example:8080", "localhost.evil.example", "127.0.0.1"} {
			if res := chanxtest.DialRefused(t, srv, "/ws", dial(host)); res.StatusCode != 403 {
				t.Errorf("%s: %s, want 403", host, res.Status)
			}
		}
	})
}

// TestOriginWithAnotherSchemeIsRefused checks this where the server knows its own scheme.
func TestOriginWithAnotherSchemeIsRefused(t *testing.T) {
	bubble(t, chanx.ServerOptions{}, func(t *testing.T, srv *chanx.Server) {
		srv.Handle("/ws", door())
		overTLS := http.HandlerFunc(func(w http.ResponseWriter, r *http.Request) {
			r.TLS = &tls.ConnectionState{}
			srv.ServeHTTP(w, r)
		})
		origin := func(o string) *chanxtest.DialOptions {
			return &chanxtest.DialOptions{Header: http.Header{"Origin": {o}}}
		}
		chanxtest.Dial(t, overTLS, "/ws", origin("https://chanx.test")).ExpectNothing()
		chanxtest.Dial(t, srv, "/ws", origin("https://chanx.test")).ExpectNothing() // a proxy may have terminated TLS
		chanxtest.Dial(t, srv, "/ws", origin("http://chanx.test")).ExpectNothing()
		if res := chanxtest.DialRefused(t, overTLS, "/ws", origin("http://chanx.test")); res.StatusCode != 403 {
			t.Errorf("a page without TLS got %s", res.Status)
		}
	})
}

// carrying is an Authenticator that reads credentials from a subprotocol with a prefix.
type carrying struct{ chanx.Authenticator }

func (carrying) Subprotocols() []string { return []string{"token."} }

// TestSubprotocolsThatAreNotChosen checks that the log names them, without the parts that may be secret.
func TestSubprotocolsThatAreNotChosen(t *testing.T) {
	log := &bytes.Buffer{}
	bubble(t, chanx.ServerOptions{Logger: slog.New(slog.NewTextHandler(log, nil)), Subprotocols: []string{"v1"}}, func(t *testing.T, srv *chanx.Server) {
		var seen string
		srv.Handle("/ws", chanx.NewConsumer(func(c *chanx.Conn, r *http.Request) (*state, error) {
			seen = "open"
			if r.URL.RawQuery == "no" {
				return nil, chanx.Refuse(http.StatusForbidden, "members only")
			}
			return &state{c}, nil
		}, &chanx.ConsumerOptions{Authenticator: carrying{byHeader}}))
		const secret = "eyJhbGciOiJub25lIn0.c2VjcmV0"
		for _, k := range []struct {
			path, want, warns string
			offered           []string
		}{
			{"/ws", "v1", "", []string{"token.", "token." + secret, "v1"}},
			{"/ws", "token.", "", []string{"token." + secret, "token."}},
			{"/ws?no", "token.", "", []string{"token." + secret, "token."}},
			{"/ws", "", `token.…`, []string{"token." + secret}},
			{"/ws?no", "", `token.…`, []string{"token." + secret}},
			{"/ws", "", `v2`, []string{"v2"}},
			{"/ws", "", "(28 bytes)", []string{secret}},
		} {
			time.Sleep(time.Minute) // in a bubble: warnings are throttled to one a minute
			log.Reset()
			c := chanxtest.Dial(t, srv, k.path, &chanxtest.DialOptions{Header: http.Header{"User": {"ann"}}, Subprotocols: k.offered})
			if got := c.Subprotocol(); got != k.want || seen != "open" {
				t.Errorf("offered %q: chosen %q, want %q", k.offered, got, k.want)
			}
			synctest.Wait()
			said := log.String()
			if k.warns == "" && said != "" || !strings.Contains(said, k.warns) || strings.Contains(said, secret) {
				t.Errorf("offered %q: log %q, want %q", k.offered, said, k.warns)
			}
		}
	})
}
