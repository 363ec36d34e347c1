//go:build abuse

package abuse_test

import (
	"bytes"
	"compress/flate"
	"fmt"
	"net/http"
	"strings"
	"testing"
	"time"

	"github.com/gobwas/ws"

	"github.com/chanx-go/chanx"
)

// TestSlowMessages: a message has MessageTimeout from its first byte to its last, wherever the client delays. A slower
// client gets a Close frame and is disconnected.
func TestSlowMessages(t *testing.T) {
	const raiders = 300
	f := build(t, plan{ServerOptions: chanx.ServerOptions{Limits: chanx.Limits{MessageTimeout: 500 * time.Millisecond}}})
	long := text(message("say", `{"Text":"`+strings.Repeat("x", 500)+`"}`))
	fragments := append(frame(ws.OpText, false, "{"), bytes.Repeat(frame(ws.OpContinuation, false, " "), 100)...)
	f.during(ends{1013: raiders}, func() {
		f.crowd(raiders, func(i int) error {
			r, err := f.enter("/ws")
			if err != nil {
				return err
			}
			switch i % 3 {
			case 0: // stops after the first byte
				err = r.say(long[:1])
			case 1:
				go func() { _ = r.dribble(long) }() // fails when the server disconnects
			case 2: // each single frame would be in time
				go func() { _ = r.dribble(fragments) }() // fails when the server disconnects
			}
			if err == nil {
				_, err = r.ends(ws.StatusCode(1013))
			}
			return err
		})
	})
	if n := f.seen.sees().begun["say"]; n != 0 {
		t.Errorf("%d messages were handled", n)
	}
}

// TestFragmentsOfOneByte: a message may have MaxFragments frames, 128 by default. One more ends the connection.
func TestFragmentsOfOneByte(t *testing.T) {
	const raiders, most = 200, 128
	f := build(t, plan{})
	ask := message("ask", `{"Text":"`+strings.Repeat("x", 500)+`"}`)
	f.during(ends{1000: raiders / 2, 1008: raiders / 2}, func() {
		f.crowd(raiders, func(i int) error {
			r, err := f.enter("/ws")
			if err != nil {
				return err
			}
			b := frame(ws.OpText, false, ask[:1])
			for k := range most - 2 {
				b = append(b, frame(ws.OpContinuation, false, ask[k+1:k+2])...)
			}
			b = append(b, frame(ws.OpContinuation, i%2 == 0, ask[most-1:])...)
			if err := r.say(b); err != nil {
				return err
			}
			if i%2 == 0 {
				if op, got, err := r.next(); err != nil || op != ws.OpText || !strings.HasPrefix(got, `{"action":"answer"`) {
					return fmt.Errorf("%d fragments: %#x %s, %w", most, op, got, err)
				}
				return r.leave()
			}
			if err := r.say(frame(ws.OpContinuation, false, "")); err != nil {
				return err
			}
			_, err = r.ends(ws.StatusPolicyViolation)
			return err
		})
	})
}

// TestPingFlood: a client that reads gets a pong for each ping, in order. No handler is involved, so no limit counts
// pings.
func TestPingFlood(t *testing.T) {
	const raiders, pings, queue = 20, 2000, 1 << 20
	f := build(t, plan{heap: raiders * 2 * queue, ServerOptions: chanx.ServerOptions{Limits: chanx.Limits{SendQueueBytes: queue}}})
	f.during(ends{1000: raiders}, func() {
		f.crowd(raiders, func(int) error {
			r, err := f.enter("/ws")
			if err != nil {
				return err
			}
			said := make(chan error, 1)
			go func() {
				var b []byte
				for n := range pings {
					b = append(b, frame(ws.OpPing, true, fmt.Sprintf("%0100d", n))...)
				}
				said <- r.say(b)
			}()
			for n := range pings {
				if err := r.want(ws.OpPong, fmt.Sprintf("%0100d", n)); err != nil {
					return err
				}
			}
			if err := <-said; err != nil {
				return err
			}
			return r.leave()
		})
	})
	if s := f.seen.sees(); s.invalid != 0 || len(s.dropped) != 0 {
		t.Errorf("saw %+v", s)
	}
}

// TestPingFloodWithoutReading: the pongs of a client that does not read wait up to SendQueueBytes. Then it is closed
// with 1013, and disconnected after CloseTimeout, or earlier if it keeps sending.
func TestPingFloodWithoutReading(t *testing.T) {
	const raiders, queue, own = 50, 32 << 10, 256 << 10
	f := build(t, plan{small: true, heap: raiders * (queue + own), ServerOptions: chanx.ServerOptions{Limits: chanx.Limits{
		SendQueueBytes: queue, CloseTimeout: time.Second,
	}}})
	f.during(ends{1013: raiders}, func() {
		f.crowd(raiders, func(int) error {
			r, err := f.enter("/ws")
			if err != nil {
				return err
			}
			b := bytes.Repeat(frame(ws.OpPing, true, strings.Repeat("x", 125)), 100)
			for err == nil {
				err = r.say(b)
			}
			if isTimeout(err) {
				return fmt.Errorf("it may send without end: %w", err)
			}
			return r.Close()
		})
	})
}

// TestCompressedBombs: a frame of 8 KB that inflates to 8 MB. If compression was not negotiated, even if it was
// offered, the frame is a violation, and nothing is inflated.
func TestCompressedBombs(t *testing.T) {
	const raiders, size = 20, 8 << 20
	f := build(t, plan{heap: size})
	bomb := compressed(t, message("ask", `{"Text":"`+strings.Repeat("x", size)+`"}`))
	f.during(ends{1002: raiders}, func() {
		f.crowd(raiders, func(int) error {
			r, err := f.dialRaw(opening("/ws", "Sec-WebSocket-Extensions: permessage-deflate; client_no_context_takeover"))
			if err != nil {
				return err
			}
			a, body, err := r.answer()
			if err != nil || a.StatusCode != http.StatusSwitchingProtocols || a.Header.Get("Sec-WebSocket-Extensions") != "" {
				return fmt.Errorf("%v %s, %w, want no extension", a, body, err)
			}
			if err := r.say(bomb); err != nil {
				return err
			}
			_, err = r.ends(ws.StatusProtocolError)
			return err
		})
	})
	t.Logf("%d bytes would be %d", len(bomb), size)
}

// compressed returns a masked text frame in the form of permessage-deflate (RFC 7692, section 7.2.1).
func compressed(t *testing.T, s string) []byte {
	t.Helper()
	var deflated, b bytes.Buffer
	w, err := flate.NewWriter(&deflated, flate.BestCompression)
	if err != nil {
		t.Fatal(err)
	}
	if _, err := w.Write([]byte(s)); err != nil {
		t.Fatal(err)
	}
	if err := w.Flush(); err != nil {
		t.Fatal(err)
	}
	f := ws.NewFrame(ws.OpText, true, bytes.TrimSuffix(deflated.Bytes(), []byte{0, 0, 0xff, 0xff}))
	f.Header.Rsv = ws.Rsv(true, false, false)
	if err := ws.WriteFrame(&b, ws.MaskFrame(f)); err != nil {
		t.Fatal(err)
	}
	return b.Bytes()
}
