package chanx_test

import (
	"bufio"
	"context"
	"fmt"
	"iter"
	"log/slog"
	"net"
	"net/http"
	"slices"
	"strings"
	"testing"
	"testing/synctest"
	"time"

	"github.com/chanx-go/chanx"
	"github.com/chanx-go/chanx/chanxtest"
	"github.com/chanx-go/chanx/layer/memlayer"
)

type (
	// typingMessage is registered as Droppable.
	typingMessage struct {
		Who string `json:"who"`
		N   int    `json:"n"`
	}
	// priceMessage is registered as Latest, by its item.
	priceMessage struct {
		Item  string `json:"item"`
		Price int    `json:"price"`
		Shop  string `json:"shop_name" frame:"true"`
	}
	wordsMessage struct{ N int }
)

func (typingMessage) Action() string { return "typing" }
func (priceMessage) Action() string  { return "price" }
func (wordsMessage) Action() string  { return "words" }

var byItem = chanx.Latest(func(m priceMessage) string { return m.Item + " of " + m.Shop })

type viewer struct{ *chanx.Conn }

// newViewer returns a consumer that declares all of them and whose connections are in the group "all".
func newViewer() *chanx.Consumer[viewer] {
	open := func(c *chanx.Conn, _ *http.Request) (*viewer, error) { return &viewer{c}, nil }
	c := chanx.NewConsumer(open, &chanx.ConsumerOptions{Groups: []string{"all"}})
	chanx.Broadcasts[typingMessage](c, chanx.Droppable())
	chanx.Broadcasts[priceMessage](c, byItem)
	chanx.Broadcasts[plainMessage](c)
	chanx.OnRequest(c, func(*viewer, context.Context, wordsMessage) (typingMessage, error) {
		return typingMessage{Who: "reply"}, nil
	})
	return c
}

// valve is the server's end of a connection, whose writes a test can block.
type valve struct {
	net.Conn
	open chan struct{} // holds one value while writes are not blocked
}

func (v *valve) Write(p []byte) (int, error) {
	<-v.open
	defer func() { v.open <- struct{}{} }()
	return v.Conn.Write(p)
}

func (v *valve) shut()   { <-v.open }
func (v *valve) reopen() { v.open <- struct{}{} }

type valved struct {
	http.ResponseWriter
	v *valve
}

func (w valved) Hijack() (net.Conn, *bufio.ReadWriter, error) {
	conn, rw, err := http.NewResponseController(w.ResponseWriter).Hijack()
	w.v.Conn = conn
	return w.v, rw, err
}

// dialSlow connects a client whose server end is a blocked valve. The frame "first" is in the blocked write, so it no
// longer counts for the send queue.
func dialSlow(t *testing.T, srv *chanx.Server) (*chanxtest.Conn, *valve) {
	v := &valve{open: make(chan struct{}, 1)}
	v.reopen()
	c := chanxtest.Dial(t, http.HandlerFunc(func(w http.ResponseWriter, r *http.Request) {
		srv.ServeHTTP(valved{w, v}, r)
	}), "/ws", nil)
	synctest.Wait()
	v.shut()
	return c, v
}

// slowTest runs a test with a server of newViewer's consumer; say broadcasts to its group.
func slowTest(t *testing.T, o chanx.ServerOptions, test func(t *testing.T, srv *chanx.Server, say func(chanx.Message))) {
	t.Helper()
	synctest.Test(t, func(t *testing.T) {
		if o.Logger == nil {
			o.Logger = quiet
		}
		o.Limits.WriteTimeout = -1
		srv := chanx.NewServer(&o)
		srv.Handle("/ws", newViewer())
		test(t, srv, func(m chanx.Message) {
			t.Helper()
			if err := srv.Broadcast(t.Context(), m, chanx.To("all")); err != nil {
				t.Error(err)
			}
			synctest.Wait()
		})
		if err := srv.Shutdown(t.Context()); err != nil {
			t.Error(err)
		}
	})
}

// news returns a short text for each frame that has arrived.
func news(c *chanxtest.Conn) (all []string) {
	synctest.Wait()
	for _, text := range c.Pending() {
		for _, noise := range []string{`"action":`, `"payload":`, `,"is_mine":false,"is_current":false`, `"`} {
			text = strings.ReplaceAll(text, noise, "")
		}
		all = append(all, text)
	}
	return all
}

