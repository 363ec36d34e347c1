package chanx_test

import (
	"context"
	"errors"
	"fmt"
	"iter"
	"net/http"
	"net/http/httptest"
	"runtime"
	"slices"
	"strconv"
	"strings"
	"sync"
	"sync/atomic"
	"testing"
	"testing/synctest"
	"time"

	"github.com/coder/websocket"

	"github.com/chanx-go/chanx"
	"github.com/chanx-go/chanx/chanxtest"
)

func TestShutdownLetsHandlersFinish(t *testing.T) {
	synctest.Test(t, func(t *testing.T) {
		srv := chanx.NewServer(&chanx.ServerOptions{Logger: quiet})
		running := make(chan struct{})
		closed := make(chan string, 2)
		c := probe(func(s *state, ctx context.Context, m sayMessage) error {
			close(running)
			time.Sleep(3 * time.Second) // in a bubble
			if ctx.Err() != nil {
				t.Error("the handler's context was cancelled by the shutdown")
			}
			return s.Send(ctx, answerMessage{"done"})
		})
		c.OnClose(func(s *state, ctx context.Context, cause *chanx.CloseError) { closed <- cause.Error() })
		srv.Handle("/ws", c)
		busy, idle := chanxtest.Dial(t, srv, "/ws", nil), chanxtest.Dial(t, srv, "/ws", nil)
		busy.Send(sayMessage{"go"})
		<-running
		start := time.Now()
		ended := make(chan error)
		go func() { ended <- srv.Shutdown(context.Background()) }()
		idle.ExpectClosed(1001)
		if d := time.Since(start); d > time.Second {
			t.Errorf("the idle connection was closed after %v", d)
		}
		if res := chanxtest.DialRefused(t, srv, "/ws", nil); res.StatusCode != 503 || res.Header.Get("Retry-After") == "" {
			t.Errorf("a new connection got %s, Retry-After %q", res.Status, res.Header.Get("Retry-After"))
		}
		chanxtest.Receive[answerMessage](busy)
		busy.ExpectClosed(1001)
		if err := <-ended; err != nil {
			t.Error(err)
		}
		for range 2 {
			if got := <-closed; !strings.Contains(got, "1001") {
				t.Errorf("OnClose saw %q", got)
			}
		}
		if err := srv.Broadcast(t.Context(), saidMessage{}, chanx.To("g")); !errors.Is(err, chanx.ErrClosed) {
			t.Errorf("Broadcast after Shutdown: %v", err)
		}
		if err := srv.Emit(t.Context(), ringEvent{}, chanx.To("g")); !errors.Is(err, chanx.ErrClosed) {
			t.Errorf("Emit after Shutdown: %v", err)
		}
		if err := srv.Shutdown(context.Background()); err != nil {
			t.Errorf("second Shutdown: %v", err)
		}
	})
}

func TestShutdownEndsWithItsContext(t *testing.T) {
	synctest.Test(t, func(t *testing.T) {
		srv := chanx.NewServer(&chanx.ServerOptions{Logger: quiet})
		gone := make(chan struct{})
		srv.Handle("/ws", probe(func(s *state, ctx context.Context, m sayMessage) error {
			<-ctx.Done() // the handler never ends by itself
			close(gone)
			return nil
		}))
		c := chanxtest.Dial(t, srv, "/ws", nil)
		c.Send(sayMessage{"go"})
		synctest.Wait()
		ctx, cancel := context.WithTimeout(t.Context(), time.Minute)
		defer cancel()
		if err := srv.Shutdown(ctx); !errors.Is(err, context.DeadlineExceeded) {
			t.Errorf("Shutdown: %v", err)
		}
		<-gone
		synctest.Wait()
		if end := c.Ended(); end == nil || end.Code != 1001 && end.Code != 1006 { // on a pipe the Close frame may be cut off
			t.Errorf("the connection ended with %v", end)
		}
	})
}

