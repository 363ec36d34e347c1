package socket

import (
	"errors"
	"runtime"
	"strings"
	"testing"
	"testing/synctest"
	"time"

	"github.com/gobwas/ws"
)

func TestPeerCloses(t *testing.T) {
	t.Parallel()
	long := strings.Repeat("x", 123)
	for name, k := range map[string]struct {
		frame []byte
		want  string
	}{
		"done":                 {closing(1000, ""), "1000"},
		"with a reason":        {closing(1001, "tab closed"), "1001 tab closed"},
		"no code":              {masked(ws.OpClose, true, ""), ""},
		"try again later":      {closing(1013, ""), "1013"},
		"bad gateway":          {closing(1014, ""), "1014"},
		"of a library":         {closing(3000, ""), "3000"},
		"of the application":   {closing(4999, "grüße"), "4999 grüße"},
		"the longest reason":   {closing(1000, long), "1000 " + long},
		"by what it received":  {closing(1007, ""), "1007"},
		"for a missing extent": {closing(1010, "deflate"), "1010 deflate"},
	} {
		t.Run(name, func(t *testing.T) {
			t.Parallel()
			synctest.Test(t, func(t *testing.T) {
				h, p := started(t, Options{}, nil)
				p.send(k.frame)
				want := strings.TrimSpace("close " + k.want)
				if len(want) > 40 { // as the peer shows it
					want = "close " + k.want
				}
				p.expect(want, "eof")
				if k.want == "" {
					k.want = "1005"
				}
				h.end(t, "closed "+k.want)
			})
		})
	}
}

// TestServerCloses: Close flushes the queue and waits for the peer's answer. Messages that the peer sends meanwhile are
// discarded and counted.
func TestServerCloses(t *testing.T) {
	t.Parallel()
	transports(t, Options{CloseTimeout: time.Minute}, func(t *testing.T, dial func(any, ...[]byte) (*recorder, *peer)) {
		h, p := dial("opened")
		p.expect("text opened")
		must(t, h.c.WriteText([]byte("one"), true))
		must(t, h.c.WriteText([]byte("two"), true))
		must(t, h.c.Close(4001, "enough"))
		p.expect("text one", "text two", "close 4001 enough")
		h.end(t, "e opened", "closed 4001 enough")
		half := text("half")
		p.send(text("late"), masked(ws.OpPing, true, "hello?"), masked(ws.OpText, false, "la"), half[:0])
		p.send(masked(ws.OpContinuation, true, "ter"), half[:5])
		p.send(half[5:], closing(4001, "")[:3])
		p.send(closing(4001, "")[3:])
		p.expect("eof")
		must(t, p.nc.Close())
		must(t, h.c.up.Wait(t.Context()))
		if n := h.dropped(DroppedMessages); n != 3 {
			t.Errorf("%d messages dropped", n)
		}
	})
}

func TestCloseReasonIsCut(t *testing.T) {
	t.Parallel()
	for name, k := range map[string][2]string{
		"at the limit":      {strings.Repeat("x", 123), strings.Repeat("x", 123)},
		"one too many":      {strings.Repeat("x", 124), strings.Repeat("x", 123)},
		"in a rune of two":  {strings.Repeat("é", 62), strings.Repeat("é", 61)},
		"in a rune of four": {"xx" + strings.Repeat("😀", 31), "xx" + strings.Repeat("😀", 30)},
		"not UTF-8":         {"a\xffb", "a\uFFFDb"},
		"grows and is cut":  {"\xff" + strings.Repeat("x", 122), "\uFFFD" + strings.Repeat("x", 120)},
	} {
		t.Run(name, func(t *testing.T) {
			t.Parallel()
			synctest.Test(t, func(t *testing.T) {
				h, p := started(t, Options{}, nil)
				must(t, h.c.Close(1008, k[0]))
				p.expect("close 1008 " + k[1])
				p.send(closing(1008, ""))
				p.expect("eof")
				h.end(t, "closed 1008 "+k[1])
			})
		})
	}
}

