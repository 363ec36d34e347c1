package chanx_test

import (
	"context"
	"iter"
	"log/slog"
	"net/http"
	"runtime"
	"slices"
	"strings"
	"testing"
	"testing/synctest"

	"github.com/chanx-go/chanx"
	"github.com/chanx-go/chanx/chanxtest"
)

// vanish is a type whose methods call runtime.Goexit, as the FailNow of a test does.
type vanish struct{ when string }

func (v vanish) at(when string) {
	if v.when == when {
		runtime.Goexit()
	}
}

func (v vanish) MarshalText() ([]byte, error) {
	v.at("marshal")
	return []byte(v.when), nil
}

func (v *vanish) UnmarshalText(b []byte) error {
	v.when = strings.TrimPrefix(string(b), "reply ")
	vanish{string(b)}.at("unmarshal")
	return nil
}

func (v *vanish) Validate() error {
	v.at("validate")
	return nil
}

type (
	vanishMessage struct { // its handler replies with it
		V vanish `json:"v"`
	}
	vanishStream  struct{ At string }
	vanishBeside  struct{}
	vanishEvent   vanishMessage
	trickleAnswer struct{ N int }
)

func (vanishMessage) Action() string { return "vanish" }
func (vanishStream) Action() string  { return "vanish_stream" }
func (vanishBeside) Action() string  { return "vanish_beside" }
func (vanishEvent) Event() string    { return "vanish" }
func (trickleAnswer) Action() string { return "trickle" }

func vanishing(t *testing.T) *chanx.Consumer[state] {
	at := func(r *http.Request) vanish { return vanish{r.Header.Get("At")} }
	var where vanish // where the connection of the current test calls Goexit
	c := chanx.NewConsumer(func(c *chanx.Conn, r *http.Request) (*state, error) {
		where = at(r)
		where.at("open")
		return &state{c}, nil
	}, &chanx.ConsumerOptions{
		Context: func(ctx context.Context, r *http.Request) context.Context {
			at(r).at("Context")
			return ctx
		},
		Authenticator: chanx.AuthenticatorFunc(func(r *http.Request) (chanx.Identity, error) {
			at(r).at("Authenticate")
			return chanx.Identity{UserID: "ann"}, nil
		}),
		Groups: []string{"g"},
	})
	c.OnOpen(func(*state, context.Context) error { where.at("OnOpen"); return nil })
	c.OnClose(func(*state, context.Context, *chanx.CloseError) { where.at("OnClose") })
	c.Use(func(next chanx.Handler) chanx.Handler {
		return func(ctx context.Context, k *chanx.Call) error {
			where.at("middleware")
			err := next(ctx, k)
			where.at("behind")
			return err
		}
	})
	chanx.OnRequest(c, func(_ *state, _ context.Context, m vanishMessage) (vanishMessage, error) {
		m.V.at("handler")
		return m, nil
	})
	chanx.OnStream(c, func(_ *state, _ context.Context, m vanishStream) iter.Seq2[trickleAnswer, error] {
		vanish{m.At}.at("call")
		return func(yield func(trickleAnswer, error) bool) {
			vanish{m.At}.at("first")
			_ = yield(trickleAnswer{1}, nil)
			vanish{m.At}.at("second")
		}
	})
	chanx.On(c, func(*state, context.Context, vanishBeside) error { runtime.Goexit(); return nil }, chanx.Concurrent(1))
	chanx.OnEvent(c, func(_ *state, _ context.Context, e vanishEvent) error { e.V.at("handler"); return nil })
	return c
}

