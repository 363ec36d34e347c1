package chanxtest_test

import (
	"context"
	"fmt"
	"log/slog"
	"net/http"
	"strings"
	"testing"
	"testing/synctest"
	"time"

	"go.uber.org/goleak"

	"github.com/chanx-go/chanx"
	"github.com/chanx-go/chanx/chanxtest"
)

func TestMain(m *testing.M) { goleak.VerifyTestMain(m) }

type (
	room    struct{ *chanx.Conn }
	sayText struct {
		Text string `json:"text_said" minLength:"1"`
	}
	said  struct{ sayText }
	knock struct{}
	face  interface{ Face() }
	smile struct {
		Teeth int `json:"teeth"`
	}
	portrait struct {
		Face face `json:"face"`
	}
)

func (sayText) Action() string  { return "say" }
func (said) Action() string     { return "said" }
func (knock) Action() string    { return "knock" }
func (portrait) Action() string { return "portrait" }
func (smile) Face()             {}

var unions = []chanx.UnionType{chanx.Union[face]("kind", chanx.VariantOf[smile]("smile"))}

func newServer(o chanx.ServerOptions) *chanx.Server {
	c := chanx.NewConsumer(func(c *chanx.Conn, r *http.Request) (*room, error) {
		if r.Header.Get("User") == "nobody" {
			return nil, chanx.Refuse(http.StatusForbidden, "members only")
		}
		return &room{c}, nil
	}, &chanx.ConsumerOptions{Groups: []string{"g"}, Unions: unions})
	chanx.On(c, func(r *room, ctx context.Context, m sayText) error {
		switch m.Text {
		case "full":
			return chanx.Errorf("full", "no seat")
		case "close":
			return &chanx.CloseError{Code: 4000, Reason: "enough"}
		}
		return r.Broadcast(ctx, said{m})
	})
	chanx.OnRequest(c, func(r *room, ctx context.Context, m portrait) (portrait, error) { return m, nil })
	chanx.On(c, func(r *room, ctx context.Context, _ knock) error { return r.Send(ctx, knock{}) })
	chanx.Broadcasts[said](c)
	chanx.Sends[knock](c)
	o.Logger = slog.New(slog.DiscardHandler)
	s := chanx.NewServer(&o)
	s.Handle("/ws", c)
	return s
}

// bubble runs a test with a server in a synctest bubble.
func bubble(t *testing.T, o chanx.ServerOptions, test func(t *testing.T, s *chanx.Server)) {
	synctest.Test(t, func(t *testing.T) {
		s := newServer(o)
		test(t, s)
		if err := s.Shutdown(context.Background()); err != nil {
			t.Error(err)
		}
	})
}

func TestFramesAreTyped(t *testing.T) {
	for _, camel := range []bool{false, true} {
		o := chanx.ServerOptions{Completions: true, Discriminator: "type", Camelize: camel}
		bubble(t, o, func(t *testing.T, s *chanx.Server) {
			a := chanxtest.Dial(t, s, "/ws", &chanxtest.DialOptions{Discriminator: "type", Camelize: camel, Unions: unions})
			b := chanxtest.Dial(t, s, "/ws", &chanxtest.DialOptions{Discriminator: "type", Camelize: camel})
			synctest.Wait()
			a.SendRef(sayText{"hi"}, "1")
			if f := chanxtest.Receive[said](a); f.Message.Text != "hi" || f.IsMine || !f.IsCurrent || !f.Grouped || f.Ref != "" {
				t.Errorf("sender got %+v", f)
			}
			chanxtest.Receive[chanx.GroupCompleteMessage](a)
			if f := chanxtest.Receive[chanx.CompleteMessage](a); f.Ref != "1" || f.Grouped {
				t.Errorf("sender got %+v", f)
			}
			if got := b.AllGroup(); len(got) != 1 || got[0].Message.Name != "said" || got[0].IsCurrent {
				t.Errorf("receiver got %+v", got)
			}
			a.Send(portrait{smile{32}})
			if f := chanxtest.Receive[portrait](a); f.Message.Face != (smile{32}) {
				t.Errorf("union came back as %+v", f.Message)
			}
			chanxtest.Receive[chanx.CompleteMessage](a)
			a.Send(knock{})
			if got := a.All(); len(got) != 1 || got[0].Message.Name != "knock" || got[0].Message.Payload != nil {
				t.Errorf("knock: got %+v", got)
			}
			a.Send(chanx.Raw{Name: "nobody knows"})
			a.ExpectInvalid("union_tag_invalid")
			chanxtest.Receive[chanx.CompleteMessage](a)
			a.Send(sayText{})
			field := "text_said"
			if camel {
				field = "textSaid"
			}
			if items := a.ExpectInvalid("string_too_short payload." + field); len(items) != 1 {
				t.Errorf("items %v", items)
			}
			chanxtest.ReceiveUntil[chanx.CompleteMessage](a)
			a.Send(sayText{"full"})
			if detail := a.ExpectError("full"); detail != "no seat" {
				t.Errorf("detail %q", detail)
			}
			a.SendBinary([]byte("x"))
			if f := chanxtest.ReceiveUntil[chanx.ErrorMessage](a); f.Message.Payload == nil {
				t.Errorf("got %+v", f)
			}
			chanxtest.Receive[chanx.CompleteMessage](a)
			if a.Ended() != nil || len(a.Pending()) != 0 {
				t.Errorf("ended %v, pending %q", a.Ended(), a.Pending())
			}
			a.Send(sayText{"close"})
			if reason := a.ExpectClosed(4000); reason != "enough" || a.Ended().Code != 4000 {
				t.Errorf("reason %q, ended %v", reason, a.Ended())
			}
		})
	}
}