func TestShutdownClosesConnectionsInOpen(t *testing.T) {
	synctest.Test(t, func(t *testing.T) {
		srv := chanx.NewServer(&chanx.ServerOptions{Logger: quiet})
		opening, gate := make(chan struct{}), make(chan struct{})
		srv.Handle("/ws", chanx.NewConsumer(func(c *chanx.Conn, _ *http.Request) (*state, error) {
			close(opening)
			<-gate
			return &state{c}, nil
		}, nil))
		ended := make(chan error, 1)
		go func() {
			<-opening
			go func() { ended <- srv.Shutdown(context.Background()) }()
			synctest.Wait()
			close(gate)
		}()
		chanxtest.Dial(t, srv, "/ws", nil).ExpectClosed(1001)
		if err := <-ended; err != nil {
			t.Error(err)
		}
		if drops := srv.Stats().Drops; len(drops) > 0 {
			t.Errorf("nothing was sent, and yet dropped: %v", drops)
		}
	})
}

// TestShutdownSpreadsManyConnections has more connections than are closed at a time.
func TestShutdownSpreadsManyConnections(t *testing.T) {
	synctest.Test(t, func(t *testing.T) {
		const conns = 2500
		srv := chanx.NewServer(&chanx.ServerOptions{Logger: quiet})
		closed := make(chan time.Time, conns)
		c := newState()
		c.OnClose(func(*state, context.Context, *chanx.CloseError) { closed <- time.Now() })
		srv.Handle("/ws", c)
		for range conns {
			chanxtest.Dial(t, srv, "/ws", nil)
		}
		synctest.Wait() // otherwise the last ones are still opening, and are closed when they are open
		start := time.Now()
		if err := srv.Shutdown(context.Background()); err != nil {
			t.Fatal(err)
		}
		close(closed)
		atOnce, last, n := 0, time.Duration(0), 0
		for at := range closed {
			n++
			if d := at.Sub(start); d < 10*time.Millisecond {
				atOnce++
			} else {
				last = max(last, d)
			}
		}
		if n != conns || atOnce < 1000 || atOnce > 1100 || last > time.Second {
			t.Errorf("%d closed, %d at once, the last after %v; want %d, 1000, within 1 s", n, atOnce, last, conns)
		}
	})
}

// newGreeter returns a consumer that works with dialTCP.
func newGreeter() *chanx.Consumer[state] {
	open := func(c *chanx.Conn, _ *http.Request) (*state, error) { return &state{c}, nil }
	return chanx.NewConsumer(open, &chanx.ConsumerOptions{AuthenticationMessage: chanx.Enabled})
}

// TestShutdownUnderLoad checks that every message that a handler has received is answered before the Close frame,
// whichever of the chanx server and the http.Server is shut down first.
func TestShutdownUnderLoad(t *testing.T) {
	const clients = 8
	for _, httpFirst := range []bool{false, true} {
		var handled [clients]atomic.Int64
		srv := chanx.NewServer(&chanx.ServerOptions{Logger: quiet})
		c := newGreeter()
		chanx.OnRequest(c, func(_ *state, _ context.Context, m countedMessage) (countedMessage, error) {
			i, err := strconv.Atoi(m.From)
			if err == nil {
				handled[i].Add(1)
			}
			runtime.Gosched()
			return m, err
		})
		srv.Handle("/ws", c)
		web := httptest.NewServer(srv)
		ctx, cancel := context.WithTimeout(t.Context(), time.Minute)
		var underway, all sync.WaitGroup
		underway.Add(clients)
		var conns [clients]*websocket.Conn
		for i := range conns {
			conns[i] = dialTCP(ctx, t, web.URL)
		}
		for i, ws := range conns {
			all.Go(func() { // until the server closes
				for n := 0; ws.Write(ctx, websocket.MessageText, fmt.Appendf(nil, `{"action":"counted","payload":{"from":"%d","n":%d}}`, i, n)) == nil; n++ {
				}
			})
			all.Go(func() {
				n := 0
				for ; ; n++ {
					_, b, err := ws.Read(ctx)
					if err != nil {
						if websocket.CloseStatus(err) != websocket.StatusGoingAway {
							t.Errorf("client %d: %v", i, err)
						}
						break
					}
					if n == 20 {
						underway.Done()
					}
					if !strings.Contains(string(b), fmt.Sprintf(`"n":%d}`, n)) {
						t.Errorf("client %d: answer %d is %s", i, n, b)
					}
				}
				if m := handled[i].Load(); int64(n) != m || n <= 20 {
					t.Errorf("client %d: %d answers to %d messages that were handled", i, n, m)
				}
			})
		}
		underway.Wait()
		ends := []func(context.Context) error{srv.Shutdown, web.Config.Shutdown}
		if httpFirst {
			slices.Reverse(ends)
		}
		for _, end := range ends {
			if err := end(ctx); err != nil {
				t.Error(err)
			}
		}
		all.Wait()
		web.Close()
		cancel()
	}
}

