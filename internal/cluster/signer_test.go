package cluster

import (
	"bytes"
	"errors"
	"fmt"
	"slices"
	"strconv"
	"strings"
	"sync"
	"testing"
	"time"
)

// testKeys returns n keys of which none is a prefix of another.
func testKeys(n int) (keys [][]byte) {
	for i := range n {
		keys = append(keys, bytes.Repeat([]byte{byte('a' + i)}, MinKeyBytes+i))
	}
	return keys
}

func samplePublication() Publication {
	return Publication{
		Kind: KindMessage, Headers: []Header{{"traceparent", "00-1"}}, Node: "NODE", FromConn: "NODE.c", FromUser: "ann",
		Targets: []string{"g/a", "u/bob"}, Action: "said", Frame: []byte(`{"a":1}`), Payload: []byte(`{"text":"hi"}`),
	}
}

// accepted is the reason of data that is not refused.
const accepted Reason = -1

// refusal is the reason for which data is refused, or accepted.
func refusal(t *testing.T, data []byte, s *Signer) Reason {
	t.Helper()
	_, err := Parse(data, s)
	if err == nil {
		return accepted
	}
	r, is := errors.AsType[*Refusal](err)
	if !is {
		t.Fatalf("error %v has no reason", err)
	}
	return r.Reason
}

// newSigner returns nil without keys.
func newSigner(t testing.TB, keys [][]byte) *Signer { return auth{keys: keys}.signer(t) }

type auth struct {
	keys           [][]byte
	acceptUnsigned bool
}

func (a auth) signer(t testing.TB) *Signer {
	t.Helper()
	if len(a.keys) == 0 {
		return nil
	}
	s, err := NewSigner(a.keys, a.acceptUnsigned)
	if err != nil {
		t.Fatal(err)
	}
	return s
}

func TestEveryByteIsSigned(t *testing.T) {
	a := auth{testKeys(2), true}.signer(t)
	p := samplePublication()
	good := a.Append(nil, &p)
	if what := refusal(t, good, a); what != accepted {
		t.Fatalf("what was signed is refused as %d", what)
	}
	refused := func(how string, at int, data []byte, likely ...Reason) {
		t.Helper()
		if what := refusal(t, data, a); !slices.Contains(append(likely, Unauthentic), what) {
			t.Errorf("%s at %d: refused as %d", how, at, what)
		}
	}
	for at := range good {
		for bit := range 8 {
			if bad := bytes.Clone(good); at != headBytes-1 { // the length of the signature may become 0: see below
				bad[at] ^= 1 << bit
				refused("flipped", at, bad, OtherVersion)
			}
		}
		refused("cut", at, good[:at], Unreadable)
		refused("a byte put in", at, slices.Insert(bytes.Clone(good), at, 1), OtherVersion, Unreadable)
		if at != headBytes-1 {
			refused("a byte taken out", at, slices.Delete(bytes.Clone(good), at, at+1), OtherVersion, Unreadable)
		}
	}
	refused("extended", len(good), append(bytes.Clone(good), ' '))
	strict := newSigner(t, testKeys(2))
	for length := range 256 {
		bad := bytes.Clone(good)
		bad[headBytes-1] = byte(length)
		if what := refusal(t, bad, strict); (what == accepted) != (length == sealBytes) {
			t.Errorf("with a seal of %d bytes refused as %d", length, what)
		}
	}
}

// TestKeysAreIntroducedAndRotated has nodes at each step of a key rotation read what nodes at each step publish. Nodes at
// the same step and at neighbouring steps must understand each other.
func TestKeysAreIntroducedAndRotated(t *testing.T) {
	k := testKeys(2)
	steps := []struct {
		auth auth
		read string // by which steps what it publishes is accepted
	}{
		{auth{}, "01"},
		{auth{[][]byte{k[0]}, true}, "01234"},
		{auth{keys: [][]byte{k[0]}}, "01234"},
		{auth{keys: [][]byte{k[0], k[1]}}, "01234"},
		{auth{keys: [][]byte{k[1], k[0]}}, "0345"},
		{auth{keys: [][]byte{k[1]}}, "0345"},
	}
	for i, writer := range steps {
		p := samplePublication()
		data := writer.auth.signer(t).Append(nil, &p)
		var read strings.Builder
		for j, reader := range steps {
			if _, err := Parse(data, reader.auth.signer(t)); err == nil {
				read.WriteString(strconv.Itoa(j))
			}
		}
		if read.String() != writer.read {
			t.Errorf("what a node of step %d publishes is accepted at steps %s, want %s", i, read.String(), writer.read)
		}
	}
}

