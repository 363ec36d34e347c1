package chanx_test

import (
	"context"
	"errors"
	"net/http"
	"strconv"
	"strings"
	"testing"
	"testing/synctest"
	"time"

	"github.com/chanx-go/chanx"
	"github.com/chanx-go/chanx/chanxtest"
)

// fragile returns a consumer whose opening fails as the query says, and whose handlers end with their context.
func fragile() *chanx.Consumer[state] {
	c := chanx.NewConsumer(func(c *chanx.Conn, r *http.Request) (*state, error) {
		if status, err := strconv.Atoi(r.URL.Query().Get("refuse")); err == nil {
			return nil, chanx.Refuse(status, "")
		}
		if r.URL.RawQuery == "broken" {
			return nil, errors.New("the table is gone")
		}
		if r.URL.RawQuery == "unopened" {
			return &state{c}, c.Join(r.Context(), "unopened")
		}
		return &state{c}, nil
	}, nil)
	c.OnOpen(func(s *state, _ context.Context) error {
		if len(s.Groups()) > 0 {
			return errors.New("the table is gone")
		}
		return nil
	})
	wait := func(ctx context.Context) error {
		<-ctx.Done()
		return ctx.Err()
	}
	chanx.On(c, func(_ *state, ctx context.Context, _ sayMessage) error { return wait(ctx) })
	chanx.OnEvent(c, func(_ *state, ctx context.Context, _ newsEvent) error { return wait(ctx) })
	chanx.Broadcasts[saidMessage](c)
	return c
}

// whatThen returns what the document tells a client to do after a code, and after how many seconds at least.
func whatThen(srv *chanx.Server, code int) (then string, after int) {
	for _, c := range srv.Spec().Channels[0].Closes {
		if c.Code == code || c.Code < code && code <= c.To {
			return c.Then, c.After
		}
	}
	return chanx.ThenStop, 0
}

// TestAClientComesBackIfThatHelps ends connections in the ways that another attempt may mend, and in some that none can.
// It compares what the document tells clients to do after the code that they get.
func TestAClientComesBackIfThatHelps(t *testing.T) {
	type end struct {
		by    func(t *testing.T, srv *chanx.Server) *chanxtest.Conn
		code  int
		then  string
		after int
	}
	dialled := func(query string) func(*testing.T, *chanx.Server) *chanxtest.Conn {
		return func(t *testing.T, srv *chanx.Server) *chanxtest.Conn { return chanxtest.Dial(t, srv, "/ws"+query, nil) }
	}
	sent := func(n int, text string) func(*testing.T, *chanx.Server) *chanxtest.Conn {
		return func(t *testing.T, srv *chanx.Server) *chanxtest.Conn {
			client := chanxtest.Dial(t, srv, "/ws", nil)
			for range n {
				client.SendText(text)
			}
			return client
		}
	}
	for name, k := range map[string]end{
		"an error of open":          {dialled("?broken"), 1011, chanx.ThenRetry, 0},
		"an error of OnOpen":        {dialled("?unopened"), 1011, chanx.ThenRetry, 0},
		"refused with 401":          {dialled("?refuse=401"), 4401, chanx.ThenFresh, 0},
		"refused with 403":          {dialled("?refuse=403"), 4403, chanx.ThenStop, 0},
		"refused with 408":          {dialled("?refuse=408"), 4408, chanx.ThenRetry, 0},
		"refused with 425":          {dialled("?refuse=425"), 4425, chanx.ThenRetry, 0},
		"refused with 429":          {dialled("?refuse=429"), 4429, chanx.ThenRetry, 5},
		"refused with 500":          {dialled("?refuse=500"), 4500, chanx.ThenRetry, 0},
		"refused with 599":          {dialled("?refuse=599"), 4599, chanx.ThenRetry, 0},
		"a path without a pattern":  {elsewhere, 4404, chanx.ThenStop, 0},
		"the server shuts down":     {shutDownBeside, 1001, chanx.ThenRetry, 0},
		"the client reads nothing":  {unread, 1013, chanx.ThenRetry, 0},
		"the handler is too slow":   {emitted, 1013, chanx.ThenRetry, 0},
		"too long a message":        {sent(1, strings.Repeat("x", 2000)), 1009, chanx.ThenStop, 0},
		"too many invalid messages": {sent(3, "{"), 1008, chanx.ThenStop, 0},
	} {
		t.Run(name, func(t *testing.T) {
			synctest.Test(t, func(t *testing.T) {
				srv := serve(&chanx.ServerOptions{Logger: quiet, Limits: chanx.Limits{
					SendQueueBytes: 2000, EventQueue: 1, MaxInvalid: 2, MaxMessageBytes: 1000,
				}}, "/ws", fragile())
				client := k.by(t, srv)
				pass(2 * time.Second)
				client.Resume()
				synctest.Wait()
				if end := client.Ended(); end == nil || end.Code != k.code {
					t.Errorf("closed with %v, want %d", end, k.code)
				}
				if then, after := whatThen(srv, k.code); then != k.then || after != k.after {
					t.Errorf("after %d a client should %s after %d s, want %s after %d s", k.code, then, after, k.then, k.after)
				}
				shutDown(t, srv)
			})
		})
	}
}

