package socket

import (
	"bytes"
	"strings"
	"testing"
	"testing/synctest"
	"time"

	"github.com/gobwas/ws"
)

// header returns the header of a client's frame, with the given defects.
func header(first, second byte, more ...byte) []byte { return append([]byte{first, second}, more...) }

var hostile = []struct {
	name string
	send [][]byte
	want string // what comes after the reply to a first, innocent message
}{
	{
		"unmasked text",
		[][]byte{header(0x81, 2), []byte("hi")},
		"close 1002 frames from client to server must be masked",
	},
	{"unmasked close", [][]byte{header(0x88, 0)}, "close 1002 frames from client to server must be masked"},
	{
		"RSV1 without an extension",
		[][]byte{header(0xc1, 0x80, 0, 0, 0, 0)},
		"close 1002 non-zero rsv bits with no extension negotiated",
	},
	{"RSV2", [][]byte{header(0xa1, 0x80, 0, 0, 0, 0)}, "close 1002 non-zero rsv bits with no extension negotiated"},
	{
		"RSV3 on a ping",
		[][]byte{header(0x99, 0x80, 0, 0, 0, 0)},
		"close 1002 non-zero rsv bits with no extension negotiated",
	},
	{"reserved data opcode 3", [][]byte{masked(3, true, "x")}, "close 1002 use of reserved op code"},
	{"reserved data opcode 7", [][]byte{masked(7, true, "")}, "close 1002 use of reserved op code"},
	{"reserved control opcode 11", [][]byte{masked(11, true, "x")}, "close 1002 use of reserved op code"},
	{"reserved control opcode 15", [][]byte{masked(15, true, "")}, "close 1002 use of reserved op code"},
	{
		"ping of 126 bytes",
		[][]byte{masked(ws.OpPing, true, strings.Repeat("x", 126))},
		"close 1002 control frame payload limit exceeded",
	},
	{
		"close announced with 64 bits",
		[][]byte{header(0x88, 0xff, 0, 0, 0, 0, 0, 1, 0, 0, 0, 0, 0, 0)},
		"close 1002 control frame payload limit exceeded",
	},
	{"fragmented ping", [][]byte{masked(ws.OpPing, false, "x")}, "close 1002 control frame is not final"},
	{"fragmented close", [][]byte{masked(ws.OpClose, false, "")}, "close 1002 control frame is not final"},
	{
		"continuation of nothing",
		[][]byte{masked(ws.OpContinuation, true, "x")},
		"close 1002 unexpected continuation data frame",
	},
	{
		"unfinished continuation of nothing",
		[][]byte{masked(ws.OpContinuation, false, "x")},
		"close 1002 unexpected continuation data frame",
	},
	{
		"text inside a message",
		[][]byte{masked(ws.OpText, false, "x"), text("y")},
		"close 1002 unexpected non-continuation data frame",
	},
	{
		"negative length",
		[][]byte{header(0x81, 0xff, 0x80, 0, 0, 0, 0, 0, 0, 0, 0, 0, 0, 0)},
		"close 1002 header error: the most significant bit must be 0",
	},
	{
		"125 in 16 bits",
		[][]byte{header(0x82, 0xfe, 0, 125, 0, 0, 0, 0)},
		"close 1002 length is not encoded in the fewest bytes",
	},
	{
		"125 in 64 bits",
		[][]byte{header(0x82, 0xff, 0, 0, 0, 0, 0, 0, 0, 125, 0, 0, 0, 0)},
		"close 1002 length is not encoded in the fewest bytes",
	},
	{
		"65535 in 64 bits",
		[][]byte{header(0x82, 0xff, 0, 0, 0, 0, 0, 0, 0xff, 0xff, 0, 0, 0, 0)},
		"close 1002 length is not encoded in the fewest bytes",
	},
	{
		"ping of 2 in 16 bits",
		[][]byte{header(0x89, 0xfe, 0, 2, 0, 0, 0, 0)},
		"close 1002 length is not encoded in the fewest bytes",
	},
	{"close payload of one byte", [][]byte{masked(ws.OpClose, true, "\x03")}, "close 1002 bad close frame"},
	{"close code 0", [][]byte{masked(ws.OpClose, true, "\x00\x00")}, "close 1002 bad close frame"},
	{"close code 999", [][]byte{closing(999, "")}, "close 1002 bad close frame"},
	{"close code 1004", [][]byte{closing(1004, "")}, "close 1002 bad close frame"},
	{"close code 1005", [][]byte{closing(1005, "")}, "close 1002 bad close frame"},
	{"close code 1006", [][]byte{closing(1006, "")}, "close 1002 bad close frame"},
	{"close code 1015", [][]byte{closing(1015, "")}, "close 1002 bad close frame"},
	{"close code 2999", [][]byte{closing(2999, "")}, "close 1002 bad close frame"},
	{"close code 5000", [][]byte{closing(5000, "")}, "close 1002 bad close frame"},
	{"close reason is not UTF-8", [][]byte{closing(1000, "\xff")}, "close 1007 bad close frame"},
	{"text is not UTF-8", [][]byte{text("caf\xe9")}, "close 1007 text is not UTF-8"},
	{"text ends in half a rune", [][]byte{text("caf\xc3")}, "close 1007 text is not UTF-8"},
	{"surrogate", [][]byte{text("\xed\xa0\x80")}, "close 1007 text is not UTF-8"},
	{
		"bad rune across fragments",
		[][]byte{masked(ws.OpText, false, "\xc3"), masked(ws.OpContinuation, true, "\xc3")},
		"close 1007 text is not UTF-8",
	},
	{
		"half a rune at the end of fragments",
		[][]byte{masked(ws.OpText, false, "a"), masked(ws.OpContinuation, true, "\xe2\x82")},
		"close 1007 text is not UTF-8",
	},
	{
		"bad rune in a message that goes on",
		[][]byte{masked(ws.OpText, false, "\xff")},
		"close 1007 text is not UTF-8",
	},
	{"one byte too big", [][]byte{text(strings.Repeat("x", 201))}, "close 1009 message too big"},
	{
		"an exabyte announced",
		[][]byte{header(0x82, 0xff, 0x0f, 0, 0, 0, 0, 0, 0, 0, 1, 2, 3, 4)},
		"close 1009 message too big",
	},
	{
		"fragments too big together",
		[][]byte{masked(ws.OpText, false, strings.Repeat("x", 150)), masked(ws.OpContinuation, true, strings.Repeat("x", 51))},
		"close 1009 message too big",
	},
	{
		"too many fragments",
		[][]byte{
			masked(ws.OpText, false, ""), masked(ws.OpContinuation, false, ""), masked(ws.OpContinuation, false, "x"),
			masked(ws.OpContinuation, true, ""),
		},
		"close 1008 too many fragments",
	},
}

