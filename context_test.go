package chanx_test

import (
	"context"
	"errors"
	"iter"
	"log/slog"
	"runtime"
	"slices"
	"strings"
	"sync"
	"testing"
	"testing/synctest"
	"time"

	"github.com/chanx-go/chanx"
	"github.com/chanx-go/chanx/chanxtest"
)

// allKinds returns a consumer with a handler of each kind, all of which call do. Each action, and the event, is named for
// the kind of its handler. Each handler may take a minute.
func allKinds(do func(ctx context.Context) error) *chanx.Consumer[state] {
	return newKindsOf(do, chanx.Timeout(time.Minute))
}

func newKindsOf(do func(ctx context.Context) error, timeout chanx.HandlerOption) *chanx.Consumer[state] {
	c := newState()
	chanx.On(c, func(_ *state, ctx context.Context, _ onKind) error { return do(ctx) }, timeout)
	chanx.On(c, func(_ *state, ctx context.Context, _ besideKind) error { return do(ctx) }, timeout, chanx.Concurrent(2))
	chanx.OnRequest(c, func(_ *state, ctx context.Context, _ requestKind) (tallied, error) { return tallied{}, do(ctx) }, timeout)
	chanx.OnStream(c, func(_ *state, ctx context.Context, _ streamKind) iter.Seq2[tallied, error] {
		return func(yield func(tallied, error) bool) {
			if err := do(ctx); err != nil {
				yield(tallied{}, err)
			}
		}
	}, timeout)
	chanx.OnEvent(c, func(_ *state, ctx context.Context, _ eventKind) error { return do(ctx) }, timeout)
	return c
}

type (
	onKind      struct{}
	besideKind  struct{}
	requestKind struct{}
	streamKind  struct{}
	eventKind   struct{}
)

func (onKind) Action() string      { return "on" }
func (besideKind) Action() string  { return "beside" }
func (requestKind) Action() string { return "request" }
func (streamKind) Action() string  { return "stream" }
func (eventKind) Event() string    { return "event" }

var messageKinds = []chanx.Message{onKind{}, besideKind{}, requestKind{}, streamKind{}}

// failures returns the number of failed messages and events in Stats.
func failures(srv *chanx.Server) (n uint64) {
	s := srv.Stats()
	for _, h := range s.In {
		n += h.Failed
	}
	for _, h := range s.Events {
		n += h.Failed
	}
	return n
}

// start calls each kind of handler in turn, with and without a ref, and calls then after each.
func start(t *testing.T, srv *chanx.Server, client *chanxtest.Conn, then func(action, ref string)) {
	t.Helper()
	for _, m := range messageKinds {
		for _, ref := range []string{"", "1"} {
			client.SendRef(m, ref)
			synctest.Wait()
			then(m.Action(), ref)
			pass(time.Minute) // so that the next line is not throttled
		}
	}
	if err := srv.Emit(t.Context(), eventKind{}, chanx.All()); err != nil {
		t.Fatal(err)
	}
	synctest.Wait()
	then("event", "")
}

// transaction is middleware that checks after next whether the context has ended, and returns an error of its own.
type transaction struct {
	mu      sync.Mutex
	behind  []error
	commit  error
	further func()
}

func (x *transaction) around(next chanx.Handler) chanx.Handler {
	return func(ctx context.Context, k *chanx.Call) error {
		err := next(ctx, k)
		x.mu.Lock()
		x.behind = append(x.behind, ctx.Err())
		x.mu.Unlock()
		if x.further != nil {
			x.further()
		}
		return errors.Join(err, x.commit)
	}
}

func TestContextLivesUntilMiddlewareHasReturned(t *testing.T) {
	bubble(t, chanx.ServerOptions{}, func(t *testing.T, srv *chanx.Server) {
		x := &transaction{}
		c := allKinds(func(context.Context) error { return nil })
		c.Use(x.around)
		srv.Handle("/ws", c)
		client := chanxtest.Dial(t, srv, "/ws", nil)
		start(t, srv, client, func(action, ref string) {
			if !slices.Equal(x.behind, []error{nil}) {
				t.Errorf("%s with ref %q: behind next the context says %v", action, ref, x.behind)
			}
			x.behind = nil
			client.Pending()
		})
		if n := failures(srv); n != 0 {
			t.Errorf("%d failures", n)
		}
	})
}

// TestContextEndsWithItsCall checks that no context outlives its call, whichever way the call ends.
func TestContextEndsWithItsCall(t *testing.T) {
	var kept []context.Context
	bubble(t, chanx.ServerOptions{}, func(t *testing.T, srv *chanx.Server) {
		c := allKinds(func(ctx context.Context) error { kept = append(kept, ctx); return nil })
		var how func()
		c.Use(func(next chanx.Handler) chanx.Handler {
			return func(ctx context.Context, k *chanx.Call) error {
				kept = append(kept, ctx)
				err := next(ctx, k)
				how()
				return err
			}
		})
		srv.Handle("/ws", c)
		client := chanxtest.Dial(t, srv, "/ws", nil)
		for _, how = range []func(){func() {}, func() { panic("behind") }, runtime.Goexit} {
			start(t, srv, client, func(action, ref string) {
				for _, ctx := range kept {
					if ctx.Err() == nil {
						t.Errorf("%s with ref %q: the context of a call that has ended lives", action, ref)
					}
				}
				kept = nil
				client.Pending()
			})
		}
	})
}

