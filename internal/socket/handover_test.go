package socket

import (
	"fmt"
	"slices"
	"strings"
	"testing"
	"testing/synctest"
	"time"

	"github.com/gobwas/ws"
)

// slowly makes the handler take 20 ms for each text that begins with "slow", and post "event" when it gets "post".
func (h *recorder) slowly() *recorder {
	run := func(s string) {
		if strings.Contains(s, "post") {
			if err := h.c.Post("event"); err != nil {
				panic(err)
			}
		}
		if strings.HasPrefix(s, "slow") {
			time.Sleep(20 * time.Millisecond) // in a bubble
		}
		_ = h.c.WriteText([]byte(s), true) // fails at the end of some tests
	}
	h.message = func(m []byte, _ bool) { run(string(m)) }
	h.event = func(e any) { run(fmt.Sprint(e)) }
	return h
}

// TestHandOverKeepsTheOrder: the rest of the batch is handled before an event that was posted after it was read. Later
// messages follow both.
func TestHandOverKeepsTheOrder(t *testing.T) {
	t.Parallel()
	for _, first := range []string{"post", "slow post"} {
		t.Run(first, func(t *testing.T) {
			t.Parallel()
			synctest.Test(t, func(t *testing.T) {
				h, p := started(t, Options{}, nil)
				h.slowly()
				p.send(text(first), text("slow"), masked(ws.OpPing, true, "x"), text("three"), text("slow four"))
				time.Sleep(10 * time.Millisecond)
				p.send(text("five"))
				p.send(closing(1000, ""))
				var frames []string
				for f := p.frame(); f != "eof"; f = p.frame() {
					frames = append(frames, f)
				}
				h.end(t, "m "+first, "m slow", "m three", "m slow four", "e event", "m five", "closed 1000")
				if i := slices.Index(frames, "pong x"); i < 0 || len(frames) != 8 || frames[7] != "close 1000" {
					t.Errorf("frames %q", frames)
				}
				if s := h.c.up.Stats(); s.HandOvers != 1 {
					t.Errorf("%d hand-overs", s.HandOvers)
				}
			})
		})
	}
}

// TestManyHandOvers: each slow run of the reader causes a hand-over, and the order is kept.
func TestManyHandOvers(t *testing.T) {
	t.Parallel()
	synctest.Test(t, func(t *testing.T) {
		h, p := started(t, Options{}, nil)
		h.slowly()
		var want []string
		for i := range 20 {
			p.send(text(fmt.Sprint("slow ", i)), text(fmt.Sprint("fast ", i)))
			p.expect(fmt.Sprint("text slow ", i), fmt.Sprint("text fast ", i))
			want = append(want, fmt.Sprint("m slow ", i), fmt.Sprint("m fast ", i))
		}
		must(t, p.nc.Close())
		h.end(t, append(want, "closed 1006")...)
		if s := h.c.up.Stats(); s.HandOvers != 20 {
			t.Errorf("%d hand-overs", s.HandOvers)
		}
	})
}

// TestHandOverWithHalfAFrame: the new reader continues an incomplete frame of the batch, wherever it is cut.
func TestHandOverWithHalfAFrame(t *testing.T) {
	t.Parallel()
	long := string(text(strings.Repeat("x", 300)))
	fragmented := string(masked(ws.OpText, false, strings.Repeat("x", 150))) + string(masked(ws.OpPing, true, "between")) +
		string(masked(ws.OpContinuation, true, strings.Repeat("x", 150)))
	for _, k := range []struct {
		name string
		b    string
		cuts []int
	}{
		{"one frame", long, []int{0, 1, 2, 3, 4, 7, 8, 9, 200, len(long) - 1}},
		{"fragments", fragmented, []int{1, 8, 100, 157, 158, 159, 160, 165, 170, 171, 180, 190, len(fragmented) - 1}},
	} {
		for _, cut := range k.cuts {
			t.Run(fmt.Sprint(k.name, " ", cut), func(t *testing.T) {
				t.Parallel()
				synctest.Test(t, func(t *testing.T) {
					h, p := started(t, Options{}, nil)
					h.slowly()
					p.send(text("slow"), []byte(k.b[:cut]))
					time.Sleep(10 * time.Millisecond)
					go p.send([]byte(k.b[cut:]))
					want := []string{"text slow", "text xxxxxxxx…300"}
					for len(want) > 0 {
						switch f := p.frame(); f {
						case "pong between":
						case want[0]:
							want = want[1:]
						default:
							t.Fatalf("frame %q, want %q", f, want[0])
						}
					}
					must(t, p.nc.Close())
					h.end(t, "m slow", "m xxxxxxxx…300", "closed 1006")
				})
			})
		}
	}
}

