package socket

import (
	"errors"
	"net"
	"sync/atomic"
	"syscall"
	"testing"
	"testing/synctest"
	"time"

	"github.com/gobwas/ws"
)

// fullInbox starts a handler that waits for the loss of its connection, and sends messages until reading pauses. It
// returns the peer, which reads nothing.
func fullInbox(t *testing.T, o Options, nc func(net.Conn) net.Conn) (*recorder, *peer) {
	t.Helper()
	ours, theirs := net.Pipe()
	c, p := upgraded(t, NewUpgrader(o), nc(ours), theirs)
	h := newRecorder(c)
	h.message = func([]byte, bool) { <-h.lost }
	c.Start(h, nil)
	for range 2 { // the handler has one, and one waits
		p.send(text("waits"))
		time.Sleep(10 * time.Millisecond) // in a bubble
	}
	synctest.Wait()
	if h.c.up.Stats().Pauses != 1 {
		t.Fatal("reading is not paused")
	}
	return h, p
}

// resets is a connection whose peer has closed it. The next write succeeds and makes the peer's system reset the
// connection, so every later write fails.
type resets struct {
	net.Conn
	gone atomic.Int32 // 0: the peer has not closed
}

func (r *resets) Write(p []byte) (int, error) {
	switch r.gone.Load() {
	case 0:
		return r.Conn.Write(p)
	case 1:
		r.gone.Store(2)
		return len(p), nil
	}
	return 0, &net.OpError{Op: "write", Err: syscall.EPIPE}
}

// TestLossWhilePaused: a peer that fills the inbox of a waiting handler and vanishes is detected within PingInterval
// and PongTimeout, whatever the system reports.
func TestLossWhilePaused(t *testing.T) {
	t.Parallel()
	for name, o := range map[string]Options{
		"default":                   {},
		"without CloseTimeout":      {CloseTimeout: -1},
		"interval below the answer": {PingInterval: 2 * time.Second},
		"far apart":                 {PingInterval: time.Hour, PongTimeout: time.Second},
	} {
		t.Run(name, func(t *testing.T) {
			t.Parallel()
			o.InboxMessages = 1
			for _, vanish := range []struct {
				name  string
				after int // time of the loss, in sixteenths of PingInterval
			}{{"before the first ping", 0}, {"between pings", 20}, {"much later", 200}} {
				t.Run(vanish.name, func(t *testing.T) {
					synctest.Test(t, func(t *testing.T) {
						nc := &resets{}
						h, p := fullInbox(t, o, func(c net.Conn) net.Conn { nc.Conn = c; return nc })
						go func() { // a living peer reads pings
							for p.frame() != "eof" {
							}
						}()
						opt := &h.c.up.opt
						time.Sleep(time.Duration(vanish.after) * opt.PingInterval / 16)
						if h.c.isGone() {
							t.Fatal("lost although the peer is alive")
						}
						nc.gone.Store(1)
						begin := time.Now()
						h.end(t, "m waits", "closed 1006")
						most := opt.PingInterval + opt.PongTimeout + 2*h.c.up.wheel.every
						if d := time.Since(begin); d > most {
							t.Errorf("lost after %v, want %v", d, most)
						}
						synctest.Wait() // for goroutines beside the last call of the handler
						if n := h.dropped(DroppedMessages); n != 1 {
							t.Errorf("%d messages dropped, want 1", n)
						}
						must(t, p.nc.Close())
						must(t, h.c.up.Wait(t.Context()))
					})
				})
			}
		})
	}
}

func (c *Conn) isGone() bool {
	c.mu.Lock()
	defer c.mu.Unlock()
	return c.transport != transportOpen
}

// TestLossWhilePausedWithoutPongTimeout: pings continue, and a ping that cannot be written reveals the loss.
func TestLossWhilePausedWithoutPongTimeout(t *testing.T) {
	t.Parallel()
	synctest.Test(t, func(t *testing.T) {
		nc := &resets{}
		h, p := fullInbox(t, Options{InboxMessages: 1, PongTimeout: -1, CloseTimeout: -1}, func(c net.Conn) net.Conn { nc.Conn = c; return nc })
		p.expect("ping", "ping", "ping")
		nc.gone.Store(1)
		begin := time.Now()
		h.end(t, "m waits", "closed 1006")
		if d, most := time.Since(begin), 3*h.c.up.opt.PingInterval+2*h.c.up.wheel.every; d > most {
			t.Errorf("lost after %v, want %v", d, most)
		}
		must(t, p.nc.Close())
		must(t, h.c.up.Wait(t.Context()))
	})
}

// TestReplyToALostPeerWhilePaused: the handler's own write reveals the loss.
func TestReplyToALostPeerWhilePaused(t *testing.T) {
	t.Parallel()
	synctest.Test(t, func(t *testing.T) {
		nc := &resets{}
		h, p := fullInbox(t, Options{InboxMessages: 1, CloseTimeout: -1}, func(c net.Conn) net.Conn { nc.Conn = c; return nc })
		nc.gone.Store(1)
		for range 2 {
			must(t, h.c.WriteText([]byte("reply"), false))
			synctest.Wait()
		}
		if err := h.c.WriteText([]byte("reply"), false); !errors.Is(err, ErrClosed) {
			t.Errorf("third reply: %v", err)
		}
		begin := time.Now()
		h.end(t, "m waits", "closed 1006")
		if d, most := time.Since(begin), h.c.up.opt.PingInterval+h.c.up.wheel.every; d > most {
			t.Errorf("lost after %v, want %v", d, most)
		}
		must(t, p.nc.Close())
		must(t, h.c.up.Wait(t.Context()))
	})
}

// TestLivingPeerWhilePaused: a living peer stays connected, gets pings all the time, and is read again when the inbox
// has room.
func TestLivingPeerWhilePaused(t *testing.T) {
	t.Parallel()
	synctest.Test(t, func(t *testing.T) {
		h, p := started(t, Options{InboxMessages: 1}, nil)
		goOn := make(chan struct{})
		h.message = func(m []byte, _ bool) {
			<-goOn
			must(t, h.c.WriteText(m, false))
		}
		for _, m := range []string{"one", "two"} {
			p.send(text(m))
			time.Sleep(10 * time.Millisecond)
		}
		begin, pings := time.Now(), 0
		for time.Since(begin) < time.Hour {
			p.expect("ping")
			if pings++; time.Since(begin) > time.Duration(pings)*26*time.Second {
				t.Errorf("%d pings within %v", pings, time.Since(begin))
			}
		}
		close(goOn)
		p.expect("text one", "text two")
		for range 5 { // as before
			p.expect("ping")
			p.send(masked(ws.OpPong, true, ""))
		}
		p.send(closing(1000, ""))
		p.expect("close 1000", "eof")
		h.end(t, "m one", "m two", "closed 1000")
	})
}
