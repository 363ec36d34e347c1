package chanx_test

import (
	"context"
	"errors"
	"fmt"
	"log/slog"
	"net"
	"net/http"
	"net/http/httptest"
	"slices"
	"strings"
	"sync"
	"sync/atomic"
	"testing"
	"testing/synctest"
	"time"

	"github.com/chanx-go/chanx"
	"github.com/chanx-go/chanx/chanxtest"
)

// The tests of internal/socket check its limits to the byte and the second. The tests here check that Limits reaches it.
// Other limits are tested with their concept: MaxErrors, MaxInvalid, MaxGroups, MaxDepth, MaxMessageBytes and
// MaxConnections in testdata/limits.txt, EventQueue and MaxInvalid in conn_test.go, SendQueueBytes in stress_test.go,
// HandlerTimeout and Rate in middleware_test.go, MaxConcurrent in testdata/cancel.txt, MaxConnectionsPerUser in
// registry_test.go, PublishTimeout in layer_down_test.go.

// dropCount is an Observer that counts drops.
type dropCount struct {
	chanx.NopObserver
	mu    sync.Mutex
	drops map[chanx.DropReason]int
	calls []string // of Open and Close
}

func (d *dropCount) Drop(_ *chanx.Conn, why chanx.DropReason, n int) {
	d.mu.Lock()
	defer d.mu.Unlock()
	if d.drops == nil {
		d.drops = map[chanx.DropReason]int{}
	}
	d.drops[why] += n
}

func (d *dropCount) Open(*chanx.Conn)                     { d.record("open") }
func (d *dropCount) Close(*chanx.Conn, *chanx.CloseError) { d.record("close") }

func (d *dropCount) record(what string) {
	d.mu.Lock()
	defer d.mu.Unlock()
	d.calls = append(d.calls, what)
}

func TestOpenTimeoutEndsTheContextOfOpen(t *testing.T) {
	bubble(t, chanx.ServerOptions{Limits: chanx.Limits{OpenTimeout: 3 * time.Second}}, func(t *testing.T, srv *chanx.Server) {
		var took time.Duration
		srv.Handle("/ws", chanx.NewConsumer(func(_ *chanx.Conn, r *http.Request) (*state, error) {
			start := time.Now()
			<-r.Context().Done()
			took = time.Since(start)
			return nil, r.Context().Err()
		}, nil))
		if chanxtest.Dial(t, srv, "/ws", nil).ExpectRefused(http.StatusInternalServerError); took != 3*time.Second {
			t.Errorf("open had %v, want 3 s", took)
		}
	})
}

func TestCloseTimeoutEndsTheContextOfOnClose(t *testing.T) {
	bubble(t, chanx.ServerOptions{Limits: chanx.Limits{CloseTimeout: 2 * time.Second}}, func(t *testing.T, srv *chanx.Server) {
		took := make(chan time.Duration, 1)
		c := newState()
		c.OnClose(func(_ *state, ctx context.Context, _ *chanx.CloseError) {
			start := time.Now()
			<-ctx.Done()
			took <- time.Since(start)
		})
		srv.Handle("/ws", c)
		chanxtest.Dial(t, srv, "/ws", nil).Abort()
		if got := <-took; got != 2*time.Second {
			t.Errorf("OnClose had %v, want 2 s", got)
		}
	})
}

// answering is an Observer whose Drop sends to the connection: this would deadlock if it were called with a lock held.
type answering struct{ dropCount }

func (a *answering) Drop(c *chanx.Conn, why chanx.DropReason, n int) {
	a.dropCount.Drop(c, why, n)
	_ = c.Send(context.Background(), answerMessage{string(why)})
}

