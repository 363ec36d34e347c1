package socket

import (
	"bytes"
	"context"
	"errors"
	"fmt"
	"io"
	"net"
	"slices"
	"strings"
	"sync"
	"testing"
	"testing/synctest"
	"time"
	"unsafe"

	"github.com/gobwas/ws"
)

// recording is a transport that records each Write.
type recording struct {
	net.Conn
	mu     sync.Mutex
	writes []string
	until  time.Time // write deadline
}

func (r *recording) Write(b []byte) (int, error) {
	r.mu.Lock()
	r.writes = append(r.writes, string(b))
	r.mu.Unlock()
	return r.Conn.Write(b)
}

func (r *recording) SetWriteDeadline(t time.Time) error {
	r.mu.Lock()
	r.until = t
	r.mu.Unlock()
	return r.Conn.SetWriteDeadline(t)
}

// since returns the writes so far and forgets them.
func (r *recording) since() []string {
	r.mu.Lock()
	defer r.mu.Unlock()
	w := r.writes
	r.writes = nil
	return w
}

func recorded(t *testing.T, o Options) (*recorder, *peer, *recording) {
	t.Helper()
	ours, theirs := net.Pipe()
	r := &recording{Conn: ours}
	c, p := upgraded(t, NewUpgrader(o), r, theirs)
	r.since()
	h := newRecorder(c)
	c.Start(h.echo(), nil)
	return h, p, r
}

// wire returns the bytes of a message from the server.
func wire(s string) string { return string(PrepareText([]byte(s)).b) }

func TestCorkedRepliesLeaveInOneWrite(t *testing.T) {
	t.Parallel()
	synctest.Test(t, func(t *testing.T) {
		h, p, r := recorded(t, Options{})
		frame := PrepareText([]byte("prepared"))
		h.message = func(m []byte, _ bool) {
			must(t, h.c.WriteText(m, true))
			must(t, h.c.WritePrepared([]Prepared{frame, frame}, true))
		}
		p.send(text("one"), text("two"), text("three"))
		prepared := []string{"text prepared", "text prepared"}
		for _, m := range []string{"text one", "text two", "text three"} {
			p.expect(append([]string{m}, prepared...)...)
		}
		one := func(s string) string { return wire(s) + wire("prepared") + wire("prepared") }
		if got := r.since(); !slices.Equal(got, []string{one("one") + one("two") + one("three")}) {
			t.Errorf("writes %q", got)
		}
		must(t, p.nc.Close())
		h.end(t)
	})
}

// TestUncorkedWritesLeaveAtOnce: each uncorked message is written at once, in order, together with corked ones before
// it.
func TestUncorkedWritesLeaveAtOnce(t *testing.T) {
	t.Parallel()
	synctest.Test(t, func(t *testing.T) {
		h, p, r := recorded(t, Options{})
		h.message = func([]byte, bool) {
			must(t, h.c.WriteText([]byte("a"), false))
			p.expect("text a")
			must(t, h.c.WriteText([]byte("b"), true))
			must(t, h.c.WritePrepared([]Prepared{PrepareText([]byte("c"))}, true))
			must(t, h.c.WritePrepared([]Prepared{PrepareText([]byte("d")), PrepareText([]byte("e"))}, false))
			p.expect("text b", "text c", "text d", "text e")
			must(t, h.c.WriteText([]byte("f"), true))
			h.c.Uncork()
			p.expect("text f")
		}
		p.send(text("go"))
		synctest.Wait()
		if n := h.c.QueuedBytes(); n != 0 {
			t.Errorf("%d bytes queued", n)
		}
		want := []string{wire("a"), wire("b") + wire("c") + wire("d") + wire("e"), wire("f")}
		if got := r.since(); !slices.Equal(got, want) {
			t.Errorf("writes %q, want %q", got, want)
		}
		if !r.until.IsZero() {
			t.Error("a write deadline is left")
		}
		must(t, p.nc.Close())
		h.end(t)
	})
}