func elsewhere(t *testing.T, srv *chanx.Server) *chanxtest.Conn {
	return chanxtest.Dial(t, srv, "/nowhere", nil)
}

func shutDownBeside(t *testing.T, srv *chanx.Server) *chanxtest.Conn {
	client := chanxtest.Dial(t, srv, "/ws", nil)
	synctest.Wait()
	shutDown(t, srv)
	return client
}

// unread broadcasts more than the send queue may hold to a client that does not read.
func unread(t *testing.T, srv *chanx.Server) *chanxtest.Conn {
	client := chanxtest.Dial(t, srv, "/ws", &chanxtest.DialOptions{Paused: true, AllowInvalid: true})
	synctest.Wait()
	for range 100 {
		if err := srv.Broadcast(t.Context(), saidMessage{strings.Repeat("x", 100)}, chanx.All()); err != nil {
			t.Error(err)
		}
		synctest.Wait() // a burst would be written at once
	}
	return client
}

// emitted emits more events than may wait for a handler.
func emitted(t *testing.T, srv *chanx.Server) *chanxtest.Conn {
	client := chanxtest.Dial(t, srv, "/ws", nil)
	synctest.Wait()
	for range 10 {
		if err := srv.Emit(t.Context(), newsEvent{}, chanx.All()); err != nil {
			t.Error(err)
		}
	}
	return client
}

// TestASlowSenderComesBack checks that a client whose message took longer than MessageTimeout, as on a network that
// stalled, is told to come back.
func TestASlowSenderComesBack(t *testing.T) {
	bubble(t, chanx.ServerOptions{}, func(t *testing.T, srv *chanx.Server) {
		srv.Handle("/ws", fragile())
		client := listen(t, srv).dial(t)
		client.ask(handshake("/ws"))
		if _, err := client.nc.Write(frames(text("half a message"))[:10]); err != nil {
			t.Fatal(err)
		}
		_, code, reason := client.frames()
		if then, _ := whatThen(srv, int(code)); then != chanx.ThenRetry || reason != "message took too long" {
			t.Errorf("closed with %d %s: a client should %s", code, reason, then)
		}
		_ = client.nc.Close()
	})
}

// TestAFullServerIsTriedAgain checks the HTTP status of a server with MaxConnections, which a client reads as 4000 plus
// the status, and the time to wait.
func TestAFullServerIsTriedAgain(t *testing.T) {
	bubble(t, chanx.ServerOptions{Limits: chanx.Limits{MaxConnections: 1}}, func(t *testing.T, srv *chanx.Server) {
		srv.Handle("/ws", fragile())
		chanxtest.Dial(t, srv, "/ws", nil)
		res := chanxtest.DialRefused(t, srv, "/ws", nil)
		if then, _ := whatThen(srv, 4000+res.StatusCode); then != chanx.ThenRetry || res.Header.Get("Retry-After") != "5" {
			t.Errorf("%s, Retry-After %q: a client should %s", res.Status, res.Header.Get("Retry-After"), then)
		}
	})
}