// TestErrorsAfterTheAnswer checks that an error that middleware returns after the answer is logged and counted once,
// and that the handler's own error is not logged again.
func TestErrorsAfterTheAnswer(t *testing.T) {
	for name, k := range map[string]struct {
		handler, commit error
		want            string // the log lines after "handler failed action=… error="
		failed          uint64
	}{
		"nothing fails":         {nil, nil, "", 0},
		"the commit fails":      {nil, errors.New("disk full"), "disk full", 1},
		"the handler fails":     {errors.New("no"), nil, "no", 1},
		"the handler tells":     {chanx.NewError("full", "x"), nil, "", 1},
		"it tells, then commit": {chanx.NewError("full", "x"), errors.New("disk full"), "full: x\ndisk full", 1},
		"both fail":             {errors.New("no"), errors.New("disk full"), "no|no\ndisk full", 1},
		"after the answer":      {nil, chanx.NewError("full", "x"), "full: x", 1},
		"a list":                {chanx.ValidationError{{Type: "x", Msg: "y"}}, nil, "ANY", 0},
	} {
		t.Run(name, func(t *testing.T) {
			log := &logRecorder{}
			bubble(t, chanx.ServerOptions{Logger: slog.New(log)}, func(t *testing.T, srv *chanx.Server) {
				x := &transaction{commit: k.commit}
				c := allKinds(func(context.Context) error { return k.handler })
				c.Use(x.around)
				srv.Handle("/ws", c)
				client := chanxtest.Dial(t, srv, "/ws", nil)
				var before uint64
				start(t, srv, client, func(action, ref string) {
					var want []string
					for text := range strings.SplitSeq(k.want, "|") {
						if text != "" {
							want = append(want, "ERROR handler failed action="+action+" error="+text)
						}
					}
					got := log.take()
					if k.want == "ANY" && len(got) == 1 {
						want = got
					}
					if !slices.Equal(got, want) {
						t.Errorf("%s with ref %q: log %q, want %q", action, ref, got, want)
					}
					if n := failures(srv); n != before+k.failed {
						t.Errorf("%s with ref %q: %d failures more, want %d", action, ref, n-before, k.failed)
					} else {
						before = n
					}
					client.Pending()
				})
			})
		})
	}
}

// TestRefIsFreeAfterTheAnswer checks that a client may use a ref again while middleware runs after the answer, and that
// a cancel that arrives then does not reach the call.
func TestRefIsFreeAfterTheAnswer(t *testing.T) {
	bubble(t, chanx.ServerOptions{}, func(t *testing.T, srv *chanx.Server) {
		held := make(chan struct{})
		x := &transaction{further: func() { <-held }}
		c := allKinds(func(context.Context) error { return nil })
		c.Use(x.around)
		srv.Handle("/ws", c)
		client := chanxtest.Dial(t, srv, "/ws", nil)
		for range 2 {
			client.SendRef(besideKind{}, "1")
			if f := chanxtest.Receive[chanx.CompleteMessage](client); f.Ref != "1" {
				t.Errorf("ref %q", f.Ref)
			}
		}
		client.Cancel("1")
		synctest.Wait()
		close(held)
		synctest.Wait()
		if !slices.Equal(x.behind, []error{nil, nil}) {
			t.Errorf("behind next the contexts say %v", x.behind)
		}
	})
}

// TestContextEndsAtOnce checks that cancel, timeout and loss end the context of a handler while it runs.
func TestContextEndsAtOnce(t *testing.T) {
	for _, m := range messageKinds {
		for how, end := range map[string]func(*chanxtest.Conn){
			"cancel": func(c *chanxtest.Conn) { c.Cancel("1") },
			"time":   func(*chanxtest.Conn) { time.Sleep(time.Minute) },              // in a bubble
			"loss":   func(c *chanxtest.Conn) { c.Abort(); time.Sleep(time.Second) }, // in a bubble
		} {
			t.Run(m.Action()+" "+how, func(t *testing.T) {
				log := &logRecorder{}
				bubble(t, chanx.ServerOptions{Logger: slog.New(log), Limits: chanx.Limits{SlowHandler: -1}}, func(t *testing.T, srv *chanx.Server) {
					ended := false
					c := allKinds(func(ctx context.Context) error {
						<-ctx.Done()
						ended = true
						return ctx.Err()
					})
					srv.Handle("/ws", c)
					client := chanxtest.Dial(t, srv, "/ws", nil)
					client.SendRef(m, "1")
					synctest.Wait()
					end(client)
					synctest.Wait()
					if !ended {
						t.Error("the handler still waits")
					}
					for _, line := range log.take() {
						if strings.HasPrefix(line, "ERROR") || strings.HasPrefix(line, "WARN") {
							t.Error(line)
						}
					}
				})
			})
		}
	}
}
