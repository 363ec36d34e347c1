package socket

import (
	"bytes"
	"math/rand/v2"
	"testing"
	"unicode/utf8"

	"github.com/gobwas/ws"
)

var lengths = []int{0, 1, 125, 126, 127, 1000, 65535, 65536, 65537, 1 << 20}

// TestHeaders: our headers are equal to those of gobwas/ws, and we parse its headers, but no incomplete ones.
func TestHeaders(t *testing.T) {
	t.Parallel()
	for _, n := range lengths {
		for _, masked := range []bool{false, true} {
			want := ws.Header{Fin: true, Rsv: 5, OpCode: ws.OpBinary, Masked: masked, Length: int64(n)}
			if masked {
				want.Mask = [4]byte{1, 2, 3, 4}
			}
			var b bytes.Buffer
			must(t, ws.WriteHeader(&b, want))
			for cut := range b.Len() {
				if _, _, ok := parseHeader(b.Bytes()[:cut]); ok {
					t.Errorf("%d of %d bytes are parsed as a header", cut, b.Len())
				}
			}
			h, size, ok := parseHeader(append(b.Bytes(), "payload"...))
			if h != want || size != b.Len() || !ok {
				t.Errorf("%+v, %d bytes, %v; want %+v, %d bytes", h, size, ok, want, b.Len())
			}
		}
		var b bytes.Buffer
		must(t, ws.WriteHeader(&b, ws.Header{Fin: true, OpCode: ws.OpText, Length: int64(n)}))
		if got := appendHeader(nil, finText, n); !bytes.Equal(got, b.Bytes()) || headerSize(n) != len(got) {
			t.Errorf("%d bytes: %x, want %x", n, got, b.Bytes())
		}
		if f := PrepareText(make([]byte, n)); f.Size() != b.Len()+n {
			t.Errorf("%d bytes take %d", n, f.Size())
		} else if f.Len() != n {
			t.Errorf("%d bytes have Len %d", n, f.Len())
		}
	}
}

// TestUnmasking: unmasking in pieces of any size follows the formula of RFC 6455, section 5.3.
func TestUnmasking(t *testing.T) {
	t.Parallel()
	r := rand.New(rand.NewPCG(1, 2))
	for n := range 200 {
		mask := [4]byte{byte(r.Uint32()), byte(r.Uint32()), byte(r.Uint32()), byte(r.Uint32())}
		plain := make([]byte, n)
		sent := make([]byte, n)
		for i := range plain {
			plain[i] = byte(r.Uint32())
			sent[i] = plain[i] ^ mask[i%4]
		}
		p := &partial{}
		p.beginFrame(ws.Header{OpCode: ws.OpBinary, Fin: true, Length: int64(n), Mask: mask})
		for len(sent) > 0 {
			k := 1 + r.IntN(len(sent))
			if rest := p.absorb(sent[:k]); len(rest) != 0 {
				t.Fatalf("%d bytes left", len(rest))
			}
			sent = sent[k:]
		}
		if !bytes.Equal(p.msg, plain) || p.remain != 0 {
			t.Fatalf("%d bytes: %x, want %x", n, p.msg, plain)
		}
	}
}

// TestUTF8InPieces: the result does not depend on where a text is cut. An invalid byte is detected at once, except for
// up to three bytes that may begin a rune.
func TestUTF8InPieces(t *testing.T) {
	t.Parallel()
	for _, s := range []string{
		"", "plain", "é", "grüße", "€uro", "😀", "\U0010FFFF", "\uFFFD", "a\u0300",
		"\xff", "a\xc0\xaf", "\xed\xa0\x80", "\xf4\x90\x80\x80", "\xc3", "\xe2\x82", "\xf0\x9f\x98", "\x80", "\xe2\x28\xa1",
		"é\xc3\xc3é", "a\xffbcdef", "\xf0\x9f\x98xabcdef",
	} {
		for cut := range len(s) + 1 {
			for _, fragments := range []bool{false, true} {
				early, late := invalidInPieces(s, cut, fragments)
				if late == utf8.ValidString(s) {
					t.Errorf("%q cut at %d, fragments %v: invalid %v", s, cut, fragments, late)
				}
				if bad := validPrefix(s); cut > bad+3 && !early {
					t.Errorf("%q cut at %d, fragments %v: detected late", s, cut, fragments)
				}
			}
		}
	}
}

// validPrefix is the length of the valid UTF-8 at the beginning of s.
func validPrefix(s string) (n int) {
	for n < len(s) {
		r, size := utf8.DecodeRuneInString(s[n:])
		if r == utf8.RuneError && size == 1 {
			return n
		}
		n += size
	}
	return n
}

// invalidInPieces reports whether the text is invalid after the first piece, and after the second.
func invalidInPieces(s string, cut int, fragments bool) (early, late bool) {
	p := &partial{}
	if p.beginFrame(ws.Header{OpCode: ws.OpText, Fin: !fragments, Length: int64(len(s))}); fragments {
		p.remain = int64(cut)
	}
	p.absorb([]byte(s[:cut]))
	if early = p.invalid; fragments {
		p.beginFrame(ws.Header{OpCode: ws.OpContinuation, Fin: true, Length: int64(len(s) - cut)})
	}
	p.absorb([]byte(s[cut:]))
	return early, p.invalid
}

// TestJoin: frames are joined only if they are unmarked and small.
func TestJoin(t *testing.T) {
	t.Parallel()
	a, b := prepared("a"), prepared("b")
	large := PrepareText(make([]byte, maxJoined-len(a.b)-4))
	for name, k := range map[string]struct {
		fs   []Prepared
		want int
	}{
		"none":      {nil, 0},
		"one":       {[]Prepared{a}, 1},
		"two":       {[]Prepared{a, b}, 1},
		"droppable": {[]Prepared{a, b.Droppable()}, 2},
		"latest":    {[]Prepared{a, b.Latest("key")}, 2},
		"tied":      {[]Prepared{a, b.Tied()}, 2},
		"fits":      {[]Prepared{a, large}, 1},
		"too large": {[]Prepared{a, b, large}, 3},
	} {
		joined := Join(k.fs)
		var got, want []byte
		for _, f := range joined {
			got = append(got, f.b...)
		}
		for _, f := range k.fs {
			want = append(want, f.b...)
		}
		if len(joined) != k.want || !bytes.Equal(got, want) {
			t.Errorf("%s: %d frames of %d bytes, want %d of %d", name, len(joined), len(got), k.want, len(want))
		}
	}
}
