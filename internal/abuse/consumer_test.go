//go:build abuse

package abuse_test

import (
	"context"
	"iter"
	"net/http"
	"strings"

	"github.com/chanx-go/chanx"
)

// Messages that clients may send, and the answers.
type (
	askMessage   struct{ Text string } // gets an answer
	answer       struct{ Text string }
	sayMessage   struct{ Text string } // is broadcast to the square
	said         struct{ Text string }
	visitMessage struct{ Join, Leave []string } // joins and leaves groups with names of the client's choice
	holdMessage  struct{}                       // blocks the queue until the gate opens
	pourMessage  struct{ Bytes int }            // gets an endless stream of drops of that size
	drop         struct{ Fill string }
	mirrored     map[string]any
	formMessage  struct { // many of its fields can be invalid
		Counts map[string]map[string]int `json:"counts"`
	}
	ringEvent struct{} // blocks the queue too
)

func (askMessage) Action() string   { return "ask" }
func (answer) Action() string       { return "answer" }
func (sayMessage) Action() string   { return "say" }
func (said) Action() string         { return "said" }
func (visitMessage) Action() string { return "visit" }
func (holdMessage) Action() string  { return "hold" }
func (pourMessage) Action() string  { return "pour" }
func (drop) Action() string         { return "drop" }
func (mirrored) Action() string     { return "mirror" }
func (formMessage) Action() string  { return "form" }
func (ringEvent) Event() string     { return "ring" }

// square is the group of all visitors that do not stay apart.
const square = "square"

// visitor is the server's state of one connection.
type visitor struct {
	*chanx.Conn
	gate  <-chan struct{}
	apart bool
}

// newVisitors returns a consumer with a handler of each kind.
func newVisitors(gate <-chan struct{}) *chanx.Consumer[visitor] {
	c := chanx.NewConsumer(func(c *chanx.Conn, r *http.Request) (*visitor, error) {
		return &visitor{c, gate, r.URL.Query().Has("apart")}, nil
	}, nil)
	c.OnOpen((*visitor).opened)
	chanx.OnRequest(c, (*visitor).ask)
	chanx.OnRequest(c, (*visitor).mirror)
	chanx.On(c, (*visitor).say)
	chanx.On(c, (*visitor).visit)
	chanx.On(c, (*visitor).hold)
	chanx.On(c, (*visitor).form)
	chanx.OnStream(c, (*visitor).pour)
	chanx.OnEvent(c, (*visitor).ring)
	chanx.Broadcasts[said](c)
	return c
}

func (v *visitor) opened(ctx context.Context) error {
	if v.apart {
		return nil
	}
	return v.Join(ctx, square)
}

func (v *visitor) ask(_ context.Context, m askMessage) (answer, error)    { return answer(m), nil }
func (v *visitor) mirror(_ context.Context, m mirrored) (mirrored, error) { return m, nil }
func (v *visitor) form(context.Context, formMessage) error                { return nil }

func (v *visitor) say(ctx context.Context, m sayMessage) error {
	return v.Broadcast(ctx, said(m), chanx.To(square))
}

func (v *visitor) visit(ctx context.Context, m visitMessage) error {
	if err := v.Join(ctx, m.Join...); err != nil {
		return err
	}
	return v.Leave(ctx, m.Leave...)
}

func (v *visitor) hold(ctx context.Context, _ holdMessage) error {
	select {
	case <-v.gate:
		return nil
	case <-ctx.Done():
		return ctx.Err()
	}
}

func (v *visitor) pour(_ context.Context, m pourMessage) iter.Seq2[drop, error] {
	fill := strings.Repeat("x", m.Bytes)
	return func(yield func(drop, error) bool) {
		for yield(drop{fill}, nil) {
		}
	}
}

func (v *visitor) ring(ctx context.Context, _ ringEvent) error { return v.hold(ctx, holdMessage{}) }