func TestCodesThatMayNotBeSent(t *testing.T) {
	t.Parallel()
	synctest.Test(t, func(t *testing.T) {
		h, p := started(t, Options{}, nil)
		for _, code := range []int{-1, 0, 999, 1004, CloseNoStatus, CloseAbnormal, 1015, 1016, 2999, 5000, 1000 + 1<<16} {
			if err := h.c.Close(code, ""); err == nil || errors.Is(err, ErrClosed) {
				t.Errorf("close %d: %v", code, err)
			}
			if err := h.c.CloseAfter(code, ""); err == nil || errors.Is(err, ErrClosed) {
				t.Errorf("close after %d: %v", code, err)
			}
		}
		p.send(text("still here"))
		p.expect("text still here")
		must(t, p.nc.Close())
		h.end(t)
	})
}

// TestCloseWhileAHandlerRuns: the handler finishes, but its writes and posts fail. Waiting items are dropped and
// counted.
func TestCloseWhileAHandlerRuns(t *testing.T) {
	t.Parallel()
	synctest.Test(t, func(t *testing.T) {
		h, p := started(t, Options{}, nil)
		h.message = func([]byte, bool) {
			time.Sleep(time.Second)
			if err := h.c.WriteText([]byte("x"), true); !errors.Is(err, ErrClosed) {
				t.Errorf("write: %v", err)
			}
			if err := h.c.WritePrepared([]Prepared{PrepareText(nil)}, false); !errors.Is(err, ErrClosed) {
				t.Errorf("write frames: %v", err)
			}
			if err := h.c.Post("x"); !errors.Is(err, ErrClosed) {
				t.Errorf("post: %v", err)
			}
		}
		p.send(text("slow"), text("waits"), text("waits too"))
		time.Sleep(time.Millisecond)
		must(t, h.c.Post("event"))
		time.Sleep(100 * time.Millisecond)
		begin := time.Now()
		must(t, h.c.Close(1001, ""))
		if err := h.c.Close(1000, ""); !errors.Is(err, ErrClosed) {
			t.Errorf("second close: %v", err)
		}
		p.expect("close 1001")
		p.send(closing(1001, ""))
		p.expect("eof")
		if d := time.Since(begin); d != 0 {
			t.Errorf("closed after %v", d)
		}
		h.end(t, "m slow", "closed 1001")
		if m, e := h.dropped(DroppedMessages), h.dropped(DroppedEvents); m != 2 || e != 1 {
			t.Errorf("%d messages and %d events dropped", m, e)
		}
		if s := h.c.up.Stats(); s.Drops[DroppedMessages] != 2 || s.Drops[DroppedEvents] != 1 {
			t.Errorf("counters %v", s.Drops)
		}
	})
}

// TestCloseByAHandler: a handler closes on the reader's goroutine. The rest of the batch is dropped, up to the peer's
// own Close frame.
func TestCloseByAHandler(t *testing.T) {
	t.Parallel()
	for name, abort := range map[string]bool{"close": false, "abort": true} {
		t.Run(name, func(t *testing.T) {
			t.Parallel()
			synctest.Test(t, func(t *testing.T) {
				h, p := started(t, Options{}, nil)
				h.message = func([]byte, bool) {
					if abort {
						h.c.Abort()
					} else {
						must(t, h.c.Close(1000, "enough"))
					}
				}
				p.send(text("one"), text("two"), masked(ws.OpPing, true, ""), text("three"), closing(1001, ""), text("four"))
				if abort {
					p.expect("eof")
					h.end(t, "m one", "closed 1006")
				} else {
					p.expect("close 1000 enough", "eof")
					h.end(t, "m one", "closed 1000 enough")
				}
				if n := h.dropped(DroppedMessages); n != 2 {
					t.Errorf("%d messages dropped", n)
				}
			})
		})
	}
}