// TestCorkIsReleased: corked bytes are written after about 5 ms, repeatedly while the handler runs, and at once outside
// a handler.
func TestCorkIsReleased(t *testing.T) {
	t.Parallel()
	synctest.Test(t, func(t *testing.T) {
		h, p := started(t, Options{PingInterval: -1}, nil)
		h.message = func(m []byte, _ bool) {
			for range 3 {
				must(t, h.c.WriteText(m, true))
				time.Sleep(time.Second)
			}
		}
		begin := time.Now()
		p.send(text("go"))
		for i := range 3 {
			p.expect("text go")
			if d := time.Since(begin) - time.Duration(i)*time.Second; d > 6*time.Millisecond {
				t.Errorf("reply %d after %v", i, d)
			}
		}
		time.Sleep(time.Minute)
		must(t, h.c.WriteText([]byte("idle"), true))
		p.expect("text idle")
		must(t, p.nc.Close())
		h.end(t)
	})
}

// TestCorkOverflows: a handler overflows the cork buffer several times, with messages of any size, and the order is
// kept.
func TestCorkOverflows(t *testing.T) {
	t.Parallel()
	transports(t, Options{}, func(t *testing.T, dial func(any, ...[]byte) (*recorder, *peer)) {
		h, p := dial(nil)
		sizes := []int{4000, 4000, 4000, 50, 5000, 60, 4000, 4000, 4000}
		h.event = func(any) {
			for i, n := range sizes {
				m := bytes.Repeat([]byte{byte('a' + i)}, n)
				if i%2 == 0 {
					must(t, h.c.WriteText(m, true))
				} else {
					must(t, h.c.WritePrepared([]Prepared{PrepareText(m)}, true))
				}
			}
		}
		must(t, h.c.Post("go"))
		for i, n := range sizes {
			p.expect("text " + abbreviated(bytes.Repeat([]byte{byte('a' + i)}, n)))
		}
		p.send(closing(1000, ""))
		p.expect("close 1000", "eof")
		h.end(t)
		must(t, p.nc.Close())
	})
}

// TestCorkBeforeStart: corked bytes are written too while no handler has been started.
func TestCorkBeforeStart(t *testing.T) {
	t.Parallel()
	synctest.Test(t, func(t *testing.T) {
		c, p := piped(t, NewUpgrader(Options{}))
		must(t, c.WriteText([]byte("hello"), true))
		begin := time.Now()
		p.expect("text hello")
		if d := time.Since(begin); d > 6*time.Millisecond {
			t.Errorf("after %v", d)
		}
		must(t, c.WriteText([]byte("again"), true))
		h := newRecorder(c)
		c.Start(h, nil)
		p.expect("text again")
		if d := time.Since(begin); d > 6*time.Millisecond {
			t.Errorf("after %v", d)
		}
		must(t, p.nc.Close())
		h.end(t, "closed 1006")
	})
}

// stuck returns a connection whose peer reads nothing; one byte of a first message has been written.
func stuck(t *testing.T, o Options) (*recorder, *peer) {
	t.Helper()
	h, p := started(t, o, nil)
	must(t, h.c.WriteText([]byte("first"), false))
	synctest.Wait()
	return h, p
}

func TestPreparedFramesAreNotCopied(t *testing.T) {
	t.Parallel()
	synctest.Test(t, func(t *testing.T) {
		h, p := stuck(t, Options{})
		f := PrepareText([]byte("shared"))
		must(t, h.c.WritePrepared([]Prepared{f, f}, false))
		h.c.mu.Lock()
		for _, k := range h.c.q[1:] {
			if unsafe.SliceData(k.b) != unsafe.SliceData(f.b) {
				t.Error("the frame was copied")
			}
		}
		h.c.mu.Unlock()
		p.expect("text first", "text shared", "text shared")
		must(t, p.nc.Close())
		h.end(t)
		if f.Size() != 8 || string(f.b) != "\x81\x06shared" {
			t.Errorf("frame %q", f.b)
		}
	})
}

