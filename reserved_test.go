package chanx_test

import (
	"context"
	"fmt"
	"iter"
	"strings"
	"testing"

	"github.com/chanx-go/chanx"
)

// named is a message and an event with the name that N returns.
type named[N interface{ name() string }] struct{}

func (named[N]) Action() string { var n N; return n.name() }
func (named[N]) Event() string  { var n N; return n.name() }

type (
	nError          struct{}
	nComplete       struct{}
	nGroupComplete  struct{}
	nEventComplete  struct{}
	nAuthentication struct{}
	nPong           struct{}
	nCancel         struct{}
	nLater          struct{} // for a later release
)

func (nError) name() string          { return "error" }
func (nComplete) name() string       { return "complete" }
func (nGroupComplete) name() string  { return "group_complete" }
func (nEventComplete) name() string  { return "event_complete" }
func (nAuthentication) name() string { return "authentication" }
func (nPong) name() string           { return "pong" }
func (nCancel) name() string         { return "chanx.cancel" }
func (nLater) name() string          { return "chanx.later" }

// TestReservedNames checks that they are refused in both directions: by each function that registers a type, and where an
// undeclared type is sent.
func TestReservedNames(t *testing.T) {
	refusesName[nError](t)
	refusesName[nComplete](t)
	refusesName[nGroupComplete](t)
	refusesName[nEventComplete](t)
	refusesName[nAuthentication](t)
	refusesName[nPong](t)
	refusesName[nCancel](t)
	refusesName[nLater](t)
}

func refusesName[N interface{ name() string }](t *testing.T) {
	t.Helper()
	type m = named[N]
	var n N
	for how, register := range map[string]func(*chanx.Consumer[state]){
		"On": func(c *chanx.Consumer[state]) { on[m](c) },
		"OnRequest": func(c *chanx.Consumer[state]) {
			chanx.OnRequest(c, func(*state, context.Context, m) (answerMessage, error) { return answerMessage{}, nil })
		},
		"OnRequest's answer": func(c *chanx.Consumer[state]) {
			chanx.OnRequest(c, func(*state, context.Context, sayMessage) (m, error) { return m{}, nil })
		},
		"OnStream": func(c *chanx.Consumer[state]) {
			chanx.OnStream(c, func(*state, context.Context, m) iter.Seq2[answerMessage, error] { return nil })
		},
		"OnStream's items": func(c *chanx.Consumer[state]) {
			chanx.OnStream(c, func(*state, context.Context, sayMessage) iter.Seq2[m, error] { return nil })
		},
		"OnUnion": func(c *chanx.Consumer[state]) {
			chanx.OnUnion(c, func(*state, context.Context, chanx.Message) error { return nil }, chanx.Case[m]())
		},
		"OnEvent": func(c *chanx.Consumer[state]) {
			chanx.OnEvent(c, func(*state, context.Context, m) error { return nil })
		},
		"Forward":    func(c *chanx.Consumer[state]) { chanx.Forward[m](c) },
		"Sends":      func(c *chanx.Consumer[state]) { chanx.Sends[m](c) },
		"Broadcasts": func(c *chanx.Consumer[state]) { chanx.Broadcasts[m](c) },
	} {
		said := panicOf(func() { register(newState()) })
		for _, part := range []string{"chanx: register ", "named[", fmt.Sprintf("%q is the library's own: rename it", n.name())} {
			if !strings.Contains(said, part) {
				t.Errorf("%s of %q: panic %q, want it to say %q", how, n.name(), said, part)
			}
		}
	}
	srv := chanx.NewServer(nil)
	defer shutDown(t, srv)
	for how, err := range map[string]error{
		"broadcast": srv.Broadcast(t.Context(), m{}, chanx.All()), "emit": srv.Emit(t.Context(), m{}, chanx.All()),
	} {
		if err == nil || !strings.HasPrefix(err.Error(), "chanx: "+how) || !strings.Contains(err.Error(), "library's own") {
			t.Errorf("%s of %q: %v", how, n.name(), err)
		}
	}
}

// TestMessagesOfTheLibraryMayBeSent checks that an application may send them, and may handle ping.
func TestMessagesOfTheLibraryMayBeSent(t *testing.T) {
	c := newState()
	chanx.Sends[chanx.ErrorMessage](c)
	chanx.Broadcasts[chanx.Ping](c)
	on[chanx.Ping](c)
	if said := panicOf(func() { on[chanx.Pong](newState()) }); !strings.Contains(said, `"pong" is the library's own`) {
		t.Errorf("panic %q", said)
	}
	srv := chanx.NewServer(nil)
	defer shutDown(t, srv)
	srv.Handle("/ws", c)
	if err := srv.Broadcast(t.Context(), chanx.ErrorMessage{}, chanx.All()); err != nil {
		t.Error(err)
	}
}

