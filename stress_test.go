package chanx_test

import (
	"context"
	"encoding/json"
	"fmt"
	"iter"
	"math/rand/v2"
	"net/http"
	"net/http/httptest"
	"strings"
	"sync"
	"sync/atomic"
	"testing"
	"time"

	"github.com/coder/websocket"

	"github.com/chanx-go/chanx"
)

// countMessage is message number N of a client, countedMessage the broadcast of it.
type (
	countMessage struct {
		N    int  `json:"n"`
		Slow bool `json:"slow"`
	}
	countedMessage struct {
		From string `json:"from"`
		N    int    `json:"n"`
	}
	countEvent struct{ countedMessage }
)

func (countMessage) Action() string   { return "count" }
func (countedMessage) Action() string { return "counted" }
func (countEvent) Event() string      { return "count" }

// counter is the state of a connection that broadcasts its messages, and checks that its handlers run one at a time and in
// order.
type counter struct {
	*chanx.Conn
	t    *testing.T
	busy atomic.Bool
	next int
}

func newCounter(t *testing.T) *chanx.Consumer[counter] {
	c := chanx.NewConsumer(func(c *chanx.Conn, _ *http.Request) (*counter, error) {
		return &counter{Conn: c, t: t}, nil
	}, &chanx.ConsumerOptions{Groups: []string{"all"}, AuthenticationMessage: chanx.Enabled})
	chanx.On(c, (*counter).count)
	chanx.OnEvent(c, (*counter).event)
	chanx.Broadcasts[countedMessage](c)
	return c
}

func (c *counter) alone() (done func()) {
	if c.busy.Swap(true) {
		c.t.Error("two handlers of one connection run at the same time")
	}
	return func() { c.busy.Store(false) }
}

func (c *counter) count(ctx context.Context, m countMessage) error {
	defer c.alone()()
	if m.N != c.next {
		c.t.Errorf("message %d came, want %d", m.N, c.next)
	}
	c.next = m.N + 1
	if m.Slow {
		wait(ctx, 8*time.Millisecond) // long enough for another goroutine to take over reading
	}
	return c.Broadcast(ctx, countedMessage{c.ID(), m.N})
}

func (c *counter) event(ctx context.Context, e countEvent) error {
	defer c.alone()()
	return c.Send(ctx, e.countedMessage)
}

// wait blocks for d, or until the context ends.
func wait(ctx context.Context, d time.Duration) {
	work := time.NewTimer(d)
	defer work.Stop()
	select {
	case <-work.C:
	case <-ctx.Done():
	}
}

// TestOrderUnderLoad has clients on real sockets send in bursts, while the server emits events and some handlers are slow:
// every client receives each sender's messages, and the events, in order and without gaps.
func TestOrderUnderLoad(t *testing.T) {
	const clients, each, events = 12, 150, 200
	srv := chanx.NewServer(&chanx.ServerOptions{Logger: quiet})
	srv.Handle("/ws", newCounter(t))
	web := httptest.NewServer(srv)
	defer web.Close()
	ctx, cancel := context.WithTimeout(t.Context(), time.Minute)
	defer cancel()

	conns := make([]*websocket.Conn, clients)
	for i := range conns {
		conns[i] = dialTCP(ctx, t, web.URL)
	}
	var work sync.WaitGroup
	for i, ws := range conns {
		work.Go(func() { sendCounts(ctx, t, ws, each, rand.New(rand.NewPCG(uint64(i), 1))) })
		work.Go(func() { readCounts(ctx, t, ws, clients*each+events, clients+1) })
	}
	for n := range events {
		if err := srv.Emit(ctx, countEvent{countedMessage{"outside", n}}, chanx.To("all")); err != nil {
			t.Fatal(err)
		}
		wait(ctx, time.Millisecond)
	}
	work.Wait()
	for _, ws := range conns {
		if err := ws.Close(websocket.StatusNormalClosure, ""); err != nil {
			t.Error(err)
		}
	}
	if err := srv.Shutdown(ctx); err != nil {
		t.Error(err)
	}
}

// dialTCP connects, and waits for the authentication message and the answer to a ping. The connection has then joined its
// groups.
func dialTCP(ctx context.Context, t *testing.T, url string) *websocket.Conn {
	t.Helper()
	ws, _, err := websocket.Dial(ctx, "ws"+strings.TrimPrefix(url, "http")+"/ws", nil)
	if err != nil {
		t.Fatal(err)
	}
	if _, _, err := ws.Read(ctx); err != nil {
		t.Fatal(err)
	}
	if err := ws.Write(ctx, websocket.MessageText, []byte(`{"action":"ping"}`)); err != nil {
		t.Fatal(err)
	}
	if _, _, err := ws.Read(ctx); err != nil {
		t.Fatal(err)
	}
	return ws
}

func sendCounts(ctx context.Context, t *testing.T, ws *websocket.Conn, each int, rnd *rand.Rand) {
	for n := range each {
		text := fmt.Sprintf(`{"action":"count","payload":{"n":%d,"slow":%v}}`, n, rnd.IntN(25) == 0)
		if err := ws.Write(ctx, websocket.MessageText, []byte(text)); err != nil {
			t.Error(err)
			return
		}
	}
}

