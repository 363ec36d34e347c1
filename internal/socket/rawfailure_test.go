//go:build unix && !aix && !solaris && !illumos

package socket

import (
	"errors"
	"runtime"
	"sync/atomic"
	"syscall"
	"testing"
	"time"

	"github.com/gobwas/ws"
)

// failing is a raw connection whose writes can be made to fail.
type failing struct {
	syscall.RawConn
	err atomic.Pointer[error]
}

func (f *failing) fail(err error) { f.err.Store(&err) }

func (f *failing) Write(try func(fd uintptr) bool) error {
	if err := f.err.Load(); err != nil {
		return *err
	}
	return f.RawConn.Write(try)
}

var errRoute = errors.New("no route")

func unreliable(t *testing.T, o Options) (*recorder, *peer, *failing) {
	t.Helper()
	c, p := newServer(t, o, false).open(t)
	f := &failing{RawConn: c.rc}
	c.rc = f
	h := newRecorder(c)
	return h.echo(), p, f
}

// TestWriteFails: wherever a write fails, the connection is lost, and unsent bytes are counted.
func TestWriteFails(t *testing.T) {
	t.Parallel()
	message := make([]byte, 5000)
	for name, k := range map[string]struct {
		write  func(h *recorder, p *peer)
		log    []string
		unsent int
	}{
		"reply": {func(_ *recorder, p *peer) { p.send(text("one")) }, []string{"m one", "closed 1006"}, 5},
		"pong":  {func(_ *recorder, p *peer) { p.send(masked(ws.OpPing, true, "")) }, []string{"closed 1006"}, 2},
		"message": {func(h *recorder, _ *peer) {
			_ = h.c.WriteText(message, false) // the loss is observed elsewhere
		}, []string{"closed 1006"}, 5004},
		"frames": {func(h *recorder, _ *peer) {
			_ = h.c.WritePrepared([]Prepared{PrepareText(message), PrepareText(message)}, false)
		}, []string{"closed 1006"}, 2 * 5004},
		"Close frame": {func(h *recorder, _ *peer) {
			must(t, h.c.Close(1000, "x"))
		}, []string{"closed 1000 x"}, 5},
	} {
		t.Run(name, func(t *testing.T) {
			t.Parallel()
			h, p, f := unreliable(t, Options{})
			h.c.Start(h, nil)
			p.send(text("zero"))
			p.expect("text zero")
			f.fail(errRoute)
			k.write(h, p)
			h.end(t, append([]string{"m zero"}, k.log...)...)
			p.expect("eof")
			must(t, p.nc.Close())
			must(t, h.c.up.Wait(t.Context()))
			if n := h.dropped(UnsentBytes); n != k.unsent {
				t.Errorf("%d bytes not sent, want %d", n, k.unsent)
			}
			if err := h.c.WriteText(nil, false); !errors.Is(err, ErrClosed) {
				t.Errorf("write afterwards: %v", err)
			}
		})
	}
}

// TestWriteFailsBeforeStart: no reader can report the loss.
func TestWriteFailsBeforeStart(t *testing.T) {
	t.Parallel()
	h, p, f := unreliable(t, Options{})
	f.fail(syscall.EPIPE)
	_ = h.c.WriteText([]byte("hello"), false) // the loss is observed elsewhere
	p.expect("eof")
	h.c.Start(h, "first")
	h.end(t, "closed 1006")
}

// TestPeerHasClosed: a write finds that the peer has closed. The messages that it had sent are handled, within
// CloseTimeout.
func TestPeerHasClosed(t *testing.T) {
	t.Parallel()
	for name, o := range map[string]Options{"noticed by reading": {}, "not noticed": {CloseTimeout: 2 * time.Second}} {
		t.Run(name, func(t *testing.T) {
			t.Parallel()
			h, p, f := unreliable(t, o)
			handled := make(chan bool, 3)
			h.message = func([]byte, bool) {
				_ = h.c.WriteText([]byte("reply"), false) // fails only once the loss is known
				handled <- true
			}
			p.send(text("one"), text("two")) // before the first reply fails, which starts CloseTimeout
			p.send(text("three"))
			f.fail(syscall.EPIPE)
			h.c.Start(h, nil)
			for range 3 {
				<-handled
			}
			if o.CloseTimeout == 0 {
				must(t, p.nc.(interface{ CloseWrite() error }).CloseWrite())
			}
			p.expect("eof")
			h.end(t, "m one", "m two", "m three", "closed 1006")
		})
	}
}

// TestPausedReaderWhoseWriteFails: the reader does not wait for room in the inbox that would never come.
func TestPausedReaderWhoseWriteFails(t *testing.T) {
	t.Parallel()
	h, p, f := unreliable(t, Options{InboxMessages: 1})
	h.message = func([]byte, bool) { <-h.lost }
	h.c.Start(h, nil)
	p.send(text("slow"))
	p.send(masked(ws.OpPing, true, ""))
	p.expect("pong") // from a new reader
	f.fail(errRoute)
	p.send(masked(ws.OpPing, true, ""), text("waits"), text("in hand"))
	h.end(t, "m slow", "closed 1006")
	for h.dropped(DroppedMessages) < 2 { // dropped by the reader, which continues
		runtime.Gosched()
	}
}
