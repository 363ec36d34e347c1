//go:build abuse

package abuse_test

import (
	"context"
	"encoding/json"
	"fmt"
	"iter"
	"log/slog"
	"net/http"
	"net/url"
	"slices"
	"strings"
	"testing"

	"github.com/gobwas/ws"

	"github.com/chanx-go/chanx"
)

// secret is the text of the panics. It must not reach a client.
const secret = "hunter2"

// bomb is the state of a connection whose application panics wherever its code is called.
type bomb struct {
	*chanx.Conn
	at string
}

func (b *bomb) blast(at string) {
	if b.at == at {
		panic(secret)
	}
}

// Messages that panic when they are decoded, validated or encoded.
type (
	fuse      string // how the handler fails
	lit       struct{}
	crashing  struct{ Text cracked }
	cracked   string
	unchecked struct{ Text string }
	unwritten struct{}
	ticking   struct{ At string } // a stream
	tick      struct{}
	beside    struct{ At string } // its handler is concurrent
	pulled    struct{}            // an event
	broken    struct{ Text cracked }
)

func (fuse) Action() string      { return "fuse" }
func (lit) Action() string       { return "lit" }
func (crashing) Action() string  { return "crashing" }
func (unchecked) Action() string { return "unchecked" }
func (unwritten) Action() string { return "unwritten" }
func (ticking) Action() string   { return "ticking" }
func (tick) Action() string      { return "tick" }
func (beside) Action() string    { return "beside" }
func (pulled) Event() string     { return "pulled" }
func (broken) Event() string     { return "broken" }

func (*cracked) UnmarshalJSON([]byte) error     { panic(secret) }
func (cracked) MarshalJSON() ([]byte, error)    { return []byte(`""`), nil }
func (unchecked) Validate() error               { panic(secret) }
func (unwritten) MarshalJSON() ([]byte, error)  { panic(secret) }
func (*unwritten) UnmarshalJSON(b []byte) error { return json.Unmarshal(b, new(any)) }

// trap is an error whose Error method panics when it is nil.
type trap struct{ in error }

func (t *trap) Error() string { return t.in.Error() }
func (t *trap) Unwrap() error { return t.in }

func (b *bomb) fail(ctx context.Context, m fuse) error {
	switch m {
	case "panic":
		panic(secret)
	case "index":
		return []error{}[len(m)]
	case "error":
		return fmt.Errorf("password %s", secret)
	case "no Error":
		return (*chanx.Error)(nil)
	case "no CloseError":
		return (*chanx.CloseError)(nil)
	case "no error of its own":
		return (*trap)(nil)
	case "a panic that is an error":
		panic(&trap{})
	case "send":
		return b.Send(ctx, unwritten{})
	case "broadcast":
		return b.Broadcast(ctx, unwritten{}, chanx.All())
	case "emit":
		return b.Emit(ctx, pulled{}, chanx.ToConn(b.ID()))
	case "emit broken":
		return b.Emit(ctx, broken{}, chanx.ToConn(b.ID()))
	}
	return nil
}

func (b *bomb) reply(context.Context, lit) (unwritten, error) { return unwritten{}, nil }

func (b *bomb) tick(_ context.Context, m ticking) iter.Seq2[tick, error] {
	if m.At == "call" {
		panic(secret)
	}
	return func(yield func(tick, error) bool) {
		switch {
		case m.At == "first":
			panic(secret)
		case !yield(tick{}, nil):
			return
		case m.At == "second":
			panic(secret)
		case m.At == "error":
			yield(tick{}, (*chanx.Error)(nil))
			return
		}
		for yield(tick{}, nil) { // until the client has disconnected
		}
		yield(tick{}, nil) // the runtime panics here
	}
}

func (b *bomb) besides(_ context.Context, m beside) error { panic(secret + m.At) }
func (b *bomb) pull(context.Context, pulled) error        { panic(secret) }

func (b *bomb) opened(context.Context) error {
	b.blast("OnOpen")
	if b.at == "OnOpen error" {
		return (*chanx.Error)(nil)
	}
	return nil
}

func arm(c *chanx.Conn, r *http.Request) (*bomb, error) {
	b := &bomb{c, r.URL.Query().Get("at")}
	b.blast("open")
	if b.at == "open error" {
		return nil, (*trap)(nil)
	}
	return b, nil
}

type atKey struct{}

// withAt puts the place of the panic into the context, for middleware.
func withAt(ctx context.Context, r *http.Request) context.Context {
	at := r.URL.Query().Get("at")
	(&bomb{at: at}).blast("Context")
	return context.WithValue(ctx, atKey{}, at)
}

func middling(next chanx.Handler) chanx.Handler {
	return func(ctx context.Context, k *chanx.Call) error {
		b := &bomb{at: ctx.Value(atKey{}).(string)}
		b.blast("middleware")
		err := next(ctx, k)
		b.blast("middleware behind")
		return err
	}
}

