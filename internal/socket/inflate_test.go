package socket

import (
	"bytes"
	"compress/flate"
	"fmt"
	"io"
	"math/rand/v2"
	"runtime"
	"strings"
	"testing"
	"testing/synctest"
	"time"

	"github.com/gobwas/ws"
)

// reference inflates as in RFC 7692, section 7.2.2, without limits.
func reference(b []byte) []byte {
	p, err := io.ReadAll(flate.NewReader(io.MultiReader(bytes.NewReader(b), strings.NewReader(flushTail))))
	if err != nil {
		return fmt.Append(p, "!", err)
	}
	return p
}

// compressed returns p compressed by a client.
func compressed(p string, level int) string {
	var b bytes.Buffer
	w, err := flate.NewWriter(&b, level)
	if err == nil {
		_, err = w.Write([]byte(p))
	}
	if err == nil {
		err = w.Flush()
	}
	if err != nil {
		panic(err)
	}
	return strings.TrimSuffix(b.String(), "\x00\x00\xff\xff")
}

// marked sets RSV1, the bit of a compressed message.
func marked(frame []byte) []byte {
	frame[0] |= rsv1Bit
	return frame
}

func deflatedText(p string) []byte { return marked(text(compressed(p, flate.BestCompression))) }

// fragments cuts a compressed message into one frame more than there are cuts.
func fragments(p string, between []byte, cuts ...int) (b []byte) {
	op, start := ws.OpText, 0
	for _, cut := range append(cuts, len(p)) {
		f := masked(op, cut == len(p), p[start:cut])
		if op == ws.OpText {
			f = marked(f)
		} else {
			b = append(b, between...)
		}
		b = append(b, f...)
		op, start = ws.OpContinuation, cut
	}
	return b
}

// Payloads of RFC 7692, section 7.2.3.
const (
	helloFixed   = "\xf2\x48\xcd\xc9\xc9\x07\x00"
	helloStored  = "\x00\x05\x00\xfa\xff\x48\x65\x6c\x6c\x6f\x00"
	helloFinal   = "\xf3\x48\xcd\xc9\xc9\x07\x00\x00"
	helloBlocks  = "\xf2\x48\x05\x00\x00\x00\xff\xff\xca\xc9\xc9\x07\x00"
	helloContext = "\xf2\x00\x11\x00\x00" // refers to the previous message
	nothing      = "\x00"
)

var (
	emptyStored = "\x00\x00\x00\xff\xff" // a block
	emptyFinal  = "\x03\x00"             // a final block
	lookBack    = lookingBack()
)

// lookingBack returns a message with a final block, followed by a block that repeats the 250 letters before it.
func lookingBack() string {
	var b bytes.Buffer
	w, _ := flate.NewWriterDict(&b, flate.BestCompression, []byte(strings.Repeat("abcde", 25)))
	_, _ = w.Write([]byte(strings.Repeat("abcde", 25)))
	_ = w.Flush() // to a bytes.Buffer
	first := compressed(strings.Repeat("abcde", 25), flate.BestCompression) + "\x00\x00\xff\xff" + emptyFinal
	return first + strings.TrimSuffix(b.String(), "\x00\x00\xff\xff")
}