// TestCancelsBeyondTheBoundAreCounted sends more than 256 cancels whose messages may still arrive, while a message or an
// event is handled.
func TestCancelsBeyondTheBoundAreCounted(t *testing.T) {
	for name, begin := range map[string]func(srv *chanx.Server, client *chanxtest.Conn) error{
		"message": func(_ *chanx.Server, client *chanxtest.Conn) error {
			client.Send(sayMessage{"hi"})
			return nil
		},
		"event": func(srv *chanx.Server, _ *chanxtest.Conn) error {
			return srv.Emit(context.Background(), newsEvent{}, chanx.All())
		},
	} {
		seen, log := &answering{}, &logRecorder{}
		bubble(t, chanx.ServerOptions{Observer: seen, Logger: slog.New(log)}, func(t *testing.T, srv *chanx.Server) {
			gate := make(chan struct{})
			c := probe(func(*state, context.Context, sayMessage) error { <-gate; return nil })
			chanx.OnEvent(c, func(*state, context.Context, newsEvent) error { <-gate; return nil })
			srv.Handle("/ws", c)
			client := chanxtest.Dial(t, srv, "/ws", nil)
			synctest.Wait()
			if err := begin(srv, client); err != nil {
				t.Fatal(err)
			}
			synctest.Wait()
			for n := range 300 {
				client.Cancel(fmt.Sprint("none ", n))
			}
			synctest.Wait()
			close(gate)
			if got := chanxtest.ReceiveUntil[answerMessage](client).Message; got.Answer != "cancels_overflow" {
				t.Errorf("%s: dropped are %q", name, got.Answer)
			}
			synctest.Wait()
			if s := srv.Stats(); len(s.Drops) != 1 || s.Drops["cancels_overflow"] != 44 {
				t.Errorf("%s: dropped are %v, want 44 cancels", name, s.Drops)
			}
			if got := log.take(); !slices.Contains(got, "WARN dropped what=cancels_overflow count=44") {
				t.Errorf("%s: log %q", name, got)
			}
		})
	}
}

// TestWaitingMessagesOfALostClientAreCounted checks that messages in the inbox of a lost connection are dropped and
// reported to the Observer.
func TestWaitingMessagesOfALostClientAreCounted(t *testing.T) {
	seen := &dropCount{}
	o := chanx.ServerOptions{Observer: seen, Limits: chanx.Limits{InboxFrames: 3}}
	bubble(t, o, func(t *testing.T, srv *chanx.Server) {
		srv.Handle("/ws", probe(func(_ *state, ctx context.Context, _ sayMessage) error {
			<-ctx.Done()
			return ctx.Err()
		}))
		client := chanxtest.Dial(t, srv, "/ws", nil)
		for range 3 {
			client.Send(sayMessage{"hi"})
			synctest.Wait()
		}
		client.Abort()
		synctest.Wait()
		total := 0
		for _, n := range seen.drops {
			total += n
		}
		if total != 2 {
			t.Errorf("dropped %v, want the two that waited behind the first", seen.drops)
		}
		if s := srv.Stats(); s.Connections != 0 || s.Drops["messages_unhandled"] != 2 {
			t.Errorf("Stats says %+v", s)
		}
	})
}

// TestTimeoutsReachTheConnection checks that silent clients, and messages sent byte by byte, end at the server's limits.
func TestTimeoutsReachTheConnection(t *testing.T) {
	l := chanx.Limits{MessageTimeout: 200 * time.Millisecond, MaxFragments: 2, PingInterval: -1}
	srv := serve(&chanx.ServerOptions{Logger: quiet, Limits: l}, "/desk/{name}", newDesk(nil))
	web := httptest.NewServer(srv)
	defer web.Close()
	slow := dialWire(t, web.URL+"/desk/slow")
	slow.write(frames(text(knock))[:8])
	slow.expectClose(1013)
	many := dialWire(t, web.URL+"/desk/many")
	many.write(frames(part(1, false, "{"), part(0, false, " "), part(0, false, " ")))
	many.expectClose(1008)

	l = chanx.Limits{PingInterval: 50 * time.Millisecond, PongTimeout: 50 * time.Millisecond}
	pinging := serve(&chanx.ServerOptions{Logger: quiet, Limits: l}, "/desk/{name}", newDesk(nil))
	second := httptest.NewServer(pinging)
	defer second.Close()
	silent := dialWire(t, second.URL+"/desk/silent")
	for { // pings, until the server closes the connection
		if _, err := silent.frame(); err != nil {
			if e, is := errors.AsType[net.Error](err); is && e.Timeout() {
				t.Error("a client that answers no ping is still connected")
			}
			break
		}
	}
	for _, s := range []*chanx.Server{srv, pinging} {
		if err := s.Shutdown(t.Context()); err != nil {
			t.Error(err)
		}
	}
}

