//go:build linux

package load

import (
	"bytes"
	"compress/flate"
	"errors"
	"strings"
	"sync/atomic"
	"testing"

	"golang.org/x/sys/unix"
)

func TestEchoCountsReplies(t *testing.T) {
	var n atomic.Int32
	l := mustOpen(t, talk, func(m string) []byte {
		if m != talk.Echo.Send {
			return text("what? " + m)
		}
		n.Add(1)
		return text(talk.Echo.Want)
	})
	got, err := l.Echo(0, 3)
	if err != nil || got != 3 || n.Load() != 3 {
		t.Errorf("Echo returned %d, %v; the server had %d messages, not 3", got, err, n.Load())
	}
}

func TestSayExpectsTheSendersOwnReplyAndItsAck(t *testing.T) {
	talk := talk
	talk.Say.Ack = "ok"
	l := mustOpen(t, talk, func(string) []byte { return frames(text("said by you"), text("ok")) })
	if n, err := l.Say(0, 2); err != nil || n != 2 {
		t.Errorf("Say returned %d, %v", n, err)
	}
}

func TestFramesMayComeInPieces(t *testing.T) {
	long := strings.Repeat("x", 300)
	whole := append([]byte{finBit | opText, longForm, 300 >> 8, 300 & 0xff}, long...)
	for cut := range len(whole) {
		l := &Load{hears: &Exchange{Want: long}, buf: make([]byte, 1000)}
		c := &conn{}
		l.expect(c, 2)
		for _, p := range [][]byte{whole[:cut], whole[cut:], whole} {
			n := copy(l.buf, c.rest)
			if err := l.frames(c, l.buf[:n+copy(l.buf[n:], p)]); err != nil {
				t.Fatalf("cut at %d: %v", cut, err)
			}
		}
		if l.due != 0 || c.due != 0 || len(c.rest) != 0 {
			t.Errorf("cut at %d: %d replies are due, %d bytes are left", cut, l.due, len(c.rest))
		}
	}
}

func TestFragments(t *testing.T) {
	l := mustOpen(t, talk, func(string) []byte {
		return frames(short(opText, "ec"), short(opMore, ""), short(finBit|opMore, "ho!"), text("echo!"))
	})
	for range 2 {
		l.hears = &l.talk.Echo
		l.expect(l.conns[0], 2)
		if err := send(l.conns[0].fd, burstOf("echo?", 1)); err != nil {
			t.Fatal(err)
		}
		if err := l.drive(func(*conn) error { return nil }); err != nil {
			t.Fatal(err)
		}
	}
}

func TestWrongRepliesAreNoticed(t *testing.T) {
	closed := frames([]byte{finBit | opClose, 6, 0x03, 0xf5}, []byte("full"))
	for name, c := range map[string]struct {
		answer []byte
		want   string
	}{
		"another text":    {text("echo?"), `got "echo?", want "echo!"`},
		"one too many":    {frames(text("echo!"), text("echo!")), "got 1 replies more than expected"},
		"an unasked ack":  {text(""), `got ""`},
		"a close":         {closed, "closed the connection: 1013 full"},
		"a bare close":    {[]byte{finBit | opClose, 0}, "closed the connection"},
		"binary":          {short(finBit|2, "echo!"), "begins with 0x82"},
		"a fragment":      {short(opText, "echo!"), "1 replies are missing"},
		"an end only":     {short(finBit|opMore, "echo!"), "begins with 0x80"},
		"two beginnings":  {frames(short(opText, "ec"), short(opText, "ho!")), "begins with 0x1"},
		"in between":      {frames(short(opText, "ec"), text("echo!")), "begins with 0x81"},
		"compressed":      {short(finBit|rsv1Bit|opText, "echo!"), "not negotiated"},
		"the end":         {nil, "unexpected EOF"},
		"half a frame":    {text("echo!")[:4], "silent: after 100ms 1 replies are missing"},
		"more than a lot": {append([]byte{finBit | opText, hugeForm, 0, 0, 0, 0, 1, 0, 0, 0}, make([]byte, 300<<10)...), "does not fit"},
	} {
		t.Run(name, func(t *testing.T) {
			l := mustOpen(t, talk, func(string) []byte { return c.answer })
			if strings.Contains(c.want, "missing") {
				l.timeout = brief
			}
			_, err := l.Echo(0, 1)
			if err == nil || !strings.Contains(err.Error(), c.want) {
				t.Errorf("Echo returned %v, want … %s …", err, c.want)
			}
		})
	}
}

