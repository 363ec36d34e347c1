package socket

import (
	"fmt"
	"strings"
	"testing"
	"testing/synctest"

	"github.com/gobwas/ws"
)

// transports runs f over each kind of transport: raw TCP, TLS, and a pipe in a bubble.
func transports(t *testing.T, o Options, f func(t *testing.T, dial func(first any, early ...[]byte) (*recorder, *peer))) {
	for _, secure := range []bool{false, true} {
		t.Run(map[bool]string{false: "tcp", true: "tls"}[secure], func(t *testing.T) {
			t.Parallel()
			s := newServer(t, o, secure)
			f(t, func(first any, early ...[]byte) (*recorder, *peer) { return s.dial(t, first, early...) })
		})
	}
	t.Run("pipe", func(t *testing.T) {
		t.Parallel()
		synctest.Test(t, func(t *testing.T) {
			f(t, func(first any, early ...[]byte) (*recorder, *peer) { return started(t, o, first, early...) })
		})
	})
}

func TestEcho(t *testing.T) {
	t.Parallel()
	transports(t, Options{}, func(t *testing.T, dial func(any, ...[]byte) (*recorder, *peer)) {
		h, p := dial(nil)
		for i := range 50 {
			p.send(text(fmt.Sprint("hi ", i)))
			p.expect(fmt.Sprint("text hi ", i))
		}
		p.send(closing(1000, "bye"))
		p.expect("close 1000 bye", "eof")
		h.end(t)
		must(t, p.nc.Close())
		if n := len(h.log); n != 51 || h.log[50] != "closed 1000 bye" {
			t.Errorf("%d calls, the last %q", n, h.log[n-1])
		}
	})
}

func TestBytesBehindTheHandshake(t *testing.T) {
	t.Parallel()
	transports(t, Options{}, func(t *testing.T, dial func(any, ...[]byte) (*recorder, *peer)) {
		third := text("three")
		h, p := dial("opened", text("one"), text("two"), third[:5])
		p.expect("text opened", "text one", "text two")
		p.send(third[5:])
		p.expect("text three")
		p.send(closing(1000, ""))
		p.expect("close 1000", "eof")
		h.end(t, "e opened", "m one", "m two", "m three", "closed 1000")
		must(t, p.nc.Close())
	})
}

func TestFragmentsWithAPingBetween(t *testing.T) {
	t.Parallel()
	transports(t, Options{}, func(t *testing.T, dial func(any, ...[]byte) (*recorder, *peer)) {
		h, p := dial(nil)
		p.send(masked(ws.OpText, false, "gr\xc3"), masked(ws.OpPing, true, "still there?"))
		p.expect("pong still there?")
		p.send(masked(ws.OpContinuation, false, "\xbc\xc3"), masked(ws.OpContinuation, true, "\x9fe"))
		p.expect("text grüße")
		p.send(masked(ws.OpBinary, true, "\xff"), closing(1000, ""))
		p.expect("text \xff", "close 1000", "eof")
		h.end(t, "m grüße", "m \xff", "closed 1000")
		must(t, p.nc.Close())
	})
}

func TestLargeMessage(t *testing.T) {
	t.Parallel()
	o := Options{MaxMessageBytes: 6 << 20, SendQueueBytes: 6 << 20}
	transports(t, o, func(t *testing.T, dial func(any, ...[]byte) (*recorder, *peer)) {
		h, p := dial(nil)
		for _, n := range []int{125, 126, 65535, 65536, 5 << 20} {
			word := strings.Repeat("é", n/2) + strings.Repeat("x", n%2)
			go p.send(text(word), text("next"))
			p.expect("text "+abbreviated([]byte(word)), "text next")
		}
		p.send(closing(1000, ""))
		p.expect("close 1000", "eof")
		h.end(t)
		must(t, p.nc.Close())
	})
}