// TestAConnectionThatCannotBeUpgradedIsNotObserved checks that the Observer's Open and Close are called in pairs, or not at
// all.
func TestAConnectionThatCannotBeUpgradedIsNotObserved(t *testing.T) {
	seen := &dropCount{}
	srv := serve(&chanx.ServerOptions{Logger: quiet, Observer: seen}, "/desk/{name}", newDesk(nil))
	r := httptest.NewRequest("GET", "/desk/one", nil)
	for line := range strings.SplitSeq("Connection: Upgrade\nUpgrade: websocket\nSec-WebSocket-Version: 13\nSec-WebSocket-Key: dGhlIHNhbXBsZSBub25jZQ==", "\n") {
		name, value, _ := strings.Cut(line, ": ")
		r.Header.Set(name, value)
	}
	srv.ServeHTTP(httptest.NewRecorder(), r) // it cannot be hijacked
	if got := fmt.Sprint(seen.calls); got != "[]" {
		t.Errorf("the Observer was called with %s", got)
	}
	if err := srv.Shutdown(t.Context()); err != nil {
		t.Error(err)
	}
}

type decodedMessage struct{ Text string }

func (decodedMessage) Action() string { return "decoded" }

// decodings is the number of times that a decodedMessage has been decoded.
var decodings atomic.Int64

func (decodedMessage) Validate() error {
	decodings.Add(1)
	return nil
}

func newDecoding() *chanx.Consumer[state] {
	c := newState()
	chanx.On(c, func(*state, context.Context, decodedMessage) error { return nil })
	return c
}

// TestMessagesBeyondTheRateAreNotDecoded checks that the error has their ref, wherever the ref stands in the frame.
func TestMessagesBeyondTheRateAreNotDecoded(t *testing.T) {
	bubble(t, chanx.ServerOptions{Limits: chanx.Limits{Rate: chanx.Rate{PerSecond: 1}}}, func(t *testing.T, srv *chanx.Server) {
		srv.Handle("/ws", newDecoding())
		client := chanxtest.Dial(t, srv, "/ws", nil)
		before := decodings.Load()
		client.Send(decodedMessage{"first"})
		long := strings.Repeat("x", 50_000)
		for text, ref := range map[string]string{
			`{"action":"decoded","payload":{"Text":"` + long + `"},"ref":"behind"}`: "behind",
			`{"ref":"before","payload":{"Text":["` + long + `"]},"action":"no"}`:    "before",
			`{"action":"decoded","payload":{"Text":5}}`:                             "",
			`not JSON`: "",
		} {
			client.SendText(text)
			expectRefused(t, client, "rate_limited", ref)
		}
		client.SendBinary([]byte("x"))
		client.ExpectError("rate_limited")
		if n := decodings.Load() - before; n != 1 {
			t.Errorf("%d messages were decoded, want 1", n)
		}
		if s := srv.Stats(); s.Refused["rate_limited"] != 5 || s.Refused["invalid"] != 0 {
			t.Errorf("refused %v", s.Refused)
		}
		client.Close(1000, "")
	})
}

