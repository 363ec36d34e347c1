package chanx_test

import (
	"context"
	"net/http"
	"strings"
	"testing"
	"testing/synctest"
	"time"

	"github.com/gobwas/ws"

	"github.com/chanx-go/chanx"
	"github.com/chanx-go/chanx/chanxtest"
)

// gated returns a consumer whose OnClose waits until gate is closed.
func gated(gate chan struct{}) *chanx.Consumer[state] {
	c := chanx.NewConsumer(func(c *chanx.Conn, _ *http.Request) (*state, error) { return &state{c}, nil },
		&chanx.ConsumerOptions{Authenticator: byHeader, AuthenticationMessage: chanx.Disabled})
	chanx.On(c, func(s *state, _ context.Context, m sayMessage) error { return s.Close(1000, m.Text) })
	c.OnClose(func(*state, context.Context, *chanx.CloseError) { <-gate })
	return c
}

// TestMaxConnectionsIgnoresClosedConnections checks that a client may connect again as soon as it has read the Close frame,
// while OnClose still runs.
func TestMaxConnectionsIgnoresClosedConnections(t *testing.T) {
	ends := map[string]func(c *chanxtest.Conn){
		"by the client": func(c *chanxtest.Conn) { c.Close(1000, "reload") },
		"by a handler": func(c *chanxtest.Conn) {
			c.Send(sayMessage{"bye"})
			c.ExpectClosed(1000)
		},
		"by a violation": func(c *chanxtest.Conn) {
			c.SendText(strings.Repeat("x", 200))
			c.ExpectClosed(1009)
		},
		"lost": func(c *chanxtest.Conn) {
			c.Abort()
			synctest.Wait()
		},
	}
	for name, limits := range map[string]chanx.Limits{
		"of the server": {MaxConnections: 1, MaxMessageBytes: 100},
		"of the user":   {MaxConnectionsPerUser: 1, MaxMessageBytes: 100},
	} {
		for how, end := range ends {
			t.Run(name+", closed "+how, func(t *testing.T) {
				bubble(t, chanx.ServerOptions{Limits: limits}, func(t *testing.T, srv *chanx.Server) {
					gate := make(chan struct{})
					srv.Handle("/ws", gated(gate))
					for range 3 {
						end(chanxtest.Dial(t, srv, "/ws", asUser("ann")))
					}
					last := chanxtest.Dial(t, srv, "/ws", asUser("ann"))
					last.ExpectNothing()
					if n := srv.Stats().Connections; n != 4 {
						t.Errorf("%d connections, want the open one and three whose OnClose runs", n)
					}
					close(gate)
					synctest.Wait()
					last.ExpectNothing()
					if n := srv.Stats().Connections; n != 1 {
						t.Errorf("%d connections, want 1", n)
					}
				})
			})
		}
	}
}

// TestMaxConnectionsIncludesOpeningAndClosingConnections checks connections in open and those that are being closed.
func TestMaxConnectionsIncludesOpeningAndClosingConnections(t *testing.T) {
	bubble(t, chanx.ServerOptions{Limits: chanx.Limits{MaxConnections: 2}}, func(t *testing.T, srv *chanx.Server) {
		full := func(when string) {
			t.Helper()
			res := chanxtest.DialRefused(t, srv, "/ws", nil)
			if res.StatusCode != http.StatusServiceUnavailable || res.Header.Get("Retry-After") == "" {
				t.Errorf("%s: %s, Retry-After %q", when, res.Status, res.Header.Get("Retry-After"))
			}
		}
		inOpen, gate := make(chan struct{}), make(chan struct{})
		c := chanx.NewConsumer(func(c *chanx.Conn, r *http.Request) (*state, error) {
			if r.URL.RawQuery == "slow" {
				close(inOpen)
				<-gate
			}
			return &state{c}, nil
		}, nil)
		busy, done := make(chan struct{}), make(chan struct{})
		chanx.On(c, func(*state, context.Context, sayMessage) error {
			close(busy)
			<-done
			return nil
		})
		srv.Handle("/ws", c)
		a := chanxtest.Dial(t, srv, "/ws", nil)
		go func() { chanxtest.Dial(t, srv, "/ws?slow", nil) }()
		<-inOpen
		full("while one is in open")
		close(gate)
		synctest.Wait()
		full("when both are open")
		a.Send(sayMessage{"x"})
		<-busy
		go a.Close(1000, "")
		synctest.Wait()
		full("while a handler of a closing connection runs")
		close(done)
		synctest.Wait()
		chanxtest.Dial(t, srv, "/ws", nil)
	})
}