func newBombs() *chanx.Consumer[bomb] {
	c := chanx.NewConsumer(arm, &chanx.ConsumerOptions{
		Context: withAt,
		Authenticator: chanx.AuthenticatorFunc(func(r *http.Request) (chanx.Identity, error) {
			(&bomb{at: r.URL.Query().Get("at")}).blast("Authenticate")
			return chanx.Identity{}, nil
		}),
	})
	c.OnOpen((*bomb).opened)
	c.OnClose(func(b *bomb, _ context.Context, _ *chanx.CloseError) { b.blast("OnClose") })
	c.Use(middling)
	chanx.On(c, (*bomb).fail)
	chanx.OnRequest(c, (*bomb).reply)
	chanx.OnStream(c, (*bomb).tick)
	chanx.On(c, (*bomb).besides, chanx.Concurrent(2))
	chanx.On(c, func(*bomb, context.Context, crashing) error { return nil })
	chanx.On(c, func(*bomb, context.Context, unchecked) error { return nil })
	chanx.OnEvent(c, (*bomb).pull)
	chanx.OnEvent(c, func(*bomb, context.Context, broken) error { return nil })
	chanx.Broadcasts[unwritten](c)
	return c
}

const (
	admitted      = `{"action":"authentication","payload":{"status_code":200,"status_text":"OK","data":{"detail":"OK"}}}`
	refused       = `{"action":"authentication","payload":{"status_code":500,"status_text":"Internal Server Error","data":{"detail":"Internal server error"}}}`
	internalError = `{"action":"error","payload":{"reason":"internal","detail":"Failed to process message"}}`
)

// light connects to the bombs.
func (f *fort) light(at string) (*raider, error) {
	r, err := f.dialRaw(opening("/bomb?at=" + url.QueryEscape(at)))
	if err != nil {
		return nil, err
	}
	a, body, err := r.answer()
	if err == nil && a.StatusCode != http.StatusSwitchingProtocols {
		err = fmt.Errorf("%v %s", a, body)
	}
	return r, err
}

// bombed starts a fort that also has the bombs, and returns its log.
func bombed(t *testing.T, l chanx.Limits) (*fort, *lockedBuffer) {
	t.Helper()
	var logged lockedBuffer
	f := build(t, plan{
		ServerOptions: chanx.ServerOptions{Limits: l, Logger: slog.New(slog.NewJSONHandler(&logged, nil))},
		also:          func(s *chanx.Server) { s.Handle("/bomb", newBombs()) },
	})
	return f, &logged
}

// logs checks that the log contains the panics' texts, which no client gets.
func (l *lockedBuffer) logs(t *testing.T, texts ...string) {
	t.Helper()
	for _, s := range texts {
		if !strings.Contains(l.String(), s) {
			t.Errorf("the log lacks %q", s)
		}
	}
}

// TestPanicsWhileOpening: a panic while a connection opens refuses or ends the connection, and leaves nothing behind.
func TestPanicsWhileOpening(t *testing.T) {
	f, logged := bombed(t, chanx.Limits{})
	const each = 20
	for _, k := range []struct {
		at   string
		want []string
		ends ends
	}{
		{"Context", []string{refused}, ends{}},
		{"Authenticate", []string{refused}, ends{}},
		{"open", []string{refused}, ends{}},
		{"open error", []string{refused}, ends{}},
		{"OnOpen", []string{admitted, internalError}, ends{1011: each}},
		{"OnOpen error", []string{admitted, internalError}, ends{1011: each}},
	} {
		f.during(k.ends, func() {
			f.crowd(each, func(int) error {
				r, err := f.light(k.at)
				if err != nil {
					return fmt.Errorf("%s: %w", k.at, err)
				}
				if got, err := r.ends(ws.StatusInternalServerError); err != nil || !slices.Equal(got, k.want) {
					return fmt.Errorf("%s: got %q, %w, want %q", k.at, got, err, k.want)
				}
				return nil
			})
		})
	}
	logged.logs(t, secret, `"stack":`)
}

