//go:build abuse

package abuse_test

import (
	"bytes"
	"fmt"
	"io"
	"net/http"
	"strings"
	"testing"
	"time"
	"unicode/utf8"

	"github.com/gobwas/ws"

	"github.com/chanx-go/chanx"
)

// dribble sends b byte by byte, until it is sent or the connection is closed.
func (r *raider) dribble(b []byte) error {
	again := time.NewTicker(50 * time.Millisecond)
	defer again.Stop()
	for i := range b {
		if err := r.say(b[i : i+1]); err != nil {
			return err
		}
		<-again.C
	}
	return nil
}

// TestHandshakesThatNeverEnd: a thousand clients send nothing, half of a request, or one byte at a time.
// http.Server.ReadHeaderTimeout disconnects each, some with a 400. None of them reaches chanx.
func TestHandshakesThatNeverEnd(t *testing.T) {
	const raiders, own = 1000, 64 << 10 // own is what a connection takes in net/http and in the test
	f := build(t, plan{headerTime: 500 * time.Millisecond, heap: raiders * own})
	whole := opening("/ws", "X-Padding: "+strings.Repeat("x", 500))
	f.during(ends{}, func() {
		f.crowd(raiders, func(i int) error {
			r, err := f.dialRaw(whole[:i%3*30])
			if err != nil {
				return err
			}
			if i%3 == 2 {
				go func() { _ = r.dribble([]byte(whole[60:])) }() // fails when the server disconnects
			}
			answer, err := io.ReadAll(r.r) // until EOF or a reset
			if isTimeout(err) || len(answer) > 0 && !bytes.HasPrefix(answer, []byte("HTTP/1.1 400 ")) {
				return fmt.Errorf("kind %d: %.200q, %w, want the end", i%3, answer, err)
			}
			return r.Close()
		})
	})
	if s := f.seen.sees(); s.opened != 1 {
		t.Errorf("%d connections were opened, want the bystander's", s.opened)
	}
}

// TestHandshakesWithHugeHeaders: http.Server.MaxHeaderBytes, 1 MB by default, limits the headers. Within it, a list of
// 100,000 subprotocols is searched; beyond it the answer is 431.
func TestHandshakesWithHugeHeaders(t *testing.T) {
	const raiders, own = 20, 4 << 20 // own is what a header takes at both ends
	f := build(t, plan{heap: raiders * own, ServerOptions: chanx.ServerOptions{Subprotocols: []string{"v2", "v1"}}})
	f.during(ends{1000: raiders / 2}, func() {
		f.crowd(raiders, func(i int) error {
			protocols := strings.Repeat("v3,", 100_000*(1+3*(i%2))) + "v1"
			r, err := f.dialRaw(opening("/ws", "Sec-WebSocket-Protocol: "+protocols))
			if err != nil && i%2 == 0 {
				return err // otherwise the server might not have read it all
			}
			a, _, err := r.answer()
			switch {
			case i%2 == 1 && (err != nil || a.StatusCode == http.StatusRequestHeaderFieldsTooLarge):
				return r.Close()
			case err != nil || a.StatusCode != http.StatusSwitchingProtocols || a.Header.Get("Sec-WebSocket-Protocol") != "v1":
				return fmt.Errorf("%v, %w", a, err)
			}
			return r.leave()
		})
	})
}

// smuggled are handshakes that a proxy may interpret differently.
var smuggled = []struct {
	name, request string
	status        int
}{
	{"two hosts", opening("/ws", "Host: evil.example"), 400},
	{"no host", strings.Replace(opening("/ws"), "Host: fort.example\r\n", "", 1), 400},
	{"host with a space", strings.Replace(opening("/ws"), "fort.example", "fort.example evil", 1), 400},
	{"a body", opening("/ws", "Content-Length: 24") + message("say", `{}`)[:24], 400},
	{"a frame in the body", opening("/ws", "Content-Length: 6") + string(frame(ws.OpPing, true, "")), 400},
	{"a chunked body", opening("/ws", "Transfer-Encoding: chunked") + "1\r\nx\r\n0\r\n\r\n", 400},
	{"an empty chunked body", opening("/ws", "Transfer-Encoding: chunked") + "0\r\n\r\n", 400},
	{"a length and chunks", opening("/ws", "Content-Length: 5", "Transfer-Encoding: chunked") + "0\r\n\r\n", 400},
	{"two lengths", opening("/ws", "Content-Length: 0", "Content-Length: 6") + "GET / ", 400},
	{"a length that is none", opening("/ws", "Content-Length: +6") + "GET / ", 400},
	{"an encoding that is none", opening("/ws", "Transfer-Encoding: xchunked") + "GET / ", 501},
	{"a body that is asked for", opening("/ws", "Content-Length: 6", "Expect: 100-continue"), 400},
	{"a space before a colon", opening("/ws", "Origin : https://fort.example"), 400},
	{"a carriage return in an origin", opening("/ws", "Origin: https://fort.example\rX: y"), 400},
	{"a carriage return in a subprotocol", opening("/ws", "Sec-WebSocket-Protocol: v1\rX: y"), 400},
	{"a zero byte in a subprotocol", opening("/ws", "Sec-WebSocket-Protocol: v1\x00"), 400},
	{"a header without a name", opening("/ws", ": x"), 400},
	{"two origins", opening("/ws", "Origin: https://fort.example", "Origin: https://fort.example"), 403},
	{"an origin and more", opening("/ws", "Origin: https://fort.example, https://evil.example"), 403},
	{"an origin that is no text", opening("/ws", "Origin: https://\xff\xfe"), 403},
	{"another origin, with markup", opening("/ws", "Origin: https://<script>"), 403},
	{"the null origin", opening("/ws", "Origin: null"), 403},
	{"two keys", opening("/ws", "Sec-WebSocket-Key: dGhlIHNhbXBsZSBub25jZQ=="), 400},
	{"the older protocol", strings.Replace(opening("/ws"), "HTTP/1.1", "HTTP/1.0", 1), 400},
	{"the newer protocol", "PRI * HTTP/2.0\r\n\r\nSM\r\n\r\n", 400},
	{"a path that is no text", opening("/\xff"), 101},
}