func TestWrongHandshakesAreNoticed(t *testing.T) {
	deflate := talk
	deflate.Deflate = true
	hello := talk
	hello.Hello, hello.Welcome = "hello", "welcome"
	const extension = "Sec-WebSocket-Extensions: permessage-deflate\r\n"
	for name, c := range map[string]struct {
		talk Talk
		head string
		want string
	}{
		"refused":         {talk, "HTTP/1.1 403 Forbidden\r\n\r\n", "403"},
		"another key":     {talk, "HTTP/1.1 101 Switching Protocols\r\nSec-WebSocket-Accept: x\r\n\r\n", "answered"},
		"unasked deflate": {talk, agreed + extension + "\r\n", "wanted false"},
		"no deflate":      {deflate, agreed + "\r\n", "wanted true"},
		"context":         {deflate, agreed + extension + "\r\n", "wants context takeover"},
		"half":            {talk, agreed, "silent"},
		"no welcome":      {hello, agreed + "\r\n" + string(text("go away")), `"go away"`},
	} {
		t.Run(name, func(t *testing.T) {
			timeout := aMinute
			if c.want == "silent" {
				timeout = brief
			}
			_, err := open(t, c.talk, c.head, timeout, func(string) []byte { return text("?") })
			if err == nil || !strings.Contains(err.Error(), c.want) {
				t.Errorf("Open returned %v, want … %s …", err, c.want)
			}
		})
	}
}

func TestHello(t *testing.T) {
	talk := talk
	talk.Hello, talk.Welcome = "hello", "welcome"
	l := mustOpen(t, talk, func(m string) []byte {
		if m == "hello" {
			return text("welcome, stranger")
		}
		return text("echo!")
	})
	if n, err := l.Echo(0, 1); err != nil || n != 1 {
		t.Errorf("Echo returned %d, %v", n, err)
	}
}

func TestPingsAndHeartbeatsAreAnswered(t *testing.T) {
	talk := talk
	talk.Heartbeat, talk.Lines = "beat", true
	l := mustOpen(t, talk, func(m string) []byte {
		switch m {
		case "echo?":
			return short(finBit|opPing, "are you there")
		case "are you there":
			return text("beat")
		}
		return text("echo!\necho!") // to "beat"
	})
	l.hears = &l.talk.Echo
	l.expect(l.conns[0], 2)
	if err := send(l.conns[0].fd, burstOf("echo?", 1)); err != nil {
		t.Fatal(err)
	}
	if err := l.drive(func(*conn) error { return nil }); err != nil || l.Beats() != 2 {
		t.Errorf("drive returned %v, %d were answered, not 2", err, l.Beats())
	}
}

// deflated is a compressed frame as RFC 7692, section 7.2.1, wants it.
func deflated(t *testing.T, s string) []byte {
	t.Helper()
	var b bytes.Buffer
	w, err := flate.NewWriter(&b, flate.BestSpeed)
	if err != nil {
		t.Fatal(err)
	}
	if _, err := w.Write([]byte(s)); err != nil {
		t.Fatal(err)
	}
	if err := w.Flush(); err != nil {
		t.Fatal(err)
	}
	return short(finBit|rsv1Bit|opText, strings.TrimSuffix(b.String(), "\x00\x00\xff\xff"))
}

