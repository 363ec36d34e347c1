//go:build linux

package peer

import (
	"bufio"
	"bytes"
	"context"
	"crypto/sha1"
	"encoding/base64"
	"encoding/binary"
	"errors"
	"fmt"
	"io"
	"net"
	"net/http"
	"strings"
	"testing"
	"time"

	"go.uber.org/goleak"
)

func TestMain(m *testing.M) { goleak.VerifyTestMain(m) }

const extension = "Sec-WebSocket-Extensions: permessage-deflate; server_no_context_takeover\r\n"

// serve accepts one connection, answers its handshake with those headers, and does what the test wants of it.
func serve(t *testing.T, headers string, do func(*bufio.Reader, net.Conn) error) (addr string) {
	t.Helper()
	l, err := net.Listen("tcp4", "127.0.0.1:0")
	if err != nil {
		t.Fatal(err)
	}
	done := make(chan error, 1)
	go func() { done <- serveOne(l, headers, do) }()
	t.Cleanup(func() {
		if err := errors.Join(<-done, l.Close()); err != nil {
			t.Error(err)
		}
	})
	return l.Addr().String()
}

func serveOne(l net.Listener, headers string, do func(*bufio.Reader, net.Conn) error) error {
	c, err := l.Accept()
	if err != nil {
		return err
	}
	defer c.Close()
	in := bufio.NewReader(c)
	r, err := http.ReadRequest(in)
	if err != nil {
		return err
	}
	sum := sha1.Sum([]byte(r.Header.Get("Sec-WebSocket-Key") + "258EAFA5-E914-47DA-95CA-C5AB0DC85B11"))
	if _, err := fmt.Fprintf(c, "HTTP/1.1 101 Switching Protocols\r\nUpgrade: websocket\r\nConnection: Upgrade\r\n"+
		"Sec-WebSocket-Accept: %s\r\n%s\r\n", base64.StdEncoding.EncodeToString(sum[:]), headers); err != nil {
		return err
	}
	return do(in, c)
}

func mustDial(t *testing.T, addr string, o Options) *Peer {
	t.Helper()
	p, err := Dial(t.Context(), addr, "/", o)
	if err != nil {
		t.Fatal(err)
	}
	t.Cleanup(func() { _ = p.Reset() }) // some tests have ended it
	return p
}

func frameOf(first byte, payload string) string {
	return string([]byte{first, byte(len(payload))}) + payload
}