// hostileDeflated is met by a server with MaxMessageBytes 200 and MaxFragments 3.
var hostileDeflated = []struct {
	name string
	send [][]byte
	want string
}{
	{"bomb", [][]byte{deflatedText(strings.Repeat("x", 1<<20))}, "close 1009 message too big"},
	{"one byte too big", [][]byte{deflatedText(strings.Repeat("x", 201))}, "close 1009 message too big"},
	{
		"one byte too big, behind a last block",
		[][]byte{marked(text(compressed(strings.Repeat("x", 200), 1) + "\x00\x00\xff\xff" + emptyFinal + compressed("x", 1)))},
		"close 1009 message too big",
	},
	{
		"bomb in fragments",
		[][]byte{fragments(compressed(strings.Repeat("x", 1<<17), 9), nil, 1, 100)},
		"close 1009 message too big",
	},
	{
		"binary bomb",
		[][]byte{marked(masked(ws.OpBinary, true, compressed(strings.Repeat("\x00", 1<<20), 9)))},
		"close 1009 message too big",
	},
	{
		"more bytes deflated than MaxMessageBytes can need",
		[][]byte{marked(text(strings.Repeat(emptyStored, 54)))},
		"close 1009 message too big",
	},
	{
		"more bytes deflated than MaxMessageBytes can need, in fragments",
		[][]byte{fragments(strings.Repeat(emptyStored, 54), nil, 200)},
		"close 1009 message too big",
	},
	{
		"an exabyte announced",
		[][]byte{header(0xc2, 0xff, 0x0f, 0, 0, 0, 0, 0, 0, 0, 1, 2, 3, 4)},
		"close 1009 message too big",
	},
	{"too many fragments", [][]byte{fragments(helloFixed, nil, 1, 2, 3)}, "close 1008 too many fragments"},
	{"reserved kind of block", [][]byte{marked(text("\x06"))}, "close 1007 deflated data is corrupt"},
	{"no block", [][]byte{marked(text(""))}, "close 1007 deflated data is corrupt"},
	{"stored block with a wrong length", [][]byte{marked(text("\x00\x05\x00\xfa\xfeHello\x00"))}, "close 1007 deflated data is corrupt"},
	{"cut in a stored block", [][]byte{marked(text(helloStored[:8]))}, "close 1007 deflated data is corrupt"},
	{"cut in a code", [][]byte{marked(text(compressed(strings.Repeat("truncated ", 9), 9)[:11]))}, "close 1007 deflated data is corrupt"},
	{"looks back too far", [][]byte{marked(text(helloContext))}, "close 1007 deflated data is corrupt"},
	{
		"looks back at the message before",
		[][]byte{marked(text(helloFixed)), marked(text(helloContext))},
		"text Hello|close 1007 deflated data is corrupt",
	},
	{"garbage behind a last block", [][]byte{marked(text(helloFinal[:7] + "\xff\xff"))}, "close 1007 deflated data is corrupt"},
	{"text behind a last block", [][]byte{marked(text(helloFinal[:7] + "Hello"))}, "close 1007 deflated data is corrupt"},
	{"last block without an end", [][]byte{marked(text(helloFinal[:6]))}, "close 1007 deflated data is corrupt"},
	{"nothing but last blocks", [][]byte{marked(text(strings.Repeat(emptyFinal, 129)))}, "close 1007 deflated data is corrupt"},
	{"text that was not deflated", [][]byte{marked(text("Hello, hello, hello"))}, "close 1007 deflated data is corrupt"},
	{"zlib instead of deflate", [][]byte{marked(text("\x78\x9c" + helloFixed))}, "close 1007 deflated data is corrupt"},
	{"text is not UTF-8", [][]byte{deflatedText("caf\xe9")}, "close 1007 text is not UTF-8"},
	{"text ends in half a rune", [][]byte{deflatedText("caf\xc3")}, "close 1007 text is not UTF-8"},
	{"surrogate", [][]byte{deflatedText("\xed\xa0\x80")}, "close 1007 text is not UTF-8"},
	{
		"RSV1 on a continuation",
		[][]byte{marked(masked(ws.OpText, false, helloFixed[:3])), marked(masked(ws.OpContinuation, true, helloFixed[3:]))},
		"close 1002 non-zero rsv bits with no extension negotiated",
	},
	{
		"RSV1 on the second frame only",
		[][]byte{masked(ws.OpText, false, "Hel"), marked(masked(ws.OpContinuation, true, "lo"))},
		"close 1002 non-zero rsv bits with no extension negotiated",
	},
	{"RSV1 on a ping", [][]byte{marked(masked(ws.OpPing, true, ""))}, "close 1002 non-zero rsv bits with no extension negotiated"},
	{"RSV1 on a pong", [][]byte{marked(masked(ws.OpPong, true, ""))}, "close 1002 non-zero rsv bits with no extension negotiated"},
	{"RSV1 on a close", [][]byte{marked(closing(1000, ""))}, "close 1002 non-zero rsv bits with no extension negotiated"},
	{"RSV2", [][]byte{header(0xa1, 0x80, 0, 0, 0, 0)}, "close 1002 non-zero rsv bits with no extension negotiated"},
	{"RSV1 and RSV3", [][]byte{header(0xd1, 0x80, 0, 0, 0, 0)}, "close 1002 non-zero rsv bits with no extension negotiated"},
	{"reserved opcode with RSV1", [][]byte{marked(masked(3, true, "x"))}, "close 1002 use of reserved op code"},
	{
		"a deflated text inside a message",
		[][]byte{marked(masked(ws.OpText, false, helloFixed[:3])), marked(text(helloFixed))},
		"close 1002 unexpected non-continuation data frame",
	},
}

