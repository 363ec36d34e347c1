package chanx_test

import (
	"context"
	"errors"
	"log/slog"
	"net/http"
	"testing"
	"testing/synctest"
	"time"

	"github.com/chanx-go/chanx"
	"github.com/chanx-go/chanx/chanxtest"
)

// quiet is a logger that discards all lines.
var quiet = slog.New(slog.DiscardHandler)

// bubble runs a test with a server in a synctest bubble, and then shuts the server down.
func bubble(t *testing.T, o chanx.ServerOptions, test func(t *testing.T, srv *chanx.Server)) {
	t.Helper()
	synctest.Test(t, func(t *testing.T) {
		if o.Logger == nil {
			o.Logger = quiet
		}
		srv := chanx.NewServer(&o)
		test(t, srv)
		if err := srv.Shutdown(context.Background()); err != nil {
			t.Errorf("shutdown: %v", err)
		}
	})
}

// serve returns a server with one endpoint.
func serve(o *chanx.ServerOptions, pattern string, consumer chanx.Endpoint) *chanx.Server {
	srv := chanx.NewServer(o)
	srv.Handle(pattern, consumer)
	return srv
}

func shutDown(t *testing.T, servers ...*chanx.Server) {
	t.Helper()
	for _, s := range servers {
		if err := s.Shutdown(context.Background()); err != nil {
			t.Error(err)
		}
	}
}

// pass sleeps, and then waits until all other goroutines of the bubble are blocked.
func pass(d time.Duration) {
	time.Sleep(d) // in a bubble
	synctest.Wait()
}

// byHeader takes the user's id from the header User. It refuses "nobody" and fails for "broken".
var byHeader = chanx.AuthenticatorFunc(func(r *http.Request) (chanx.Identity, error) {
	switch name := r.Header.Get("User"); name {
	case "nobody":
		return chanx.Identity{}, chanx.Refuse(http.StatusUnauthorized, "log in first")
	case "broken":
		return chanx.Identity{}, errors.New("the user table is gone")
	default:
		return chanx.Identity{UserID: name}, nil
	}
})

// asUser returns options to dial as a user, for byHeader.
func asUser(name string) *chanxtest.DialOptions {
	return &chanxtest.DialOptions{Header: http.Header{"User": {name}}}
}

// state is the connection state of tests that need only the Conn.
type state struct{ *chanx.Conn }

func openState(c *chanx.Conn, _ *http.Request) (*state, error) { return &state{c}, nil }

func newState() *chanx.Consumer[state] { return chanx.NewConsumer(openState, nil) }

// on registers a handler of M that does nothing.
func on[M chanx.Message](c *chanx.Consumer[state]) {
	chanx.On(c, func(*state, context.Context, M) error { return nil })
}

// probe returns a consumer with the given handler of sayMessage, which may send answerMessage and broadcast saidMessage.
func probe(say func(s *state, ctx context.Context, m sayMessage) error) *chanx.Consumer[state] {
	c := newState()
	chanx.On(c, say)
	chanx.Sends[answerMessage](c)
	chanx.Broadcasts[saidMessage](c)
	return c
}

// The messages and events that many tests use.
type (
	sayMessage struct {
		Text string `json:"text" minLength:"1" maxLength:"20"`
	}
	saidMessage struct {
		Text string `json:"text"`
	}
	answerMessage struct {
		Answer string `json:"answer"`
	}
	plainMessage struct {
		Text string `json:"text"`
	}
	knockMessage struct{}

	ringEvent struct {
		How string `json:"how"`
	}
	newsEvent struct { // also a message
		Headline string `json:"headline"`
	}
)

func (sayMessage) Action() string    { return "say" }
func (saidMessage) Action() string   { return "said" }
func (answerMessage) Action() string { return "answer" }
func (plainMessage) Action() string  { return "plain" }
func (knockMessage) Action() string  { return "knock" }
func (newsEvent) Action() string     { return "news" }
func (newsEvent) Event() string      { return "news" }
func (ringEvent) Event() string      { return "ring" }

// mistake is a programming mistake, and the texts that its panic must contain: the type, the place and the fix.
type mistake struct {
	name string
	do   func()
	says []string
}

// panicOf returns the text of f's panic, or "" if there is none.
func panicOf(f func()) (text string) {
	defer func() {
		switch v := recover().(type) {
		case nil:
		case error:
			text = v.Error()
		case string:
			text = v
		}
	}()
	f()
	return ""
}
