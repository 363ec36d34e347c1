package chanxtest_test

import (
	"context"
	"log/slog"
	"net/http"
	"strings"
	"testing"
	"testing/synctest"
	"time"

	"github.com/chanx-go/chanx"
	"github.com/chanx-go/chanx/chanxtest"
)

var completions = chanx.ServerOptions{Completions: true}

func TestAllEndsWhenAllThatWasSentIsComplete(t *testing.T) {
	bubble(t, completions, func(t *testing.T, s *chanx.Server) {
		a, b := chanxtest.Dial(t, s, "/ws", as("a")), chanxtest.Dial(t, s, "/ws", as("b"))
		synctest.Wait()
		a.Send(knock{})
		a.Send(sayText{"hi"})
		a.SendText("no JSON")
		got := a.All()
		expectNames(t, got, "knock", "said", "error")
		if f := chanxtest.Decode[said](a, got[1]); f.Message.Text != "hi" || !f.IsMine || !f.IsCurrent {
			t.Errorf("decoded %+v", f)
		}
		expectNames(t, b.AllGroup(), "said")

		// The completions of messages received one by one remain. They must not end a later All.
		a.Send(sayText{"one"})
		chanxtest.Receive[said](a)
		chanxtest.Request[youAre](a, whoAmI{})
		chanxtest.Receive[said](b)
		a.Send(sayText{"two"})
		expectNames(t, a.All(), "said")
		expectNames(t, b.AllGroup(), "said")

		// A cancel has no completion.
		a.Cancel("unknown")
		a.Send(knock{})
		expectNames(t, a.All(), "knock")
		a.ExpectNothing()
		b.ExpectNothing()
	})
}

func TestAllEvent(t *testing.T) {
	bubble(t, completions, func(t *testing.T, s *chanx.Server) {
		c := chanxtest.Dial(t, s, "/ws", nil)
		synctest.Wait()
		for n := range 2 {
			if err := s.Emit(context.Background(), bell{Rings: n + 1, Face: smile{}}, chanx.To("g")); err != nil {
				t.Fatal(err)
			}
		}
		for n := range 2 {
			got := c.AllEvent()
			expectNames(t, got, "rung")
			if f := chanxtest.Decode[rung](c, got[0]); f.Message.Rings != n+1 {
				t.Errorf("event %d: %+v", n, f)
			}
		}
	})
}

func TestCollectUntil(t *testing.T) {
	bubble(t, completions, func(t *testing.T, s *chanx.Server) {
		c := chanxtest.Dial(t, s, "/ws", nil)
		synctest.Wait()
		c.Send(knock{})
		c.Send(sayText{"hi"})
		c.Send(portrait{smile{1}})
		c.Send(knock{})
		expectNames(t, chanxtest.CollectUntil[portrait](c), "knock", "said")
		chanxtest.ReceiveUntil[knock](c)
		c.ExpectNothing()
		c.Send(chanx.Ping{})
		if f := chanxtest.Receive[chanx.Raw](c); f.Message.Name != "pong" {
			t.Errorf("got %+v", f)
		}
	})
}

// TestHeartbeatsHaveNoCompletion checks that All does not wait for one, and that the answer is a declared frame.
func TestHeartbeatsHaveNoCompletion(t *testing.T) {
	bubble(t, completions, func(t *testing.T, s *chanx.Server) {
		c := chanxtest.Dial(t, s, "/ws", nil)
		c.SendRef(chanx.Raw{Name: "chanx.ping"}, "1")
		if f := chanxtest.Receive[chanx.Raw](c); f.Message.Name != "chanx.pong" || f.Ref != "1" {
			t.Errorf("got %+v", f)
		}
		c.Send(chanx.Raw{Name: "chanx.ping"})
		c.Send(knock{})
		expectNames(t, c.All(), "chanx.pong", "knock")
		c.ExpectNothing()
	})
}

func TestNextShowsCompletionsToo(t *testing.T) {
	bubble(t, completions, func(t *testing.T, s *chanx.Server) {
		c := chanxtest.Dial(t, s, "/ws", nil)
		c.Send(knock{})
		if a, b := c.Next(), c.Next(); a != `{"action":"knock"}` || b != `{"action":"complete"}` {
			t.Errorf("got %s, then %s", a, b)
		}
	})
}

// ExpectNothing waits for a running handler.
func TestExpectNothingWaitsForTheHandlersOfThisConnection(t *testing.T) {
	for _, o := range []chanx.ServerOptions{{}, completions} {
		bubble(t, o, func(t *testing.T, s *chanx.Server) {
			expectFailure(t, func(f *failing) {
				c := chanxtest.Dial(f, s, "/ws", nil)
				c.Send(knock{})
				c.ExpectNothing()
			}, `got {"action":"knock"}, want nothing`)
			expectFailure(t, func(f *failing) {
				c := chanxtest.Dial(f, s, "/ws", nil)
				c.Send(sayText{"close"})
				c.ExpectNothing()
			}, "the connection ended: 4000 enough")
		})
	}
}

