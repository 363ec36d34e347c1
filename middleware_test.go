package chanx_test

import (
	"context"
	"errors"
	"fmt"
	"log/slog"
	"slices"
	"strings"
	"sync"
	"testing"
	"testing/synctest"
	"time"

	"github.com/chanx-go/chanx"
	"github.com/chanx-go/chanx/chanxtest"
)

// diary records what happens in order, from any goroutine.
type diary struct {
	mu    sync.Mutex
	lines []string
}

func (d *diary) note(format string, args ...any) {
	d.mu.Lock()
	defer d.mu.Unlock()
	d.lines = append(d.lines, fmt.Sprintf(format, args...))
}

func (d *diary) expect(t *testing.T, want ...string) {
	t.Helper()
	synctest.Wait()
	d.mu.Lock()
	defer d.mu.Unlock()
	if !slices.Equal(d.lines, want) {
		t.Errorf("got\n%s\nwant\n%s", strings.Join(d.lines, "\n"), strings.Join(want, "\n"))
	}
	d.lines = nil
}

// middleware records each call, and whether the final frame had been sent when next returned.
func (d *diary) middleware(name string) chanx.Middleware {
	return func(next chanx.Handler) chanx.Handler {
		return func(ctx context.Context, k *chanx.Call) error {
			d.note("%s in %s ref=%q message=%v event=%v", name, k.Action, k.Ref, k.Message != nil, k.Event != nil)
			err := next(ctx, k)
			d.note("%s out %v", name, err)
			return err
		}
	}
}

func TestMiddlewareWrapsMessagesAndEvents(t *testing.T) {
	bubble(t, chanx.ServerOptions{}, func(t *testing.T, srv *chanx.Server) {
		d := &diary{}
		c := newWorks()
		c.Use(d.middleware("outer"), d.middleware("inner"))
		chanx.OnEvent(c, func(_ *works, _ context.Context, e ringEvent) error {
			d.note("handler %s", e.How)
			return failure(e.How)
		})
		srv.Handle("/ws", c)
		client := chanxtest.Dial(t, srv, "/ws", nil)
		client.SendRef(echoMessage{"hi"}, "1")
		d.expect(t, `outer in echo ref="1" message=true event=false`, `inner in echo ref="1" message=true event=false`,
			"inner out <nil>", "outer out <nil>")
		if err := srv.Emit(t.Context(), ringEvent{"told"}, chanx.All()); err != nil {
			t.Fatal(err)
		}
		d.expect(t, `outer in ring ref="" message=false event=true`, `inner in ring ref="" message=false event=true`, "handler told",
			"inner out room_full: the room has 3 seats", "outer out room_full: the room has 3 seats")
		client.SendText(`{"action":"echo"}`) // invalid: neither middleware nor handler is called
		client.SendRef(tallyMessage{To: 1, How: "panic"}, "2")
		d.expect(t, `outer in count ref="2" message=true event=false`, `inner in count ref="2" message=true event=false`,
			"inner out panic: password of the database", "outer out panic: password of the database")
	})
}

func TestMiddlewareReturnsAfterTheTerminalFrame(t *testing.T) {
	bubble(t, chanx.ServerOptions{}, func(t *testing.T, srv *chanx.Server) {
		c := newWorks()
		c.Use(func(next chanx.Handler) chanx.Handler {
			return func(ctx context.Context, k *chanx.Call) error {
				err := next(ctx, k)
				return errors.Join(err, k.Conn.Send(context.Background(), tallied{-1}))
			}
		})
		srv.Handle("/ws", c)
		client := chanxtest.Dial(t, srv, "/ws", nil)
		client.SendRef(tallyMessage{To: 2}, "1")
		synctest.Wait()
		want := []string{
			`{"action":"counted","payload":{"n":1},"ref":"1"}`, `{"action":"counted","payload":{"n":2},"ref":"1"}`,
			`{"action":"complete","ref":"1"}`, `{"action":"counted","payload":{"n":-1}}`,
		}
		if got := client.Pending(); !slices.Equal(got, want) {
			t.Errorf("got %q", got)
		}
	})
}