func readCounts(ctx context.Context, t *testing.T, ws *websocket.Conn, total, senders int) {
	next := map[string]int{}
	for range total {
		_, b, err := ws.Read(ctx)
		if err != nil {
			t.Error(err)
			return
		}
		var f struct {
			Payload countedMessage `json:"payload"`
		}
		if err := json.Unmarshal(b, &f); err != nil || f.Payload.N != next[f.Payload.From] {
			t.Errorf("got %s (%v), want number %d", b, err, next[f.Payload.From])
			return
		}
		next[f.Payload.From]++
	}
	if len(next) != senders {
		t.Errorf("heard of %d senders, want %d", len(next), senders)
	}
}

// TestSlowClientIsDisconnectedAndOthersAreNot has one client that never reads.
func TestSlowClientIsDisconnectedAndOthersAreNot(t *testing.T) {
	const messages = 300
	srv := chanx.NewServer(&chanx.ServerOptions{Logger: quiet, Limits: chanx.Limits{SendQueueBytes: 64 << 10}})
	left := make(chan int, 4)
	c := newCounter(t)
	c.OnClose(func(_ *counter, _ context.Context, cause *chanx.CloseError) { left <- cause.Code })
	chanx.Broadcasts[bulkMessage](c)
	srv.Handle("/ws", c)
	web := httptest.NewServer(srv)
	defer web.Close()
	ctx, cancel := context.WithTimeout(t.Context(), time.Minute)
	defer cancel()
	slow, good := dialTCP(ctx, t, web.URL), dialTCP(ctx, t, web.URL)
	good.SetReadLimit(-1)

	big := strings.Repeat("x", 50<<10)
	for n := range messages { // good reads each before the next is sent; slow reads nothing
		if err := srv.Broadcast(ctx, bulkMessage{n, big}, chanx.To("all")); err != nil {
			t.Fatal(err)
		}
		if _, b, err := good.Read(ctx); err != nil || !strings.Contains(string(b), fmt.Sprintf(`"n":%d,`, n)) {
			t.Fatalf("message %d: %v, %.40s", n, err, b)
		}
	}
	select {
	case code := <-left:
		if code != 1013 {
			t.Errorf("the slow client was closed with %d, want 1013", code)
		}
	case <-ctx.Done():
		t.Error("the slow client is still there")
	}
	if err := good.Close(websocket.StatusNormalClosure, ""); err != nil {
		t.Error(err)
	}
	_ = slow.CloseNow() // the server has closed it
	if err := srv.Shutdown(ctx); err != nil {
		t.Error(err)
	}
}

type bulkMessage struct {
	N    int    `json:"n"`
	Bulk string `json:"bulk"`
}

func (bulkMessage) Action() string { return "bulk" }

// pourMessage is answered with many large frames.
type (
	pourMessage struct {
		Frames int `json:"frames"`
	}
	pouredMessage struct {
		N    int    `json:"n"`
		Bulk string `json:"bulk"`
	}
)

func (pourMessage) Action() string   { return "pour" }
func (pouredMessage) Action() string { return "poured" }

// TestStreamsAreNoFasterThanTheirReader has a stream that is larger than the send queue and the system's buffers, and a
// client that begins to read late: it is not disconnected, and the iterator waits.
func TestStreamsAreNoFasterThanTheirReader(t *testing.T) {
	const frames, size = 3000, 10 << 10
	srv := chanx.NewServer(&chanx.ServerOptions{Logger: quiet, Limits: chanx.Limits{SendQueueBytes: 64 << 10}})
	var poured atomic.Int64
	c := newCounter(t)
	chanx.OnStream(c, func(_ *counter, _ context.Context, m pourMessage) iter.Seq2[pouredMessage, error] {
		return func(yield func(pouredMessage, error) bool) {
			for n := range m.Frames {
				if poured.Store(int64(n)); !yield(pouredMessage{n, strings.Repeat("x", size)}, nil) {
					return
				}
			}
		}
	})
	srv.Handle("/ws", c)
	web := httptest.NewServer(srv)
	defer web.Close()
	ctx, cancel := context.WithTimeout(t.Context(), time.Minute)
	defer cancel()
	ws := dialTCP(ctx, t, web.URL)
	ws.SetReadLimit(-1)
	if err := ws.Write(ctx, websocket.MessageText, fmt.Appendf(nil, `{"action":"pour","payload":{"frames":%d}}`, frames)); err != nil {
		t.Fatal(err)
	}
	for before := int64(-1); before != poured.Load(); wait(ctx, 50*time.Millisecond) {
		before = poured.Load() // until it no longer changes
	}
	if n := poured.Load(); n >= frames-1 {
		t.Fatalf("all %d frames of %d KiB were taken without a reader", n, size>>10)
	}
	for n := range frames {
		if _, b, err := ws.Read(ctx); err != nil || !strings.Contains(string(b[:80]), fmt.Sprintf(`"n":%d,`, n)) {
			t.Fatalf("frame %d: %v, %.80s", n, err, b)
		}
	}
	if err := ws.Close(websocket.StatusNormalClosure, ""); err != nil {
		t.Error(err)
	}
	if err := srv.Shutdown(ctx); err != nil {
		t.Error(err)
	}
}