// TestHandOverOfTheFirstEvent: a slow first event does not delay pongs, and messages that arrived with the handshake
// wait behind it.
func TestHandOverOfTheFirstEvent(t *testing.T) {
	t.Parallel()
	synctest.Test(t, func(t *testing.T) {
		c, p := piped(t, NewUpgrader(Options{}), text("early"), text("too")[:5])
		h := newRecorder(c)
		must(t, c.Post("queued")) // after the two messages were received
		c.Start(h.slowly(), "slow")
		p.send(text("too")[5:], masked(ws.OpPing, true, "?"))
		p.expect("pong ?", "text slow", "text early", "text queued", "text too")
		must(t, p.nc.Close())
		h.end(t, "e slow", "m early", "e queued", "m too", "closed 1006")
	})
}

// TestEventsOfAnIdleConnection: events do not disturb the reader of an idle connection.
func TestEventsOfAnIdleConnection(t *testing.T) {
	t.Parallel()
	synctest.Test(t, func(t *testing.T) {
		h, p := started(t, Options{}, nil)
		h.slowly()
		half := text("half")
		p.send(half[:7])
		must(t, h.c.Post("slow 1"))
		time.Sleep(time.Millisecond)
		p.send(half[7:], masked(ws.OpPing, true, "?"))
		p.expect("pong ?", "text slow 1", "text half")
		must(t, h.c.Post("2"))
		p.expect("text 2")
		must(t, p.nc.Close())
		h.end(t, "e slow 1", "m half", "e 2", "closed 1006")
		if s := h.c.up.Stats(); s.HandOvers != 0 {
			t.Errorf("%d hand-overs", s.HandOvers)
		}
	})
}

// TestOutdatedSlowRun: if the sweeper reports a run that has ended, the next run is not affected.
func TestOutdatedSlowRun(t *testing.T) {
	t.Parallel()
	synctest.Test(t, func(t *testing.T) {
		h, p := started(t, Options{}, nil)
		h.message = func([]byte, bool) {
			h.c.mu.Lock()
			no := h.c.runNo
			h.c.mu.Unlock()
			for old := range no {
				h.c.overdue(old)
			}
			h.c.mu.Lock()
			if !h.c.watched || h.c.runner != runnerInline {
				t.Error("affected by an outdated slowRun")
			}
			h.c.mu.Unlock()
			time.Sleep(6 * time.Millisecond)
			h.c.mu.Lock()
			if h.c.watched || h.c.runner == runnerInline {
				t.Error("not affected by its own")
			}
			h.c.mu.Unlock()
		}
		for range 3 {
			p.send(text("x"))
			time.Sleep(7 * time.Millisecond)
		}
		must(t, p.nc.Close())
		h.end(t)
		if s := h.c.up.Stats(); s.HandOvers != 3 {
			t.Errorf("%d hand-overs", s.HandOvers)
		}
	})
}

// TestSweeperForgets: without runs the sweeper's lists are empty and its timer is off.
func TestSweeperForgets(t *testing.T) {
	t.Parallel()
	synctest.Test(t, func(t *testing.T) {
		u := NewUpgrader(Options{PingInterval: -1})
		for i := range 40 {
			c, p := piped(t, u)
			h := newRecorder(c)
			c.Start(h.slowly(), "slow")
			time.Sleep(time.Duration(i) * time.Millisecond)
			must(t, p.nc.Close())
			<-h.closed
		}
		must(t, u.Wait(t.Context()))
		time.Sleep(10 * time.Millisecond)
		for i := range u.sweeper.lists {
			if l := &u.sweeper.lists[i]; l.head != nil || l.tail != nil {
				t.Errorf("list %d is not empty", i)
			}
		}
		if due := u.sweeper.due.Load(); due != 0 {
			t.Errorf("due at %v", time.Duration(due))
		}
	})
}