// TestForcedShutdownSendsCloseFrames checks that Close frames are sent if they can be written without blocking.
func TestForcedShutdownSendsCloseFrames(t *testing.T) {
	srv := chanx.NewServer(&chanx.ServerOptions{Logger: quiet})
	running := make(chan struct{})
	c := newGreeter()
	chanx.On(c, func(_ *state, ctx context.Context, _ sayMessage) error {
		close(running)
		<-ctx.Done() // the handler never ends by itself
		return nil
	})
	srv.Handle("/ws", c)
	web := httptest.NewServer(srv)
	defer web.Close()
	ctx, cancel := context.WithTimeout(t.Context(), time.Minute)
	defer cancel()
	ws := dialTCP(ctx, t, web.URL)
	if err := ws.Write(ctx, websocket.MessageText, []byte(`{"action":"say","payload":{"text":"go"}}`)); err != nil {
		t.Fatal(err)
	}
	<-running
	over, end := context.WithCancel(ctx)
	end()
	if err := srv.Shutdown(over); !errors.Is(err, context.Canceled) {
		t.Errorf("Shutdown: %v", err)
	}
	if _, _, err := ws.Read(ctx); websocket.CloseStatus(err) != websocket.StatusGoingAway {
		t.Errorf("the client got %v", err)
	}
}

// TestShutdownCancelsStreams has streams that do not end by themselves.
func TestShutdownCancelsStreams(t *testing.T) {
	synctest.Test(t, func(t *testing.T) {
		srv := chanx.NewServer(&chanx.ServerOptions{Logger: quiet})
		draining := make(chan struct{})
		srv.RegisterOnShutdown(func() { close(draining) })
		c := newState()
		chanx.OnStream(c, func(*state, context.Context, sayMessage) iter.Seq2[answerMessage, error] {
			return func(yield func(answerMessage, error) bool) {
				<-draining
				yield(answerMessage{"last"}, nil)
			}
		})
		srv.Handle("/ws", c)
		client := chanxtest.Dial(t, srv, "/ws", nil)
		client.Send(sayMessage{"go"})
		synctest.Wait()
		if err := srv.Shutdown(t.Context()); err != nil {
			t.Error(err)
		}
		chanxtest.Receive[answerMessage](client)
		client.ExpectClosed(1001)
		late := make(chan struct{})
		srv.RegisterOnShutdown(func() { close(late) })
		<-late
	})
}

// gatedMessage has a Validate method that waits until its gate opens.
type gatedMessage struct{ N int }

var gate atomic.Pointer[chan struct{}]

func (gatedMessage) Action() string { return "gated" }
func (gatedMessage) Validate() error {
	<-*gate.Load()
	return nil
}