// TestHandlersThatCallGoexit checks that they count as failed, like those that panic: the client receives one error, its
// connection stays open, and a log line names the cause.
func TestHandlersThatCallGoexit(t *testing.T) {
	const internalError = `{"action":"error","payload":{"reason":"internal","detail":"Failed to process message"},"ref":"1"}`
	ask := func(v string) string { return `{"action":"vanish","payload":{"v":"` + v + `"},"ref":"1"}` }
	ticks := func(at string) string { return `{"action":"vanish_stream","payload":{"At":"` + at + `"},"ref":"1"}` }
	const item = `{"action":"trickle","payload":{"N":1},"ref":"1"}`
	const complete = `{"action":"complete"}`
	log, w := &logRecorder{}, &watcher{}
	bubble(t, chanx.ServerOptions{Logger: slog.New(log), Observer: w, Completions: true, Limits: chanx.Limits{MaxConcurrent: 1}}, func(t *testing.T, srv *chanx.Server) {
		srv.Handle("/ws", vanishing(t))
		for _, k := range []struct {
			at, send string
			want     []string
		}{
			{"", ask("unmarshal"), []string{internalError, complete}},
			{"", ask("validate"), []string{internalError, complete}},
			{"", ask("handler"), []string{internalError, complete}},
			{"", ask("reply marshal"), []string{internalError, complete}},
			{"", ticks("call"), []string{internalError, complete}},
			{"", ticks("first"), []string{internalError, complete}},
			{"", ticks("second"), []string{item, internalError, complete}},
			{"", `{"action":"vanish_beside","ref":"1"}`, []string{internalError, complete}},
			{"middleware", ask("x"), []string{internalError, complete}},
			{"behind", ask("x"), []string{ask("x"), complete}},
		} {
			client := chanxtest.Dial(t, srv, "/ws", &chanxtest.DialOptions{Header: http.Header{"At": {k.at}}})
			client.ExpectAuthenticated()
			for range 3 { // the ref, and the slot of the concurrent handler, are free again
				log.take()
				client.SendText(k.send)
				synctest.Wait()
				if got := client.Pending(); !slices.Equal(got, k.want) {
					t.Errorf("%s %s: got %q, want %q", k.at, k.send, got, k.want)
				}
				for range client.Pending() {
					client.Next()
				}
				if l := strings.Join(log.take(), "\n"); k.at != "behind" && !strings.Contains(l, "ended its goroutine") {
					t.Errorf("%s %s: log %q", k.at, k.send, l)
				}
			}
			client.Close(1000, "")
			client.ExpectClosed(1000)
			synctest.Wait() // until OnClose has run
		}
		if s := srv.Stats(); s.Connections != 0 {
			t.Errorf("stats %+v", s)
		}
	})
	if !slices.ContainsFunc(w.lines, func(s string) bool { return strings.Contains(s, `in "vanish"`) && strings.Contains(s, "goroutine") }) {
		t.Error("the Observer was not informed of the end")
	}
}

// TestGoexitOutsideOfHandlers calls Goexit in code that runs when a connection opens or closes: the connection is refused
// or closed, and releases all its resources.
func TestGoexitOutsideOfHandlers(t *testing.T) {
	log := &logRecorder{}
	bubble(t, chanx.ServerOptions{Logger: slog.New(log)}, func(t *testing.T, srv *chanx.Server) {
		srv.Handle("/ws", vanishing(t))
		for at, code := range map[string]int{"Context": 1011, "Authenticate": 1011, "open": 1011, "OnOpen": 1011, "OnClose": 1000} {
			client := chanxtest.Dial(t, srv, "/ws", &chanxtest.DialOptions{Header: http.Header{"At": {at}}})
			if at == "OnClose" {
				client.ExpectAuthenticated()
				client.Close(1000, "")
			}
			synctest.Wait()
			for range client.Pending() {
				client.Next()
			}
			client.ExpectClosed(code)
			synctest.Wait()
			if s := srv.Stats(); s.Connections != 0 || srv.Count("g") != 0 {
				t.Errorf("%s: %d connections, %d in the group", at, s.Connections, srv.Count("g"))
			}
			if l := strings.Join(log.take(), "\n"); !strings.Contains(l, "ended its goroutine") {
				t.Errorf("%s: log %q", at, l)
			}
		}
	})
}

func TestEventHandlersThatCallGoexit(t *testing.T) {
	bubble(t, chanx.ServerOptions{Logger: quiet}, func(t *testing.T, srv *chanx.Server) {
		srv.Handle("/ws", vanishing(t))
		client := chanxtest.Dial(t, srv, "/ws", nil)
		client.ExpectAuthenticated()
		for _, at := range []string{"unmarshal", "validate", "handler"} {
			if err := srv.Emit(t.Context(), vanishEvent{vanish{at}}, chanx.To("g")); err != nil {
				t.Fatal(err)
			}
		}
		client.ExpectError("internal")
		client.Send(chanx.Ping{})
		chanxtest.Receive[chanx.Pong](client)
		if n := srv.Stats().Drops["events_invalid"]; n != 2 {
			t.Errorf("%d events are counted as not valid, want 2", n)
		}
	})
}
