package socket

import (
	"fmt"
	"io"
	"runtime"
	"strings"
	"testing"
	"testing/synctest"

	"github.com/gobwas/ws"
)

// TestSegments: messages do not depend on how the bytes are cut.
func TestSegments(t *testing.T) {
	t.Parallel()
	all := strings.Join([]string{
		string(text("one")), string(text("two")),
		string(masked(ws.OpText, false, "gr\xc3")), string(masked(ws.OpPing, true, "1")),
		string(masked(ws.OpContinuation, false, "\xbc\xc3")), string(masked(ws.OpPing, true, "")),
		string(masked(ws.OpPong, true, "unasked")), string(masked(ws.OpContinuation, true, "\x9fe")),
		string(masked(ws.OpBinary, false, "")), string(masked(ws.OpContinuation, true, "\xff")),
		string(text("")), string(text(strings.Repeat("x", 130))), string(text(strings.Repeat("y", 70000))),
		string(closing(1000, "bye")),
	}, "")
	for _, size := range []int{1, 2, 3, 5, 7, 64, 100, 4096, 8191, 8192, 8193, len(all)} {
		t.Run(fmt.Sprint(size), func(t *testing.T) {
			t.Parallel()
			synctest.Test(t, func(t *testing.T) {
				h, p := started(t, Options{MaxMessageBytes: 70000, MessageTimeout: -1}, nil)
				go func() {
					for b := []byte(all); len(b) > 0; b = b[min(size, len(b)):] {
						p.send(b[:min(size, len(b))])
					}
				}()
				messages := []string{
					"text one", "text two", "text grüße", "text \xff", "text",
					"text xxxxxxxx…130", "text yyyyyyyy…70000", "close 1000 bye", "eof",
				}
				for i, pongs := 0, 0; i < len(messages); { // a pong may overtake a corked reply
					switch f := p.frame(); f {
					case "pong 1", "pong":
						pongs++
					case messages[i]:
						if i++; f == "eof" && pongs != 2 {
							t.Errorf("%d pongs", pongs)
						}
					default:
						t.Fatalf("%q, want %q", f, messages[i])
					}
				}
				h.end(t, "m one", "m two", "m grüße", "m \xff", "m ", "m xxxxxxxx…130", "m yyyyyyyy…70000", "closed 1000 bye")
			})
		})
	}
}

// TestMessageOfTheLargestSize: a message of exactly MaxMessageBytes is accepted, in one frame or in fragments. One byte
// more is not.
func TestMessageOfTheLargestSize(t *testing.T) {
	t.Parallel()
	for name, limit := range map[string]int{"default": 0, "small": 10, "tiny": 4, "off": -1} {
		t.Run(name, func(t *testing.T) {
			t.Parallel()
			synctest.Test(t, func(t *testing.T) {
				h, p := started(t, Options{MaxMessageBytes: limit, SendQueueBytes: -1}, nil)
				most := min(h.c.up.opt.MaxMessageBytes, 1<<20)
				word := strings.Repeat("x", most)
				want := strings.TrimSpace("text " + abbreviated([]byte(word)))
				go p.send(masked(ws.OpBinary, true, word),
					masked(ws.OpText, false, word[:most/2]), masked(ws.OpContinuation, true, word[most/2:]))
				if f := p.frame(); f != want {
					t.Fatalf("%q", f)
				}
				p.expect(want)
				if limit >= 0 {
					p.send(masked(ws.OpText, false, "xyz"), header(0x80, 0xff, 0, 0, 0, 0, 0, 1, 0, 0, 0, 0, 0, 0))
					p.expect("close 1009 message too big")
				}
				must(t, p.nc.Close())
				h.end(t)
			})
		})
	}
}

// TestAnnouncedGigabyte: a too large frame is rejected by its header, and no memory is allocated for it.
func TestAnnouncedGigabyte(t *testing.T) {
	synctest.Test(t, func(t *testing.T) {
		h, p := started(t, Options{}, nil)
		p.send(text("warm"))
		p.expect("text warm")
		var before, after runtime.MemStats
		runtime.ReadMemStats(&before)
		p.send(header(0x81, 0xff, 0, 0, 0, 0, 0x40, 0, 0, 0, 0, 0, 0, 0))
		p.expect("close 1009 message too big")
		runtime.ReadMemStats(&after)
		if n := after.TotalAlloc - before.TotalAlloc; n > 1<<20 {
			t.Errorf("%d bytes allocated", n)
		}
		must(t, p.nc.Close())
		h.end(t, "m warm", "closed 1009 message too big")
	})
}

func TestMostFragments(t *testing.T) {
	t.Parallel()
	synctest.Test(t, func(t *testing.T) {
		h, p := started(t, Options{}, nil)
		send := func(n int) {
			p.send(masked(ws.OpText, false, ""))
			for range n - 2 {
				p.send(masked(ws.OpContinuation, false, "x"))
			}
			p.send(masked(ws.OpContinuation, true, ""))
		}
		go send(128)
		p.expect("text " + abbreviated([]byte(strings.Repeat("x", 126))))
		go send(129)
		p.expect("close 1008 too many fragments")
		synctest.Wait()
		must(t, p.nc.Close())
		h.end(t)
	})
}

// TestMessageMayBeModified: a handler may modify a message while the rest of its batch is not parsed yet.
func TestMessageMayBeModified(t *testing.T) {
	t.Parallel()
	synctest.Test(t, func(t *testing.T) {
		h, p := started(t, Options{}, nil)
		h.message = func(m []byte, _ bool) {
			if cap(m) > len(m) {
				t.Errorf("%q has spare capacity for %d bytes", m, cap(m)-len(m))
			}
			for i := range m {
				m[i] = 'x'
			}
			must(t, h.c.WriteText(m, true))
		}
		p.send(text("one"), text("three"), text("five"))
		p.expect("text xxx", "text xxxxx", "text xxxx")
		must(t, p.nc.Close())
		h.end(t, "m one", "m three", "m five", "closed 1006")
	})
}

// TestHalfClosedPeer: a client that closes its write side still gets the replies to its messages.
func TestHalfClosedPeer(t *testing.T) {
	t.Parallel()
	s := newServer(t, Options{}, false)
	h, p := s.dial(t, nil)
	p.send(text("one"), text("two"))
	p.expect("text one", "text two")
	p.send(text("three")[:4])
	must(t, p.nc.(interface{ CloseWrite() error }).CloseWrite())
	p.expect("eof")
	h.end(t, "m one", "m two", "closed 1006")
	if _, err := io.Copy(io.Discard, p.nc); err != nil {
		t.Errorf("read: %v", err)
	}
}