// TestHostileFrames: each violation is answered with its close code, after the frames before it were handled, whether
// the bytes arrive together or one by one. Bytes behind it are never handled.
func TestHostileFrames(t *testing.T) {
	t.Parallel()
	for _, bytewise := range []bool{false, true} {
		for _, k := range hostile {
			t.Run(map[bool]string{false: "whole/", true: "bytewise/"}[bytewise]+k.name, func(t *testing.T) {
				t.Parallel()
				o := Options{MaxMessageBytes: 200, MaxFragments: 3}
				synctest.Test(t, func(t *testing.T) { hostileCase(t, o, k.send, []string{k.want}, bytewise) })
			})
		}
	}
}

func hostileCase(t *testing.T, o Options, send [][]byte, want []string, bytewise bool) {
	h, p := started(t, o, nil)
	all := bytes.Join(append([][]byte{text("hello")}, append(send, text("never"))...), nil)
	go func() {
		for len(all) > 0 {
			n := len(all)
			if bytewise {
				n = 1
			}
			p.send(all[:n])
			all = all[n:]
		}
	}()
	p.expect(append([]string{"text hello"}, want...)...)
	synctest.Wait()
	must(t, p.nc.Close())
	calls := []string{"m hello"}
	for _, f := range want {
		kind, rest, _ := strings.Cut(f, " ")
		calls = append(calls, map[string]string{"text": "m ", "close": "closed "}[kind]+rest)
	}
	h.end(t, calls...)
}

// TestHostileFramesOverTCP: the Close frame arrives although the client is still sending, and the connection ends
// without a reset.
func TestHostileFramesOverTCP(t *testing.T) {
	t.Parallel()
	s := newServer(t, Options{CloseTimeout: -1}, false) // closing the write side must end the connection
	for _, k := range []struct {
		name string
		b    []byte
		want string
	}{
		{"too big", text(strings.Repeat("x", 4<<20)), "close 1009 message too big"},
		{"violation", append(masked(3, true, "x"), make([]byte, 4<<20)...), "close 1002 use of reserved op code"},
	} {
		t.Run(k.name, func(t *testing.T) {
			t.Parallel()
			h, p := s.dial(t, nil)
			p.send(k.b)
			p.expect(k.want, "eof")
			must(t, p.nc.Close())
			h.end(t, "closed "+strings.TrimPrefix(k.want, "close "))
		})
	}
}