func TestReadChecksWhatComes(t *testing.T) {
	small, err := deflate([]byte("hello hello hello"))
	if err != nil {
		t.Fatal(err)
	}
	packed := frameOf(finBit|rsv1Bit|opText, string(small))
	for name, c := range map[string]struct {
		comes, text, want string
		deflate           bool
	}{
		"a message":           {comes: frameOf(finBit|opText, "hello"), text: "hello"},
		"fragments":           {comes: frameOf(opText, "hel") + frameOf(finBit|opPing, "?") + frameOf(finBit|opMore, "lo"), text: "hello"},
		"a long one":          {comes: "\x81\x7e\x01\x00" + strings.Repeat("x", 256), text: strings.Repeat("x", 256)},
		"a huge one":          {comes: "\x81\x7f\x00\x00\x00\x00\x00\x01\x00\x00" + strings.Repeat("x", 65536), text: strings.Repeat("x", 65536)},
		"compressed":          {comes: packed, text: "hello hello hello", deflate: true},
		"a pong":              {comes: frameOf(finBit|opPong, "") + frameOf(finBit|opText, "hello"), text: "hello"},
		"not agreed":          {comes: packed, want: "not agreed"},
		"bad deflate":         {comes: frameOf(finBit|rsv1Bit|opText, "\xff\xff"), want: "inflate", deflate: true},
		"no UTF-8":            {comes: frameOf(finBit|opText, "\xff"), want: "UTF-8"},
		"masked":              {comes: "\x81\x81abcde", want: "masks"},
		"binary":              {comes: frameOf(finBit|2, "x"), want: "does not belong"},
		"an end alone":        {comes: frameOf(finBit|opMore, "x"), want: "does not belong"},
		"two beginnings":      {comes: frameOf(opText, "x") + frameOf(finBit|opText, "x"), want: "does not belong"},
		"compressed end":      {comes: frameOf(opText, "x") + frameOf(finBit|rsv1Bit|opMore, "x"), want: "does not belong", deflate: true},
		"another bit":         {comes: frameOf(finBit|0x20|opText, "x"), want: "begins with 0xa1"},
		"a cut ping":          {comes: frameOf(opPing, "x"), want: "begins with 0x9"},
		"an unknown one":      {comes: frameOf(finBit|11, "x"), want: "begins with 0x8b"},
		"too long":            {comes: "\x81\x7f\x01\x00\x00\x00\x00\x00\x00\x00", want: "begins with"},
		"the end":             {comes: "", want: "EOF"},
		"the end in a frame":  {comes: "\x81\x05hel", want: "EOF"},
		"a close":             {comes: frameOf(finBit|opClose, "\x03\xf5full"), want: "closed: 1013 full"},
		"a close that is all": {comes: frameOf(finBit|opClose, ""), want: "closed: 1005"},
	} {
		t.Run(name, func(t *testing.T) {
			head := ""
			if c.deflate {
				head = extension
			}
			addr := serve(t, head, func(in *bufio.Reader, conn net.Conn) error {
				// Each fails where the peer has seen enough and gone.
				_, _ = io.WriteString(conn, c.comes)
				_ = conn.(*net.TCPConn).CloseWrite()
				_, _ = io.Copy(io.Discard, in)
				return nil
			})
			p := mustDial(t, addr, Options{Deflate: c.deflate})
			text, err := p.Read()
			if c.want == "" && (err != nil || string(text) != c.text) {
				t.Errorf("Read returned %.20q, %v", text, err)
			}
			if c.want != "" && (err == nil || !strings.Contains(err.Error(), c.want)) {
				t.Errorf("Read returned %.20q, %v; want … %s …", text, err, c.want)
			}
			_ = p.Reset() // so that the server goes on
		})
	}
}

func TestHandshakeIsChecked(t *testing.T) {
	for name, c := range map[string]struct {
		head string
		o    Options
	}{
		"unasked deflate": {extension, Options{}},
		"no deflate":      {"", Options{Deflate: true}},
		"context":         {"Sec-WebSocket-Extensions: permessage-deflate\r\n", Options{Deflate: true}},
	} {
		addr := serve(t, c.head, func(*bufio.Reader, net.Conn) error { return nil })
		if p, err := Dial(t.Context(), addr, "/", c.o); err == nil {
			t.Errorf("%s: Dial returned %v", name, p)
		}
	}
}

func TestAnswersAreToTheKey(t *testing.T) {
	p := &Peer{}
	r := &http.Response{StatusCode: http.StatusSwitchingProtocols, Header: http.Header{}}
	r.Header.Set("Sec-WebSocket-Accept", "s3pPLMBiTxaQ9kYGzzhZRbK+xOo=") // RFC 6455, section 1.3
	if err := p.agree(r, "dGhlIHNhbXBsZSBub25jZQ=="); err != nil {
		t.Error(err)
	}
	if err := p.agree(r, "AAAAAAAAAAAAAAAAAAAAAA=="); err == nil {
		t.Error("the answer to another key is accepted")
	}
}

