package chanx_test

import (
	"context"
	"errors"
	"fmt"
	"log/slog"
	"net/http"
	"net/http/httptest"
	"slices"
	"strings"
	"testing"
	"testing/synctest"
	"time"

	"github.com/chanx-go/chanx"
	"github.com/chanx-go/chanx/chanxtest"
	"github.com/chanx-go/chanx/layer/memlayer"
)

type roughMessage struct {
	How string `json:"how"`
}

func (roughMessage) Action() string { return "rough" }

// newRough returns a consumer whose handlers fail in the way that the message or event names.
func newRough(open func(*chanx.Conn, *http.Request) (*state, error), o *chanx.ConsumerOptions) *chanx.Consumer[state] {
	c := chanx.NewConsumer(open, o)
	chanx.On(c, func(s *state, ctx context.Context, m roughMessage) error {
		if m.How == "join" {
			return s.Join(ctx, "")
		}
		return failure(m.How)
	})
	chanx.OnEvent(c, func(s *state, ctx context.Context, e ringEvent) error { return failure(e.How) })
	return c
}

const often = 1000

// TestClientsCannotFillTheLog has a client cause the same error many times.
func TestClientsCannotFillTheLog(t *testing.T) {
	for how, text := range map[string]string{
		"join":     "ERROR handler failed action=rough error=chanx: group name: it is empty",
		"internal": "ERROR handler failed action=rough error=password",
		"panic":    "ERROR handler failed action=rough error=panic: password",
	} {
		log := &logRecorder{}
		bubble(t, chanx.ServerOptions{Logger: slog.New(log)}, func(t *testing.T, srv *chanx.Server) {
			srv.Handle("/ws", newRough(openState, nil))
			client := chanxtest.Dial(t, srv, "/ws", nil)
			for range often {
				client.Send(roughMessage{how})
			}
			synctest.Wait()
		})
		expectOften(t, how, log, often, text)
	}
}

// TestOpeningCannotFillTheLog has clients connect many times while open, OnOpen or OnClose fails.
func TestOpeningCannotFillTheLog(t *testing.T) {
	fails := errors.New("no database")
	broken := func(*chanx.Conn, *http.Request) (*state, error) { return nil, fails }
	openFails := newRough(openState, nil)
	openFails.OnOpen(func(*state, context.Context) error { return fails })
	closeFails := newRough(openState, nil)
	closeFails.OnClose(func(*state, context.Context, *chanx.CloseError) { panic("in OnClose") })
	badly := newRough(openState, nil)
	badly.OnOpen(func(*state, context.Context) error { return &chanx.CloseError{Code: 1006} })
	authenticator := chanx.AuthenticatorFunc(func(*http.Request) (chanx.Identity, error) { return chanx.Identity{}, fails })
	for name, test := range map[string]struct {
		consumer *chanx.Consumer[state]
		text     string
	}{
		"open":          {newRough(broken, nil), "ERROR handler failed action=open error=no database"},
		"authenticator": {newRough(openState, &chanx.ConsumerOptions{Authenticator: authenticator}), "ERROR handler failed action=open error=no database"},
		"OnOpen":        {openFails, "ERROR handler failed action=OnOpen error=no database"},
		"OnClose":       {closeFails, "ERROR handler failed action=OnClose error=panic: in OnClose"},
		"close code":    {badly, "ERROR handler failed error="},
	} {
		log := &logRecorder{}
		bubble(t, chanx.ServerOptions{Logger: slog.New(log)}, func(t *testing.T, srv *chanx.Server) {
			srv.Handle("/ws", test.consumer)
			for range often / 10 {
				chanxtest.Dial(t, srv, "/ws", nil).Close(1000, "")
				synctest.Wait()
			}
		})
		expectOften(t, name, log, often/10, test.text)
	}
}

// TestHandshakesThatFailCannotFillTheLog has a ResponseWriter that does not support Hijack.
func TestHandshakesThatFailCannotFillTheLog(t *testing.T) {
	log := &logRecorder{}
	bubble(t, chanx.ServerOptions{Logger: slog.New(log)}, func(t *testing.T, srv *chanx.Server) {
		srv.Handle("/ws", newRough(openState, nil))
		for range often {
			r := httptest.NewRequest(http.MethodGet, "/ws", nil)
			r.Header = http.Header{
				"Connection": {"Upgrade"}, "Upgrade": {"websocket"}, "Sec-Websocket-Version": {"13"}, "Sec-Websocket-Key": {"dGhlIHNhbXBsZSBub25jZQ=="},
			}
			srv.ServeHTTP(httptest.NewRecorder(), r)
		}
	})
	if lines := warnings(log.take()); len(lines) > 2 || len(lines) == 0 {
		t.Errorf("%d lines", len(lines))
	}
}

