package chanx_test

import (
	"context"
	"fmt"
	"log/slog"
	"slices"
	"strings"
	"testing"
	"testing/synctest"

	"github.com/chanx-go/chanx"
	"github.com/chanx-go/chanx/chanxtest"
	"github.com/chanx-go/chanx/layer/memlayer"
)

// watcher is an Observer that records its calls and adds a header to publications.
type watcher struct {
	chanx.NopObserver
	diary
	name string
}

func (w *watcher) Open(c *chanx.Conn) { w.note("open %s", c.Identity().UserID) }
func (w *watcher) Close(c *chanx.Conn, cause *chanx.CloseError) {
	w.note("close %s %d", c.Identity().UserID, cause.Code)
}

func (w *watcher) Out(_ *chanx.Conn, action string, bytes int) {
	w.note("out %s %v", action, bytes > 0)
}

func (w *watcher) Drop(c *chanx.Conn, why chanx.DropReason, n int) {
	w.note("drop %s %d %v", why, n, c != nil)
}

func (w *watcher) In(ctx context.Context, k *chanx.Call) (context.Context, func(error)) {
	return context.WithValue(ctx, ctxKey{}, "traced"), func(err error) {
		w.note("in %q trace=%q %v", k.Action, k.Header("trace"), err)
	}
}

func (w *watcher) Publish(_ context.Context, p *chanx.Publication) func(error) {
	p.SetHeader("trace", "from "+w.name)
	return func(err error) { w.note("publish %s event=%v targets=%d %v", p.Action, p.IsEvent, p.Targets, err) }
}

func TestObserverSeesEverything(t *testing.T) {
	synctest.Test(t, func(t *testing.T) {
		l := memlayer.New()
		a, b := &watcher{name: "a"}, &watcher{name: "b"}
		serverOf := func(w *watcher) *chanx.Server {
			c := newDesk(nil)
			c.Use(func(next chanx.Handler) chanx.Handler {
				return func(ctx context.Context, k *chanx.Call) error {
					if ctx.Value(ctxKey{}) != "traced" {
						t.Error("the context of In does not reach the middleware")
					}
					return next(ctx, k)
				}
			})
			return serve(&chanx.ServerOptions{Layer: l, Logger: quiet, Observer: w}, "/desk/{name}", c)
		}
		sa, sb := serverOf(a), serverOf(b)
		client := chanxtest.Dial(t, sa, "/desk/one", asUser("ann"))
		a.expect(t, "open ann", "out authentication true")
		client.Send(sayMessage{"hi"})
		a.expect(t, "out said true", "publish said event=false targets=1 <nil>", `in "say" trace="" <nil>`)
		client.SendText("nonsense")
		a.expect(t, "out error true", `in "" trace="" Invalid JSON: unexpected 'o', want null at byte 1`)
		if err := sb.Emit(t.Context(), ringEvent{"well"}, chanx.To("one")); err != nil {
			t.Fatal(err)
		}
		b.expect(t, "publish ring event=true targets=1 <nil>")
		a.expect(t, "out answer true", `in "ring" trace="from b" <nil>`)
		if err := sb.Emit(t.Context(), newsEvent{}, chanx.To("one")); err != nil {
			t.Fatal(err)
		}
		b.expect(t, "publish news event=true targets=1 <nil>")
		a.expect(t, "drop events_undeclared 1 true")
		client.Close(1000, "")
		a.expect(t, "close ann 1000")
		refused := chanxtest.Dial(t, sa, "/desk/locked", asUser("ann"))
		chanxtest.Receive[chanx.AuthenticationMessage](refused)
		a.expect(t) // it was never open
		for _, s := range []*chanx.Server{sa, sb} {
			if err := s.Shutdown(context.Background()); err != nil {
				t.Error(err)
			}
		}
	})
}

func TestMessagesAreLoggedButForQuietActions(t *testing.T) {
	log := &logRecorder{}
	o := chanx.ServerOptions{Logger: slog.New(log), LogMessages: true, QuietActions: []string{"ping", "pong"}}
	bubble(t, o, func(t *testing.T, srv *chanx.Server) {
		srv.Handle("/works", newWorks())
		loud := chanxtest.Dial(t, srv, "/works", nil)
		loud.SendRef(echoMessage{"hi"}, "7")
		loud.Send(chanx.Ping{})
		synctest.Wait()
		got := log.take()
		want := []string{"INFO sent action=echo bytes=51", "INFO handled message=1 action=echo ref=7 took=0s error=<nil>"}
		if !slices.Equal(got, want) {
			t.Errorf("log\n%s", strings.Join(got, "\n"))
		}
	})
	silent := chanx.NewConsumer(openState, &chanx.ConsumerOptions{LogMessages: chanx.Disabled})
	on[knockMessage](silent)
	partly := chanx.NewConsumer(openState, &chanx.ConsumerOptions{QuietActions: []string{"knock"}})
	on[knockMessage](partly)
	bubble(t, o, func(t *testing.T, srv *chanx.Server) {
		srv.Handle("/silent", silent)
		srv.Handle("/partly", partly)
		for _, path := range []string{"/silent", "/partly"} {
			chanxtest.Dial(t, srv, path, nil).SendRef(knockMessage{}, "1")
		}
		synctest.Wait()
		if got := fmt.Sprint(log.take()); got != "[INFO sent action=complete bytes=31]" {
			t.Errorf("log %s", got)
		}
	})
}

