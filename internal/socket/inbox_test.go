package socket

import (
	"errors"
	"fmt"
	"strings"
	"sync"
	"sync/atomic"
	"testing"
	"testing/synctest"
	"time"

	"github.com/gobwas/ws"
)

// TestBackPressure: while the inbox is full the socket is not read. Reading resumes when there is room, and nothing is
// lost.
func TestBackPressure(t *testing.T) {
	t.Parallel()
	for name, k := range map[string]struct {
		o    Options
		size int
		most int // messages read while the handler blocks: its own and the inbox
	}{
		"16 messages":   {Options{}, 1, 1 + 16},
		"4 messages":    {Options{InboxMessages: 4}, 1, 1 + 4},
		"128 KiB":       {Options{InboxMessages: 1000}, 8000, 1 + 17},
		"1000 bytes":    {Options{InboxBytes: 1000}, 300, 1 + 4},
		"one at a time": {Options{InboxBytes: 1}, 1, 1 + 1},
		"off":           {Options{InboxMessages: -1, InboxBytes: -1}, 100, 200},
	} {
		t.Run(name, func(t *testing.T) {
			t.Parallel()
			synctest.Test(t, func(t *testing.T) { backPressure(t, k.o, k.size, k.most) })
		})
	}
}

func backPressure(t *testing.T, o Options, size, most int) {
	o.PingInterval = -1
	h, p := started(t, o, nil)
	goOn := make(chan struct{})
	next := 0
	h.message = func(m []byte, _ bool) {
		<-goOn
		if want := fmt.Sprintf("%0*d", size, next); string(m) != want {
			t.Errorf("message %.20s, want %.20s", m, want)
		}
		next++
	}
	const all = 200
	var taken atomic.Int64
	var sender sync.WaitGroup
	sender.Go(func() {
		for i := range all {
			p.send(text(fmt.Sprintf("%0*d", size, i)))
			taken.Add(1)
			time.Sleep(10 * time.Millisecond) // in a bubble: one read each
		}
	})
	time.Sleep(time.Minute / 2) // in a bubble
	synctest.Wait()
	if n := taken.Load(); n != int64(most) {
		t.Errorf("%d messages read, want %d", n, most)
	}
	for range all {
		goOn <- struct{}{}
		synctest.Wait()
		if n := int(taken.Load()) - next; n > most {
			t.Errorf("%d messages are waiting", n)
		}
	}
	sender.Wait()
	p.send(closing(1000, ""))
	p.expect("close 1000", "eof")
	h.end(t)
	if next != all {
		t.Errorf("%d messages of %d", next, all)
	}
	if waits := h.c.up.Stats().Pauses; (waits > 0) != (most < all) {
		t.Errorf("paused %d times", waits)
	}
}

// TestEventQueue: 256 events may wait; one more closes with 1013. The waiting events are dropped and counted.
func TestEventQueue(t *testing.T) {
	t.Parallel()
	synctest.Test(t, func(t *testing.T) {
		h, p := started(t, Options{}, nil)
		h.event = func(any) { time.Sleep(time.Second) }
		must(t, h.c.Post("runs"))
		synctest.Wait()
		for range 256 {
			must(t, h.c.Post("waits"))
		}
		if err := h.c.Post("too many"); !errors.Is(err, ErrQueueFull) {
			t.Errorf("overflow: %v", err)
		}
		if err := h.c.Post("later"); !errors.Is(err, ErrClosed) {
			t.Errorf("behind it: %v", err)
		}
		p.expect("close 1013 event queue is full")
		p.send(closing(1013, ""))
		p.expect("eof")
		h.end(t, "e runs", "closed 1013 event queue is full")
		if a, b := h.dropped(EventOverflow), h.dropped(DroppedEvents); a != 1 || b != 256 {
			t.Errorf("%d events refused, %d dropped", a, b)
		}
	})
}

// TestEventsAndMessagesInOrder: events and messages are handled in order of arrival when both kinds wait.
func TestEventsAndMessagesInOrder(t *testing.T) {
	t.Parallel()
	synctest.Test(t, func(t *testing.T) {
		h, p := started(t, Options{}, nil)
		slow := func() { time.Sleep(100 * time.Millisecond) }
		h.message = func([]byte, bool) { slow() }
		h.event = func(any) { slow() }
		var want []string
		for i := range 5 {
			must(t, h.c.Post(fmt.Sprint(i)))
			synctest.Wait()
			p.send(text(fmt.Sprint(i)), text("and"))
			synctest.Wait()
			want = append(want, fmt.Sprint("e ", i), fmt.Sprint("m ", i), "m and")
			if i == 1 {
				time.Sleep(time.Second) // until no handler runs
			}
		}
		p.send(closing(1000, ""))
		p.expect("close 1000", "eof")
		h.end(t, append(want, "closed 1000")...)
	})
}

