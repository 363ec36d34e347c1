package chanx_test

import (
	"context"
	"errors"
	"log/slog"
	"net/http"
	"slices"
	"strings"
	"testing"
	"testing/synctest"
	"time"

	"github.com/chanx-go/chanx"
	"github.com/chanx-go/chanx/chanxtest"
)

func TestConnReportsItsIdentity(t *testing.T) {
	bubble(t, chanx.ServerOptions{Subprotocols: []string{"v2", "v1"}}, func(t *testing.T, srv *chanx.Server) {
		var conn *chanx.Conn
		c := chanx.NewConsumer(func(c *chanx.Conn, r *http.Request) (*state, error) {
			conn = c
			return &state{c}, c.Join(r.Context(), "b", "a", "b")
		}, &chanx.ConsumerOptions{
			Authenticator: byHeader,
			Context: func(ctx context.Context, r *http.Request) context.Context {
				return context.WithValue(ctx, ctxKey{}, r.URL.Query().Get("v"))
			},
		})
		srv.Handle("/ws", c)
		client := chanxtest.Dial(t, srv, "/ws?v=7", &chanxtest.DialOptions{
			Header: http.Header{"User": {"ann"}}, Subprotocols: []string{"v1", "v2"},
		})
		chanxtest.Receive[chanx.AuthenticationMessage](client)
		if conn.ID() == "" || conn.Identity().UserID != "ann" || conn.RemoteAddr().String() != "192.0.2.1:1234" {
			t.Errorf("id %q, user %q, address %v", conn.ID(), conn.Identity().UserID, conn.RemoteAddr())
		}
		if conn.Subprotocol() != "v2" || client.Subprotocol() != "v2" {
			t.Errorf("subprotocol %q and %q, want v2: the server's order decides", conn.Subprotocol(), client.Subprotocol())
		}
		if got := conn.Groups(); !slices.Equal(got, []string{"b", "a"}) {
			t.Errorf("groups %q", got)
		}
		if conn.Context().Value(ctxKey{}) != "7" || conn.Context().Err() != nil {
			t.Errorf("context has %v, %v", conn.Context().Value(ctxKey{}), conn.Context().Err())
		}
		client.Abort()
		<-conn.Context().Done()
		synctest.Wait()
		if err := conn.Send(t.Context(), chanx.Pong{}); !errors.Is(err, chanx.ErrClosed) {
			t.Errorf("Send on a lost connection: %v", err)
		}
		if err := conn.Join(t.Context(), "c"); !errors.Is(err, chanx.ErrClosed) {
			t.Errorf("Join of a lost connection: %v", err)
		}
		if err := conn.Close(1000, ""); err != nil && !errors.Is(err, chanx.ErrClosed) {
			t.Errorf("Close of a lost connection: %v", err)
		}
		if got := conn.Groups(); len(got) != 0 {
			t.Errorf("a lost connection is in %q", got)
		}
	})
}

type ctxKey struct{}

func TestUndeclaredMessagesNameTheMissingLine(t *testing.T) {
	bubble(t, chanx.ServerOptions{}, func(t *testing.T, srv *chanx.Server) {
		type step struct {
			do   func(s *state, ctx context.Context) error
			says string
		}
		steps := []step{
			{
				func(s *state, ctx context.Context) error { return s.Send(ctx, knockMessage{}) },
				"send chanx_test.knockMessage: consumer state does not declare it: add chanx.Sends[knockMessage](consumer)",
			},
			{
				func(s *state, ctx context.Context) error { return s.Broadcast(ctx, knockMessage{}) },
				"broadcast chanx_test.knockMessage: consumer state does not declare it: add chanx.Broadcasts[knockMessage](consumer)",
			},
			{
				func(s *state, ctx context.Context) error { return s.Broadcast(ctx, answerMessage{}) },
				"consumer state declares it, but not for groups: add chanx.Broadcasts[answerMessage](consumer)",
			},
			{func(s *state, ctx context.Context) error { return s.Send(ctx, nil) }, "it is nil"},
			{func(s *state, ctx context.Context) error { return s.Broadcast(ctx, nil) }, "it is nil"},
			{func(s *state, ctx context.Context) error { return s.Emit(ctx, nil) }, "it is nil"},
			{func(s *state, ctx context.Context) error { return s.Send(ctx, chanx.Raw{}) }, "Name is empty"},
			{func(s *state, ctx context.Context) error {
				return s.Send(ctx, chanx.Raw{Name: "x", Payload: []byte("{")})
			}, "not JSON"},
			{func(s *state, ctx context.Context) error {
				return s.Send(ctx, chanx.Raw{Name: "x", Payload: []byte("\"\xff\"")})
			}, "UTF-8"},
			{func(s *state, ctx context.Context) error { return s.Close(1006, "") }, "1006 may not be sent"},
			{func(s *state, ctx context.Context) error { return s.Broadcast(ctx, saidMessage{}, chanx.To("")) }, "empty"},
			{func(s *state, ctx context.Context) error { return s.Broadcast(ctx, saidMessage{}, chanx.To()) }, ""},
			{func(s *state, ctx context.Context) error { return s.Broadcast(ctx, saidMessage{}) }, "joined no group"},
			{func(s *state, ctx context.Context) error { return s.Send(ctx, saidMessage{}) }, ""},
			{func(s *state, ctx context.Context) error { return s.Send(ctx, chanx.Ping{}) }, ""},
			{func(s *state, ctx context.Context) error { return s.Send(ctx, chanx.Raw{Name: "x"}) }, ""},
		}
		ran := 0
		srv.Handle("/ws", probe(func(s *state, ctx context.Context, m sayMessage) error {
			for _, step := range steps {
				err := step.do(s, ctx)
				if (err == nil) != (step.says == "") || err != nil && !strings.Contains(err.Error(), step.says) {
					t.Errorf("got %v, want %q", err, step.says)
				}
				ran++
			}
			return nil
		}))
		c := chanxtest.Dial(t, srv, "/ws", nil)
		c.Send(sayMessage{"go"})
		synctest.Wait()
		if got := c.Pending(); ran != len(steps) || len(got) != 3 || got[0] != `{"action":"said","payload":{"text":""},"is_mine":false,"is_current":false}` {
			t.Errorf("%d steps, client got %q", ran, got)
		}
	})
}

