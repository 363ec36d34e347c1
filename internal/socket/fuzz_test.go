package socket

import (
	"bytes"
	"io"
	"math/rand/v2"
	"slices"
	"strings"
	"testing"
	"testing/synctest"
	"unicode/utf8"

	"github.com/gobwas/ws"
)

// fuzzed has limits small enough for a fuzzer to reach. Timeouts are off, so only the bytes end a connection.
var fuzzed = Options{MaxMessageBytes: 300, MaxFragments: 4, SendQueueBytes: -1, PingInterval: -1}

// expected is a simple reference parser for a complete input. It returns the messages as the recorder logs them, and
// the number of pings to answer.
func expected(b []byte, deflate bool) (messages []string, pongs int) {
	br := bytes.NewReader(b)
	var msg []byte
	var op ws.OpCode
	frames, deflated := 0, false
	for {
		h, err := ws.ReadHeader(br)
		state := ws.StateServerSide
		if frames > 0 {
			state |= ws.StateFragmented
		}
		opens := h.OpCode == ws.OpText || h.OpCode == ws.OpBinary
		if err != nil || !fewest(b[:len(b)-br.Len()], h) {
			return messages, pongs
		}
		marked := deflate && opens && h.Rsv == rsv1
		if marked {
			h.Rsv = 0
		}
		if ws.CheckHeader(h, state) != nil {
			return messages, pongs
		}
		if opens {
			deflated = marked
		}
		if !h.OpCode.IsControl() && (int64(len(msg))+h.Length > map[bool]int64{false: 300, true: 368}[deflated] || frames == 4) {
			return messages, pongs
		}
		p := make([]byte, h.Length)
		n, err := io.ReadFull(br, p)
		for i := range p[:n] {
			p[i] ^= h.Mask[i%4]
		}
		switch {
		case err != nil || h.OpCode == ws.OpClose:
			return messages, pongs
		case h.OpCode == ws.OpPing:
			pongs++
		case !h.OpCode.IsControl():
			if frames == 0 {
				op = h.OpCode
			}
			frames++
			msg = append(msg, p...)
			bad := msg[validPrefix(string(msg)):]
			if op == ws.OpText && !deflated && len(bad) > 0 && (h.Fin || utf8.FullRune(bad)) {
				return messages, pongs
			}
			if !h.Fin {
				continue
			}
			if deflated {
				if msg, err = inflateSlowly(msg, 300); err != nil || op == ws.OpText && !utf8.Valid(msg) {
					return messages, pongs
				}
			}
			messages = append(messages, "m "+abbreviated(msg))
			msg, frames = nil, 0
		}
	}
}

// fewest reports whether the header at the end of b encodes its length in as few bytes as possible.
func fewest(b []byte, h ws.Header) bool {
	var want bytes.Buffer
	return ws.WriteHeader(&want, h) == nil && bytes.HasSuffix(b, want.Bytes())
}

// FuzzFrames: any bytes, cut anywhere, cause no panic and no memory beyond the limit. The handler gets the messages
// that the reference parser finds, each once and in order, however the bytes are cut. Closed is called once, at the
// end. The last bit of seed says whether compression was negotiated.
func FuzzFrames(f *testing.F) {
	for i, k := range hostile {
		f.Add(bytes.Join(append([][]byte{text("hello")}, append(k.send, text("never"))...), nil), uint64(i))
	}
	f.Add(bytes.Join([][]byte{
		masked(ws.OpText, false, "gr\xc3"), masked(ws.OpPing, true, "?"), masked(ws.OpContinuation, true, "\xbc\xc3\x9fe"),
		masked(ws.OpBinary, true, strings.Repeat("\xff", 300)), masked(ws.OpPong, true, ""), text(""), closing(1000, "bye"),
	}, nil), uint64(3))
	for i, k := range hostileDeflated {
		f.Add(bytes.Join(append([][]byte{deflatedText("hello")}, append(k.send, text("never"))...), nil), uint64(2*i+1))
	}
	for i, k := range inflatable {
		f.Add(append(bytes.Clone(k.send), deflatedText("next")...), uint64(2*i+1))
	}
	f.Fuzz(func(t *testing.T, b []byte, seed uint64) {
		o := fuzzed
		o.Deflate = seed%2 == 1
		synctest.Test(t, func(t *testing.T) { fuzzCase(t, b, o, rand.New(rand.NewPCG(seed, 0))) })
	})
}

func fuzzCase(t *testing.T, b []byte, o Options, rnd *rand.Rand) {
	want, pongs := expected(b, o.Deflate)
	k := rnd.IntN(len(b) + 1)
	c, p := piped(t, NewUpgrader(o), slices.Clone(b[:k]))
	h := newRecorder(c)
	h.message = func(m []byte, _ bool) {
		if len(m) > 300 || cap(m) > 2*300 && cap(m) != bufSize { // inflated into a pooled buffer
			t.Errorf("a message of %d bytes with capacity %d", len(m), cap(m))
		}
	}
	c.Start(h, nil)
	got := make(chan int)
	go func() {
		n := 0
		for f := p.frame(); f != "eof"; f = p.frame() {
			if strings.HasPrefix(f, "pong") {
				n++
			}
		}
		got <- n
	}()
	for rest := b[k:]; len(rest) > 0; rest = rest[k:] {
		k = 1 + rnd.IntN(len(rest))
		if _, err := p.nc.Write(rest[:k]); err != nil {
			break // the connection has ended
		}
		synctest.Wait()
		if part := c.part; part != nil && cap(part.msg)+cap(part.tail) > 2*368+2*maxTail {
			t.Errorf("%d bytes kept for an incomplete message", cap(part.msg)+cap(part.tail))
		}
	}
	synctest.Wait()
	must(t, p.nc.Close())
	n := <-got
	h.end(t)
	if last := len(h.log) - 1; !strings.HasPrefix(h.log[last], "closed ") || !slices.Equal(h.log[:last], want) {
		t.Errorf("calls\n%q, want\n%q", h.log, want)
	}
	if n != pongs {
		t.Errorf("%d pongs, want %d", n, pongs)
	}
	must(t, c.up.Wait(t.Context()))
}