func TestMiddlewareMayAnswerItself(t *testing.T) {
	var answer error
	bubble(t, chanx.ServerOptions{Completions: true}, func(t *testing.T, srv *chanx.Server) {
		c := newWorks()
		c.Use(func(next chanx.Handler) chanx.Handler {
			return func(ctx context.Context, k *chanx.Call) error {
				switch m := k.Message.(type) {
				case echoMessage:
					if m.Text == "twice" {
						return errors.Join(next(ctx, k), next(ctx, k))
					}
				case waitMessage:
					panic("in middleware")
				}
				return answer
			}
		})
		srv.Handle("/ws", c)
		client := chanxtest.Dial(t, srv, "/ws", nil)
		complete := func() {
			t.Helper()
			chanxtest.Receive[chanx.CompleteMessage](client)
		}
		client.Send(besideMessage{})
		complete()
		answer = chanx.NewError("forbidden", "not you")
		client.Send(echoMessage{"no"})
		client.ExpectError("forbidden")
		complete()
		client.Send(tallyMessage{To: 3})
		client.ExpectError("forbidden")
		complete()
		client.Send(waitMessage{})
		client.ExpectError("internal")
		complete()
		client.Send(echoMessage{"twice"})
		chanxtest.Receive[echoMessage](client)
		complete()
		answer = &chanx.CloseError{Code: 4003, Reason: "enough"}
		client.Send(echoMessage{"no"})
		client.ExpectClosed(4003)
	})
}

func TestStreamsEndBeforeOnCloseAndShutdown(t *testing.T) {
	synctest.Test(t, func(t *testing.T) {
		d := &diary{}
		c := newWorks()
		c.Use(func(next chanx.Handler) chanx.Handler {
			return func(ctx context.Context, k *chanx.Call) error {
				err := next(ctx, k)
				if k.Ref == "lingers" {
					time.Sleep(2 * time.Second) // in a bubble: the goroutine of the stream still runs
				}
				d.note("ended %s", k.Ref)
				return err
			}
		})
		c.OnClose(func(_ *works, _ context.Context, cause *chanx.CloseError) { d.note("closed %d", cause.Code) })
		srv := chanx.NewServer(&chanx.ServerOptions{Logger: quiet})
		srv.Handle("/ws", c)
		lost, kept := chanxtest.Dial(t, srv, "/ws", nil), chanxtest.Dial(t, srv, "/ws", nil)
		lost.SendRef(tallyMessage{To: 1, How: "wait"}, "lingers")
		chanxtest.Receive[tallied](lost)
		lost.Abort()
		time.Sleep(3 * time.Second) // in a bubble
		d.expect(t, "ended lingers", "closed 1006")

		kept.SendRef(tallyMessage{To: 1, How: "wait"}, "1")
		chanxtest.Receive[tallied](kept)
		ended := make(chan error, 1)
		go func() { ended <- srv.Shutdown(context.Background()) }()
		synctest.Wait() // until Shutdown waits for the stream
		kept.SendText(`{"action":"chanx.cancel","ref":"1"}`)
		chanxtest.Receive[chanx.CompleteMessage](kept)
		kept.ExpectClosed(1001)
		if err := <-ended; err != nil {
			t.Error(err)
		}
		d.expect(t, "ended 1", "closed 1001")
	})
}

func TestRateLimits(t *testing.T) {
	o := chanx.ServerOptions{Limits: chanx.Limits{Rate: chanx.Rate{PerSecond: 2, Burst: 3}}}
	bubble(t, o, func(t *testing.T, srv *chanx.Server) {
		srv.Handle("/ws", newWorks())
		client := chanxtest.Dial(t, srv, "/ws", nil)
		burst := func(passes, fails int) {
			t.Helper()
			for range passes {
				client.Send(echoMessage{"hi"})
				chanxtest.Receive[echoMessage](client)
			}
			for i := range fails {
				client.SendRef(echoMessage{"hi"}, fmt.Sprint(i))
				client.ExpectError("rate_limited")
			}
		}
		burst(3, 4)
		time.Sleep(time.Second) // in a bubble
		burst(2, 1)
		time.Sleep(time.Hour) // in a bubble
		burst(3, 1)
	})
}