// TestHostileDeflate: each violation is answered with its close code, after the messages before it were handled,
// whether the bytes arrive together or one by one. Bytes behind it are never handled.
func TestHostileDeflate(t *testing.T) {
	t.Parallel()
	for _, bytewise := range []bool{false, true} {
		for _, k := range hostileDeflated {
			t.Run(map[bool]string{false: "whole/", true: "bytewise/"}[bytewise]+k.name, func(t *testing.T) {
				t.Parallel()
				o := Options{MaxMessageBytes: 200, MaxFragments: 3, Deflate: true}
				synctest.Test(t, func(t *testing.T) { hostileCase(t, o, k.send, strings.Split(k.want, "|"), bytewise) })
			})
		}
	}
}

// inflatable are messages as they come, with their text. MaxMessageBytes is 250.
var inflatable = []struct {
	name string
	send []byte
	want string
}{
	{"fixed codes", marked(text(helloFixed)), "Hello"},
	{"stored", marked(text(helloStored)), "Hello"},
	{"last block", marked(text(helloFinal)), "Hello"},
	{"last block, without the padding that should follow", marked(text(helloFinal[:7])), "Hello"},
	{"two blocks", marked(text(helloBlocks)), "Hello"},
	{"two last blocks", marked(text(helloFinal[:7] + helloFinal)), "HelloHello"},
	{"blocks without content", marked(text(strings.Repeat(emptyStored, 50) + helloFixed)), "Hello"},
	{"a last block before", marked(text(emptyFinal + helloFixed)), "Hello"},
	{"many last blocks", marked(text(strings.Repeat(emptyFinal, 127) + helloFixed)), "Hello"},
	{"looking back over a last block", marked(text(lookBack)), strings.Repeat("abcde", 50)},
	{"nothing", marked(text(nothing)), ""},
	{"nothing, in fragments", append(marked(masked(ws.OpText, false, "")), masked(ws.OpContinuation, true, nothing)...), ""},
	{"not deflated", text("Hello"), "Hello"},
	{"binary", marked(masked(ws.OpBinary, true, compressed("\xff\xfe", 9))), "\xff\xfe"},
	{"as long as may be", deflatedText(strings.Repeat("x", 250)), strings.Repeat("x", 250)},
	{"as long as may be, stored", marked(text("\x00\xfa\x00\x05\xff" + strings.Repeat("y", 250) + nothing)), strings.Repeat("y", 250)},
	{
		"as long as may be, stored, in fragments",
		fragments("\x00\xfa\x00\x05\xff"+strings.Repeat("y", 250)+nothing, masked(ws.OpPing, true, ""), 100, 101),
		strings.Repeat("y", 250),
	},
	{"runes", deflatedText("grüße, 世界"), "grüße, 世界"},
	{"runes in fragments", fragments(compressed("grüße, 世界", 0), masked(ws.OpPing, true, ""), 8, 9, 20), "grüße, 世界"},
}

// TestInflating: the handler gets the messages as they were before compression, whether the bytes arrive together or
// one by one. Later messages are handled too.
func TestInflating(t *testing.T) {
	t.Parallel()
	for _, k := range inflatable {
		for _, bytewise := range []bool{false, true} {
			t.Run(fmt.Sprint(k.name, " ", bytewise), func(t *testing.T) {
				t.Parallel()
				synctest.Test(t, func(t *testing.T) {
					h, p := started(t, Options{MaxMessageBytes: 250, Deflate: true}, nil)
					h.message = nil
					go p.frame() // pongs
					all := append(bytes.Clone(k.send), text("next")...)
					for step := map[bool]int{false: len(all), true: 1}[bytewise]; len(all) > 0; all = all[step:] {
						p.send(all[:step])
					}
					synctest.Wait()
					must(t, p.nc.Close())
					h.end(t, "m "+abbreviated([]byte(k.want)), "m next", "closed 1006")
				})
			})
		}
	}
}