// TestShutdownLetsLateStreamsFinish checks that Shutdown waits for streams and concurrent handlers that were about to
// begin when it was called.
func TestShutdownLetsLateStreamsFinish(t *testing.T) {
	for _, stream := range []bool{true, false} {
		synctest.Test(t, func(t *testing.T) {
			opened := make(chan struct{})
			gate.Store(&opened)
			srv := chanx.NewServer(&chanx.ServerOptions{Logger: quiet})
			c := newState()
			if stream {
				chanx.OnStream(c, func(*state, context.Context, gatedMessage) iter.Seq2[answerMessage, error] {
					return func(yield func(answerMessage, error) bool) {
						for range 3 {
							time.Sleep(time.Second) // in a bubble
							if !yield(answerMessage{"late"}, nil) {
								return
							}
						}
					}
				})
			} else {
				chanx.OnRequest(c, func(*state, context.Context, gatedMessage) (answerMessage, error) {
					time.Sleep(time.Second)
					return answerMessage{"late"}, nil
				}, chanx.Concurrent(2))
			}
			srv.Handle("/ws", c)
			client := chanxtest.Dial(t, srv, "/ws", nil)
			client.SendRef(gatedMessage{}, "1")
			synctest.Wait()
			ended := make(chan error)
			go func() { ended <- srv.Shutdown(context.Background()) }()
			synctest.Wait()
			close(opened)
			chanxtest.Receive[answerMessage](client)
			if stream {
				chanxtest.Receive[answerMessage](client)
				chanxtest.Receive[answerMessage](client)
				chanxtest.Receive[chanx.CompleteMessage](client)
			}
			client.ExpectClosed(1001)
			if err := <-ended; err != nil {
				t.Error(err)
			}
		})
	}
}

// TestNewStreamsDoNotDelayShutdown has a client that requests a new stream before the last one has ended.
func TestNewStreamsDoNotDelayShutdown(t *testing.T) {
	synctest.Test(t, func(t *testing.T) {
		srv := chanx.NewServer(&chanx.ServerOptions{Logger: quiet})
		c := newState()
		var begun, ended atomic.Int64
		chanx.OnStream(c, func(*state, context.Context, sayMessage) iter.Seq2[answerMessage, error] {
			begun.Add(1)
			return func(yield func(answerMessage, error) bool) {
				defer ended.Add(1)
				time.Sleep(3 * time.Second) // in a bubble
				yield(answerMessage{"last"}, nil)
			}
		})
		srv.Handle("/ws", c)
		client := chanxtest.Dial(t, srv, "/ws", nil)
		asked := make(chan struct{})
		go func() {
			defer close(asked)
			for range 8 {
				time.Sleep(time.Second)
				client.Send(sayMessage{"go"})
			}
		}()
		time.Sleep(5*time.Second + 500*time.Millisecond)
		start := time.Now()
		if err := srv.Shutdown(t.Context()); err != nil {
			t.Error(err)
		}
		if d := time.Since(start); d > 4*time.Second {
			t.Errorf("it took %v", d)
		}
		for range ended.Load() {
			chanxtest.Receive[answerMessage](client)
		}
		client.ExpectClosed(1001)
		if b, e := begun.Load(), ended.Load(); b != e {
			t.Errorf("%d streams begun, %d ended", b, e)
		}
		<-asked
	})
}

// TestShutdownEndsWithItsContextDespiteBlockedObservers has Observers that block broadcasts.
func TestShutdownEndsWithItsContextDespiteBlockedObservers(t *testing.T) {
	synctest.Test(t, func(t *testing.T) {
		stuck := make(chan struct{})
		srv := chanx.NewServer(&chanx.ServerOptions{Logger: quiet, Observer: blocking{stuck: stuck}})
		srv.Handle("/ws", newViewer())
		chanxtest.Dial(t, srv, "/ws", nil)
		synctest.Wait()
		if err := srv.Broadcast(t.Context(), plainMessage{"held up"}, chanx.To("all")); err != nil {
			t.Error(err)
		}
		ctx, cancel := context.WithTimeout(t.Context(), time.Minute)
		defer cancel()
		time.AfterFunc(time.Hour, func() { close(stuck) })
		start := time.Now()
		if err := srv.Shutdown(ctx); !errors.Is(err, context.DeadlineExceeded) || time.Since(start) > time.Minute {
			t.Errorf("after %v: %v", time.Since(start), err)
		}
		<-stuck
	})
}

type blocking struct {
	chanx.NopObserver
	stuck chan struct{}
}

func (b blocking) Out(*chanx.Conn, string, int) { <-b.stuck }