// TestPanicsOfHandlers: a panic during a message fails only that message. Its sender gets an error, and the connection
// stays open.
func TestPanicsOfHandlers(t *testing.T) {
	f, logged := bombed(t, chanx.Limits{})
	failing := func(how string) string { return `{"action":"fuse","ref":"1","payload":"` + how + `"}` }
	ticking := func(at string) string { return `{"action":"ticking","ref":"1","payload":{"At":"` + at + `"}}` }
	const item = `{"action":"tick","ref":"1"}`
	var all []func() error
	for _, k := range []struct {
		at, m string
		want  []string
	}{
		{"", failing("panic"), []string{failed}},
		{"", failing("index"), []string{failed}},
		{"", failing("error"), []string{failed}},
		{"", failing("no Error"), []string{failed}},
		{"", failing("no CloseError"), []string{failed}},
		{"", failing("no error of its own"), []string{failed}},
		{"", failing("a panic that is an error"), []string{failed}},
		{"", failing("send"), []string{failed}},
		{"", failing("broadcast"), []string{failed}},
		{"", `{"action":"lit","ref":"1"}`, []string{failed}},
		{"", ticking("call"), []string{failed}},
		{"", ticking("first"), []string{failed}},
		{"", ticking("second"), []string{item, failed}},
		{"", ticking("error"), []string{item, failed}},
		{"", `{"action":"beside","ref":"1","payload":{"At":"x"}}`, []string{failed}},
		{"", `{"action":"crashing","ref":"1","payload":{"Text":"x"}}`, []string{failed}},
		{"", `{"action":"unchecked","ref":"1","payload":{"Text":"x"}}`, []string{failed}},
		{"middleware", failing("nothing"), []string{failed}},
		{"middleware behind", failing("nothing"), []string{`{"action":"complete","ref":"1"}`}},
		{"", failing("emit"), []string{`{"action":"complete","ref":"1"}`, internalError}},
		{"", failing("emit broken"), []string{`{"action":"complete","ref":"1"}`}},
	} {
		all = append(all, func() error {
			r, err := f.light(k.at)
			if err == nil {
				err = r.want(ws.OpText, admitted)
			}
			for n := 0; err == nil && n < 2; n++ { // the second time the ref is free again
				err = r.say(text(k.m))
				for _, want := range k.want {
					if err == nil {
						err = r.want(ws.OpText, want)
					}
				}
			}
			if err == nil && k.m == failing("emit broken") { // it gets no answer, so a later event marks its end
				err = r.say(text(failing("emit")))
				for _, want := range []string{`{"action":"complete","ref":"1"}`, internalError} {
					if err == nil {
						err = r.want(ws.OpText, want)
					}
				}
			}
			if err == nil && k.at == "" { // else ping panics too
				if _, err = r.asked(message("ping", "null")); err == nil {
					err = r.leave()
				}
			} else if err == nil {
				err = r.leave()
			}
			if err != nil {
				return fmt.Errorf("%s %s: %w", k.m, k.at, err)
			}
			return nil
		})
	}
	f.during(ends{1000: len(all)}, func() { f.crowd(len(all), func(i int) error { return all[i]() }) })
	logged.logs(t, secret, `"stack":`)
	if s := f.seen.sees(); s.dropped["events_invalid"] != 2 {
		t.Errorf("dropped %v, want 2 events that are not valid", s.dropped)
	}
}

// TestPanicsWhileClosing: connections whose OnClose panics, or whose iterator continues after it was stopped, end
// normally.
func TestPanicsWhileClosing(t *testing.T) {
	const raiders = 40
	f, logged := bombed(t, chanx.Limits{})
	f.during(ends{1000: raiders / 2, 1006: raiders / 2}, func() {
		f.crowd(raiders, func(i int) error {
			r, err := f.light("OnClose")
			if err != nil {
				return err
			}
			if err := r.say(text(`{"action":"ticking","ref":"1","payload":{"At":"end"}}`)); err != nil {
				return err
			}
			if err := r.want(ws.OpText, admitted); err != nil {
				return err
			}
			if err := r.want(ws.OpText, `{"action":"tick","ref":"1"}`); err != nil {
				return err
			}
			if i%2 == 0 {
				return r.Close()
			}
			return r.leave()
		})
	})
	logged.logs(t, secret, "range function continued iteration")
}

// TestFloodsOfPanics: a client that knows how to cause panics adds at most one line a minute to the log for each panic.
func TestFloodsOfPanics(t *testing.T) {
	const raiders, each, burst = 10, 100, 3
	f, logged := bombed(t, chanx.Limits{Rate: chanx.Rate{PerSecond: 0.001, Burst: burst}})
	f.crowd(raiders, func(i int) error {
		r, err := f.light("")
		if err == nil {
			err = r.want(ws.OpText, admitted)
		}
		m := []string{message("crashing", `{"Text":"x"}`), message("unchecked", `{"Text":"x"}`), message("fuse", `"panic"`)}[i%3]
		for n := 0; err == nil && n < each; n++ {
			if err = r.say(text(m)); err != nil {
				break
			}
			want := internalError
			if n >= burst {
				want = `{"action":"error","payload":{"reason":"rate_limited","detail":"Too many messages"}}`
			}
			err = r.want(ws.OpText, want)
		}
		if err != nil {
			return fmt.Errorf("%s: %w", m, err)
		}
		return r.leave()
	})
	if n := strings.Count(logged.String(), `"stack":`); n < 2 || n > 4 { // one for what panics while it is decoded, one for the handler
		t.Errorf("%d lines of panics were logged, want one of each of two kinds", n)
	}
}