func TestTimeoutOverridesHandlerTimeout(t *testing.T) {
	bubble(t, chanx.ServerOptions{Limits: chanx.Limits{HandlerTimeout: time.Minute}}, func(t *testing.T, srv *chanx.Server) {
		c := newState()
		until := func(s *state, ctx context.Context) error {
			deadline, ok := ctx.Deadline()
			if !ok {
				return chanx.NewError("none", "")
			}
			return chanx.NewError(time.Until(deadline).String(), "")
		}
		chanx.On(c, func(s *state, ctx context.Context, _ sayMessage) error { return until(s, ctx) })
		chanx.On(c, func(s *state, ctx context.Context, _ knockMessage) error { return until(s, ctx) }, chanx.Timeout(time.Second))
		chanx.On(c, func(s *state, ctx context.Context, _ waitMessage) error { return until(s, ctx) }, chanx.Timeout(-1))
		srv.Handle("/ws", c)
		client := chanxtest.Dial(t, srv, "/ws", nil)
		for want, m := range map[string]chanx.Message{"1m0s": sayMessage{"x"}, "1s": knockMessage{}, "none": waitMessage{}} {
			client.Send(m)
			client.ExpectError(want)
		}
	})
}

func TestConsumerEmit(t *testing.T) {
	bubble(t, chanx.ServerOptions{}, func(t *testing.T, srv *chanx.Server) {
		c := newDesk(nil)
		if err := c.Emit(t.Context(), ringEvent{}, chanx.All()); err == nil || !strings.Contains(err.Error(), "not mounted") {
			t.Errorf("before Handle: %v", err)
		}
		srv.Handle("/desk/{name}", c)
		if err := c.Emit(t.Context(), newsEvent{}, chanx.All()); err == nil || !strings.Contains(err.Error(), "does not handle it") {
			t.Errorf("an event of another consumer: %v", err)
		}
		if err := c.Emit(t.Context(), ringEvent{}); err == nil || !strings.Contains(err.Error(), "no target") {
			t.Errorf("without a target: %v", err)
		}
		client := chanxtest.Dial(t, srv, "/desk/one", nil)
		if err := c.Emit(t.Context(), ringEvent{"x"}, chanx.To("one")); err != nil {
			t.Fatal(err)
		}
		chanxtest.Receive[chanx.AuthenticationMessage](client)
		if got := chanxtest.Receive[answerMessage](client).Message.Answer; got != "rang x" {
			t.Errorf("got %q", got)
		}
	})
}

// TestMiddlewareThatPanicsAfterTheAnswer checks that the panic is logged although the client has received its answer.
func TestMiddlewareThatPanicsAfterTheAnswer(t *testing.T) {
	log := &logRecorder{}
	bubble(t, chanx.ServerOptions{Logger: slog.New(log)}, func(t *testing.T, srv *chanx.Server) {
		c := probe(func(*state, context.Context, sayMessage) error { panic("of the handler") })
		c.Use(func(next chanx.Handler) chanx.Handler {
			return func(ctx context.Context, k *chanx.Call) error {
				err := next(ctx, k)
				if k.Action == "ping" {
					panic("behind")
				}
				return err
			}
		})
		srv.Handle("/ws", c)
		client := chanxtest.Dial(t, srv, "/ws", nil)
		client.Send(chanx.Ping{})
		chanxtest.Receive[chanx.Pong](client)
		client.Send(sayMessage{"x"})
		client.ExpectError("internal")
		got := log.take()
		if want := []string{"ERROR handler failed action=ping error=panic: behind", "ERROR handler failed action=say error=panic: of the handler"}; !slices.Equal(got, want) {
			t.Errorf("log\n%s", strings.Join(got, "\n"))
		}
	})
}

func (d *diary) take() []string {
	d.mu.Lock()
	defer d.mu.Unlock()
	lines := d.lines
	d.lines = nil
	return lines
}
