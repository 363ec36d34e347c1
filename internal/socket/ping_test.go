package socket

import (
	"fmt"
	"io"
	"strings"
	"testing"
	"testing/synctest"
	"time"

	"github.com/gobwas/ws"
)

// TestFirstPing: the first ping comes after 0.8 to 1 times the interval, rounded up to a slot of the wheel, at
// different times for different connections.
func TestFirstPing(t *testing.T) {
	t.Parallel()
	synctest.Test(t, func(t *testing.T) {
		u := NewUpgrader(Options{})
		const n = 100
		times := make(chan time.Duration, n)
		for i := range n {
			c, p := piped(t, u)
			h := newRecorder(c)
			c.Start(h, nil)
			begin := time.Now()
			go func() {
				p.expect("ping")
				times <- time.Since(begin)
				must(t, p.nc.Close())
				<-h.closed
			}()
			if i%10 == 0 {
				time.Sleep(100 * time.Millisecond)
			}
		}
		first, last := time.Hour, time.Duration(0)
		for range n {
			d := <-times
			first, last = min(first, d), max(last, d)
		}
		if first < 20*time.Second || first > 22*time.Second || last < 23*time.Second || last > 25*time.Second+u.wheel.every {
			t.Errorf("from %v to %v", first, last)
		}
		must(t, u.Wait(t.Context()))
	})
}

// TestPings: pings continue as long as they are answered, none too early and none missing.
func TestPings(t *testing.T) {
	t.Parallel()
	for name, o := range map[string]Options{
		"default":                   {},
		"interval below the answer": {PingInterval: 2 * time.Second},
		"far apart":                 {PingInterval: time.Hour, PongTimeout: time.Second},
		"nobody waits for answers":  {PongTimeout: -1},
	} {
		t.Run(name, func(t *testing.T) {
			t.Parallel()
			synctest.Test(t, func(t *testing.T) {
				h, p := started(t, o, nil)
				interval := h.c.up.opt.PingInterval
				most := max(interval, h.c.up.opt.PongTimeout) + 2*h.c.up.wheel.every
				for range 50 {
					begin := time.Now()
					p.expect("ping")
					if d := time.Since(begin); d < interval*8/10-h.c.up.wheel.every || d > most {
						t.Errorf("after %v, want %v to %v", d, interval*8/10, most)
					}
					p.send(masked(ws.OpPong, true, ""))
				}
				must(t, p.nc.Close())
				h.end(t, "closed 1006")
			})
		})
	}
}

func TestNoPings(t *testing.T) {
	t.Parallel()
	synctest.Test(t, func(t *testing.T) {
		h, p := started(t, Options{PingInterval: -1}, nil)
		p.quiet(24 * time.Hour)
		p.send(text("still here"))
		p.expect("text still here")
		must(t, p.nc.Close())
		h.end(t)
	})
}

// TestPongTimeout: a silent peer is lost, without a Close frame, also while a handler runs.
func TestPongTimeout(t *testing.T) {
	t.Parallel()
	for _, busy := range []bool{false, true} {
		t.Run(fmt.Sprint("busy ", busy), func(t *testing.T) {
			t.Parallel()
			synctest.Test(t, func(t *testing.T) {
				h, p := started(t, Options{}, nil)
				h.message = func([]byte, bool) { <-h.lost }
				want := []string{"closed 1006"}
				if busy {
					p.send(text("slow"))
					want = []string{"m slow", "closed 1006"}
				}
				p.expect("ping")
				begin := time.Now()
				p.expect("eof")
				if d := time.Since(begin); d < 10*time.Second || d > 10*time.Second+h.c.up.wheel.every {
					t.Errorf("after %v", d)
				}
				h.end(t, want...)
			})
		})
	}
}

func TestNoPongTimeout(t *testing.T) {
	t.Parallel()
	synctest.Test(t, func(t *testing.T) {
		h, p := started(t, Options{PongTimeout: -1}, nil)
		for range 20 {
			p.expect("ping")
		}
		must(t, p.nc.Close())
		h.end(t)
	})
}

