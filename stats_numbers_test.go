package chanx_test

import (
	"context"
	"fmt"
	"iter"
	"maps"
	"net/http"
	"runtime"
	"slices"
	"sync"
	"testing"
	"testing/synctest"
	"time"

	"github.com/chanx-go/chanx"
	"github.com/chanx-go/chanx/chanxtest"
	"github.com/chanx-go/chanx/layer/memlayer"
)

// newPacer returns a consumer whose handlers take as long as the message says.
func newPacer() *chanx.Consumer[state] {
	c := chanx.NewConsumer(openState, &chanx.ConsumerOptions{Groups: []string{"pacers"}})
	chanx.On(c, func(_ *state, _ context.Context, m tallyMessage) error {
		time.Sleep(time.Duration(m.To) * time.Millisecond) // in a bubble
		if m.How != "" {
			runtime.Goexit()
		}
		return nil
	})
	chanx.OnStream(c, func(_ *state, _ context.Context, m wordsMessage) iter.Seq2[tallied, error] {
		return func(func(tallied, error) bool) { time.Sleep(time.Duration(m.N) * time.Millisecond) } // in a bubble
	})
	chanx.On(c, func(*state, context.Context, knockMessage) error {
		time.Sleep(time.Second) // in a bubble
		return nil
	}, chanx.Concurrent(5))
	chanx.OnEvent(c, func(*state, context.Context, ringEvent) error {
		time.Sleep(time.Second) // in a bubble
		return nil
	})
	return c
}

// TestStatsOfTime checks the sampling of Time: the first 16 calls are measured, then every 16th, which stands for 16 calls.
// Streams and concurrent handlers are always measured.
func TestStatsOfTime(t *testing.T) {
	bubble(t, chanx.ServerOptions{}, func(t *testing.T, srv *chanx.Server) {
		srv.Handle("/ws", newPacer())
		client := chanxtest.Dial(t, srv, "/ws", nil)
		run := func(m chanx.Message) {
			client.Send(m)
			synctest.Wait()
			time.Sleep(2 * time.Second) // in a bubble
		}
		expect := func(action string, count uint64, want time.Duration) {
			t.Helper()
			synctest.Wait()
			if got := srv.Stats().In[action]; got.Count != count || got.Time != want {
				t.Errorf("%s took %+v, want %d, %v", action, got, count, want)
			}
		}
		var want time.Duration
		for n := 1; n <= 100; n++ {
			run(tallyMessage{To: n})
			switch {
			case n <= 16:
				want += time.Duration(n) * time.Millisecond
			case n%16 == 0:
				want += 16 * time.Duration(n) * time.Millisecond
			}
			expect("count", uint64(n), want)
		}
		for range 40 {
			run(wordsMessage{7})
			run(knockMessage{})
		}
		expect("words", 40, 40*7*time.Millisecond)
		expect("knock", 40, 40*time.Second)
		for range 3 {
			if err := srv.Emit(t.Context(), ringEvent{}, chanx.To("pacers")); err != nil {
				t.Error(err)
			}
		}
		time.Sleep(2500 * time.Millisecond) // in a bubble
		if got := srv.Stats().Events["ring"]; got.Count != 3 || got.Time != 2*time.Second {
			t.Errorf("while the third event is handled: %+v, want the time of two", got)
		}
	})
}

// TestStatsOfTimeOfAHandlerThatCallsGoexit checks that its time is measured like that of other handlers.
func TestStatsOfTimeOfAHandlerThatCallsGoexit(t *testing.T) {
	bubble(t, chanx.ServerOptions{}, func(t *testing.T, srv *chanx.Server) {
		srv.Handle("/ws", newPacer())
		client := chanxtest.Dial(t, srv, "/ws", nil)
		client.Send(tallyMessage{5, "exit"})
		client.ExpectError("internal")
		if got, want := srv.Stats().In["count"], (chanx.HandledStats{Count: 1, Failed: 1, Time: 5 * time.Millisecond}); got != want {
			t.Errorf("%+v, want %+v", got, want)
		}
	})
}

