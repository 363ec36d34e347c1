package socket

import (
	"context"
	"errors"
	"fmt"
	"math/rand/v2"
	"runtime"
	"strings"
	"sync"
	"testing"
	"testing/synctest"
	"unsafe"

	"github.com/coder/websocket"
	"github.com/gobwas/ws"
)

// noise returns text that deflate does not make smaller.
func noise(n int) string {
	r := rand.New(rand.NewPCG(3, 4))
	b := make([]byte, n)
	for i := range b {
		b[i] = byte(' ' + r.IntN(0x7f-' '))
	}
	return string(b)
}

// TestMessagesToDeflate: messages of at least DeflateMinBytes are compressed if that makes them smaller, and only if it
// was negotiated.
func TestMessagesToDeflate(t *testing.T) {
	t.Parallel()
	for _, k := range []struct {
		o    Options
		text string
		want bool
	}{
		{Options{Deflate: true}, strings.Repeat("x", 1023), false},
		{Options{Deflate: true}, strings.Repeat("x", 1024), true},
		{Options{Deflate: true}, strings.Repeat("x", 300000), true},
		{Options{Deflate: true, DeflateLevel: 9}, strings.Repeat("x", 1024), true},
		{Options{Deflate: true, DeflateMinBytes: 40}, strings.Repeat("x", 39), false},
		{Options{Deflate: true, DeflateMinBytes: 40}, strings.Repeat("x", 40), true},
		{Options{Deflate: true, DeflateMinBytes: -1}, strings.Repeat("x", 39), true},
		{Options{Deflate: true, DeflateMinBytes: -1}, "x", false},
		{Options{Deflate: true, DeflateMinBytes: -1}, "", false},
		{Options{Deflate: true, DeflateMinBytes: -1}, noise(40), false},
		{Options{Deflate: true}, noise(1024)[:40] + noise(2048), true}, // a little: it has 95 kinds of bytes
		{Options{}, strings.Repeat("x", 300000), false},
		{Options{DeflateMinBytes: -1, DeflateLevel: 1}, strings.Repeat("x", 300000), false},
	} {
		t.Run(fmt.Sprint(len(k.text), " ", k.o.Deflate, k.o.DeflateMinBytes), func(t *testing.T) {
			t.Parallel()
			synctest.Test(t, func(t *testing.T) {
				h, p := started(t, k.o, nil)
				want := strings.TrimSpace("text " + abbreviated([]byte(k.text)))
				if k.want {
					want = strings.Replace(want, "text ", "text deflated ", 1)
				}
				f := h.c.up.PrepareText([]byte(k.text))
				for _, cork := range []bool{false, true} {
					go func() {
						must(t, h.c.WriteText([]byte(k.text), cork))
						must(t, h.c.WritePrepared([]Prepared{f, f}, cork))
					}()
					p.expect(want, want, want)
					go func() { must(t, h.c.WritePrepared(Join([]Prepared{f, f}), cork)) }()
					p.expect(want, want)
				}
				must(t, p.nc.Close())
				h.end(t)
			})
		})
	}
}

// TestNoSmaller: a message whose compressed form is not smaller is sent uncompressed.
func TestNoSmaller(t *testing.T) {
	t.Parallel()
	z := newCompressor(1)
	for n := range 200 {
		if s := noise(20)[:10] + strings.Repeat("x", n); len(compressed(s, 1)) == len(s) {
			if z.compress([]byte(s)) {
				t.Errorf("%q is compressed to the same size", s)
			}
			return
		}
	}
	t.Error("no text has the same size compressed")
}