// TestDroppableMakesRoom checks that droppable messages, and no others, are discarded when a queue is full, and that a
// client which keeps up receives all of them.
func TestDroppableMakesRoom(t *testing.T) {
	for _, completions := range []bool{false, true} {
		slowTest(t, chanx.ServerOptions{Completions: completions, Limits: chanx.Limits{SendQueueBytes: 700}},
			func(t *testing.T, srv *chanx.Server, say func(chanx.Message)) {
				good := chanxtest.Dial(t, srv, "/ws", nil)
				slow, v := dialSlow(t, srv)
				say(plainMessage{"first"})
				for n := range 50 {
					say(typingMessage{"ann", n})
				}
				say(plainMessage{"last"})
				v.reopen()
				got := news(slow)
				if len(got) < 4 || got[0] != "{plain,{text:first}}" {
					t.Fatalf("got %q", got)
				}
				want := []string{"{plain,{text:first}}"}
				if completions {
					want = append(want, "{group_complete}")
				}
				kept := 0
				for n := range 50 {
					if slices.Contains(got, fmt.Sprintf("{typing,{who:ann,n:%d}}", n)) {
						kept++
					}
				}
				for n := 50 - kept; n < 50; n++ { // the newest, each with its completion
					want = append(want, fmt.Sprintf("{typing,{who:ann,n:%d}}", n))
					if completions {
						want = append(want, "{group_complete}")
					}
				}
				if want = append(want, "{plain,{text:last}}"); completions {
					want = append(want, "{group_complete}")
				}
				if !slices.Equal(got, want) || kept == 0 || kept == 50 {
					t.Errorf("got %q\nwant %q", got, want)
				}
				gone := 50 - kept
				if completions {
					gone *= 2
				}
				if n := srv.Stats().Drops["frames_droppable"]; n != uint64(gone) {
					t.Errorf("%d frames counted, want %d", n, gone)
				}
				if n := len(news(good)); n < 52 {
					t.Errorf("the client that keeps up got %d", n)
				}
			})
	}
}

// TestLatestKeepsTheNewestOfEachKey has the key in the payload and in a frame field, for messages of this node and of
// another.
func TestLatestKeepsTheNewestOfEachKey(t *testing.T) {
	broker := memlayer.New()
	for _, camelize := range []bool{false, true} {
		slowTest(t, chanx.ServerOptions{Layer: broker, Camelize: camelize, Limits: chanx.Limits{SendQueueBytes: 1000}},
			func(t *testing.T, srv *chanx.Server, say func(chanx.Message)) {
				other := chanx.NewServer(&chanx.ServerOptions{Layer: broker, Logger: quiet})
				slow, v := dialSlow(t, srv)
				say(plainMessage{"first"})
				for n := range 100 {
					say(priceMessage{"tea", n, "inn"})
					say(priceMessage{"tea", n, "bar"})
					if n == 50 {
						say(plainMessage{"between"})
						say(priceMessage{"nut", 7, "bar"})
					}
					if err := other.Broadcast(t.Context(), priceMessage{"tea", -n, "inn"}, chanx.To("all")); err != nil {
						t.Error(err)
					}
					synctest.Wait()
				}
				v.reopen()
				got := strings.Join(news(slow), " ")
				want := "{plain,{text:first}} {plain,{text:between}} {price,{item:nut,price:7},shop_name:bar} " +
					"{price,{item:tea,price:99},shop_name:bar} {price,{item:tea,price:-99},shop_name:inn}"
				if camelize {
					want = strings.ReplaceAll(want, "shop_name", "shopName")
					got = strings.ReplaceAll(got, ",isMine:false,isCurrent:false", "")
				}
				if got != want {
					t.Errorf("got  %s\nwant %s", got, want)
				}
				if n := srv.Stats().Drops["frames_superseded"]; n != 300-2 {
					t.Errorf("%d frames counted, want 298", n)
				}
				if err := other.Shutdown(t.Context()); err != nil {
					t.Error(err)
				}
			})
	}
}

// TestSendHonoursDroppableAndLatest checks that they apply to Send, and that a reply is never discarded.
func TestSendHonoursDroppableAndLatest(t *testing.T) {
	slowTest(t, chanx.ServerOptions{Limits: chanx.Limits{SendQueueBytes: 400}},
		func(t *testing.T, srv *chanx.Server, say func(chanx.Message)) {
			slow, v := dialSlow(t, srv)
			say(plainMessage{"first"})
			slow.SendRef(wordsMessage{}, "1")
			synctest.Wait()
			for c := range srv.Conns() {
				for n := range 30 {
					if err := c.Send(t.Context(), priceMessage{Item: "tea", Price: n}); err != nil {
						t.Error(err)
					}
					if err := c.Send(t.Context(), typingMessage{N: n}); err != nil {
						t.Error(err)
					}
				}
			}
			v.reopen()
			got := news(slow)
			if len(got) < 4 || got[1] != "{typing,{who:reply,n:0},ref:1}" ||
				!slices.Contains(got, "{price,{item:tea,price:29},shop_name:}") || slices.Contains(got, "{price,{item:tea,price:28},shop_name:}") {
				t.Errorf("got %q", got)
			}
		})
}