// TestDiscardIsBounded: a client that keeps sending after a violation is disconnected.
func TestDiscardIsBounded(t *testing.T) {
	t.Parallel()
	synctest.Test(t, func(t *testing.T) {
		h, p := started(t, Options{CloseTimeout: -1}, nil)
		p.send(header(0x81, 0))
		p.expect("close 1002 frames from client to server must be masked")
		h.end(t, "closed 1002 frames from client to server must be masked")
		sent, b := 0, make([]byte, 1<<20)
		for err := error(nil); err == nil; sent += len(b) {
			_, err = p.nc.Write(b)
		}
		if sent < maxDiscard || sent > maxDiscard+3<<20 {
			t.Errorf("%d bytes were read", sent)
		}
		p.expect("eof")
	})
}

// TestSlowLoris: MessageTimeout runs from the first byte of a message to its last, wherever the message stops.
func TestSlowLoris(t *testing.T) {
	t.Parallel()
	long := text(strings.Repeat("x", 20000))
	for name, start := range map[string][]byte{
		"first byte":           text("hello")[:1],
		"in the mask":          text("hello")[:4],
		"in the payload":       text("hello")[:8],
		"in a large payload":   long[:9000],
		"between fragments":    masked(ws.OpText, false, "he"),
		"in a ping":            masked(ws.OpPing, true, "hello")[:7],
		"ping between, silent": append(masked(ws.OpText, false, "he"), masked(ws.OpPing, true, "")...),
	} {
		t.Run(name, func(t *testing.T) {
			t.Parallel()
			synctest.Test(t, func(t *testing.T) {
				h, p := started(t, Options{}, nil)
				p.send(text("quick"))
				p.expect("text quick")
				time.Sleep(3 * time.Second)
				begin := time.Now()
				p.send(start)
				if bytes.Contains(start, []byte{0x89, 0x80}) {
					p.expect("pong")
				}
				p.expect("close 1013 message took too long")
				if d := time.Since(begin); d != 10*time.Second {
					t.Errorf("after %v", d)
				}
				must(t, p.nc.Close())
				h.end(t, "m quick", "closed 1013 message took too long")
			})
		})
	}
}

// TestControlFrameInTwoPieces: a control frame that arrives in two pieces starts no lasting MessageTimeout.
func TestControlFrameInTwoPieces(t *testing.T) {
	t.Parallel()
	synctest.Test(t, func(t *testing.T) {
		h, p := started(t, Options{PingInterval: -1}, nil)
		for _, ping := range [][]byte{masked(ws.OpPing, true, "p"), masked(ws.OpPong, true, "p")} {
			p.send(ping[:4])
			time.Sleep(9 * time.Second)
			p.send(ping[4:])
		}
		p.expect("pong p")
		p.quiet(time.Hour)
		must(t, p.nc.Close())
		h.end(t, "closed 1006")
	})
}

// TestSlowButInTime: a message may arrive slowly, and many messages may each pause halfway, within MessageTimeout.
func TestSlowButInTime(t *testing.T) {
	t.Parallel()
	synctest.Test(t, func(t *testing.T) {
		h, p := started(t, Options{PingInterval: -1}, nil)
		go func() {
			for range 5 {
				b := text("trickle")
				for _, x := range b {
					time.Sleep(600 * time.Millisecond)
					p.send([]byte{x})
				}
			}
			two := append(text("one"), text("two")...)
			p.send(two[:13])
			time.Sleep(9 * time.Second)
			p.send(two[13:], closing(1000, ""))
		}()
		for range 5 {
			p.expect("text trickle")
		}
		p.expect("text one", "text two", "close 1000", "eof")
		h.end(t)
		must(t, p.nc.Close())
	})
}

// TestAnnouncedMemory: memory grows with the bytes that a client sends, not with the length that it announces.
func TestAnnouncedMemory(t *testing.T) {
	t.Parallel()
	synctest.Test(t, func(t *testing.T) {
		h, p := started(t, Options{MaxMessageBytes: 1 << 30}, nil)
		p.send(header(0x82, 0xff, 0, 0, 0, 0, 0x3f, 0, 0, 0, 0, 0, 0, 0), make([]byte, 100000))
		synctest.Wait()
		h.c.mu.Lock()
		part := h.c.part
		h.c.mu.Unlock()
		if n := cap(part.msg); n < 100000 || n > 300000 {
			t.Errorf("%d bytes for 100000", n)
		}
		must(t, p.nc.Close())
		h.end(t, "closed 1006")
	})
}