// received puts the messages together that a peer writes, until it ends, and counts frames and pieces.
func received(in *bufio.Reader) (texts []string, frames int, err error) {
	var whole []byte
	for {
		var head [2]byte
		if _, err := io.ReadFull(in, head[:]); err != nil {
			return texts, frames, err
		}
		n := int(head[1] &^ maskBit)
		if n == longForm {
			var b [2]byte
			if _, err := io.ReadFull(in, b[:]); err != nil {
				return texts, frames, err
			}
			n = int(binary.BigEndian.Uint16(b[:]))
		}
		body := make([]byte, 4+n)
		if _, err := io.ReadFull(in, body); err != nil {
			return texts, frames, err
		}
		for i := range n {
			body[4+i] ^= body[i%4]
		}
		frames++
		if head[0]&opMask == opClose {
			return append(texts, fmt.Sprintf("close %x", body[4:])), frames, nil
		} else if head[0]&rsv1Bit != 0 && head[0]&opMask == opMore {
			return texts, frames, errors.New("a later fragment is marked as compressed")
		}
		whole = append(whole, body[4:]...)
		if head[0]&finBit != 0 {
			texts, whole = append(texts, string(whole)), nil
		}
	}
}

func TestWriteCutsMessages(t *testing.T) {
	for _, packed := range []bool{false, true} {
		got := make(chan []string, 1)
		cut := make(chan int, 1)
		head := ""
		if packed {
			head = extension
		}
		addr := serve(t, head, func(in *bufio.Reader, _ net.Conn) error {
			texts, frames, err := received(in)
			got <- texts
			cut <- frames
			return err
		})
		p := mustDial(t, addr, Options{Deflate: packed, Fragments: 8, Pieces: 4})
		var want []string
		for n := range 50 {
			text := bytes.Repeat([]byte("aß"), n*3)
			if err := p.Write(text); err != nil {
				t.Fatal(err)
			}
			want = append(want, string(text))
		}
		if err := p.Close(); err != nil {
			t.Fatal(err)
		}
		texts := <-got
		if n := <-cut; n < 80 || len(texts) != 51 || texts[50] != "close 03e8" {
			t.Fatalf("%d messages in %d frames, the last one %q", len(texts), n, texts[len(texts)-1])
		}
		for i, w := range want {
			text := []byte(texts[i])
			if packed {
				var err error
				if text, err = inflate(text); err != nil {
					t.Fatal(err)
				}
			}
			if string(text) != w {
				t.Errorf("message %d is %q", i, text)
			}
		}
	}
}

// TestEnds has what the server sees of each way to go.
func TestEnds(t *testing.T) {
	for name, c := range map[string]struct {
		end  func(*Peer) error
		want string
	}{
		"reset":      {(*Peer).Reset, "reset"},
		"half-close": {(*Peer).HalfClose, "EOF"},
		"torn":       {func(p *Peer) error { return errors.Join(p.Tear(), p.HalfClose()) }, "unexpected EOF"},
	} {
		t.Run(name, func(t *testing.T) {
			saw := make(chan error, 1)
			addr := serve(t, "", func(in *bufio.Reader, _ net.Conn) error {
				_, _, err := received(in)
				saw <- err
				return nil
			})
			p := mustDial(t, addr, Options{})
			if err := c.end(p); err != nil {
				t.Fatal(err)
			}
			if err := <-saw; err == nil || !strings.Contains(err.Error(), c.want) {
				t.Errorf("the server saw %v", err)
			}
		})
	}
}

func TestTimeoutEndsARead(t *testing.T) {
	over := make(chan struct{})
	addr := serve(t, "", func(*bufio.Reader, net.Conn) error { <-over; return nil })
	defer close(over)
	p := mustDial(t, addr, Options{})
	p.opts.Timeout = time.Millisecond
	if _, err := p.Read(); err == nil {
		t.Error("Read returned without a message")
	}
}

func TestDialEndsWithItsContext(t *testing.T) {
	ctx, cancel := context.WithCancel(t.Context())
	cancel()
	if p, err := Dial(ctx, "127.0.0.1:1", "/", Options{}); err == nil {
		t.Errorf("Dial returned %v", p)
	}
}