// broken is an Observer that panics in the named method, in the function that In or Publish has returned, or everywhere.
type broken struct {
	watcher
	at string
}

func (b *broken) blow(at string) {
	if b.at == at || b.at == "all" {
		panic("secret of " + at)
	}
}

func (b *broken) Open(*chanx.Conn)                        { b.blow("Open") }
func (b *broken) Close(*chanx.Conn, *chanx.CloseError)    { b.blow("Close") }
func (b *broken) Out(*chanx.Conn, string, int)            { b.blow("Out") }
func (b *broken) Drop(*chanx.Conn, chanx.DropReason, int) { b.blow("Drop") }

func (b *broken) In(ctx context.Context, _ *chanx.Call) (context.Context, func(error)) {
	b.blow("In")
	if b.at == "no context" {
		ctx = nil
	}
	return ctx, func(error) { b.blow("In's end") }
}

func (b *broken) Publish(context.Context, *chanx.Publication) func(error) {
	b.blow("Publish")
	return func(error) { b.blow("Publish's end") }
}

// TestObserversThatPanicChangeNothing checks that clients receive the same frames and close codes whichever method panics,
// and that the panic is logged once a minute for each method.
func TestObserversThatPanicChangeNothing(t *testing.T) {
	play := func(at string) (frames []string, log string) {
		j := &logRecorder{}
		o := chanx.ServerOptions{Logger: slog.New(j), Observer: &broken{at: at}, Completions: true}
		bubble(t, o, func(t *testing.T, srv *chanx.Server) {
			c := newDesk(nil)
			srv.Handle("/desk/{name}", c)
			clients := []*chanxtest.Conn{chanxtest.Dial(t, srv, "/desk/one", asUser("ann")), chanxtest.Dial(t, srv, "/desk/one", asUser("bob"))}
			synctest.Wait()
			for range 2 {
				for _, step := range []func() error{
					func() error { clients[0].SendRef(sayMessage{"hi"}, "1"); return nil },
					func() error { clients[0].SendText("nonsense"); return nil },
					func() error { return srv.Emit(t.Context(), ringEvent{"well"}, chanx.To("one")) },
					func() error { return srv.Emit(t.Context(), newsEvent{}, chanx.To("one")) }, // dropped: it has no handler
					func() error { return srv.Broadcast(t.Context(), saidMessage{"out"}, chanx.To("one")) },
				} {
					if err := step(); err != nil {
						t.Error(err)
					}
					synctest.Wait()
				}
			}
			clients[0].Close(1000, "")
			if err := srv.Disconnect(t.Context(), 4000, "", chanx.ToUser("bob")); err != nil {
				t.Error(err)
			}
			synctest.Wait()
			for _, client := range clients {
				frames = append(append(frames, client.Pending()...), fmt.Sprint(client.Ended()))
				for range client.Pending() {
					client.Next()
				}
			}
			if s := srv.Stats(); s.Connections != 0 || s.Drops["events_undeclared"] != 4 {
				t.Errorf("%s: %+v", at, s)
			}
		})
		return frames, strings.Join(j.take(), "\n")
	}
	want, _ := play("")
	for _, at := range []string{"Open", "Close", "In", "In's end", "no context", "Out", "Drop", "Publish", "Publish's end", "all"} {
		got, log := play(at)
		if !slices.Equal(got, want) {
			t.Errorf("%s: clients got\n%s\nwant\n%s", at, strings.Join(got, "\n"), strings.Join(want, "\n"))
		}
		methods := map[string]int{}
		for _, line := range warnings(strings.Split(log, "\n")) {
			if _, method, ok := strings.Cut(line, "ERROR observer failed method="); ok {
				methods[strings.Fields(method)[0]]++
			}
		}
		for method, n := range methods {
			if n > 2 { // the first, and the others when the server shuts down
				t.Errorf("%s: %s is logged %d times:\n%s", at, method, n, log)
			}
		}
		if want := map[string]int{"no context": 0, "all": 6}; len(methods) != max(want[at], 1) && at != "no context" || at == "no context" && len(methods) > 0 {
			t.Errorf("%s: logged are %v", at, methods)
		}
	}
}