func TestCompressedReplies(t *testing.T) {
	talk := talk
	talk.Deflate = true
	right, wrong := deflated(t, "echo!"), deflated(t, "echo?")
	answers := [][]byte{right, right, right, wrong}
	head := agreed + "Sec-WebSocket-Extensions: permessage-deflate; server_no_context_takeover\r\n\r\n"
	l, err := open(t, talk, head, aMinute, func(string) []byte {
		p := answers[0]
		answers = answers[1:]
		return p
	})
	if err != nil {
		t.Fatal(err)
	}
	for range 2 { // the second time it is found in l.known
		if n, err := l.Echo(0, 1); err != nil || n != 1 {
			t.Errorf("Echo returned %d, %v", n, err)
		}
	}
	if len(l.known) != 1 {
		t.Errorf("%d compressed messages are known, not 1", len(l.known))
	}
	if _, err := l.Say(0, 1); err == nil || !strings.Contains(err.Error(), `got "echo!"`) {
		t.Errorf("Say returned %v for the answer to an echo", err)
	}
	l.due, l.conns[0].due = 0, 0
	if _, err := l.Echo(0, 1); err == nil || !strings.Contains(err.Error(), `got "echo?"`) {
		t.Errorf("Echo returned %v for another text", err)
	}
}

func TestCompressionThatIsOnlyAgreedIsNoticed(t *testing.T) {
	long := strings.Repeat("x", surelySmaller)
	head := []byte{finBit | opText, longForm, surelySmaller >> 8, surelySmaller & 0xff}
	l := &Load{talk: Talk{Deflate: true}, hears: &Exchange{Want: long}, buf: make([]byte, 1000), known: map[known]replies{}}
	c := &conn{}
	l.expect(c, 1)
	if err := l.frames(c, append(head, long...)); err == nil || !strings.Contains(err.Error(), "not compressed") {
		t.Errorf("the answer is %v for a long text as it is", err)
	}
}

func TestCompressedHeartbeatsAreAnsweredEachTime(t *testing.T) {
	l := &Load{talk: Talk{Deflate: true, Heartbeat: "beat"}, hears: &Exchange{}, known: map[known]replies{}}
	fds, err := unix.Socketpair(unix.AF_UNIX, unix.SOCK_STREAM|unix.SOCK_CLOEXEC, 0)
	if err != nil {
		t.Fatal(err)
	}
	for _, fd := range fds {
		defer unix.Close(fd)
	}
	f, _, _ := next(deflated(t, "beat"))
	for range 3 {
		if err := l.take(&conn{fd: fds[0]}, f); err != nil {
			t.Fatal(err)
		}
	}
	if l.Beats() != 3 {
		t.Errorf("%d heartbeats were answered, not 3", l.Beats())
	}
}

func TestAllowFilesRaisesTheLimit(t *testing.T) {
	var r unix.Rlimit
	if err := unix.Getrlimit(unix.RLIMIT_NOFILE, &r); err != nil {
		t.Fatal(err)
	}
	t.Cleanup(func() {
		if err := unix.Setrlimit(unix.RLIMIT_NOFILE, &r); err != nil {
			t.Error(err)
		}
	})
	if err := unix.Setrlimit(unix.RLIMIT_NOFILE, &unix.Rlimit{Cur: 150, Max: r.Max}); err != nil {
		t.Fatal(err)
	}
	var now unix.Rlimit
	if err := errors.Join(allowFiles(200), unix.Getrlimit(unix.RLIMIT_NOFILE, &now)); err != nil || now.Cur != 200+reserve || now.Max != r.Max {
		t.Errorf("the limit is %d of %d, %v", now.Cur, now.Max, err)
	}
}

func TestLeaveWaitsForEveryAnswer(t *testing.T) {
	goodbye := frames([]byte{finBit | opClose, 2}, []byte("\x03\xe8"))
	l := mustOpen(t, talk, func(m string) []byte {
		if m != "\x03\xe8" {
			return text("what? " + m)
		}
		return goodbye
	})
	if err := l.Leave(); err != nil {
		t.Error(err)
	}
}

func TestLeaveNoticesWhoIsNotAnswered(t *testing.T) {
	l := mustOpen(t, talk, func(string) []byte { return nil })
	if err := l.Leave(); err == nil {
		t.Error("the server has hung up without an answer")
	}
}