// TestStatsHaveTheKeysOfDeclarations checks that the keys are there from the start, and that nothing that clients or other
// nodes send adds one.
func TestStatsHaveTheKeysOfDeclarations(t *testing.T) {
	l := memlayer.New()
	bubble(t, chanx.ServerOptions{Layer: l}, func(t *testing.T, srv *chanx.Server) {
		if s := srv.Stats(); len(s.In)+len(s.Events)+len(s.Out) != 0 {
			t.Errorf("without a consumer: %+v", s)
		}
		srv.Handle("/desk/{name}", newDesk(nil))
		srv.Handle("/desks/{name}", newDesk(nil))
		other := chanx.NewServer(&chanx.ServerOptions{Layer: l, Logger: quiet})
		client := chanxtest.Dial(t, srv, "/desk/one", asUser("ann"))
		twin := chanxtest.Dial(t, srv, "/desks/one", asUser("bob"))
		first := srv.Stats()
		for n := range 50 {
			name := fmt.Sprint("n", n)
			client.SendText(`{"action":"` + name + `"}`)
			for _, s := range []*chanx.Server{srv, other} {
				if err := s.Broadcast(t.Context(), chanx.Raw{Name: name}, chanx.All()); err != nil {
					t.Error(err)
				}
				if err := s.Broadcast(t.Context(), chanx.Raw{Name: "said", Payload: []byte(`{"text":"hi"}`)}, chanx.All()); err != nil {
					t.Error(err)
				}
			}
		}
		client.Send(chanx.Ping{})
		twin.Send(chanx.Ping{})
		synctest.Wait()
		s := srv.Stats()
		for what, keys := range map[string][2][]string{
			"in":      {keysOf(s.In), {"ask", "fail", "form", "join", "knock", "labels", "ping", "say", "whisper"}},
			"events":  {keysOf(s.Events), {"ring"}},
			"out":     {keysOf(s.Out), {"answer", "authentication", "chanx.pong", "chanx.raw", "complete", "error", "event_complete", "group_complete", "ping", "pong", "said"}},
			"refused": {keysOf(s.Refused), {"cancelled", "duplicate_ref", "internal", "invalid", "rate_limited", "too_busy"}},
		} {
			if !slices.Equal(keys[0], keys[1]) {
				t.Errorf("%s: %q, want %q", what, keys[0], keys[1])
			}
		}
		if !slices.Equal(keysOf(first.In), keysOf(s.In)) || !slices.Equal(keysOf(first.Out), keysOf(s.Out)) || !slices.Equal(keysOf(first.Refused), keysOf(s.Refused)) {
			t.Errorf("keys came: first %+v, then %+v", first, s)
		}
		if s.Out[chanx.RawStats].Count != 400 || s.Out["said"].Count != 0 || s.In["ping"].Count != 2 || s.Refused["invalid"] != 50 {
			t.Errorf("%+v", s)
		}
		if err := other.Shutdown(t.Context()); err != nil {
			t.Error(err)
		}
	})
}

func keysOf[V any](m map[string]V) []string { return slices.Sorted(maps.Keys(m)) }

func TestStatsOfGroups(t *testing.T) {
	bubble(t, chanx.ServerOptions{}, func(t *testing.T, srv *chanx.Server) {
		srv.Handle("/desk/{name}", newDesk(nil))
		expect := func(connections, groups int) {
			t.Helper()
			synctest.Wait()
			if s := srv.Stats(); s.Connections != connections || s.Groups != groups {
				t.Errorf("%d connections, %d groups, want %d and %d", s.Connections, s.Groups, connections, groups)
			}
		}
		expect(0, 0)
		ann := chanxtest.Dial(t, srv, "/desk/one", asUser("ann"))
		expect(1, 2) // the groups all and one
		bob := chanxtest.Dial(t, srv, "/desk/one", asUser("bob"))
		expect(2, 2)
		bob.Send(joinMessage{[]string{"a", "b", "one"}})
		expect(2, 4)
		ann.Abort()
		expect(1, 4)
		bob.Abort()
		expect(0, 0)
	})
}

