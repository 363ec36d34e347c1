package chanx_test

import (
	"context"
	"encoding/json"
	"fmt"
	"maps"
	"net/http"
	"runtime"
	"slices"
	"strings"
	"testing"
	"testing/synctest"
	"time"

	"github.com/chanx-go/chanx"
	"github.com/chanx-go/chanx/chanxtest"
)

// counted is the state of a consumer with the kinds of handlers that desk and works lack.
type counted struct{ *chanx.Conn }

func newCounted() *chanx.Consumer[counted] {
	c := chanx.NewConsumer(func(c *chanx.Conn, _ *http.Request) (*counted, error) { return &counted{c}, nil },
		&chanx.ConsumerOptions{Groups: []string{"counted"}})
	chanx.OnUnion(c, (*counted).either, chanx.Case[sayMessage](), chanx.Case[askMessage]())
	chanx.On(c, func(*counted, context.Context, fuseMessage) error { return nil })
	chanx.OnRequest(c, func(_ *counted, _ context.Context, m chargeMessage) (chargeMessage, error) {
		return chargeMessage{E: explosive{"marshal"}}, nil
	})
	chanx.On(c, func(*counted, context.Context, knockMessage) error { runtime.Goexit(); return nil })
	chanx.On(c, func(c *counted, ctx context.Context, _ formMessage) error {
		<-ctx.Done()
		return c.Send(ctx, chanx.Raw{Name: "late"})
	})
	chanx.OnEvent(c, func(_ *counted, ctx context.Context, _ ringEvent) error {
		<-ctx.Done()
		return nil
	}, chanx.Concurrent(1))
	chanx.Forward[bulletin](c)
	c.Use(func(next chanx.Handler) chanx.Handler {
		return func(ctx context.Context, k *chanx.Call) error {
			m, _ := k.Message.(sayMessage)
			switch m.Text {
			case "stopped":
				return nil
			case "refused":
				return chanx.NewError("refused", "by the middleware")
			}
			err := next(ctx, k)
			if strings.HasSuffix(m.Text, "panic behind") {
				panic("behind the answer")
			}
			return err
		}
	})
	return c
}

func (c *counted) either(ctx context.Context, m chanx.Message) error {
	switch m := m.(type) {
	case sayMessage:
		if m.Text == "fail, panic behind" {
			return failure("told")
		}
		return c.Send(ctx, chanx.Raw{Name: m.Text, Payload: []byte("7")})
	case askMessage:
		return failure(m.How)
	}
	return nil
}

// accountant compares what Stats counts with what a test expects and with the frames that its clients receive.
type accountant struct {
	t       *testing.T
	srv     *chanx.Server
	last    chanx.Stats
	clients []*chanxtest.Conn
}

func (a *accountant) dial(path string) *chanxtest.Conn {
	a.t.Helper()
	o := asUser("ann")
	o.AllowInvalid = true
	c := chanxtest.Dial(a.t, a.srv, path, o)
	a.clients = append(a.clients, c)
	return c
}

// expect compares what was counted since the last call: want lists handled messages, refusals and drops, and the frames
// counted as sent must be those that clients have received.
func (a *accountant) expect(what string, want ...string) {
	a.t.Helper()
	synctest.Wait()
	now := a.srv.Stats()
	a.compare(what, now, want)
	sent := map[string]chanx.SentStats{}
	for action, n := range now.Out {
		if n.Count -= a.last.Out[action].Count; n.Count > 0 {
			sent[action] = chanx.SentStats{Count: n.Count, Bytes: n.Bytes - a.last.Out[action].Bytes}
		}
	}
	if arrived := a.arrived(); !maps.Equal(sent, arrived) {
		a.t.Errorf("%s: counted as sent: %v, arrived: %v", what, sent, arrived)
	}
	a.last = now
}

// expectLost is like expect, for frames that no client receives any more.
func (a *accountant) expectLost(what string, want ...string) {
	a.t.Helper()
	synctest.Wait()
	const ignored = "frames_undelivered" // completions
	now := a.srv.Stats()
	a.last.Drops[ignored] = now.Drops[ignored]
	a.compare(what, now, want)
	a.last = now
}

// increases lists the numbers that are greater now.
func increases[K ~string](kind string, before, now map[K]uint64) (all []string) {
	for name, n := range now {
		if n > before[name] {
			all = append(all, fmt.Sprintf("%s %s %d", kind, name, n-before[name]))
		}
	}
	return all
}

