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
	"testing"
	"testing/synctest"
	"time"

	"github.com/chanx-go/chanx"
	"github.com/chanx-go/chanx/chanxtest"
)

// What Limits hands to internal/socket is held there to the byte and the second; here each is reached through an
// application's server. The other limits have their tests where their concept is: MaxErrors, MaxInvalid, MaxGroups,
// MaxDepth, MaxMessageBytes and MaxConnections in testdata/limits.txt, EventQueue and MaxInvalid in conn_test.go,
// SendQueueBytes in stress_test.go, HandlerTimeout and Rate in middleware_test.go, MaxConcurrent in testdata/cancel.txt,
// MaxConnectionsPerUser in registry_test.go, PublishTimeout in cluster_down_test.go.

// dropCount is an Observer that counts drops.
type dropCount struct {
	chanx.NopObserver
	mu    sync.Mutex
	drops map[string]int
	told  []string // Open and Close
}

func (d *dropCount) Drop(_ *chanx.Conn, what string, n int) {
	d.mu.Lock()
	defer d.mu.Unlock()
	if d.drops == nil {
		d.drops = map[string]int{}
	}
	d.drops[what] += n
}

func (d *dropCount) Open(*chanx.Conn)                     { d.tell("open") }
func (d *dropCount) Close(*chanx.Conn, *chanx.CloseError) { d.tell("close") }

func (d *dropCount) tell(what string) {
	d.mu.Lock()
	defer d.mu.Unlock()
	d.told = append(d.told, what)
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

// answering is an Observer that tells the client what is dropped: it could not if it were told under the transport's lock.
type answering struct{ dropCount }

func (a *answering) Drop(c *chanx.Conn, what string, n int) {
	a.dropCount.Drop(c, what, n)
	_ = c.Send(context.Background(), answerMessage{what})
}

// TestCancelsBeyondTheBoundAreCounted: 256 wait for what they may be meant for, while a message or an event is handled.
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
		seen, log := &answering{}, &journal{}
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

// TestWaitingMessagesOfALostClientAreCounted: what waited for a handler when the transport was lost is dropped, and told.
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

// TestTimeoutsReachTheConnection: silent clients and dribbled messages end when the server's limits say.
func TestTimeoutsReachTheConnection(t *testing.T) {
	l := chanx.Limits{MessageTimeout: 200 * time.Millisecond, MaxFragments: 2, PingInterval: -1}
	srv := serve(&chanx.ServerOptions{Logger: quiet, Limits: l}, "/desk/{name}", newDesk(nil))
	web := httptest.NewServer(srv)
	defer web.Close()
	slow := dialWire(t, web.URL+"/desk/slow")
	slow.write(frames(text(knock))[:8])
	slow.expectClose(1008)
	many := dialWire(t, web.URL+"/desk/many")
	many.write(frames(part(1, false, "{"), part(0, false, " "), part(0, false, " ")))
	many.expectClose(1008)

	l = chanx.Limits{PingInterval: 50 * time.Millisecond, PongTimeout: 50 * time.Millisecond}
	pinging := serve(&chanx.ServerOptions{Logger: quiet, Limits: l}, "/desk/{name}", newDesk(nil))
	second := httptest.NewServer(pinging)
	defer second.Close()
	silent := dialWire(t, second.URL+"/desk/silent")
	for { // pings, until the server gives up
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

// TestAConnectionThatCannotBeUpgradedIsNotObserved: Open and Close come in pairs, or not at all.
func TestAConnectionThatCannotBeUpgradedIsNotObserved(t *testing.T) {
	seen := &dropCount{}
	srv := serve(&chanx.ServerOptions{Logger: quiet, Observer: seen}, "/desk/{name}", newDesk(nil))
	r := httptest.NewRequest("GET", "/desk/one", nil)
	for line := range strings.SplitSeq("Connection: Upgrade\nUpgrade: websocket\nSec-WebSocket-Version: 13\nSec-WebSocket-Key: dGhlIHNhbXBsZSBub25jZQ==", "\n") {
		name, value, _ := strings.Cut(line, ": ")
		r.Header.Set(name, value)
	}
	srv.ServeHTTP(httptest.NewRecorder(), r) // it cannot be hijacked
	if got := fmt.Sprint(seen.told); got != "[]" {
		t.Errorf("the Observer was told %s", got)
	}
	if err := srv.Shutdown(t.Context()); err != nil {
		t.Error(err)
	}
}