func TestFramesWaitForTheAuthenticationMessage(t *testing.T) {
	bubble(t, chanx.ServerOptions{}, func(t *testing.T, srv *chanx.Server) {
		c := chanx.NewConsumer(func(c *chanx.Conn, r *http.Request) (*state, error) {
			if err := c.Join(r.Context(), "g"); err != nil {
				return nil, err
			}
			for _, text := range []string{"1", "2"} { // other connections broadcast while this one opens
				if err := srv.Broadcast(r.Context(), saidMessage{text}, chanx.To("g")); err != nil {
					return nil, err
				}
				if err := srv.Emit(r.Context(), ringEvent{text}, chanx.To("g")); err != nil {
					return nil, err
				}
			}
			return &state{c}, nil
		}, &chanx.ConsumerOptions{AuthenticationMessage: chanx.Enabled})
		c.OnOpen(func(s *state, ctx context.Context) error { return s.Send(ctx, answerMessage{"opened"}) })
		chanx.OnEvent(c, func(s *state, ctx context.Context, e ringEvent) error {
			return s.Send(ctx, answerMessage{"rang " + e.How})
		})
		chanx.Sends[answerMessage](c)
		chanx.Broadcasts[saidMessage](c)
		srv.Handle("/ws", c)
		client := chanxtest.Dial(t, srv, "/ws", nil)
		synctest.Wait()
		var got []string
		for range client.Pending() {
			f := chanxtest.Receive[chanx.Raw](client)
			got = append(got, f.Message.Name+string(f.Message.Payload))
		}
		i := func(part string) int {
			return slices.IndexFunc(got, func(s string) bool { return strings.Contains(s, part) })
		}
		if len(got) != 6 || i("authentication") != 0 || i(`"1"`) > i(`"2"`) || i("opened") > i("rang 1") || i("rang 1") > i("rang 2") || i("rang 2") < 0 {
			t.Errorf("got %q", got)
		}
	})
}

func TestIdentityExpires(t *testing.T) {
	bubble(t, chanx.ServerOptions{}, func(t *testing.T, srv *chanx.Server) {
		start := time.Now()
		c := chanx.NewConsumer(openState, &chanx.ConsumerOptions{
			AuthenticationMessage: chanx.Disabled,
			Authenticator: chanx.AuthenticatorFunc(func(r *http.Request) (chanx.Identity, error) {
				return chanx.Identity{UserID: "ann", Expires: start.Add(time.Hour)}, nil
			}),
		})
		srv.Handle("/ws", c)
		client := chanxtest.Dial(t, srv, "/ws", &chanxtest.DialOptions{Timeout: 2 * time.Hour})
		client.ExpectClosed(4401)
		if d := time.Since(start); d != time.Hour {
			t.Errorf("closed after %v, want 1h", d)
		}
		late := chanxtest.Dial(t, srv, "/ws", nil)
		if got := chanxtest.Receive[chanx.AuthenticationMessage](late).Message; got.StatusCode != 401 {
			t.Errorf("with an expired identity: %+v", got)
		}
		late.ExpectClosed(4401)
	})
}

func TestLostConnectionCancelsItsHandler(t *testing.T) {
	bubble(t, chanx.ServerOptions{}, func(t *testing.T, srv *chanx.Server) {
		running, ended := make(chan struct{}), make(chan error, 1)
		var closed []int
		c := probe(func(s *state, ctx context.Context, m sayMessage) error {
			close(running)
			<-ctx.Done()
			ended <- ctx.Err()
			return ctx.Err()
		})
		c.OnClose(func(s *state, ctx context.Context, cause *chanx.CloseError) {
			closed = append(closed, cause.Code)
			if ctx.Err() != nil || s.Context().Err() == nil {
				t.Errorf("OnClose: its context %v, the connection's %v", ctx.Err(), s.Context().Err())
			}
			if deadline, ok := ctx.Deadline(); !ok || time.Until(deadline) != 5*time.Second {
				t.Errorf("OnClose has until %v", deadline)
			}
		})
		srv.Handle("/ws", c)
		client := chanxtest.Dial(t, srv, "/ws", nil)
		client.Send(sayMessage{"go"})
		<-running
		synctest.Wait()
		start := time.Now()
		client.Abort()
		if err := <-ended; !errors.Is(err, context.Canceled) {
			t.Errorf("handler's context: %v", err)
		}
		if d := time.Since(start); d > 10*time.Millisecond {
			t.Errorf("cancelled after %v, want 10 ms at most", d)
		}
		synctest.Wait()
		if !slices.Equal(closed, []int{1006}) {
			t.Errorf("OnClose saw %v, want 1006 once", closed)
		}
	})
}