// TestDeflatedFragments: a message is the same wherever it is cut, with a ping at each cut.
func TestDeflatedFragments(t *testing.T) {
	t.Parallel()
	s := strings.Repeat("wherever it is cut ", 9)
	p := compressed(s, 9)
	for first := range len(p) {
		t.Run(fmt.Sprint(first), func(t *testing.T) {
			t.Parallel()
			synctest.Test(t, func(t *testing.T) {
				h, peer := started(t, Options{Deflate: true}, nil)
				for second := first; second < len(p); second++ {
					go peer.send(fragments(p, masked(ws.OpPing, true, "?"), first, second))
					peer.expect("pong ?", "pong ?", "text "+abbreviated([]byte(s)))
				}
				must(t, peer.nc.Close())
				h.end(t)
			})
		})
	}
}

// TestBombsCostTheLimit: memory is limited for any inflated size, and output beyond the limit is not computed.
func TestBombsCostTheLimit(t *testing.T) { // not parallel: it measures all allocations
	bomb := []byte(compressed(strings.Repeat("x", 64<<20), 9))
	for _, most := range []int{200, 8 << 10, 64 << 10, 1 << 20} {
		b := make([]byte, bufSize)
		inflate := func() {
			if _, err := inflate(b, bomb, most); err != errTooBig {
				t.Errorf("limit %d: %v", most, err)
			}
		}
		inflate() // fills the pool
		var before, after runtime.MemStats
		runtime.ReadMemStats(&before)
		inflate()
		runtime.ReadMemStats(&after)
		// Up to 64 KiB in one allocation; above that memory doubles, and half of it is garbage.
		n, may := int(after.TotalAlloc-before.TotalAlloc), most
		if most > maxFirstAlloc {
			may *= 2
		}
		if n > may+64<<10 && most > bufSize || n > 64<<10 && most <= bufSize { // 44 KB if the pool was emptied meanwhile
			t.Errorf("limit %d: %d bytes allocated", most, n)
		}
		t.Logf("limit %d: %d bytes allocated for a bomb of %d bytes", most, n, len(bomb))
	}
}

// TestInflatedMemory: memory grows with the actual output, not with the limit.
func TestInflatedMemory(t *testing.T) {
	t.Parallel()
	p := []byte(compressed(strings.Repeat("x", bufSize+1), 9))
	if b, err := inflate(make([]byte, bufSize), p, 16<<20); err != nil || len(b) != bufSize+1 || cap(b) > maxFirstAlloc {
		t.Errorf("%d bytes in %d, %v", len(b), cap(b), err)
	}
}

// TestInflatedInItsTurn: a waiting message takes the memory that was received. Arrived gets the text of short messages
// only.
func TestInflatedInItsTurn(t *testing.T) {
	t.Parallel()
	synctest.Test(t, func(t *testing.T) {
		h, p := started(t, Options{Deflate: true}, nil)
		h.slowly()
		var arrived []string
		h.arrived = func(p []byte, _ bool, _ uint64) (answer []byte, waits bool) {
			arrived = append(arrived, fmt.Sprint(p == nil, " ", string(p)))
			return nil, string(p) != "cancel"
		}
		long := strings.Repeat("l", 64<<10)
		p.send(text("slow"))
		time.Sleep(10 * time.Millisecond) // the reader fills the inbox
		p.send(deflatedText("short"), deflatedText(long), deflatedText("cancel"), deflatedText(""), deflatedText(long),
			marked(text(strings.Repeat(emptyStored, 300)+helloFixed)), text("plain"))
		synctest.Wait()
		h.c.mu.Lock()
		if n := h.c.inbox.bytes; n > 2000 || h.c.inbox.messages != 6 {
			t.Errorf("%d messages wait with %d bytes", h.c.inbox.messages, n)
		}
		h.c.mu.Unlock()
		p.expect("text slow", "text short", "text deflated llllllll…65536", "text", "text deflated llllllll…65536", "text Hello", "text plain")
		must(t, p.nc.Close())
		h.end(t, "m slow", "m short", "m llllllll…65536", "m ", "m llllllll…65536", "m Hello", "m plain", "closed 1006")
		if want := "false short|true |false cancel|false |true |true |false plain"; strings.Join(arrived, "|") != want {
			t.Errorf("arrived %q, want %q", arrived, want)
		}
	})
}