// TestAnyByteAnswersAPing: a client in the middle of a large frame cannot send a pong.
func TestAnyByteAnswersAPing(t *testing.T) {
	t.Parallel()
	synctest.Test(t, func(t *testing.T) {
		h, p := started(t, Options{MessageTimeout: time.Hour}, nil)
		go func() {
			for _, b := range text(strings.Repeat("x", 60)) {
				time.Sleep(9 * time.Second)
				p.send([]byte{b})
			}
		}()
		pings := 0
		for p.frame() == "ping" {
			pings++
		}
		if pings < 20 { // then the echo arrived
			t.Errorf("%d pings", pings)
		}
		must(t, p.nc.Close())
		h.end(t, "m xxxxxxxx…60", "closed 1006")
	})
}

// TestPausedPeerIsNotOverdue: while the socket is not read, pongs cannot be read either. They count again afterwards.
func TestPausedPeerIsNotOverdue(t *testing.T) {
	t.Parallel()
	synctest.Test(t, func(t *testing.T) {
		h, p := started(t, Options{InboxMessages: 1}, nil)
		h.message = func(m []byte, _ bool) {
			if string(m) == "slow" {
				time.Sleep(10 * time.Minute)
			}
		}
		p.send(text("slow"), text("waits"))
		time.Sleep(10 * time.Millisecond)
		go p.send(text("paused"), masked(ws.OpPing, true, "?")) // read, but not parsed
		begin := time.Now()
		for f := p.frame(); f != "pong ?"; f = p.frame() {
			if f != "ping" {
				t.Fatalf("frame %q", f)
			}
		}
		if d := time.Since(begin); d < 9*time.Minute {
			t.Errorf("read on after %v", d)
		}
		begin = time.Now()
		for f := p.frame(); f != "eof"; f = p.frame() {
			if f != "ping" {
				t.Fatalf("frame %q", f)
			}
		}
		if d := time.Since(begin); d < 10*time.Second || d > 36*time.Second {
			t.Errorf("lost after %v", d)
		}
		h.end(t, "m slow", "m waits", "m paused", "closed 1006")
	})
}

// TestSlowReaderIsNotOverdue: while the peer reads the queue, WriteTimeout watches. When it has read everything, its
// silence counts again.
func TestSlowReaderIsNotOverdue(t *testing.T) {
	t.Parallel()
	synctest.Test(t, func(t *testing.T) {
		h, p := started(t, Options{}, nil)
		p.expect("ping")
		const pieces = 6
		must(t, h.c.WriteText(make([]byte, pieces*maxDrainBytes-10), false))
		for range pieces {
			time.Sleep(8 * time.Second)
			_, err := io.ReadFull(p.br, make([]byte, maxDrainBytes))
			must(t, err)
		}
		begin := time.Now()
		p.expect("eof")
		if d := time.Since(begin); d > 11*time.Second {
			t.Errorf("lost after %v", d)
		}
		h.end(t, "closed 1006")
	})
}

// TestPingsWhileAHandlerBlocks: pings are answered at once while a handler blocks, also between many slow messages that
// arrived in one piece.
func TestPingsWhileAHandlerBlocks(t *testing.T) {
	t.Parallel()
	synctest.Test(t, func(t *testing.T) {
		h, p := started(t, Options{}, nil)
		h.message = func(m []byte, _ bool) {
			if string(m) == "block" {
				<-h.lost
			}
			time.Sleep(time.Millisecond)
		}
		many := []byte(strings.Repeat(string(text("1 ms")), 100))
		begin := time.Now()
		p.send(many, masked(ws.OpPing, true, "behind"))
		p.expect("pong behind")
		if d := time.Since(begin); d > 6*time.Millisecond {
			t.Errorf("answered after %v", d)
		}
		time.Sleep(time.Second)
		p.send(text("block"), masked(ws.OpPing, true, "beside"))
		time.Sleep(time.Second)
		for i := range 10 {
			ping := fmt.Sprint("during ", i)
			if i == 0 {
				p.expect("pong beside")
			}
			begin = time.Now()
			p.send(masked(ws.OpPing, true, ping))
			p.expect("pong " + ping)
			if d := time.Since(begin); d != 0 {
				t.Errorf("answered after %v", d)
			}
		}
		must(t, p.nc.Close())
		h.end(t)
		if n := len(h.log); n != 102 {
			t.Errorf("%d calls", n)
		}
	})
}