// TestStatsOfQueues checks the queues of a client that does not read, and of a connection in open.
func TestStatsOfQueues(t *testing.T) {
	slowTest(t, chanx.ServerOptions{}, func(t *testing.T, srv *chanx.Server, say func(chanx.Message)) {
		expect := func(what string, want int64) {
			t.Helper()
			synctest.Wait()
			if got := srv.Stats().QueuedBytes; got != want {
				t.Errorf("%s: %d bytes are queued, want %d", what, got, want)
			}
		}
		expect("nobody", 0)
		_, v := dialSlow(t, srv)
		say(plainMessage{"first"})
		one := srv.Stats().QueuedBytes
		if one == 0 {
			t.Fatal("nothing is queued")
		}
		for range 3 {
			say(plainMessage{"again"})
		}
		expect("four", 4*one)
		_, w := dialSlow(t, srv)
		say(plainMessage{"third"})
		expect("two clients", 6*one)
		v.reopen()
		expect("one reads", one)
		w.reopen()
		expect("both read", 0)

		opening := make(chan struct{})
		srv.Handle("/slow", chanx.NewConsumer(func(c *chanx.Conn, r *http.Request) (*state, error) {
			err := c.Join(r.Context(), "all")
			<-opening
			return &state{c}, err
		}, nil))
		go func() {
			time.Sleep(time.Second) // in a bubble
			if err := srv.Broadcast(t.Context(), chanx.Raw{Name: "plain", Payload: []byte(`{"text":"first"}`)}, chanx.To("all")); err != nil {
				t.Error(err)
			}
			expect("in open", one)
			close(opening)
		}()
		chanxtest.Dial(t, srv, "/slow", nil)
		expect("after open", 0)
	})
}

// TestStatsDuringTraffic checks that counters never decrease, and that no count is missing in the end.
func TestStatsDuringTraffic(t *testing.T) {
	const clients, each = 20, 50
	bubble(t, chanx.ServerOptions{Completions: true}, func(t *testing.T, srv *chanx.Server) {
		srv.Handle("/works", newWorks())
		done, polled := make(chan struct{}), make(chan struct{})
		go func() {
			defer close(polled)
			last := srv.Stats()
			for {
				s := srv.Stats()
				in, out, was := s.In["echo"], s.Out["echo"], last.Out["echo"]
				if in.Count < last.In["echo"].Count || in.Time < last.In["echo"].Time || out.Count < was.Count || out.Bytes < was.Bytes || in.Failed > in.Count {
					t.Errorf("from %+v to %+v", last, s)
				}
				last = s
				select {
				case <-done:
					return
				default:
					runtime.Gosched()
				}
			}
		}()
		var wg sync.WaitGroup
		for range clients {
			wg.Go(func() {
				c := chanxtest.Dial(t, srv, "/works", nil)
				for range each {
					chanxtest.Request[echoMessage](c, echoMessage{"hi"})
				}
				c.Close(1000, "")
			})
		}
		wg.Wait()
		close(done)
		<-polled
		synctest.Wait()
		s := srv.Stats()
		if in, out := s.In["echo"], s.Out["echo"]; in.Count != clients*each || in.Failed != 0 || out.Count != clients*each || s.Connections != 0 {
			t.Errorf("%+v", s)
		}
	})
}

// TestStatsOfLimits counts messages refused by Rate and Droppable messages that were sent. A handler that fails because its
// client has gone does not count as failed; ErrSlow of another connection does.
func TestStatsOfLimits(t *testing.T) {
	o := chanx.ServerOptions{Limits: chanx.Limits{Rate: chanx.Rate{PerSecond: 1, Burst: 2}}}
	bubble(t, o, func(t *testing.T, srv *chanx.Server) {
		c := newState()
		chanx.Sends[typingMessage](c, chanx.Droppable())
		chanx.On(c, func(s *state, ctx context.Context, m sayMessage) error {
			switch m.Text {
			case "closed":
				if err := s.Close(4000, ""); err != nil {
					return err
				}
			case "slow":
				return fmt.Errorf("tell: %w", chanx.ErrSlow)
			}
			return s.Send(ctx, typingMessage{"ann", 1})
		})
		srv.Handle("/ws", c)
		client := chanxtest.Dial(t, srv, "/ws", nil)
		client.Send(sayMessage{"hi"})
		client.Send(sayMessage{"slow"})
		for range 3 {
			client.Send(sayMessage{"hi"})
		}
		synctest.Wait()
		s := srv.Stats()
		if s.Refused["rate_limited"] != 3 || s.In["say"].Count != 2 || s.In["say"].Failed != 1 || s.Out["typing"] != (chanx.SentStats{Count: 1, Bytes: 49}) {
			t.Errorf("%+v", s)
		}
		time.Sleep(time.Second) // in a bubble
		client.Send(sayMessage{"closed"})
		synctest.Wait()
		if end := client.Ended(); end == nil || end.Code != 4000 {
			t.Errorf("ended with %v", end)
		}
		if in := srv.Stats().In["say"]; in.Count != 3 || in.Failed != 1 {
			t.Errorf("%+v", in)
		}
	})
}