// TestFailuresShowWhatCame: an unmet expectation ends the test and shows the frame that arrived instead.
func TestFailuresShowWhatCame(t *testing.T) {
	knocked := `{"action":"knock"}`
	tests := []struct {
		name string
		do   func(c *chanxtest.Conn)
		says []string
	}{
		{"another message", func(c *chanxtest.Conn) { c.Send(knock{}); chanxtest.Receive[said](c) }, []string{knocked, `want "said"`}},
		{"nothing", func(c *chanxtest.Conn) { c.Next() }, []string{"nothing arrived within 1m0s"}},
		{"no message", func(c *chanxtest.Conn) { chanxtest.Receive[said](c) }, []string{"receive chanxtest_test.said", "nothing arrived within 1m0s"}},
		{
			"nothing of that kind", func(c *chanxtest.Conn) { c.Send(knock{}); chanxtest.ReceiveUntil[said](c) },
			[]string{`receive until "said"`, knocked, "nothing arrived"},
		},
		{
			"nothing to collect", func(c *chanxtest.Conn) { c.Send(knock{}); chanxtest.CollectUntil[said](c) },
			[]string{`collect until "said"`, knocked, "nothing arrived"},
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
		{"a message that cannot be sent", func(c *chanxtest.Conn) { c.Send(portrait{}) }, []string{"send chanxtest_test.portrait"}},
		{
			"a wrong type", func(c *chanxtest.Conn) {
				c.Send(knock{})
				chanxtest.Decode[said](c, chanxtest.Receive[chanx.Raw](c))
			}, []string{"decode chanxtest_test.said", `the action is "knock"`},
		},
		{"no completions", func(c *chanxtest.Conn) { c.Send(knock{}); c.All() }, []string{"All waits", "/ws sends none", "switch ServerOptions.Completions on"}},
		{"no group completions", func(c *chanxtest.Conn) { c.AllGroup() }, []string{"AllGroup waits", "Completions on"}},
		{"no event completions", func(c *chanxtest.Conn) { c.AllEvent() }, []string{"AllEvent waits", "Completions on"}},
	}
	for _, tt := range tests {
		t.Run(tt.name, func(t *testing.T) {
			bubble(t, chanx.ServerOptions{}, func(t *testing.T, s *chanx.Server) {
				start := time.Now()
				expectFailure(t, func(f *failing) {
					tt.do(chanxtest.Dial(f, s, "/ws", &chanxtest.DialOptions{Timeout: time.Minute}))
				}, tt.says...)
				if took := time.Since(start); took > time.Minute+time.Second {
					t.Errorf("it took %v", took)
				}
			})
		})
	}
}

func TestAllWithoutAnythingToWaitFor(t *testing.T) {
	bubble(t, completions, func(t *testing.T, s *chanx.Server) {
		start := time.Now()
		expectFailure(t, func(f *failing) { chanxtest.Dial(f, s, "/ws", nil).All() }, "there is nothing to wait for")
		if took := time.Since(start); took > 0 {
			t.Errorf("it took %v", took)
		}
		expectFailure(t, func(f *failing) {
			c := chanxtest.Dial(f, s, "/ws", nil)
			c.Send(sayText{"close"})
			c.All()
		}, "receive all: the connection ended: 4000 enough")
		expectFailure(t, func(f *failing) { chanxtest.Dial(f, s, "/ws", nil).AllGroup() }, "receive all: nothing arrived within 5s")
	})
}

// TestExpectNothingOfAConsumerThatAnswersPing: ExpectNothing removes the pong that it has asked for, and no other.
func TestExpectNothingOfAConsumerThatAnswersPing(t *testing.T) {
	bubble(t, chanx.ServerOptions{}, func(t *testing.T, _ *chanx.Server) {
		c := chanx.NewConsumer(func(c *chanx.Conn, _ *http.Request) (*room, error) { return &room{c}, nil }, nil)
		chanx.On(c, func(r *room, ctx context.Context, _ chanx.Ping) error { return r.Send(ctx, chanx.Pong{}) })
		s := chanx.NewServer(&chanx.ServerOptions{Logger: slog.New(slog.DiscardHandler)})
		s.Handle("/ws", c)
		a := chanxtest.Dial(t, s, "/ws", nil)
		a.ExpectNothing()
		a.ExpectNothing()
		a.Send(chanx.Ping{})
		if said := failure(func(f *failing) {
			f.TB = t
			b := chanxtest.Dial(f, s, "/ws", nil)
			b.Send(chanx.Ping{})
			b.ExpectNothing()
		}); !strings.Contains(said, `got {"action":"pong"}, want nothing`) {
			t.Errorf("it says %q", said)
		}
		chanxtest.Receive[chanx.Pong](a)
		if err := s.Shutdown(context.Background()); err != nil {
			t.Error(err)
		}
	})
}