// TestIdleReaderIsReplaced: an idle reader is replaced once, at the first tick without work since the previous one, and
// nothing is lost.
func TestIdleReaderIsReplaced(t *testing.T) {
	t.Parallel()
	o := Options{PingInterval: 40 * time.Millisecond, PongTimeout: -1}
	transports(t, o, func(t *testing.T, dial func(any, ...[]byte) (*recorder, *peer)) {
		h, p := dial(nil)
		expect := func(want string) {
			for f := p.frame(); f != want; f = p.frame() {
				if f != "ping" {
					t.Fatalf("frame %q, want %q", f, want)
				}
			}
		}
		for round := range int64(3) {
			half := text("in two")
			p.send(text("work"), half[:4])
			expect("text work")
			for pings := 0; h.c.up.Stats().Replacements <= round; pings++ {
				if pings == 100 {
					t.Fatalf("round %d: not replaced after %d ticks", round, pings)
				}
				p.expect("ping")
			}
			p.send(half[4:])
			expect("text in two")
		}
		must(t, p.nc.Close())
		h.end(t)
	})
}

// TestReaderOfAPongIsReplaced: reading a pong grows the stack of an otherwise idle reader, so it is replaced too.
func TestReaderOfAPongIsReplaced(t *testing.T) {
	t.Parallel()
	synctest.Test(t, func(t *testing.T) {
		h, p := started(t, Options{}, nil)
		for round := range int64(3) {
			p.expect("ping")
			synctest.Wait()
			before := h.c.up.Stats().Replacements
			p.send(masked(ws.OpPong, true, ""))
			synctest.Wait()
			p.send(masked(ws.OpPong, true, "nobody has asked"))
			synctest.Wait()
			if n := h.c.up.Stats().Replacements - before; n != 1 {
				t.Errorf("round %d: replaced %d times by two pongs", round, n)
			}
		}
		p.send(text("work"))
		p.expect("text work")
		before := h.c.up.Stats().Replacements
		p.send(masked(ws.OpPong, true, ""))
		synctest.Wait()
		if n := h.c.up.Stats().Replacements - before; n != 0 {
			t.Errorf("replaced %d times between messages", n)
		}
		must(t, p.nc.Close())
		h.end(t)
	})
}

// TestBusyReaderIsNotReplaced: a reader that works between the ticks keeps its stack.
func TestBusyReaderIsNotReplaced(t *testing.T) {
	t.Parallel()
	synctest.Test(t, func(t *testing.T) {
		h, p := started(t, Options{PongTimeout: -1}, nil)
		go func() {
			for range 100 {
				p.send(text("work"))
				time.Sleep(5 * time.Second)
			}
			p.send(closing(1000, ""))
		}()
		for f := p.frame(); f != "eof"; f = p.frame() {
		}
		h.end(t)
		if n := h.c.up.Stats().Replacements; n != 0 {
			t.Errorf("replaced %d times", n)
		}
	})
}

// TestWheelTurnsLate: after a pause of the machine each connection is ticked once, except those added meanwhile.
func TestWheelTurnsLate(t *testing.T) {
	t.Parallel()
	synctest.Test(t, func(t *testing.T) {
		u := NewUpgrader(Options{PongTimeout: -1})
		all := make([]*Conn, 20)
		for i := range all {
			all[i], _ = piped(t, u)
			time.Sleep(time.Second / 3)
		}
		u.wheel.mu.Lock()
		u.wheel.start = u.wheel.start.Add(-time.Hour) // as if an hour had passed
		u.wheel.mu.Unlock()
		late, _ := piped(t, u)
		at := late.wheelNode.at
		u.wheel.turn()
		if late.wheelNode.at != at {
			t.Error("the latecomer was ticked")
		}
		all = append(all, late)
		u.wheel.mu.Lock()
		if u.wheel.conns != len(all) {
			t.Errorf("%d connections", u.wheel.conns)
		}
		u.wheel.mu.Unlock()
		for _, c := range all {
			if d := time.Duration(c.wheelNode.at)*u.wheel.every - time.Since(u.wheel.start); d < 19*time.Second || d > 27*time.Second {
				t.Errorf("due in %v", d)
			}
			c.Abort()
		}
		must(t, u.Wait(t.Context()))
		if u.wheel.conns != 0 {
			t.Errorf("%d connections left", u.wheel.conns)
		}
	})
}