func TestCloseAfter(t *testing.T) {
	t.Parallel()
	synctest.Test(t, func(t *testing.T) {
		h, p := started(t, Options{PingInterval: -1}, nil)
		h.message = func([]byte, bool) {
			must(t, h.c.CloseAfter(4000, "last"))
			if err := h.c.CloseAfter(4001, ""); !errors.Is(err, ErrClosed) {
				t.Errorf("second: %v", err)
			}
			if err := h.c.Post("x"); !errors.Is(err, ErrClosed) {
				t.Errorf("post: %v", err)
			}
			time.Sleep(time.Minute) // longer than CloseTimeout, which has not started yet
			must(t, h.c.WriteText([]byte("a last word"), true))
		}
		begin := time.Now()
		p.send(text("one"), text("two"))
		p.expect("text a last word", "close 4000 last")
		if d := time.Since(begin); d != time.Minute {
			t.Errorf("after %v", d)
		}
		must(t, p.nc.Close())
		h.end(t, "m one", "closed 4000 last")
		if n := h.dropped(DroppedMessages); n != 1 {
			t.Errorf("%d messages dropped", n)
		}
	})
}

func TestCloseAfterNothing(t *testing.T) {
	t.Parallel()
	synctest.Test(t, func(t *testing.T) {
		h, p := started(t, Options{}, nil)
		synctest.Wait()
		must(t, h.c.CloseAfter(4000, "idle"))
		p.expect("close 4000 idle")
		must(t, p.nc.Close())
		h.end(t, "closed 4000 idle")

		c, p := piped(t, h.c.up) // the same before Start
		must(t, c.CloseAfter(4000, "early"))
		p.expect("close 4000 early")
		p.send(closing(1000, ""))
		p.expect("eof")
		must(t, c.up.Wait(t.Context()))
	})
}

// TestCloseAfterThenClose: Close does not wait for the handler, but the cause of CloseAfter stays.
func TestCloseAfterThenClose(t *testing.T) {
	t.Parallel()
	synctest.Test(t, func(t *testing.T) {
		h, p := started(t, Options{}, nil)
		h.message = func([]byte, bool) { time.Sleep(time.Minute) }
		p.send(text("slow"))
		time.Sleep(time.Second)
		must(t, h.c.CloseAfter(4000, "first"))
		if err := h.c.Close(4001, "second"); !errors.Is(err, ErrClosed) {
			t.Errorf("close: %v", err)
		}
		p.expect("close 4000 first")
		p.send(closing(1000, ""))
		p.expect("eof")
		h.end(t, "m slow", "closed 4000 first")
	})
}

// TestMessagesBeforeThePeersClose: messages before the peer's Close frame are handled in order, with a live context.
func TestMessagesBeforeThePeersClose(t *testing.T) {
	t.Parallel()
	synctest.Test(t, func(t *testing.T) {
		h, p := started(t, Options{}, nil)
		h.message = func(m []byte, _ bool) {
			time.Sleep(time.Second)
			select {
			case <-h.lost:
				t.Errorf("lost at %s", m)
			default:
			}
			must(t, h.c.WriteText(m, true))
		}
		p.send(text("one"), text("two"), text("three"), closing(1000, "bye"), text("never"))
		p.expect("text one", "text two", "text three", "close 1000 bye", "eof")
		h.end(t, "m one", "m two", "m three", "closed 1000 bye")
	})
}

// TestCloseTimeout: CloseTimeout limits how long these messages may take. Then the context ends, waiting messages are
// dropped, and no Close frame is sent.
func TestCloseTimeout(t *testing.T) {
	t.Parallel()
	synctest.Test(t, func(t *testing.T) {
		h, p := started(t, Options{}, nil)
		h.message = func([]byte, bool) { <-h.lost }
		begin := time.Now()
		p.send(text("one"), text("two"), closing(1000, "bye"))
		p.expect("eof")
		h.end(t, "m one", "closed 1000 bye")
		if d := time.Since(begin); d < 5*time.Second || d > 5*time.Second+10*time.Millisecond {
			t.Errorf("after %v", d)
		}
		if n := h.dropped(DroppedMessages); n != 1 {
			t.Errorf("%d messages dropped", n)
		}
	})
}