// TestOneDeflatedFormForAll: connections share one compressed form. Connections without compression get the text, and
// so does every connection for a frame of the function PrepareText.
func TestOneDeflatedFormForAll(t *testing.T) {
	t.Parallel()
	synctest.Test(t, func(t *testing.T) {
		u := NewUpgrader(Options{Deflate: true, PingInterval: -1})
		long := []byte(strings.Repeat("shared ", 1000))
		f, plain := u.PrepareText(long), PrepareText(long)
		if f.Size() != plain.Size() || f.variant.b != nil {
			t.Errorf("%d bytes, compressed %d", f.Size(), len(f.variant.b))
		}
		var all sync.WaitGroup
		var sent [8]Prepared
		for i := range sent {
			all.Go(func() { sent[i] = f.Droppable().deflated(u.deflater) })
		}
		all.Wait()
		for _, s := range sent {
			if unsafe.SliceData(s.b) != unsafe.SliceData(f.variant.b) || !s.droppable || len(s.b) > 200 {
				t.Errorf("a copy of %d bytes, droppable %v", len(s.b), s.droppable)
			}
		}
		for _, deflate := range []bool{true, false} {
			c, p := piped(t, u)
			c.deflate = deflate // as if it was not offered
			h := newRecorder(c)
			c.Start(h, nil)
			fs := []Prepared{f, plain}
			go func() { must(t, c.WritePrepared(fs, false)) }()
			p.expect(map[bool]string{true: "text deflated ", false: "text "}[deflate]+abbreviated(long), "text "+abbreviated(long))
			if unsafe.SliceData(fs[0].b) != unsafe.SliceData(f.b) {
				t.Error("the caller's frames have changed")
			}
			must(t, p.nc.Close())
			h.end(t)
		}
		if string(f.b) != string(plain.b) {
			t.Error("the frame has changed")
		}
	})
}

// TestDeflatedBinary: a compressed binary message keeps its type.
func TestDeflatedBinary(t *testing.T) {
	t.Parallel()
	u := NewUpgrader(Options{Deflate: true})
	f := u.PrepareText(make([]byte, 70000))
	f.b[0] = 0x80 | byte(ws.OpBinary)
	b := f.deflated(u.deflater).b
	h, size, ok := parseHeader(b)
	if want := (ws.Header{Fin: true, Rsv: rsv1, OpCode: ws.OpBinary, Length: int64(len(b) - size)}); h != want || !ok {
		t.Errorf("header %+v, want %+v", h, want)
	}
	if p := reference(b[size:]); len(p) != 70000 {
		t.Errorf("%d bytes", len(p))
	}
}

// TestQueueCountsDeflatedBytes: the limits and counts of the queue use the size on the wire.
func TestQueueCountsDeflatedBytes(t *testing.T) {
	t.Parallel()
	synctest.Test(t, func(t *testing.T) {
		long := strings.Repeat("long ", 2000)
		n := len(newDeflater(&Options{Deflate: true}).deflateFrame(PrepareText([]byte(long)).b))
		h, p := stuck(t, Options{Deflate: true, SendQueueBytes: 7 + 2*n + 50})
		f := h.c.up.PrepareText([]byte(long))
		before := h.c.QueuedBytes()
		must(t, h.c.WritePrepared([]Prepared{f.Droppable()}, false))
		must(t, h.c.WriteText([]byte(long), false))
		if got := h.c.QueuedBytes() - before; got != 2*n || n > 200 {
			t.Errorf("%d bytes queued for two messages of %d", got, n)
		}
		must(t, h.c.WriteText(make([]byte, 60), false)) // takes the place of the droppable one
		if got := h.dropped(DroppedFrames); got != 1 {
			t.Errorf("%d frames dropped", got)
		}
		if err := h.c.WritePrepared([]Prepared{f, f, f, f}, false); !errors.Is(err, ErrSlow) {
			t.Errorf("overflow: %v", err)
		}
		if got := h.dropped(SlowClient); got != 4*n {
			t.Errorf("%d bytes refused, want %d", got, 4*n)
		}
		p.expect("text first", "close 1013 too slow")
		must(t, p.nc.Close())
		h.end(t)
	})
}

// TestCompressorsAreBounded: acquire waits if as many compressors are in use as can run.
func TestCompressorsAreBounded(t *testing.T) {
	t.Parallel()
	synctest.Test(t, func(t *testing.T) {
		d := newDeflater(&Options{Deflate: true})
		var taken []*compressor
		for range runtime.GOMAXPROCS(0) {
			taken = append(taken, d.acquire())
		}
		waited := make(chan *compressor)
		go func() { waited <- d.acquire() }()
		synctest.Wait()
		select {
		case <-waited:
			t.Error("acquire did not wait")
		default:
		}
		taken[0].b = make([]byte, maxFirstAlloc+1)
		d.release(taken[0])
		if z := <-waited; cap(z.b) > maxFirstAlloc {
			t.Errorf("%d bytes are kept in the pool", cap(z.b))
		}
	})
}

