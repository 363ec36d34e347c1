package chanx_test

import (
	"context"
	"net/http"

	"github.com/chanx-go/chanx"
)

// state is the state of connections in tests that need nothing but the Conn.
type state struct{ *chanx.Conn }

func openState(c *chanx.Conn, _ *http.Request) (*state, error) { return &state{c}, nil }

func newState() *chanx.Consumer[state] { return chanx.NewConsumer(openState, nil) }

// on registers a handler that does nothing.
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