func TestHandlersRunOneAtATimeAndInOrder(t *testing.T) {
	bubble(t, chanx.ServerOptions{}, func(t *testing.T, srv *chanx.Server) {
		var seen []string
		busy := false
		enter := func(what string, d time.Duration) {
			if busy {
				t.Error("two handlers run at the same time")
			}
			busy = true
			time.Sleep(d) // in a bubble
			seen = append(seen, what)
			busy = false
		}
		c := chanx.NewConsumer(openState, &chanx.ConsumerOptions{Groups: []string{"g"}})
		c.OnOpen(func(*state, context.Context) error { enter("open", time.Second); return nil })
		closed := make(chan struct{})
		c.OnClose(func(*state, context.Context, *chanx.CloseError) { enter("close", time.Second); close(closed) })
		chanx.On(c, func(s *state, ctx context.Context, m sayMessage) error {
			enter(m.Text, 20*time.Millisecond)
			return nil
		})
		chanx.OnEvent(c, func(s *state, ctx context.Context, e ringEvent) error { enter(e.How, time.Millisecond); return nil })
		srv.Handle("/ws", c)
		client := chanxtest.Dial(t, srv, "/ws", nil)
		want := []string{"open"}
		for text := range strings.SplitSeq("a b c d e f g h", " ") {
			client.Send(sayMessage{text})
			synctest.Wait() // until it is handled or waits in the inbox
			if err := srv.Emit(t.Context(), ringEvent{"event " + text}, chanx.To("g")); err != nil {
				t.Fatal(err)
			}
			synctest.Wait()
			want = append(want, text, "event "+text)
		}
		client.Close(1000, "")
		<-closed
		if want = append(want, "close"); !slices.Equal(seen, want) {
			t.Errorf("ran %q\nwant %q", seen, want)
		}
	})
}

func TestEventsBeyondTheQueueCloseAndAreCounted(t *testing.T) {
	log := &logRecorder{}
	bubble(t, chanx.ServerOptions{Limits: chanx.Limits{EventQueue: 3}, Logger: slog.New(log)}, func(t *testing.T, srv *chanx.Server) {
		gate := make(chan struct{})
		c := chanx.NewConsumer(openState, &chanx.ConsumerOptions{Groups: []string{"g"}})
		chanx.OnEvent(c, func(*state, context.Context, ringEvent) error { <-gate; return nil })
		srv.Handle("/ws", c)
		client := chanxtest.Dial(t, srv, "/ws", nil)
		synctest.Wait()
		for range 6 {
			if err := srv.Emit(t.Context(), ringEvent{}, chanx.To("g")); err != nil {
				t.Fatal(err)
			}
			synctest.Wait()
		}
		client.ExpectClosed(1013)
		close(gate)
		synctest.Wait()
		if got := strings.Join(log.take(), "\n"); !strings.Contains(got, "dropped") {
			t.Errorf("the log does not tell of drops:\n%s", got)
		}
	})
}

func TestInvalidFramesAreCountedByTheMinute(t *testing.T) {
	bubble(t, chanx.ServerOptions{Limits: chanx.Limits{MaxInvalid: 3}}, func(t *testing.T, srv *chanx.Server) {
		srv.Handle("/ws", newState())
		client := chanxtest.Dial(t, srv, "/ws", nil)
		for range 3 {
			for range 3 {
				client.SendText("x")
				client.ExpectInvalid("json_invalid")
			}
			time.Sleep(61 * time.Second) // in a bubble
		}
		for range 4 {
			client.SendText("x")
			client.ExpectInvalid("json_invalid")
		}
		client.ExpectClosed(1008)
	})
}

// TestDeliveryDoesNotAllocate checks that delivering a group message allocates nothing for a member.
func TestDeliveryDoesNotAllocate(t *testing.T) {
	bubble(t, chanx.ServerOptions{Completions: true}, func(t *testing.T, srv *chanx.Server) {
		srv.Handle("/", probe(func(*state, context.Context, sayMessage) error { return nil }))
		chanxtest.Dial(t, srv, "/", nil)
		synctest.Wait()
		conns := slices.Collect(srv.Conns())
		if len(conns) != 1 {
			t.Fatalf("there are %d connections", len(conns))
		}
		if n, err := chanx.DeliveryAllocs(srv, conns[0], saidMessage{}); err != nil || n > 0 {
			t.Errorf("a delivery makes %v allocations, %v", n, err)
		}
	})
}