// TestPongThatFindsTheQueueFull: a pong that does not fit ends the connection at once. Everything behind the ping is
// dropped and counted, in any state of the reader.
func TestPongThatFindsTheQueueFull(t *testing.T) {
	t.Parallel()
	for name, k := range map[string]struct {
		first    string
		split    bool // the rest arrives while the first message is handled
		log      []string
		messages int
		events   int
	}{
		"inline":       {"fast", false, []string{"m fast", "m two", "closed 1013 too slow"}, 3, 0},
		"at hand-over": {"slow", false, []string{"m slow", "closed 1013 too slow"}, 4, 1},
		"by a reader":  {"slow", true, []string{"m slow", "closed 1013 too slow"}, 4, 1},
	} {
		t.Run(name, func(t *testing.T) {
			t.Parallel()
			synctest.Test(t, func(t *testing.T) {
				h, p := started(t, Options{SendQueueBytes: 100}, nil)
				h.message = func(m []byte, _ bool) {
					switch string(m) {
					case "slow":
						must(t, h.c.Post("event"))
						fallthrough
					case "fast":
						must(t, h.c.WriteText(make([]byte, 90), false))
					}
					if string(m) == "slow" {
						time.Sleep(20 * time.Millisecond)
					}
				}
				rest := [][]byte{
					text("two"), masked(ws.OpPing, true, strings.Repeat("?", 100)), text("three"), text("four"),
					masked(ws.OpText, false, "fi"),
				}
				if k.split {
					p.send(text(k.first))
					time.Sleep(10 * time.Millisecond)
					p.send(rest...)
				} else {
					p.send(append([][]byte{text(k.first)}, rest...)...)
				}
				time.Sleep(50 * time.Millisecond)
				p.expect("text "+abbreviated(make([]byte, 90)), "close 1013 too slow")
				p.send(masked(ws.OpContinuation, true, "ve"), closing(1013, ""))
				p.expect("eof")
				h.end(t, k.log...)
				synctest.Wait()
				if m, e := h.dropped(DroppedMessages), h.dropped(DroppedEvents); m != k.messages || e != k.events {
					t.Errorf("%d messages and %d events dropped, want %d and %d", m, e, k.messages, k.events)
				}
			})
		})
	}
}

// TestPongThatFindsTheQueueFullInAMessage: the dropped bytes begin behind the ping, not behind the fragment before it.
func TestPongThatFindsTheQueueFullInAMessage(t *testing.T) {
	t.Parallel()
	synctest.Test(t, func(t *testing.T) {
		h, p := started(t, Options{SendQueueBytes: 100}, nil)
		must(t, h.c.WriteText(make([]byte, 90), false))
		fragment := masked(ws.OpText, false, strings.Repeat("x", 100))
		p.send(fragment[:50])
		p.send(fragment[50:], masked(ws.OpPing, true, strings.Repeat("?", 100)), masked(ws.OpContinuation, true, "y"), text("z"))
		synctest.Wait()
		p.expect("text "+abbreviated(make([]byte, 90)), "close 1013 too slow")
		p.send(closing(1013, ""))
		p.expect("eof")
		h.end(t, "closed 1013 too slow")
		if n := h.dropped(DroppedMessages); n != 2 {
			t.Errorf("%d messages dropped", n)
		}
	})
}

// TestArrived: Arrived is called only for messages that have to wait, when they are read and in order, in every state
// of the reader. If it returns false, the message is not handled and is not counted in ahead.
func TestArrived(t *testing.T) {
	t.Parallel()
	synctest.Test(t, func(t *testing.T) {
		c, p := piped(t, NewUpgrader(Options{}))
		h := newRecorder(c)
		h.slowly()
		begin := time.Now()
		var arrived []string // guarded by the connection's lock
		h.arrived = func(m []byte, binary bool, ahead uint64) (answer []byte, waits bool) {
			arrived = append(arrived, fmt.Sprint(string(m), " ", binary, " ", time.Since(begin).Round(5*time.Millisecond), " ", ahead))
			return nil, !strings.HasPrefix(string(m), "now")
		}
		c.Start(h, nil)
		p.send(text("slow"), text("now 1"), masked(ws.OpBinary, true, "two"))
		time.Sleep(10 * time.Millisecond)
		p.send(masked(ws.OpText, false, "now "), masked(ws.OpContinuation, true, "3"), text("four"))
		time.Sleep(time.Second)
		p.send(text("five"), closing(1000, ""))
		for f := p.frame(); f != "eof"; f = p.frame() {
			if strings.Contains(f, "now") {
				t.Errorf("frame %q", f)
			}
		}
		h.end(t, "m slow", "m two", "m four", "m five", "closed 1000")
		want := []string{"now 1 false 5ms 1", "two true 5ms 1", "now 3 false 10ms 2", "four false 10ms 2"}
		if !slices.Equal(arrived, want) {
			t.Errorf("arrived %q, want %q", arrived, want)
		}
		if n := h.dropped(DroppedMessages); n != 0 {
			t.Errorf("%d messages dropped", n)
		}
	})
}