// TestWrongInItsTurn: a waiting message that cannot be inflated ends the connection after the messages before it. The
// messages behind it are dropped.
func TestWrongInItsTurn(t *testing.T) {
	t.Parallel()
	for _, k := range []struct {
		bad  []byte
		want string
	}{
		{deflatedText(strings.Repeat("x", 201)), "1009 message too big"},
		{deflatedText("\xff"), "1007 text is not UTF-8"},
		{marked(text("\x06")), "1007 deflated data is corrupt"},
	} {
		t.Run(k.want, func(t *testing.T) {
			t.Parallel()
			synctest.Test(t, func(t *testing.T) {
				h, p := started(t, Options{MaxMessageBytes: 200, Deflate: true}, nil)
				h.slowly()
				p.send(text("slow"))
				time.Sleep(10 * time.Millisecond)
				p.send(text("before"), k.bad, text("behind"), deflatedText("behind too"))
				p.expect("text slow", "text before", "close "+k.want)
				p.send(closing(1000, ""))
				p.expect("eof")
				h.end(t, "m slow", "m before", "closed "+k.want)
				if n := h.dropped(DroppedMessages); n != 2 {
					t.Errorf("%d messages dropped", n)
				}
			})
		})
	}
}

// TestHandOverWithHalfADeflatedMessage: the new reader continues an incomplete message of the batch, wherever it is
// cut.
func TestHandOverWithHalfADeflatedMessage(t *testing.T) {
	t.Parallel()
	s := strings.Repeat("half and ", 80)
	b := fragments(compressed(s, 9), masked(ws.OpPing, true, "between"), 5)
	for cut := range len(b) {
		t.Run(fmt.Sprint(cut), func(t *testing.T) {
			t.Parallel()
			synctest.Test(t, func(t *testing.T) {
				h, p := started(t, Options{Deflate: true}, nil)
				h.slowly()
				p.send(text("slow"), deflatedText("rest"), b[:cut])
				time.Sleep(10 * time.Millisecond)
				go p.send(b[cut:])
				pong := 0
				for _, want := range []string{"text slow", "text rest", "text " + abbreviated([]byte(s))} {
					f := p.frame()
					if f == "pong between" {
						pong++
						f = p.frame()
					}
					if f != want {
						t.Fatalf("frame %q, want %q", f, want)
					}
				}
				must(t, p.nc.Close())
				h.end(t, "m slow", "m rest", "m "+abbreviated([]byte(s)), "closed 1006")
				if n := h.c.up.Stats().HandOvers; pong != 1 || n != 1 {
					t.Errorf("%d pongs, %d hand-overs", pong, n)
				}
			})
		})
	}
}

// TestDiscardingKnowsDeflatedFrames: the peer's answer to our Close frame is found behind compressed frames.
func TestDiscardingKnowsDeflatedFrames(t *testing.T) {
	t.Parallel()
	synctest.Test(t, func(t *testing.T) {
		h, p := started(t, Options{Deflate: true}, nil)
		go func() { must(t, h.c.Close(1001, "enough")) }()
		p.expect("close 1001 enough")
		p.send(deflatedText("too late"), closing(1001, ""))
		p.expect("eof")
		h.end(t, "closed 1001 enough")
		if n := h.dropped(DroppedMessages); n != 1 {
			t.Errorf("%d messages dropped", n)
		}
	})
}

