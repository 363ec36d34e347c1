package chanxtest_test

import (
	"context"
	"log/slog"
	"net/http"
	"strings"
	"testing"
	"testing/synctest"

	"github.com/chanx-go/chanx"
	"github.com/chanx-go/chanx/chanxtest"
)

// TestManyMessagesBehindASlowHandler: sending does not block while the handler is slow, as over TCP.
func TestManyMessagesBehindASlowHandler(t *testing.T) {
	synctest.Test(t, func(t *testing.T) {
		const n = 1000
		gate := make(chan struct{})
		srv := quietServer(chanx.ServerOptions{})
		c := chanx.NewConsumer(func(c *chanx.Conn, _ *http.Request) (*member, error) { return &member{c}, nil }, nil)
		chanx.OnRequest(c, func(_ *member, _ context.Context, m lineMessage) (lineMessage, error) { <-gate; return m, nil })
		srv.Handle("/ws", c)
		client := chanxtest.Dial(t, srv, "/ws", nil)
		for range n {
			client.Send(lineMessage{"hi"})
		}
		close(gate)
		for range n {
			chanxtest.Receive[lineMessage](client)
		}
		client.Close(1000, "")
		shutDown(t, srv)
	})
}

// TestAClientThatVanishesBehindWhatItHasSent: the server handles the messages sent before the loss, unless it writes
// first.
func TestAClientThatVanishesBehindWhatItHasSent(t *testing.T) {
	synctest.Test(t, func(t *testing.T) {
		gate, ended := make(chan struct{}), make(chan int, 1)
		handled := 0
		srv := quietServer(chanx.ServerOptions{})
		c := chanx.NewConsumer(func(c *chanx.Conn, _ *http.Request) (*member, error) { return &member{c}, nil }, nil)
		chanx.On(c, func(*member, context.Context, lineMessage) error { <-gate; handled++; return nil })
		c.OnClose(func(_ *member, _ context.Context, why *chanx.CloseError) { ended <- why.Code })
		srv.Handle("/ws", c)
		client := chanxtest.Dial(t, srv, "/ws", nil)
		for range 100 {
			client.Send(lineMessage{"hi"})
		}
		client.Abort()
		synctest.Wait()
		close(gate)
		if code := <-ended; code != 1006 || handled < 50 {
			t.Errorf("ended with %d, %d messages were handled", code, handled)
		}
		shutDown(t, srv)
	})
}

// TestAPausedClient: a paused client reads nothing until Resume, then everything.
func TestAPausedClient(t *testing.T) {
	synctest.Test(t, func(t *testing.T) {
		srv := linesServer(chanx.Limits{})
		client := chanxtest.Dial(t, srv, "/ws", &chanxtest.DialOptions{Paused: true})
		synctest.Wait()
		for _, text := range []string{"one", "two", "three"} {
			say(t, srv, text)
		}
		synctest.Wait()
		if got := client.Pending(); got != nil || srv.Stats().QueuedBytes == 0 {
			t.Errorf("read %q; %d bytes wait", got, srv.Stats().QueuedBytes)
		}
		client.Resume()
		client.Resume()
		for _, text := range []string{"one", "two", "three"} {
			if got := chanxtest.Receive[lineMessage](client).Message.Text; got != text {
				t.Errorf("got %q, want %q", got, text)
			}
		}
		client.Close(1000, "")
		shutDown(t, srv)
	})
}

// TestAPausedClientIsTooSlow: a paused client is closed when its send queue is full, and sees that when it reads.
func TestAPausedClientIsTooSlow(t *testing.T) {
	synctest.Test(t, func(t *testing.T) {
		srv := linesServer(chanx.Limits{SendQueueBytes: 1000})
		client := chanxtest.Dial(t, srv, "/ws", &chanxtest.DialOptions{Paused: true})
		synctest.Wait()
		for range 20 {
			say(t, srv, strings.Repeat("x", 100))
			synctest.Wait() // otherwise messages that arrive together count as one
		}
		synctest.Wait()
		client.Resume()
		chanxtest.Receive[lineMessage](client)
		synctest.Wait()
		if end := client.Ended(); end == nil || end.Code != 1013 {
			t.Errorf("ended with %v, want 1013", end)
		}
		shutDown(t, srv)
	})
}

// TestAPausedClientEnds: a paused client ends with its test, and with Abort or Close, without Resume.
func TestAPausedClientEnds(t *testing.T) {
	synctest.Test(t, func(t *testing.T) {
		srv := linesServer(chanx.Limits{})
		dial := func() *chanxtest.Conn { return chanxtest.Dial(t, srv, "/ws", &chanxtest.DialOptions{Paused: true}) }
		aborts, closes := dial(), dial()
		dial()
		synctest.Wait()
		say(t, srv, "hi")
		aborts.Abort()
		closes.Close(1000, "")
		if end := closes.Ended(); end == nil || end.Code != 1000 {
			t.Errorf("ended with %v", end)
		}
		t.Cleanup(func() { shutDown(t, srv) })
	})
}

type (
	member      struct{ *chanx.Conn }
	lineMessage struct{ Text string }
)

func (lineMessage) Action() string { return "line" }

func linesServer(l chanx.Limits) *chanx.Server { return linesServerOf(chanx.ServerOptions{Limits: l}) }

// linesServerOf returns a server whose connections are all in group "all".
func linesServerOf(o chanx.ServerOptions) *chanx.Server {
	srv := quietServer(o)
	open := func(c *chanx.Conn, _ *http.Request) (*member, error) { return &member{c}, nil }
	c := chanx.NewConsumer(open, &chanx.ConsumerOptions{Groups: []string{"all"}})
	chanx.Broadcasts[lineMessage](c)
	srv.Handle("/ws", c)
	return srv
}

func say(t *testing.T, srv *chanx.Server, text string) {
	t.Helper()
	if err := srv.Broadcast(t.Context(), lineMessage{text}, chanx.To("all")); err != nil {
		t.Error(err)
	}
}

func quietServer(o chanx.ServerOptions) *chanx.Server {
	o.Logger = slog.New(slog.DiscardHandler)
	return chanx.NewServer(&o)
}