// TestPostFromManyGoroutines: the events of each goroutine are handled in its order, completely, and one at a time with
// messages.
func TestPostFromManyGoroutines(t *testing.T) {
	t.Parallel()
	transports(t, Options{EventQueue: -1}, func(t *testing.T, dial func(any, ...[]byte) (*recorder, *peer)) {
		h, p := dial(nil)
		const posters, each = 8, 200
		next := map[int]int{}
		h.event = func(e any) {
			k := e.([2]int)
			if next[k[0]] != k[1] {
				t.Errorf("event %d of %d, want %d", k[1], k[0], next[k[0]])
			}
			next[k[0]]++
		}
		var wg sync.WaitGroup
		for i := range posters {
			wg.Go(func() {
				for n := range each {
					if err := h.c.Post([2]int{i, n}); err != nil {
						t.Errorf("post: %v", err)
					}
				}
			})
		}
		for n := range each {
			p.send(text(fmt.Sprint(n)))
			p.expect(fmt.Sprint("text ", n))
		}
		wg.Wait()
		p.send(text("last"))
		p.expect("text last")
		p.send(closing(1000, ""))
		p.expect("close 1000", "eof")
		h.end(t)
		must(t, p.nc.Close())
		if n := len(h.log); n != posters*each+each+2 {
			t.Errorf("%d calls", n)
		}
	})
}

// TestDropsOfAPausedReader: messages that a paused reader has read but not queued are counted too.
func TestDropsOfAPausedReader(t *testing.T) {
	t.Parallel()
	for name, end := range map[string]func(h *recorder, p *peer){
		"abort": func(h *recorder, p *peer) {
			h.c.Abort()
			p.expect("eof")
		},
		"close": func(h *recorder, p *peer) {
			must(p.t, h.c.Close(1001, ""))
			p.expect("close 1001")
			p.send(text("late"), closing(1001, ""))
			p.expect("eof")
		},
	} {
		t.Run(name, func(t *testing.T) {
			t.Parallel()
			synctest.Test(t, func(t *testing.T) {
				h, p := started(t, Options{InboxMessages: 2}, nil)
				h.message = func([]byte, bool) { time.Sleep(time.Second) }
				p.send(text("slow"))
				time.Sleep(100 * time.Millisecond)
				p.send(text("one"), text("two"), text("three"), text("four"), text("half")[:5])
				synctest.Wait()
				end(h, p)
				h.end(t)
				synctest.Wait()
				want := 4
				if name == "close" {
					want = 5 // the half message was completed by the next bytes
				}
				if n := h.dropped(DroppedMessages); n != want {
					t.Errorf("%d messages dropped, want %d", n, want)
				}
			})
		})
	}
}

// TestInboxThatIsNeverEmpty: an inbox that is never empty does not grow, and keeps its order.
func TestInboxThatIsNeverEmpty(t *testing.T) {
	t.Parallel()
	var q inbox
	in, out := 0, 0
	push := func() {
		q.push(item{kind: messageItem, p: fmt.Append(nil, in)})
		in++
	}
	push()
	for range 10000 {
		push()
		push()
		for range 2 {
			it, ok := q.pop()
			if !ok || string(it.p) != fmt.Sprint(out) {
				t.Fatalf("%s %v, want %d", it.p, ok, out)
			}
			out++
		}
	}
	if q.messages != 1 || cap(q.items) > 16 {
		t.Errorf("%d messages in room for %d", q.messages, cap(q.items))
	}
}

// TestMessageTimeoutStopsWhilePaused: a pause does not count, because the peer could not send the rest.
func TestMessageTimeoutStopsWhilePaused(t *testing.T) {
	t.Parallel()
	synctest.Test(t, func(t *testing.T) {
		h, p := started(t, Options{InboxMessages: 1, PingInterval: -1}, nil)
		h.message = func(m []byte, _ bool) {
			if string(m) == "slow" {
				time.Sleep(time.Minute)
			}
		}
		p.send(text("slow"), text("waits"), masked(ws.OpText, false, "one "))
		time.Sleep(time.Second)
		begin := time.Now()
		p.send(masked(ws.OpContinuation, false, "two ")) // read, and held until there is room
		p.send(masked(ws.OpContinuation, true, "three"))
		if d := time.Since(begin); d < 58*time.Second {
			t.Errorf("not paused: %v", d)
		}
		p.send(masked(ws.OpText, false, strings.Repeat("x", 10)))
		begin = time.Now()
		p.expect("close 1013 message took too long")
		if d := time.Since(begin); d != 10*time.Second {
			t.Errorf("after %v", d)
		}
		must(t, p.nc.Close())
		h.end(t, "m slow", "m waits", "m one two three", "closed 1013 message took too long")
	})
}