// TestPeerDoesNotAnswer: the peer reacts neither to our Close frame nor to the closed write side.
func TestPeerDoesNotAnswer(t *testing.T) {
	t.Parallel()
	for name, k := range map[string]struct {
		o Options
		d time.Duration
	}{
		"default": {Options{}, 5 * time.Second},
		"longer":  {Options{CloseTimeout: time.Hour}, time.Hour},
		"off":     {Options{CloseTimeout: -1}, 48 * time.Hour},
	} {
		t.Run(name, func(t *testing.T) {
			t.Parallel()
			synctest.Test(t, func(t *testing.T) {
				h, p := started(t, k.o, nil)
				begin := time.Now()
				p.send(text("half")[:3]) // MessageTimeout no longer applies
				must(t, h.c.Close(1000, ""))
				p.expect("close 1000")
				h.end(t, "closed 1000")
				if k.o.CloseTimeout < 0 {
					time.Sleep(k.d)
					p.send(text("half")[3:], closing(1000, ""))
				}
				p.expect("eof")
				if d := time.Since(begin); d != k.d {
					t.Errorf("after %v", d)
				}
				must(t, h.c.up.Wait(t.Context()))
			})
		})
	}
}

// TestCloseAnswersThePeerAtOnce: after the peer's Close frame, Close answers it without waiting for earlier messages.
func TestCloseAnswersThePeerAtOnce(t *testing.T) {
	t.Parallel()
	synctest.Test(t, func(t *testing.T) {
		h, p := started(t, Options{}, nil)
		h.message = func([]byte, bool) { time.Sleep(time.Second) }
		p.send(text("one"), text("two"), closing(1000, "bye"))
		time.Sleep(500 * time.Millisecond)
		if err := h.c.Close(1001, "me too"); !errors.Is(err, ErrClosed) {
			t.Errorf("close: %v", err)
		}
		if err := h.c.CloseAfter(1001, "me too"); !errors.Is(err, ErrClosed) {
			t.Errorf("close after: %v", err)
		}
		p.expect("close 1000 bye", "eof")
		h.end(t, "m one", "closed 1000 bye")
	})
}

// TestClosedMayTakeLong: the transport closes when the peer answers, even if Closed still runs.
func TestClosedMayTakeLong(t *testing.T) {
	t.Parallel()
	synctest.Test(t, func(t *testing.T) {
		h, p := started(t, Options{CloseTimeout: -1}, nil)
		h.message = func([]byte, bool) { must(t, h.c.Close(1000, "")) }
		h.last = func() { time.Sleep(time.Minute) }
		begin := time.Now()
		p.send(text("one"))
		p.expect("close 1000")
		p.send(closing(1000, ""))
		p.expect("eof")
		if d := time.Since(begin); d != 0 {
			t.Errorf("after %v", d)
		}
		must(t, h.c.up.Wait(t.Context()))
		if d := time.Since(begin); d != time.Minute {
			t.Errorf("Wait returned after %v", d)
		}
		h.end(t, "m one", "closed 1000")
	})
}

// TestClosesCross: if two Close frames cross, each side takes the other's as the answer.
func TestClosesCross(t *testing.T) {
	t.Parallel()
	transports(t, Options{}, func(t *testing.T, dial func(any, ...[]byte) (*recorder, *peer)) {
		h, p := dial(nil)
		go p.send(closing(1001, ""))
		_ = h.c.Close(4000, "") // fails if the peer's Close frame came first
		if f := p.frame(); f != "close 4000" && f != "close 1001" {
			t.Errorf("frame %q", f)
		}
		p.expect("eof")
		h.end(t)
		must(t, p.nc.Close())
	})
}