// inflateSlowly is a reference for inflate that finds the streams by their ends.
func inflateSlowly(p []byte, most int) (b []byte, err error) {
	src := bytes.NewReader(append(bytes.Clone(p), flushTail...)) // an io.ByteReader
	for range maxFinalBlocks {
		z := flate.NewReaderDict(src, b)
		part, err := io.ReadAll(io.LimitReader(z, int64(most-len(b)+1)))
		b = append(b, part...)
		switch rest := src.Len(); {
		case err != nil:
			return nil, err
		case len(b) > most:
			return nil, errTooBig
		case rest == 0 || rest == len(flushTail):
			return b, nil
		case rest < len(flushTail):
			return nil, io.ErrUnexpectedEOF
		}
	}
	return nil, errFinalBlocks
}

// FuzzInflate: any bytes cause no panic and no memory beyond the limit, and the output is that of the reference.
// Compressed texts are inflated to the original.
func FuzzInflate(f *testing.F) {
	for _, k := range inflatable {
		h, size, _ := parseHeader(k.send)
		p := bytes.Clone(k.send[size : size+int(h.Length)])
		ws.Cipher(p, h.Mask, 0)
		f.Add(p, uint8(250), uint8(1))
	}
	f.Add([]byte(compressed(strings.Repeat("x", 1<<20), 9)), uint8(255), uint8(9))
	f.Add([]byte(strings.Repeat(emptyFinal, 200)), uint8(3), uint8(5))
	f.Fuzz(func(t *testing.T, p []byte, limit, level uint8) {
		most := int(limit) * 100
		got, err := inflate(make([]byte, 64), bytes.Clone(p), most)
		want, wantErr := inflateSlowly(p, most)
		if (err == nil) != (wantErr == nil) || (err == errTooBig) != (wantErr == errTooBig) || !bytes.Equal(got, want) {
			t.Errorf("%d bytes, %v; want %d bytes, %v", len(got), err, len(want), wantErr)
		}
		if cap(got) > max(64, most) {
			t.Errorf("%d bytes with capacity %d, limit %d", len(got), cap(got), most)
		}
		z := newCompressor(1 + int(level)%9)
		if !z.compress(p) {
			return
		}
		if back, err := inflate(nil, z.b, len(p)); err != nil || !bytes.Equal(back, p) || len(z.b) >= len(p) {
			t.Errorf("%d bytes, deflated %d, come back as %d, %v", len(p), len(z.b), len(back), err)
		}
	})
}

// TestRoundTrips: messages of any kind and length are echoed unchanged over one connection.
func TestRoundTrips(t *testing.T) {
	t.Parallel()
	synctest.Test(t, func(t *testing.T) {
		h, p := started(t, Options{Deflate: true, DeflateMinBytes: 64, MaxMessageBytes: 1 << 20, MaxFragments: -1, PingInterval: -1}, nil)
		r := rand.New(rand.NewPCG(1, 2))
		for range 100 {
			s := someText(r, int(r.ExpFloat64()*3000))
			b := compressed(s, r.IntN(10))
			cut := r.IntN(len(b))
			go p.send(fragments(b, nil, cut))
			if got := p.payload(); got != s {
				t.Fatalf("%d bytes came back as %d", len(s), len(got))
			}
		}
		must(t, p.nc.Close())
		h.end(t)
	})
}

// payload returns the whole text of the next frame.
func (p *peer) payload() string {
	p.t.Helper()
	h, err := ws.ReadHeader(p.br)
	must(p.t, err)
	b := make([]byte, h.Length)
	_, err = io.ReadFull(p.br, b)
	must(p.t, err)
	if h.Rsv == rsv1 {
		b = reference(b)
	}
	return string(b)
}

// someText returns at least n bytes, and few more: words, noise, or both.
func someText(r *rand.Rand, n int) string {
	var b strings.Builder
	noise := r.IntN(3)
	for b.Len() < n {
		if r.IntN(2) < noise {
			b.WriteRune(rune(r.IntN(0xd800)))
		} else {
			b.WriteString([]string{"the", " room", `","name":"`, "{}", "grüße", "世界 "}[r.IntN(6)])
		}
	}
	return b.String()
}