// TestMaxConnectionsIgnoresRefusedConnections checks also that their number is bounded.
func TestMaxConnectionsIgnoresRefusedConnections(t *testing.T) {
	const most = 20
	bubble(t, chanx.ServerOptions{Limits: chanx.Limits{MaxConnections: most}}, func(t *testing.T, srv *chanx.Server) {
		srv.Handle("/ws", chanx.NewConsumer(func(c *chanx.Conn, r *http.Request) (*state, error) {
			if r.URL.RawQuery == "" {
				return nil, chanx.Refuse(http.StatusForbidden, "closed today")
			}
			return &state{c}, nil
		}, nil))
		web := listen(t, srv)
		refuse := func(framed int) {
			t.Helper()
			for i := range 3 * most {
				c := web.dial(t)
				res, body := c.ask(handshake("/ws"))
				if i >= framed {
					if res.StatusCode != http.StatusForbidden || body != "closed today\n" {
						t.Fatalf("number %d: %s %q", i, res.Status, body)
					}
					continue
				}
				if res.StatusCode != http.StatusSwitchingProtocols {
					t.Fatalf("number %d: %s %q", i, res.Status, body)
				}
				if texts, code, reason := c.frames(); len(texts) != 1 || code != 4403 || reason != "closed today" {
					t.Fatalf("number %d: %q, then %d %q", i, texts, code, reason)
				}
			}
		}
		refuse(most)
		for range most {
			chanxtest.Dial(t, srv, "/ws?open", nil)
		}
		synctest.Wait()
		if s := srv.Stats(); s.Refusing != most || s.Connections != most || s.Closing != 0 {
			t.Errorf("%d are being refused, %d connections, %d closing", s.Refusing, s.Connections, s.Closing)
		}
		time.Sleep(5 * time.Second) // CloseTimeout, in a bubble
		synctest.Wait()
		if s := srv.Stats(); s.Refusing != 0 || s.Connections != most {
			t.Errorf("%d are being refused after CloseTimeout, %d connections", s.Refusing, s.Connections)
		}
	})
}

// TestRefusalsAreBoundedByDefault checks the bound without MaxConnections.
func TestRefusalsAreBoundedByDefault(t *testing.T) {
	bubble(t, chanx.ServerOptions{}, func(t *testing.T, srv *chanx.Server) {
		srv.Handle("/ws", chanx.NewConsumer(func(*chanx.Conn, *http.Request) (*state, error) {
			return nil, chanx.Refuse(http.StatusUnauthorized, "log in first")
		}, nil))
		web := listen(t, srv)
		statuses := map[int]int{}
		var refused *rawClient
		for range 1100 {
			refused = web.dial(t)
			res, _ := refused.ask(handshake("/ws"))
			if statuses[res.StatusCode]++; res.StatusCode == http.StatusSwitchingProtocols {
				refused.frames()
			}
		}
		if statuses[http.StatusSwitchingProtocols] != 1000 || statuses[http.StatusUnauthorized] != 100 {
			t.Errorf("statuses %v", statuses)
		}
	})
}

// TestClosingConnectionsAreBounded has clients that do not answer the Close frame: each holds a socket although
// MaxConnections no longer counts it.
func TestClosingConnectionsAreBounded(t *testing.T) {
	const most = 16
	bubble(t, chanx.ServerOptions{Limits: chanx.Limits{MaxConnections: 1}}, func(t *testing.T, srv *chanx.Server) {
		open := make(chan struct{})
		close(open)
		srv.Handle("/ws", gated(open))
		web := listen(t, srv)
		for i := range most {
			c := web.dial(t)
			if res, body := c.ask(handshake("/ws", "User: ann")); res.StatusCode != http.StatusSwitchingProtocols {
				t.Fatalf("number %d: %s %q", i, res.Status, body)
			}
			if err := ws.WriteFrame(c.nc, ws.NewTextFrame([]byte("not masked"))); err != nil {
				t.Fatal(err)
			}
			if _, code, _ := c.frames(); code != 1002 {
				t.Errorf("closed with %d", code)
			}
		}
		if s := srv.Stats(); s.Closing != most {
			t.Errorf("%d are closing", s.Closing)
		}
		if res, _ := web.dial(t).ask(handshake("/ws", "User: ann")); res.StatusCode != http.StatusServiceUnavailable {
			t.Errorf("one more: %s", res.Status)
		}
		time.Sleep(5 * time.Second) // CloseTimeout, in a bubble
		synctest.Wait()
		if res, body := web.dial(t).ask(handshake("/ws", "User: ann")); res.StatusCode != http.StatusSwitchingProtocols {
			t.Errorf("after CloseTimeout: %s %q", res.Status, body)
		}
	})
}