func TestUnsignedDataIsAcceptedOnlyIfAllowed(t *testing.T) {
	p := samplePublication()
	data := p.append(nil, nil)
	for _, tt := range []struct {
		auth auth
		says string
	}{
		{auth{}, ""},
		{auth{acceptUnsigned: true}, ""},
		{auth{testKeys(1), true}, ""},
		{auth{keys: testKeys(1)}, "it is not signed"},
	} {
		_, err := Parse(data, tt.auth.signer(t))
		if tt.says == "" && err != nil || tt.says != "" && (err == nil || !strings.Contains(err.Error(), tt.says)) {
			t.Errorf("%d keys, unsigned accepted %v: %v", len(tt.auth.keys), tt.auth.acceptUnsigned, err)
		}
	}
}

// TestKeysWithOneIDAreBothTried has two keys with the same id, a chance of one in 2^32.
func TestKeysWithOneIDAreBothTried(t *testing.T) {
	first, second := newSigner(t, testKeys(1)), newSigner(t, testKeys(2)[1:])
	both := &Signer{keys: []*key{first.keys[0], second.keys[0]}}
	if first.keys[0].blank == second.keys[0].blank {
		t.Fatal("different keys have the same id")
	}
	second.keys[0].blank = first.keys[0].blank
	p := samplePublication()
	if what := refusal(t, second.Append(nil, &p), both); what != accepted {
		t.Errorf("refused as %d", what)
	}
	if what := refusal(t, second.Append(nil, &p), first); what != Unauthentic {
		t.Errorf("another key with that id: refused as %d", what)
	}
}

func TestRefusalsDoNotShowKeys(t *testing.T) {
	p := samplePublication()
	_, err := Parse(newSigner(t, testKeys(1)).Append(nil, &p), newSigner(t, testKeys(2)[1:]))
	if text := fmt.Sprint(err); !strings.Contains(text, "key") || strings.Contains(text, "aaaa") || strings.Contains(text, "97 97") {
		t.Errorf("it says %q", text)
	}
}

// TestKeysAreCopied checks that an application may overwrite its keys after NewServer.
func TestKeysAreCopied(t *testing.T) {
	keys, kept := testKeys(1), newSigner(t, testKeys(1))
	a := newSigner(t, keys)
	clear(keys[0])
	p := samplePublication()
	if what := refusal(t, a.Append(nil, &p), kept); what != accepted {
		t.Errorf("after the key was wiped, refused as %d", what)
	}
}

func TestSealsOfManyGoroutines(t *testing.T) {
	a := newSigner(t, testKeys(2))
	var all sync.WaitGroup
	for i := range 8 {
		all.Go(func() {
			p := samplePublication()
			p.FromUser = fmt.Sprint(i)
			for range 200 {
				if got, err := Parse(a.Append(nil, &p), a); err != nil || got.FromUser != p.FromUser {
					t.Errorf("user %s: %+v, %v", p.FromUser, got, err)
				}
			}
		})
	}
	all.Wait()
}

// BenchmarkSigner encodes and decodes a publication with and, in turn, without keys: x-unsigned is the ratio of the times,
// ns-more and allocs-more are the differences.
func BenchmarkSigner(b *testing.B) {
	for _, size := range []int{146, 4096} {
		b.Run(fmt.Sprintf("payload=%d", size), func(b *testing.B) {
			p := samplePublication()
			p.Payload = bytes.Repeat([]byte("x"), size)
			buf := make([]byte, 0, 2*size+1024)
			there := func(a *Signer) func() {
				return func() {
					if _, err := Parse(a.Append(buf, &p), a); err != nil {
						b.Fatal(err)
					}
				}
			}
			turn := func(once func()) time.Duration {
				begin := time.Now()
				for range 100 {
					once()
				}
				return time.Since(begin)
			}
			signing, bare := there(newSigner(b, testKeys(2))), there(nil)
			turn(signing)
			var signed, unsigned time.Duration
			for b.Loop() {
				signed += turn(signing)
				unsigned += turn(bare)
			}
			b.ReportMetric(float64(signed)/float64(unsigned), "x-unsigned")
			b.ReportMetric(float64(signed-unsigned)/float64(b.N)/100, "ns-more")
			b.ReportMetric(testing.AllocsPerRun(100, signing)-testing.AllocsPerRun(100, bare), "allocs-more")
		})
	}
}