func (a *accountant) compare(what string, now chanx.Stats, want []string) {
	a.t.Helper()
	var got []string
	for kind, of := range map[string][2]map[string]chanx.HandledStats{"in": {a.last.In, now.In}, "event": {a.last.Events, now.Events}} {
		for name, n := range of[1] {
			was := of[0][name]
			if n.Count > was.Count || n.Failed > was.Failed {
				got = append(got, fmt.Sprintf("%s %s %d failed %d", kind, name, n.Count-was.Count, n.Failed-was.Failed))
			}
		}
	}
	got = append(got, increases("refused", a.last.Refused, now.Refused)...)
	got = append(got, increases("drop", a.last.Drops, now.Drops)...)
	slices.Sort(got)
	slices.Sort(want)
	if !slices.Equal(got, want) {
		a.t.Errorf("%s: counted %q, want %q", what, got, want)
	}
}

// arrived returns the frames that clients have received since the last call, by action.
func (a *accountant) arrived() map[string]chanx.SentStats {
	all := map[string]chanx.SentStats{}
	for _, c := range a.clients {
		for _, text := range c.Pending() {
			c.Next()
			var f struct{ Action string }
			if err := json.Unmarshal([]byte(text), &f); err != nil {
				a.t.Error(err)
			}
			if _, declared := a.last.Out[f.Action]; !declared {
				f.Action = chanx.RawStats
			}
			n := all[f.Action]
			n.Count++
			n.Bytes += uint64(len(text))
			all[f.Action] = n
		}
	}
	return all
}

// TestStatsCount handles, refuses, drops and sends messages of all kinds.
func TestStatsCount(t *testing.T) {
	for _, completions := range []bool{false, true} {
		o := chanx.ServerOptions{Completions: completions, Limits: chanx.Limits{MaxConcurrent: 3}}
		bubble(t, o, func(t *testing.T, srv *chanx.Server) {
			srv.Handle("/desk/{name}", newDesk(nil))
			srv.Handle("/works", newWorks())
			srv.Handle("/counted", newCounted())
			a := &accountant{t: t, srv: srv, last: srv.Stats()}
			deskMessages(a)
			worksMessages(a)
			countedMessages(a)
			for _, c := range a.clients {
				c.Abort()
			}
			synctest.Wait()
			before := a.last
			if now := srv.Stats(); now.Connections != 0 || now.Groups != 0 || !maps.Equal(now.In, before.In) ||
				!maps.Equal(now.Out, before.Out) || !maps.Equal(now.Events, before.Events) || !maps.Equal(now.Refused, before.Refused) {
				t.Errorf("with the connections went their numbers: %+v, before %+v", now, before)
			}
		})
	}
}

func deskMessages(a *accountant) {
	ctx := context.Background()
	ann, _ := a.dial("/desk/one"), a.dial("/desk/one")
	a.expect("open")
	ann.Send(sayMessage{"hi"})
	a.expect("broadcast to oneself and another", "in say 1 failed 0")
	ann.Send(whisperMessage{sayMessage{"hi"}})
	a.expect("broadcast to others", "in whisper 1 failed 0")
	ann.Send(chanx.Ping{})
	a.expect("built-in ping", "in ping 1 failed 0")
	ann.SendRef(askMessage{}, "1")
	a.expect("request", "in ask 1 failed 0")
	for _, how := range []string{"told", "wrapped", "internal", "panic"} {
		ann.Send(askMessage{failMessage{how}})
		ann.SendRef(failMessage{how}, "1")
		a.expect("failure "+how, "in ask 1 failed 1", "in fail 1 failed 1")
	}
	for _, text := range []string{"nonsense", `{"action":"unknown 7"}`, `{"action":"say"}`, `{}`} {
		ann.SendText(text)
		a.expect(text, "refused invalid 1")
	}
	ann.SendBinary([]byte("{}"))
	a.expect("binary", "refused invalid 1")
	for _, how := range []string{"well", "told"} {
		if err := a.srv.Emit(ctx, ringEvent{how}, chanx.To("one")); err != nil {
			a.t.Error(err)
		}
		failed := 0
		if how == "told" {
			failed = 2
		}
		a.expect("event", fmt.Sprintf("event ring 2 failed %d", failed))
	}
	if err := a.srv.Emit(ctx, newsEvent{}, chanx.To("one")); err != nil {
		a.t.Error(err)
	}
	a.expect("unknown event", "drop events_undeclared 2")
	if err := a.srv.Broadcast(ctx, chanx.Raw{Name: "weather", Payload: []byte("1")}, chanx.To("one")); err != nil {
		a.t.Error(err)
	}
	a.expect("raw")
	a.dial("/desk/locked")
	a.dial("/desk/told")
	a.expect("refused, and failed to open")
	ann.Send(failMessage{"close"})
	a.expect("closed by its handler", "in fail 1 failed 1")
}