// TestOtherClients: another implementation of a client sends and receives correctly, whether it asks for context
// takeover or not. The server never grants it.
func TestOtherClients(t *testing.T) {
	t.Parallel()
	for name, mode := range map[string]websocket.CompressionMode{
		"context takeover": websocket.CompressionContextTakeover, "none": websocket.CompressionNoContextTakeover,
		"disabled": websocket.CompressionDisabled,
	} {
		t.Run(name, func(t *testing.T) {
			t.Parallel()
			s := newServer(t, Options{Deflate: true, DeflateMinBytes: -1, MaxMessageBytes: 1 << 20}, false)
			c, res, err := websocket.Dial(t.Context(), s.http.URL, &websocket.DialOptions{CompressionMode: mode, CompressionThreshold: 1})
			must(t, err)
			defer c.CloseNow()
			if got := res.Header.Get("Sec-WebSocket-Extensions"); (got == agreed) != (mode != websocket.CompressionDisabled) {
				t.Errorf("negotiated %q", got)
			}
			served := <-s.conns
			served.Start(&returner{echoer{served}}, nil)
			c.SetReadLimit(1 << 20)
			r := rand.New(rand.NewPCG(5, 6))
			for i := range 100 {
				typ := websocket.MessageText + websocket.MessageType(i%2)
				sent := someText(r, int(r.ExpFloat64()*3000))
				must(t, c.Write(t.Context(), typ, []byte(sent)))
				if back, got, err := c.Read(t.Context()); err != nil || back != typ || string(got) != sent {
					t.Fatalf("%v of %d bytes came back as %v of %d, %v", typ, len(sent), back, len(got), err)
				}
			}
			must(t, c.Close(websocket.StatusNormalClosure, ""))
		})
	}
}

// TestDeflatedStress: many connections over TCP get the same frames from several goroutines while they echo messages.
func TestDeflatedStress(t *testing.T) {
	t.Parallel()
	s := newServer(t, Options{Deflate: true, DeflateMinBytes: 100, MaxMessageBytes: 1 << 20, SendQueueBytes: -1}, false)
	const conns, each = 8, 100
	long := strings.Repeat("everybody ", 300)
	var served []*Conn
	var clients sync.WaitGroup
	ctx, cancel := context.WithCancel(t.Context())
	defer cancel()
	for i := range conns {
		c, _, err := websocket.Dial(ctx, s.http.URL, &websocket.DialOptions{CompressionMode: websocket.CompressionNoContextTakeover})
		must(t, err)
		own := <-s.conns
		own.Start(&echoer{own}, nil)
		served = append(served, own)
		clients.Go(func() {
			defer c.CloseNow()
			mine := fmt.Sprint(i, strings.Repeat(" mine", 200))
			got := map[string]int{}
			for n := range 2 * each {
				var err error
				if n < each {
					err = c.Write(ctx, websocket.MessageText, []byte(mine))
				}
				var b []byte
				if err == nil {
					_, b, err = c.Read(ctx)
				}
				if err != nil {
					t.Errorf("after %d: %v", n, err)
					return
				}
				got[string(b)]++
			}
			if got[mine] != each || got[long] != each {
				t.Errorf("%d echoes, %d broadcasts, %d different messages", got[mine], got[long], len(got))
			}
		})
	}
	var senders sync.WaitGroup
	frames := make([]Prepared, each)
	for i := range frames {
		frames[i] = s.u.PrepareText([]byte(long))
	}
	for k := range 4 {
		senders.Go(func() {
			for _, f := range frames {
				for _, c := range served[k*conns/4 : (k+1)*conns/4] {
					must(t, c.WritePrepared([]Prepared{f}, false))
				}
			}
		})
	}
	senders.Wait()
	clients.Wait()
}