func expectRefused(t *testing.T, client *chanxtest.Conn, reason, ref string) {
	t.Helper()
	got := client.Next()
	if !strings.Contains(got, `"reason":"`+reason+`"`) || strings.Contains(got, `"ref"`) != (ref != "") || !strings.Contains(got, ref) {
		t.Errorf("got %s, want %s of ref %q", got, reason, ref)
	}
}

// TestCancelsBeyondTheRateTakeEffect checks that they take effect and are not answered.
func TestCancelsBeyondTheRateTakeEffect(t *testing.T) {
	bubble(t, chanx.ServerOptions{Limits: chanx.Limits{Rate: chanx.Rate{PerSecond: 1}}}, func(t *testing.T, srv *chanx.Server) {
		c := newState()
		chanx.On(c, func(_ *state, ctx context.Context, _ waitMessage) error { <-ctx.Done(); return ctx.Err() }, chanx.Concurrent(1))
		srv.Handle("/ws", c)
		client := chanxtest.Dial(t, srv, "/ws", nil)
		client.SendRef(waitMessage{}, "1")
		client.SendRef(waitMessage{}, "2")
		expectRefused(t, client, "rate_limited", "2")
		client.Cancel("1")
		expectRefused(t, client, "cancelled", "1")
		client.Close(1000, "")
	})
}

// TestClientsThatStayOverTheRateAreClosed checks that they are closed after a minute, and other clients are not.
func TestClientsThatStayOverTheRateAreClosed(t *testing.T) {
	for name, k := range map[string]struct {
		rate  chanx.Rate
		burst int           // messages sent at once
		every time.Duration // the time between bursts
		after time.Duration // the connection is closed; 0 means never
	}{
		"twice the rate":         {chanx.Rate{PerSecond: 1, Burst: 1}, 1, 500 * time.Millisecond, time.Minute},
		"a flood":                {chanx.Rate{PerSecond: 10, Burst: 20}, 5, 100 * time.Millisecond, time.Minute},
		"a little more":          {chanx.Rate{PerSecond: 10, Burst: 10}, 12, time.Second - time.Millisecond, time.Minute},
		"a burst now and then":   {chanx.Rate{PerSecond: 10, Burst: 20}, 25, 4 * time.Second, 0},
		"a burst every minute":   {chanx.Rate{PerSecond: 10, Burst: 20}, 200, time.Minute, 0},
		"exactly the rate":       {chanx.Rate{PerSecond: 2, Burst: 1}, 1, 500 * time.Millisecond, 0},
		"seldom, but too often":  {chanx.Rate{PerSecond: 0.1, Burst: 1}, 1, 6 * time.Second, 0},
		"half a second too soon": {chanx.Rate{PerSecond: 0.1, Burst: 1}, 2, 10 * time.Second, 0},
	} {
		t.Run(name, func(t *testing.T) {
			bubble(t, chanx.ServerOptions{Limits: chanx.Limits{Rate: k.rate}}, func(t *testing.T, srv *chanx.Server) {
				srv.Handle("/ws", newDecoding())
				client := chanxtest.Dial(t, srv, "/ws", nil)
				begin := time.Now()
				for time.Since(begin) < 3*time.Minute && client.Ended() == nil {
					for range k.burst {
						if client.Ended() == nil {
							client.Send(decodedMessage{"x"})
							synctest.Wait()
						}
					}
					time.Sleep(k.every) // in a bubble
				}
				switch end := client.Ended(); {
				case k.after == 0 && end != nil:
					t.Errorf("ended with %v after %v", end, time.Since(begin))
				case k.after != 0 && (end == nil || end.Code != 1008):
					t.Errorf("ended with %v, want 1008", end)
				case k.after != 0 && (time.Since(begin) < k.after || time.Since(begin) > k.after+2*time.Second):
					t.Errorf("ended after %v, want %v", time.Since(begin), k.after)
				}
				client.Close(1000, "")
			})
		})
	}
}