// TestEventsCannotFillTheLog emits events from another node that 30 connections cannot decode or handle.
func TestEventsCannotFillTheLog(t *testing.T) {
	for _, test := range []struct {
		name  string
		event chanx.Event
		texts []string
	}{
		{"unreadable", otherRing{How: 1}, []string{"ERROR event is not valid event=ring", "WARN dropped what=events_invalid"}},
		{"failing", ringEvent{"internal"}, []string{"ERROR handler failed action=ring"}},
	} {
		log := &logRecorder{}
		l := memlayer.New()
		bubble(t, chanx.ServerOptions{Logger: slog.New(log), Layer: l}, func(t *testing.T, srv *chanx.Server) {
			srv.Handle("/ws", newRough(openState, &chanx.ConsumerOptions{Groups: []string{"g"}}))
			for range 30 {
				chanxtest.Dial(t, srv, "/ws", nil)
			}
			synctest.Wait()
			other := chanx.NewServer(&chanx.ServerOptions{Layer: l, Logger: quiet})
			for range 100 {
				if err := other.Emit(t.Context(), test.event, chanx.To("g")); err != nil {
					t.Error(err)
				}
				synctest.Wait()
			}
			if err := other.Shutdown(t.Context()); err != nil {
				t.Error(err)
			}
		})
		expectOften(t, test.name, log, 3000, test.texts...)
	}
}

// otherRing is the ringEvent of another release, with another type of field.
type otherRing struct {
	How int `json:"how"`
}

func (otherRing) Event() string { return "ring" }

// TestTheLayerCannotFillTheLog has the layer go down and up many times, connections open meanwhile, and commands of other
// nodes fail.
func TestTheLayerCannotFillTheLog(t *testing.T) {
	log := &logRecorder{}
	inCluster(t, clusterOptions{nodes: 2, server: logOfNode0(log)}, func(t *testing.T, k *cluster) {
		for range often {
			k.layer.Down(0, errCut)
			k.layer.Up(0)
		}
		synctest.Wait()
		if n := len(warnings(log.take())); n > 2 {
			t.Errorf("%d lines at once", n)
		}
		pass(time.Minute)
		expectOften(t, "status", log, often-1, "WARN channel layer up=false", "WARN channel layer up=true gap=true")

		k.layer.Down(0, errCut)
		pass(time.Minute)
		log.take()
		for range often / 10 {
			k.dial(0, "", "g")
		}
		if lines := warnings(log.take()); len(lines) > 2 {
			t.Errorf("%d lines of connections: %q", len(lines), lines[:3])
		}
		k.layer.Up(0)
		pass(2 * time.Minute)
		log.take()
		names := make([]string, 100)
		for i := range names {
			names[i] = fmt.Sprint("group ", i)
		}
		for range 100 {
			k.ok(k.nodes[1].Join(t.Context(), chanx.All(), slices.Concat(names, []string{"and", "many", "more"}, names[:27])...))
			k.ok(k.nodes[1].Join(t.Context(), chanx.All(), groupNames(129)...))
			synctest.Wait()
		}
		pass(time.Minute)
		expectOften(t, "commands", log, 100, "ERROR command failed command=join")
	})
}

func groupNames(n int) (names []string) {
	for i := range n {
		names = append(names, fmt.Sprint("g", i))
	}
	return names
}

// TestLostClientsAreLoggedInOneLine loses many clients and their messages. Only lines at level debug name the connections.
func TestLostClientsAreLoggedInOneLine(t *testing.T) {
	log := &logRecorder{}
	bubble(t, chanx.ServerOptions{Logger: slog.New(log)}, func(t *testing.T, srv *chanx.Server) {
		c := chanx.NewConsumer(openState, &chanx.ConsumerOptions{Groups: []string{"g"}})
		chanx.Broadcasts[saidMessage](c)
		srv.Handle("/ws", c)
		conns := make([]*chanxtest.Conn, 200)
		for i := range conns {
			conns[i] = chanxtest.Dial(t, srv, "/ws", nil)
		}
		synctest.Wait()
		for i := range 20 {
			if err := srv.Broadcast(t.Context(), saidMessage{fmt.Sprint(i)}, chanx.To("g")); err != nil {
				t.Error(err)
			}
			for _, c := range conns[10*i:][:10] {
				c.Abort()
			}
		}
		synctest.Wait()
		lines := log.take()
		if drops := srv.Stats().Drops; len(warnings(slices.Clone(lines))) > len(drops) {
			t.Errorf("%d lines for %v", len(lines), drops)
		}
		for _, line := range lines {
			if !strings.Contains(line, " dropped what=") {
				t.Errorf("logged %s", line)
			}
		}
	})
}