func TestDialRefused(t *testing.T) {
	bubble(t, chanx.ServerOptions{RefuseWithHTTP: true}, func(t *testing.T, s *chanx.Server) {
		nobody := &chanxtest.DialOptions{Header: http.Header{"User": {"nobody"}}}
		if res := chanxtest.DialRefused(t, s, "/ws", nobody); res.StatusCode != 403 {
			t.Errorf("status %s", res.Status)
		}
		redirect := http.RedirectHandler("/elsewhere", http.StatusFound)
		if res := chanxtest.DialRefused(t, redirect, "/ws", nil); res.StatusCode != 302 {
			t.Errorf("status %s", res.Status)
		}
	})
}

// failing is a test that only notes how it failed.
type failing struct {
	testing.TB
	text    string
	cleanup []func()
}

func (f *failing) Helper()          {}
func (f *failing) Cleanup(c func()) { f.cleanup = append(f.cleanup, c) }

type failed struct{}

func (f *failing) Fatalf(format string, args ...any) {
	f.text = fmt.Sprintf(format, args...)
	panic(failed{}) // leaves, as a test's does
}

// failure runs a test that should fail and returns what it says.
func failure(test func(t *failing)) string {
	f := &failing{}
	defer func() {
		for _, c := range f.cleanup {
			c()
		}
	}()
	func() {
		defer func() {
			if v := recover(); v != nil && v != (failed{}) {
				panic(v)
			}
		}()
		test(f)
	}()
	return f.text
}

// TestFailuresShowWhatCame: each expectation that is not met ends the test and says what came instead.
func TestFailuresShowWhatCame(t *testing.T) {
	knocked := `{"action":"knock"}`
	tests := []struct {
		name string
		do   func(c *chanxtest.Conn)
		says []string
	}{
		{"another message", func(c *chanxtest.Conn) { c.Send(knock{}); chanxtest.Receive[said](c) }, []string{knocked, `want "said"`}},
		{"nothing", func(c *chanxtest.Conn) { c.Next() }, []string{"nothing came within 1m0s"}},
		{
			"nothing of that kind", func(c *chanxtest.Conn) { c.Send(knock{}); chanxtest.ReceiveUntil[said](c) },
			[]string{`receive until "said"`, knocked, "nothing came"},
		},
		{"no error", func(c *chanxtest.Conn) { c.Send(knock{}); c.ExpectError("full") }, []string{knocked, `reason "full"`}},
		{"another error", func(c *chanxtest.Conn) { c.Send(sayText{"full"}); c.ExpectError("empty") }, []string{`"reason":"full"`, `reason "empty"`}},
		{
			"no validation error", func(c *chanxtest.Conn) { c.Send(sayText{"full"}); c.ExpectInvalid("missing payload") },
			[]string{`"reason":"full"`, "missing payload"},
		},
		{"a frame before the end", func(c *chanxtest.Conn) { c.Send(knock{}); c.ExpectClosed(1000) }, []string{knocked, "closed with 1000"}},
		{"no end", func(c *chanxtest.Conn) { c.ExpectClosed(1000) }, []string{"is open after 1m0s"}},
		{"another end", func(c *chanxtest.Conn) { c.Send(sayText{"close"}); c.ExpectClosed(1000) }, []string{"closed with 4000 enough, want 1000"}},
		{"an end", func(c *chanxtest.Conn) { c.Send(sayText{"close"}); c.Next() }, []string{"the connection ended: 4000 enough"}},
		{"no completion", func(c *chanxtest.Conn) { c.Send(knock{}); c.All() }, []string{"nothing came"}},
		{"a message that cannot be sent", func(c *chanxtest.Conn) { c.Send(portrait{}) }, []string{"send chanxtest_test.portrait"}},
	}
	for _, tt := range tests {
		t.Run(tt.name, func(t *testing.T) {
			bubble(t, chanx.ServerOptions{}, func(t *testing.T, s *chanx.Server) {
				said := failure(func(f *failing) {
					tt.do(chanxtest.Dial(f, s, "/ws", &chanxtest.DialOptions{Timeout: time.Minute}))
				})
				for _, part := range tt.says {
					if !strings.Contains(said, part) {
						t.Errorf("it says %q, want %q in it", said, part)
					}
				}
			})
		})
	}
}

func TestDialFailuresShowTheAnswer(t *testing.T) {
	bubble(t, chanx.ServerOptions{}, func(t *testing.T, s *chanx.Server) {
		if said := failure(func(f *failing) { chanxtest.Dial(f, s, "/nowhere", nil) }); !strings.Contains(said, "status 404: 404 page not found") {
			t.Errorf("it says %q", said)
		}
		if said := failure(func(f *failing) { chanxtest.DialRefused(f, s, "/ws", nil) }); !strings.Contains(said, "it was upgraded") {
			t.Errorf("it says %q", said)
		}
		mute := http.HandlerFunc(func(w http.ResponseWriter, r *http.Request) {
			conn, _, err := http.NewResponseController(w).Hijack()
			if err != nil {
				t.Error(err)
			}
			if err := conn.Close(); err != nil {
				t.Error(err)
			}
		})
		if said := failure(func(f *failing) { chanxtest.Dial(f, mute, "/ws", nil) }); !strings.Contains(said, "dial /ws") {
			t.Errorf("it says %q", said)
		}
	})
}

func TestAbortIsALostTransport(t *testing.T) {
	bubble(t, chanx.ServerOptions{}, func(t *testing.T, s *chanx.Server) {
		c := chanxtest.Dial(t, s, "/ws", nil)
		synctest.Wait()
		c.Abort()
		c.ExpectClosed(1006)
		c.Abort()
		c.Close(1000, "")
	})
}