// TestEndBeforeStart: on a connection that ended before Start, only Closing, Lost and Closed are called.
func TestEndBeforeStart(t *testing.T) {
	t.Parallel()
	for name, k := range map[string]struct {
		end  func(c *Conn, p *peer)
		want string
	}{
		"closed, not answered": {func(c *Conn, p *peer) {
			must(p.t, c.Close(4003, "no"))
			p.expect("close 4003 no")
		}, "closed 4003 no"},
		"closed and answered": {func(c *Conn, p *peer) {
			must(p.t, c.WriteText([]byte("why"), true))
			must(p.t, c.Close(4003, "no"))
			p.expect("text why", "close 4003 no")
			p.send(closing(4003, ""))
			p.expect("eof")
		}, "closed 4003 no"},
		"aborted": {func(c *Conn, p *peer) {
			c.Abort()
			p.expect("eof")
		}, "closed 1006"},
	} {
		t.Run(name, func(t *testing.T) {
			t.Parallel()
			synctest.Test(t, func(t *testing.T) {
				c, p := piped(t, NewUpgrader(Options{}), text("early"))
				must(t, c.Post("posted"))
				k.end(c, p)
				h := newRecorder(c)
				c.Start(h, "first")
				h.end(t, k.want)
				must(t, p.nc.Close())
				must(t, c.up.Wait(t.Context()))
				synctest.Wait()
				if s := c.up.Stats(); s.Drops[DroppedMessages] != 1 || s.Drops[DroppedEvents] != 1 {
					t.Errorf("drops %v", s.Drops)
				}
			})
		})
	}
}

func TestStartTwicePanics(t *testing.T) {
	t.Parallel()
	synctest.Test(t, func(t *testing.T) {
		h, p := started(t, Options{}, nil)
		func() {
			defer func() {
				if r := recover(); r != "socket: Start called twice" {
					t.Errorf("panic %v", r)
				}
			}()
			h.c.Start(h, nil)
		}()
		must(t, p.nc.Close())
		h.end(t, "closed 1006")
	})
}

// TestPeerVanishes: the peer is lost while a handler runs. Lost is called within 10 ms, Closed after the handler; the
// waiting items are dropped and counted.
func TestPeerVanishes(t *testing.T) {
	t.Parallel()
	for name, at := range map[string]time.Duration{"at once": 0, "soon": 2 * time.Millisecond, "late": time.Second} {
		t.Run(name, func(t *testing.T) {
			t.Parallel()
			synctest.Test(t, func(t *testing.T) {
				h, p := started(t, Options{}, nil)
				var vanished time.Time
				h.message = func([]byte, bool) {
					<-h.lost
					if d := time.Since(vanished); d > 10*time.Millisecond {
						t.Errorf("Lost called after %v", d)
					}
					time.Sleep(time.Second)
				}
				p.send(text("slow"), text("waits"))
				time.Sleep(at)
				synctest.Wait()
				must(t, h.c.Post("waits"))
				vanished = time.Now()
				must(t, p.nc.Close())
				h.end(t, "m slow", "closed 1006")
				if m, e := h.dropped(DroppedMessages), h.dropped(DroppedEvents); m != 1 || e != 1 {
					t.Errorf("%d messages and %d events dropped", m, e)
				}
			})
		})
	}
}

// TestHandlerThatEndsItsGoroutine: runtime.Goexit in a handler counts as its return. The rest of its batch and later
// messages are handled, and the connection ends as usual, even if the last call exits too.
func TestHandlerThatEndsItsGoroutine(t *testing.T) {
	t.Parallel()
	synctest.Test(t, func(t *testing.T) {
		u := NewUpgrader(Options{})
		c, p := piped(t, u)
		h := newRecorder(c)
		h.message = func(b []byte, _ bool) {
			if string(b) == "exit" {
				runtime.Goexit()
			}
		}
		h.event = func(any) { runtime.Goexit() }
		h.last = func() { defer close(h.closed); runtime.Goexit() }
		c.Start(h, "first")
		p.send(text("exit"), text("1"), text("exit"), text("2"))
		synctest.Wait()
		must(t, h.c.Post("event"))
		synctest.Wait()
		p.send(text("3"))
		synctest.Wait()
		must(t, h.c.Close(1000, ""))
		p.expect("close 1000")
		must(t, p.nc.Close())
		h.end(t, "e first", "m exit", "m 1", "m exit", "m 2", "e event", "m 3", "closed 1000")
		synctest.Wait()
		if n := u.Stats().Open; n != 0 {
			t.Errorf("%d connections are open", n)
		}
	})
}