// TestDropsAreLoggedOnceAMinute checks that the first drop is logged at once and the others after a minute.
func TestDropsAreLoggedOnceAMinute(t *testing.T) {
	var lines logRecorder
	slowTest(t, chanx.ServerOptions{Logger: slog.New(&lines), Limits: chanx.Limits{SendQueueBytes: 300}},
		func(t *testing.T, srv *chanx.Server, say func(chanx.Message)) {
			slow, v := dialSlow(t, srv)
			say(plainMessage{"first"})
			for n := range 100 {
				say(priceMessage{Item: "tea", Price: n})
			}
			if got := strings.Join(warnings(lines.take()), ";"); got != "WARN dropped what=frames_superseded count=1" {
				t.Errorf("at first: logged %s", got)
			}
			v.reopen()
			slow.Close(1000, "")
			pass(time.Minute)
			if got := strings.Join(warnings(lines.take()), ";"); got != "WARN dropped what=frames_superseded count=98" {
				t.Errorf("at the end: logged %s", got)
			}
		})
}

// TestLatestKeyThatPanics checks that the message is then sent as if it were not Latest.
func TestLatestKeyThatPanics(t *testing.T) {
	var lines logRecorder
	synctest.Test(t, func(t *testing.T) {
		srv := chanx.NewServer(&chanx.ServerOptions{Logger: slog.New(&lines)})
		c := newViewer()
		chanx.Sends[typingMessage](c, chanx.Latest(func(typingMessage) string { panic("no key") }))
		srv.Handle("/ws", c)
		client := chanxtest.Dial(t, srv, "/ws", nil)
		synctest.Wait()
		if err := srv.Broadcast(t.Context(), typingMessage{N: 1}, chanx.To("all")); err != nil {
			t.Error(err)
		}
		if got := chanxtest.Receive[typingMessage](client); got.Message.N != 1 {
			t.Errorf("got %+v", got)
		}
		if got := strings.Join(lines.take(), ";"); got != "ERROR key of latest message action=typing error=panic: no key" {
			t.Errorf("logged %s", got)
		}
		if err := srv.Shutdown(t.Context()); err != nil {
			t.Error(err)
		}
	})
}

func TestDroppableAndLatestAreInTheSpec(t *testing.T) {
	srv := chanx.NewServer(nil)
	srv.Handle("/ws", newViewer())
	got := map[string][2]bool{}
	for _, m := range srv.Spec().Channels[0].Sends {
		got[m.Action] = [2]bool{m.Droppable, m.Latest}
	}
	for action, want := range map[string][2]bool{"typing": {true, false}, "price": {false, true}, "plain": {}, "error": {}} {
		if got[action] != want {
			t.Errorf("%s: droppable, latest are %v, want %v", action, got[action], want)
		}
	}
}

// TestStreamOfLongItems has items of which two do not fit into the queue: the stream waits until the client reads.
func TestStreamOfLongItems(t *testing.T) {
	synctest.Test(t, func(t *testing.T) {
		srv := chanx.NewServer(&chanx.ServerOptions{Logger: quiet, Limits: chanx.Limits{SendQueueBytes: 200_000}})
		c := newState()
		chanx.OnStream(c, func(*state, context.Context, sayMessage) iter.Seq2[answerMessage, error] {
			return func(yield func(answerMessage, error) bool) {
				for range 20 {
					if !yield(answerMessage{strings.Repeat("x", 150_000)}, nil) {
						return
					}
				}
			}
		})
		srv.Handle("/ws", c)
		client := chanxtest.Dial(t, srv, "/ws", nil)
		client.SendRef(sayMessage{"go"}, "1")
		for range 20 {
			chanxtest.Receive[answerMessage](client)
		}
		chanxtest.Receive[chanx.CompleteMessage](client)
		if err := srv.Shutdown(t.Context()); err != nil {
			t.Error(err)
		}
	})
}
