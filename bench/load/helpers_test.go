//go:build linux

package load

import (
	"bufio"
	"bytes"
	"io"
	"net"
	"net/http"
	"net/netip"
	"testing"
	"time"

	"go.uber.org/goleak"
)

// TestMain fails the run if a goroutine is left.
func TestMain(m *testing.M) { goleak.VerifyTestMain(m) }

// talk describes the messages of the servers in these tests.
var talk = Talk{
	Echo: Exchange{Send: "echo?", Want: "echo!"},
	Say:  Exchange{Send: "say?", Want: "said", Own: "said by you"},
}

const agreed = "HTTP/1.1 101 Switching Protocols\r\nSec-WebSocket-Accept: " + accept + "\r\n"

// serve runs a server for one connection: it answers the handshake with head, and each message with what answer returns. It
// closes the connection after an empty answer.
func serve(t *testing.T, head string, answer func(message string) []byte) netip.AddrPort {
	t.Helper()
	l, err := net.Listen("tcp4", "127.0.0.1:0")
	if err != nil {
		t.Fatal(err)
	}
	done := make(chan struct{})
	go func() {
		defer close(done)
		c, err := l.Accept()
		if err != nil {
			return // no client has connected
		}
		defer c.Close()
		play(c, head, answer)
	}()
	t.Cleanup(func() {
		if err := l.Close(); err != nil {
			t.Error(err)
		}
		<-done
	})
	return l.Addr().(*net.TCPAddr).AddrPort()
}

func play(c net.Conn, head string, answer func(string) []byte) {
	br := bufio.NewReader(c)
	if _, err := http.ReadRequest(br); err != nil {
		return
	}
	if _, err := io.WriteString(c, head); err != nil {
		return
	}
	for {
		message, err := readMessage(br)
		if err != nil {
			return
		}
		p := answer(message)
		if len(p) == 0 {
			return
		}
		if _, err := c.Write(p); err != nil {
			return
		}
	}
}

// readMessage reads a short message of a client, or the payload of its pong.
func readMessage(br *bufio.Reader) (string, error) {
	var head [6]byte
	if _, err := io.ReadFull(br, head[:]); err != nil {
		return "", err
	}
	p := make([]byte, head[1]&^maskBit)
	if _, err := io.ReadFull(br, p); err != nil {
		return "", err
	}
	for i := range p {
		p[i] ^= head[2+i%4]
	}
	return string(p), nil
}

func text(s string) []byte { return short(finBit|opText, s) }

// short is a frame of a server with less than 126 bytes.
func short(first byte, payload string) []byte {
	return append([]byte{first, byte(len(payload))}, payload...)
}

func frames(all ...[]byte) []byte { return bytes.Join(all, nil) }

// brief is the timeout in tests where nothing arrives, aMinute in the others.
const brief, aMinute = 100 * time.Millisecond, time.Minute

// open opens a load of one connection to such a server.
func open(t *testing.T, talk Talk, head string, timeout time.Duration, answer func(string) []byte) (*Load, error) {
	t.Helper()
	l, err := openWithTimeout([]netip.AddrPort{serve(t, head, answer)}, 1, talk, timeout)
	if err == nil {
		t.Cleanup(func() {
			if err := l.Close(); err != nil {
				t.Error(err)
			}
		})
	}
	return l, err
}

func mustOpen(t *testing.T, talk Talk, answer func(string) []byte) *Load {
	t.Helper()
	l, err := open(t, talk, agreed+"\r\n", aMinute, answer)
	if err != nil {
		t.Fatal(err)
	}
	return l
}