// TestQueueOverflow: the Close frame 1013 follows the frame that is being written. Queued and refused bytes are
// counted.
func TestQueueOverflow(t *testing.T) {
	t.Parallel()
	synctest.Test(t, func(t *testing.T) {
		h, p := stuck(t, Options{SendQueueBytes: 107})
		f := PrepareText([]byte(strings.Repeat("x", 48)))
		must(t, h.c.WritePrepared([]Prepared{f}, false))
		must(t, h.c.WriteText([]byte(strings.Repeat("y", 48)), false)) // exactly full
		if n := h.c.QueuedBytes(); n != 107 {
			t.Errorf("%d bytes queued", n)
		}
		if err := h.c.WritePrepared([]Prepared{f, f}, false); !errors.Is(err, ErrSlow) {
			t.Errorf("overflow: %v", err)
		}
		if err := h.c.WriteText(nil, false); !errors.Is(err, ErrClosed) {
			t.Errorf("behind it: %v", err)
		}
		p.expect("text first", "close 1013 too slow")
		p.send(closing(1013, ""))
		p.expect("eof")
		h.end(t, "closed 1013 too slow")
		if a, b := h.dropped(SlowClient), h.dropped(UnsentBytes); a != 100 || b != 100 {
			t.Errorf("%d bytes refused, %d not sent", a, b)
		}
	})
}

// TestDroppableFramesMakeRoom: droppable frames are dropped oldest first, as many as needed, but never a partly written
// one.
func TestDroppableFramesMakeRoom(t *testing.T) {
	t.Parallel()
	synctest.Test(t, func(t *testing.T) {
		h, p := started(t, Options{SendQueueBytes: 50}, nil)
		must(t, h.c.WritePrepared([]Prepared{PrepareText([]byte("under way")).Droppable()}, false)) // 11 bytes
		synctest.Wait()
		for i := range 4 {
			must(t, h.c.WritePrepared([]Prepared{PrepareText(fmt.Appendf(nil, "typing %d", i)).Droppable()}, false)) // 10 bytes
			if i == 1 {
				must(t, h.c.WriteText([]byte("kept"), false)) // 6 bytes
			}
		}
		must(t, h.c.WriteText([]byte("0123456789012"), false)) // 15 bytes; 10 are free
		p.expect("text under way", "text kept", "text typing 3", "text 0123456789012")
		if n := h.dropped(DroppedFrames); n != 3 {
			t.Errorf("%d frames dropped", n)
		}
		must(t, p.nc.Close())
		h.end(t)
	})
}

// TestFrameInPartIsNotDropped: dropping the rest of a frame would break the framing.
func TestFrameInPartIsNotDropped(t *testing.T) {
	t.Parallel()
	c := &Conn{up: NewUpgrader(Options{SendQueueBytes: 100})}
	for range 3 {
		c.appendPrepared(PrepareText([]byte("typing")).Droppable(), false)
	}
	c.advance(8 + 3)
	c.makeRoom(100)
	if len(c.q) != 1 || string(c.q[0].b) != "yping" || c.queued != 5 || c.up.Stats().Drops[DroppedFrames] != 1 {
		t.Errorf("queue %v, %d bytes, %d dropped", c.q, c.queued, c.up.Stats().Drops[DroppedFrames])
	}
}

// TestOversizedMessage: a message larger than the queue is accepted while nothing else waits, corked or not.
func TestOversizedMessage(t *testing.T) {
	t.Parallel()
	synctest.Test(t, func(t *testing.T) {
		h, p := started(t, Options{SendQueueBytes: 100}, nil)
		long := strings.Repeat("x", 300000)
		must(t, h.c.WriteText([]byte(long), false))
		if err := h.c.WriteText([]byte(long), false); !errors.Is(err, ErrSlow) {
			t.Errorf("a second one: %v", err)
		}
		p.expect("text "+abbreviated([]byte(long)), "close 1013 too slow")
		must(t, p.nc.Close())
		h.end(t, "closed 1013 too slow")
	})
}