type ptrEvent struct{}

func (*ptrEvent) Event() string { return "ptr" }

// TestPointersAreNotSent checks that a pointer is refused as a message or event, and that the error says what to send.
func TestPointersAreNotSent(t *testing.T) {
	bubble(t, chanx.ServerOptions{}, func(t *testing.T, srv *chanx.Server) {
		var conn *state
		c := newDesk(nil)
		srv.Handle("/desk/{name}", c)
		p := newState()
		chanx.Sends[answerMessage](p)
		chanx.Broadcasts[saidMessage](p)
		p.OnOpen(func(s *state, _ context.Context) error { conn = s; return nil })
		srv.Handle("/ws", p)
		dialled(t, srv, "/ws")
		ctx := t.Context()
		for name, k := range map[string]struct {
			err  error
			want string
		}{
			"Send":                  {conn.Send(ctx, &answerMessage{}), "chanx: send *chanx_test.answerMessage: it is a pointer, and messages are values: send chanx_test.answerMessage"},
			"Send, not declared":    {conn.Send(ctx, &knockMessage{}), "messages are values: send chanx_test.knockMessage"},
			"Send of nil":           {conn.Send(ctx, (*answerMessage)(nil)), "messages are values: send chanx_test.answerMessage"},
			"Send of Raw":           {conn.Send(ctx, &chanx.Raw{Name: "x"}), "messages are values: send chanx.Raw"},
			"Send of the library's": {conn.Send(ctx, &chanx.Ping{}), "messages are values: send chanx.Ping"},
			"Send of *M":            {conn.Send(ctx, &ptrMessage{}), "messages are values: give Action a value receiver and send chanx_test.ptrMessage"},
			"Broadcast":             {conn.Broadcast(ctx, &saidMessage{}), "messages are values: broadcast chanx_test.saidMessage"},
			"Server.Broadcast":      {srv.Broadcast(ctx, &saidMessage{}, chanx.All()), "messages are values: broadcast chanx_test.saidMessage"},
			"Server.Broadcast nil":  {srv.Broadcast(ctx, (*saidMessage)(nil), chanx.All()), "messages are values: broadcast chanx_test.saidMessage"},
			"Server.Broadcast Raw":  {srv.Broadcast(ctx, &chanx.Raw{}, chanx.All()), "messages are values: broadcast chanx.Raw"},
			"Emit":                  {conn.Emit(ctx, &ringEvent{}), "chanx: emit *chanx_test.ringEvent: it is a pointer, and events are values: emit chanx_test.ringEvent"},
			"Server.Emit":           {srv.Emit(ctx, &ringEvent{}, chanx.All()), "events are values: emit chanx_test.ringEvent"},
			"Consumer.Emit":         {c.Emit(ctx, &ringEvent{}, chanx.All()), "events are values: emit chanx_test.ringEvent"},
			"Emit of nil":           {conn.Emit(ctx, (*ringEvent)(nil)), "events are values: emit chanx_test.ringEvent"},
			"Emit of *E":            {conn.Emit(ctx, &ptrEvent{}), "events are values: give Event a value receiver and emit chanx_test.ptrEvent"},
		} {
			if k.err == nil || !strings.Contains(k.err.Error(), k.want) || !strings.HasPrefix(k.err.Error(), "chanx: ") {
				t.Errorf("%s: %v, want %q", name, k.err, k.want)
			}
		}
	})
}

// TestCodesThatMayNotBeSent checks that the error names the code and those that are allowed.
func TestCodesThatMayNotBeSent(t *testing.T) {
	bubble(t, chanx.ServerOptions{}, func(t *testing.T, srv *chanx.Server) {
		var conn *state
		p := newState()
		p.OnOpen(func(s *state, _ context.Context) error { conn = s; return nil })
		srv.Handle("/ws", p)
		client := dialled(t, srv, "/ws")
		for _, code := range []int{-1, 0, 999, 1004, 1005, 1006, 1015, 2999, 5000} {
			for how, err := range map[string]error{
				"close connection": conn.Close(code, ""), "disconnect": srv.Disconnect(t.Context(), code, "", chanx.All()),
			} {
				want := fmt.Sprintf("chanx: %s: code %d may not be sent: use one of 1000 to 1003, 1007 to 1014 or 3000 to 4999", how, code)
				if err == nil || err.Error() != want {
					t.Errorf("%v, want %s", err, want)
				}
			}
		}
		client.ExpectNothing()
	})
}