// TestSmuggledHandshakes: an ambiguous handshake is refused, and the bytes behind it are never parsed as frames.
func TestSmuggledHandshakes(t *testing.T) {
	f := build(t, plan{ServerOptions: chanx.ServerOptions{Subprotocols: []string{"v1"}}})
	f.during(ends{}, func() {
		f.crowd(len(smuggled), func(i int) error {
			k := smuggled[i]
			r, err := f.dialRaw(k.request + string(text(message("say", `{"Text":"smuggled"}`))))
			if err != nil {
				return fmt.Errorf("%s: %w", k.name, err)
			}
			a, body, err := r.answer()
			if err != nil || a.StatusCode != k.status {
				return fmt.Errorf("%s: %v %q, %w, want status %d", k.name, a, body, err, k.status)
			}
			if kind := a.Header.Get("Content-Type"); body != "" && !strings.HasPrefix(kind, "text/plain") || strings.ContainsAny(body, "\x00\r") || !utf8.ValidString(body) {
				return fmt.Errorf("%s: the body is %s %q", k.name, kind, body)
			}
			return r.Close()
		})
	})
	if s := f.seen.sees(); s.opened != 1 || s.handled["say"] != 0 {
		t.Errorf("%d connections were opened, want the bystander's; %d messages were handled", s.opened, s.handled["say"])
	}
}

// TestOfferedSubprotocolsAreNotEchoed: the answer names a subprotocol of the server's list or none, never text of the
// client.
func TestOfferedSubprotocolsAreNotEchoed(t *testing.T) {
	f := build(t, plan{ServerOptions: chanx.ServerOptions{Subprotocols: []string{"v1"}}})
	for _, offered := range []string{"v1%0d%0aX: y", "V1", "v1;q=1", `"v1"`, "v1 x", "x\r\n v1", "v1\u2028", "\xff"} {
		r, err := f.dialRaw(opening("/ws", "Sec-WebSocket-Protocol: "+offered))
		if err != nil {
			t.Fatal(err)
		}
		a, _, err := r.answer()
		if err != nil || a.StatusCode != http.StatusSwitchingProtocols || len(a.Header) != 3 || a.Header.Get("Sec-WebSocket-Protocol") != "" {
			t.Errorf("%q: %v, %v", offered, a, err)
		}
		if err := r.leave(); err != nil {
			t.Error(err)
		}
	}
}

// TestBytesBehindTheHandshakeAreFrames: they are nothing else; a second HTTP request is a protocol violation.
func TestBytesBehindTheHandshakeAreFrames(t *testing.T) {
	const raiders = 50
	f := build(t, plan{})
	f.during(ends{1000: raiders / 2, 1002: raiders / 2}, func() {
		f.crowd(raiders, func(i int) error {
			r, err := f.dialRaw(strings.Repeat(opening("/ws"), 1+i%2) + string(text(message("ask", `{"Text":"early"}`))))
			if err != nil {
				return err
			}
			if a, _, err := r.answer(); err != nil || a.StatusCode != http.StatusSwitchingProtocols {
				return fmt.Errorf("%v, %w", a, err)
			}
			if i%2 == 0 {
				if err := r.want(ws.OpText, message("answer", `{"Text":"early"}`)); err != nil {
					return err
				}
				return r.leave()
			}
			texts, err := r.ends(ws.StatusProtocolError)
			if len(texts) > 0 {
				return fmt.Errorf("got %q", texts)
			}
			return err
		})
	})
}