// TestWaitTurn: WaitTurn returns when half of the queue is free, or when nothing more may be written.
func TestWaitTurn(t *testing.T) {
	t.Parallel()
	for name, k := range map[string]struct {
		free func(h *recorder, p *peer)
		want error
	}{
		"the peer reads": {func(_ *recorder, p *peer) { p.expect("text first", "text "+abbreviated(make([]byte, 60))) }, nil},
		"droppable frames make room": {func(h *recorder, _ *peer) {
			must(t, h.c.WriteText(make([]byte, 30), false))
		}, nil},
		"closed":  {func(h *recorder, _ *peer) { must(t, h.c.Close(1000, "")) }, ErrClosed},
		"aborted": {func(h *recorder, _ *peer) { h.c.Abort() }, ErrClosed},
		"lost":    {func(_ *recorder, p *peer) { must(t, p.nc.Close()) }, ErrClosed},
		"given up": {func(*recorder, *peer) {
			time.Sleep(time.Minute) // in a bubble
		}, context.DeadlineExceeded},
	} {
		t.Run(name, func(t *testing.T) {
			t.Parallel()
			synctest.Test(t, func(t *testing.T) {
				h, p := stuck(t, Options{SendQueueBytes: 80, WriteTimeout: -1, CloseTimeout: -1, PingInterval: -1})
				must(t, h.c.WaitTurn(t.Context()))
				h.c.EndTurn()
				must(t, h.c.WritePrepared([]Prepared{PrepareText(make([]byte, 60)).Droppable()}, false))
				ctx, cancel := context.WithTimeout(t.Context(), 30*time.Second)
				defer cancel()
				done := make(chan error, 2)
				for range cap(done) {
					go func() {
						err := h.c.WaitTurn(ctx)
						if err == nil {
							h.c.EndTurn()
						}
						done <- err
					}()
				}
				synctest.Wait()
				if len(done) > 0 {
					t.Fatalf("it did not wait: %v", <-done)
				}
				k.free(h, p)
				synctest.Wait()
				if len(done) < cap(done) {
					t.Fatal("it was not woken")
				}
				for range cap(done) {
					if err := <-done; !errors.Is(err, k.want) {
						t.Errorf("%v, want %v", err, k.want)
					}
				}
				_ = p.nc.Close() // it may be closed already
				h.end(t)
			})
		})
	}
}

// TestWriteTimeout: a peer that accepts nothing is lost. A peer that accepts a little in time is not, however long it
// takes.
func TestWriteTimeout(t *testing.T) {
	t.Parallel()
	o := Options{PingInterval: -1}
	for name, pieces := range map[string]int{"nothing is read": 0, "a piece now and then": 4} {
		t.Run(name, func(t *testing.T) {
			t.Parallel()
			synctest.Test(t, func(t *testing.T) {
				h, p := started(t, o, nil)
				begin := time.Now()
				must(t, h.c.WriteText(make([]byte, 6*maxDrainBytes), false))
				for range pieces {
					time.Sleep(9 * time.Second)
					_, err := io.ReadFull(p.nc, make([]byte, maxDrainBytes))
					must(t, err)
				}
				h.end(t, "closed 1006")
				if d, want := time.Since(begin), time.Duration(pieces*9+10)*time.Second; d != want {
					t.Errorf("after %v, want %v", d, want)
				}
				if n, want := h.dropped(UnsentBytes), 10+(6-pieces)*maxDrainBytes; n != want {
					t.Errorf("%d bytes not sent, want %d", n, want)
				}
			})
		})
	}
}

// TestLongQueue: more frames than one system call takes, and more bytes than the kernel accepts, arrive in order and
// complete.
func TestLongQueue(t *testing.T) {
	t.Parallel()
	transports(t, Options{SendQueueBytes: 64 << 20}, func(t *testing.T, dial func(any, ...[]byte) (*recorder, *peer)) {
		h, p := dial(nil)
		var fs []Prepared
		var want bytes.Buffer
		add := func(s string) Prepared {
			want.WriteString(wire(s))
			return PrepareText([]byte(s))
		}
		for i := range 3 * vecMax {
			fs = append(fs, add(fmt.Sprint("small ", i)))
		}
		for i := range 2 * vecMax {
			fs = append(fs, add(fmt.Sprint("large ", i, strings.Repeat("x", 1000*i))))
		}
		must(t, h.c.WritePrepared(fs[:vecMax], false))
		must(t, h.c.WritePrepared(fs[vecMax:], false))
		_ = add("between") // in want
		must(t, h.c.WriteText([]byte("between"), false))
		must(t, h.c.WritePrepared([]Prepared{add("then"), add("end")}, false))
		got := make([]byte, want.Len())
		_, err := io.ReadFull(p.br, got)
		must(t, err)
		if !bytes.Equal(got, want.Bytes()) {
			t.Error("the bytes differ")
		}
		p.send(closing(1000, ""))
		p.expect("close 1000", "eof")
		h.end(t, "closed 1000")
		must(t, p.nc.Close())
		if n := h.c.QueuedBytes(); n != 0 {
			t.Errorf("%d bytes queued", n)
		}
	})
}