func worksMessages(a *accountant) {
	c := a.dial("/works")
	a.expect("open")
	c.SendRef(tallyMessage{To: 3}, "1")
	a.expect("stream", "in count 1 failed 0")
	for _, m := range []tallyMessage{{-1, ""}, {-2, ""}, {2, "told"}, {2, "undeclared"}} {
		c.Send(m)
		a.expect(fmt.Sprint("stream that fails: ", m), "in count 1 failed 1")
	}
	c.SendRef(tallyMessage{2, "wait"}, "2")
	c.Send(besideMessage{})
	c.Send(besideMessage{})
	a.expect("stream and concurrent handlers", "in beside 2 failed 0", "in count 1 failed 0")
	c.Send(tallyMessage{To: 1})
	a.expect("beyond MaxConcurrent", "refused too_busy 1")
	c.SendRef(echoMessage{"hi"}, "2")
	a.expect("ref in use", "refused duplicate_ref 1")
	c.Cancel("2")
	a.expect("stream cancelled")
	c.SendRef(waitMessage{}, "3")
	c.SendRef(echoMessage{"hi"}, "4")
	c.Send(echoMessage{"hi"})
	c.Cancel("4")
	a.expect("behind a handler that waits", "in wait 1 failed 0")
	c.Cancel("3")
	a.expect("it is cancelled, and one that waits is", "in echo 1 failed 0", "refused cancelled 1")
	c.SendRef(besideMessage{}, "5")
	c.Cancel("5")
	a.expect("waits for its place, and is cancelled", "refused cancelled 1")
	c.Send(slowMessage{"answer"})
	c.Send(slowMessage{"fail"})
	synctest.Wait()
	time.Sleep(10 * time.Second) // in a bubble
	a.expect("timeout, with an answer and without", "in slow 2 failed 1")
	c.Send(waitMessage{})
	c.Send(echoMessage{"hi"})
	c.SendRef(tallyMessage{2, "wait"}, "6")
	c.Send(echoMessage{"hi"})
	synctest.Wait()
	c.Abort()
	a.expectLost("lost while handlers run", "in wait 1 failed 0", "drop messages_unhandled 3")
}

func countedMessages(a *accountant) {
	c := a.dial("/counted")
	for _, text := range []string{"hi", "stopped"} {
		c.Send(sayMessage{text})
		a.expect("union "+text, "in say 1 failed 0")
	}
	for _, text := range []string{"refused", "panic behind", "fail, panic behind"} {
		c.Send(sayMessage{text})
		a.expect("middleware "+text, "in say 1 failed 1")
	}
	c.Send(askMessage{failMessage{"told"}})
	a.expect("union", "in ask 1 failed 1")
	c.SendText(`{"action":"fuse","payload":{"e":"unmarshal"}}`)
	a.expect("panic in decoding", "refused internal 1")
	c.SendText(`{"action":"charge","payload":{"e":""}}`)
	a.expect("reply that cannot be encoded", "in charge 1 failed 1")
	c.Send(knockMessage{})
	a.expect("handler that ends its goroutine", "in knock 1 failed 1")
	emit := func(e chanx.Event) {
		if err := a.srv.Emit(context.Background(), e, chanx.To("counted")); err != nil {
			a.t.Error(err)
		}
	}
	emit(bulletin{})
	a.expect("forwarded", "event bulletin 1 failed 0")
	emit(ringEvent{})
	emit(ringEvent{})
	a.expect("concurrent, and one too many", "event ring 1 failed 0")
	c.Abort()
	a.expectLost("lost while an event waits for its place", "refused cancelled 1")
}
