package chanx_test

import (
	"context"
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

// merged is a context with the values of one context and the end of another.
type merged struct{ context.Context }

func (m merged) Done() <-chan struct{} { return m.Value(endKey{}).(context.Context).Done() }
func (m merged) Err() error            { return m.Value(endKey{}).(context.Context).Err() }

type endKey struct{}

// TestConsumerContextMustBeDerived checks that a connection is refused if ConsumerOptions.Context returns a context that
// has ended or is not derived from its argument, and that the log names the mistake and the fix.
func TestConsumerContextMustBeDerived(t *testing.T) {
	for name, k := range map[string]struct {
		context func(context.Context, *http.Request) context.Context
		want    string // "" if it is accepted
	}{
		"a value":  {func(ctx context.Context, _ *http.Request) context.Context { return context.WithValue(ctx, ctxKey{}, 1) }, ""},
		"as given": {func(ctx context.Context, _ *http.Request) context.Context { return ctx }, ""},
		"a cancel": {func(ctx context.Context, _ *http.Request) context.Context {
			ctx, cancel := context.WithCancel(ctx)
			_ = cancel
			return ctx
		}, ""},
		"without cancel": {func(ctx context.Context, _ *http.Request) context.Context { return context.WithoutCancel(ctx) }, ""},
		"the request's": {func(_ context.Context, r *http.Request) context.Context {
			return context.WithValue(r.Context(), ctxKey{}, 1)
		}, "is not derived from its first argument"},
		"the request's without cancel": {func(_ context.Context, r *http.Request) context.Context {
			return context.WithoutCancel(r.Context())
		}, "is not derived from its first argument"},
		"background": {func(context.Context, *http.Request) context.Context { return context.Background() }, "is not derived from its first argument"},
		"nil":        {func(context.Context, *http.Request) context.Context { return nil }, "returned nil"},
		"ended": {func(ctx context.Context, _ *http.Request) context.Context {
			ctx, cancel := context.WithCancel(ctx)
			cancel()
			return ctx
		}, "has ended"},
		"overdue": {func(ctx context.Context, _ *http.Request) context.Context {
			ctx, cancel := context.WithDeadline(ctx, time.Now())
			_ = cancel
			return ctx
		}, "has ended"},
		"the end of the request": {func(ctx context.Context, r *http.Request) context.Context {
			return merged{context.WithValue(ctx, endKey{}, r.Context())}
		}, "has ended"},
		"cancelled with the request": {func(ctx context.Context, r *http.Request) context.Context {
			ctx, cancel := context.WithCancel(ctx)
			context.AfterFunc(r.Context(), cancel)
			return ctx
		}, "has ended"},
	} {
		t.Run(name, func(t *testing.T) {
			log := &logRecorder{}
			bubble(t, chanx.ServerOptions{Logger: slog.New(log)}, func(t *testing.T, srv *chanx.Server) {
				opened := false
				c := chanx.NewConsumer(func(c *chanx.Conn, _ *http.Request) (*state, error) {
					synctest.Wait() // for contexts that end in a goroutine of their own
					opened = true
					return &state{c}, nil
				}, &chanx.ConsumerOptions{Context: k.context})
				chanx.On(c, func(_ *state, ctx context.Context, _ sayMessage) error { return ctx.Err() })
				srv.Handle("/ws", c)
				client := chanxtest.Dial(t, srv, "/ws", nil)
				if k.want == "" {
					client.SendRef(sayMessage{"x"}, "1")
					chanxtest.Receive[chanx.CompleteMessage](client)
					return
				}
				client.ExpectRefused(http.StatusInternalServerError)
				expectLine(t, log, "ERROR", k.want, "derive it from the first argument of ConsumerOptions.Context")
				if opened && name != "cancelled with the request" {
					t.Error("open was called")
				}
			})
		})
	}
}

// expectLine expects exactly one line of that level, and that it contains the parts.
func expectLine(t *testing.T, log *logRecorder, level string, parts ...string) {
	t.Helper()
	lines := log.take()
	if len(lines) != 1 || !strings.HasPrefix(lines[0], level) || slices.ContainsFunc(parts, func(p string) bool { return !strings.Contains(lines[0], p) }) {
		t.Errorf("log %q, want one line %s with %q", lines, level, parts)
	}
}

// TestConsumerContextThatEndsLater checks that the end of the context closes the connection, once, and that nothing happens
// if the connection has already ended.
func TestConsumerContextThatEndsLater(t *testing.T) {
	log := &logRecorder{}
	bubble(t, chanx.ServerOptions{Logger: slog.New(log)}, func(t *testing.T, srv *chanx.Server) {
		var end context.CancelFunc
		c := chanx.NewConsumer(openState, &chanx.ConsumerOptions{Context: func(ctx context.Context, _ *http.Request) context.Context {
			ctx, end = context.WithCancel(ctx)
			return ctx
		}})
		c.OnClose(func(*state, context.Context, *chanx.CloseError) { end() })
		srv.Handle("/ws", c)
		client := chanxtest.Dial(t, srv, "/ws", nil)
		client.Close(1000, "")
		synctest.Wait()
		if lines := log.take(); len(lines) != 0 {
			t.Errorf("log %q", lines)
		}
		client = chanxtest.Dial(t, srv, "/ws", nil)
		synctest.Wait()
		end()
		client.ExpectClosed(1011)
		synctest.Wait()
		expectLine(t, log, "ERROR", "has ended", "derive it from the first argument")
	})
}

// TestStateWithoutItsConn checks that a connection is refused if its state does not hold the Conn that open was given.
func TestStateWithoutItsConn(t *testing.T) {
	var other *chanx.Conn
	for name, k := range map[string]struct {
		open func(*chanx.Conn) *state
		want string
	}{
		"nil":     {func(*chanx.Conn) *state { return &state{} }, "the *chanx.Conn of the state is nil"},
		"another": {func(*chanx.Conn) *state { return &state{other} }, "the *chanx.Conn of the state is not the one that open was given"},
		"a copy":  {func(*chanx.Conn) *state { return &state{new(chanx.Conn)} }, "the *chanx.Conn of the state is not the one that open was given"},
		"nothing": {func(*chanx.Conn) *state { return nil }, "it returned neither a state nor an error"},
	} {
		t.Run(name, func(t *testing.T) {
			log := &logRecorder{}
			bubble(t, chanx.ServerOptions{Logger: slog.New(log)}, func(t *testing.T, srv *chanx.Server) {
				srv.Handle("/other", chanx.NewConsumer(func(c *chanx.Conn, _ *http.Request) (*state, error) {
					other = c
					return &state{c}, nil
				}, nil))
				c := chanx.NewConsumer(func(c *chanx.Conn, _ *http.Request) (*state, error) { return k.open(c), nil }, nil)
				c.OnClose(func(*state, context.Context, *chanx.CloseError) { t.Error("OnClose") })
				srv.Handle("/ws", c)
				chanxtest.Dial(t, srv, "/other", nil)
				chanxtest.Dial(t, srv, "/ws", nil).ExpectRefused(http.StatusInternalServerError)
				expectLine(t, log, "ERROR", "open chanx_test.state: "+k.want, "return &state{Conn: c}, nil")
			})
		})
	}
}