// TestManyWriters: the frames of each writer arrive whole and in order, while others write in every way.
func TestManyWriters(t *testing.T) {
	t.Parallel()
	transports(t, Options{SendQueueBytes: -1}, func(t *testing.T, dial func(any, ...[]byte) (*recorder, *peer)) {
		h, p := dial(nil)
		const writers, each = 6, 300
		var wg sync.WaitGroup
		for i := range writers {
			wg.Go(func() {
				for n := range each {
					m := fmt.Appendf(nil, "%d %d", i, n)
					if n%3 == 0 {
						m = append(m, bytes.Repeat([]byte(" "), 5000)...)
					}
					var err error
					if n%2 == 0 {
						err = h.c.WriteText(m, n%4 == 0)
					} else {
						err = h.c.WritePrepared([]Prepared{PrepareText(m)}, n%5 == 0)
					}
					if err != nil {
						t.Error(err)
					}
				}
			})
		}
		next := [writers]int{}
		for range writers * each {
			head, err := ws.ReadHeader(p.br)
			must(t, err)
			b := make([]byte, head.Length)
			_, err = io.ReadFull(p.br, b)
			must(t, err)
			var i, n int
			_, err = fmt.Sscanf(string(b), "%d %d", &i, &n)
			must(t, err)
			if n != next[i] {
				t.Fatalf("message %d of writer %d, want %d", n, i, next[i])
			}
			next[i]++
		}
		wg.Wait()
		p.send(closing(1000, ""))
		p.expect("close 1000", "eof")
		h.end(t, "closed 1000")
		must(t, p.nc.Close())
	})
}

// TestSlowReader: over each transport, a slow reader does not slow the others, and is closed with 1013 behind the frame
// that is being written.
func TestSlowReader(t *testing.T) {
	t.Parallel()
	o := Options{WriteTimeout: time.Hour, CloseTimeout: time.Hour}
	transports(t, o, func(t *testing.T, dial func(any, ...[]byte) (*recorder, *peer)) {
		h, p := dial(nil)
		f := PrepareText(bytes.Repeat([]byte("x"), 100000))
		sent, err := 0, error(nil)
		for err = h.c.WritePrepared([]Prepared{f}, false); err == nil; err = h.c.WritePrepared([]Prepared{f}, false) {
			if sent++; sent > 1000 {
				t.Fatal("100 MB are queued somewhere")
			}
		}
		if !errors.Is(err, ErrSlow) {
			t.Errorf("write: %v", err)
		}
		for got, f := 0, p.frame(); ; f = p.frame() {
			if f == "close 1013 too slow" {
				break
			}
			if got++; f != "text xxxxxxxx…100000" || got > sent {
				t.Fatalf("frame %d: %q", got, f)
			}
		}
		p.send(closing(1013, ""))
		p.expect("eof")
		h.end(t, "closed 1013 too slow")
		must(t, p.nc.Close())
		if n := h.dropped(SlowClient); n != f.Size() {
			t.Errorf("%d bytes refused", n)
		}
	})
}

// TestWriteToAResetConnection: messages that the peer had sent are handled, the loss is detected, and nothing blocks.
func TestWriteToAResetConnection(t *testing.T) {
	t.Parallel()
	s := newServer(t, Options{}, false)
	for range 20 {
		h, p := s.dial(t, nil)
		must(t, p.nc.(*net.TCPConn).SetLinger(0))
		must(t, p.nc.Close())
		for h.c.WriteText([]byte("anybody?"), false) == nil { // until the loss is detected
		}
		h.end(t, "closed 1006")
	}
}
