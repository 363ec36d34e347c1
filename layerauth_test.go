package chanx

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

// testKeys are keys of which none is the beginning of another.
func testKeys(n int) (keys [][]byte) {
	for i := range n {
		keys = append(keys, bytes.Repeat([]byte{byte('a' + i)}, minKeyBytes+i))
	}
	return keys
}

func samplePublication() publication {
	return publication{
		kind: kindMessage, headers: []header{{"traceparent", "00-1"}}, node: "NODE", conn: "NODE.c", user: "ann",
		targets: []string{"g/a", "u/bob"}, action: "said", frame: []byte(`{"a":1}`), payload: []byte(`{"text":"hi"}`),
	}
}

// forgedAs is what is counted of data that is refused, "" if it is accepted.
func forgedAs(t *testing.T, data []byte, a *layerAuth) string {
	t.Helper()
	_, err := parsePublication(data, a)
	if err == nil {
		return ""
	}
	e, is := errors.AsType[*layerError](err)
	if !is {
		t.Fatalf("error %v is of no kind", err)
	}
	return e.what
}

func TestEveryByteIsSigned(t *testing.T) {
	a := newLayerAuth(LayerAuth{Keys: testKeys(2), AcceptUnsigned: true})
	p := samplePublication()
	good := a.append(nil, &p)
	if what := forgedAs(t, good, a); what != "" {
		t.Fatalf("what was signed is refused as %q", what)
	}
	refused := func(how string, at int, data []byte, likely ...string) {
		t.Helper()
		if what := forgedAs(t, data, a); !slices.Contains(append(likely, dropUnauthentic), what) {
			t.Errorf("%s at %d: refused as %q", how, at, what)
		}
	}
	for at := range good {
		for bit := range 8 {
			if bad := bytes.Clone(good); at != headBytes-1 { // the length of the seal may become 0: see below
				bad[at] ^= 1 << bit
				refused("flipped", at, bad, dropOtherVersion)
			}
		}
		refused("cut", at, good[:at], dropUnreadable)
		refused("a byte put in", at, slices.Insert(bytes.Clone(good), at, 1), dropOtherVersion, dropUnreadable)
		if at != headBytes-1 {
			refused("a byte taken out", at, slices.Delete(bytes.Clone(good), at, at+1), dropOtherVersion, dropUnreadable)
		}
	}
	refused("extended", len(good), append(bytes.Clone(good), ' '))
	strict := newLayerAuth(LayerAuth{Keys: testKeys(2)})
	for length := range 256 {
		bad := bytes.Clone(good)
		bad[headBytes-1] = byte(length)
		if what := forgedAs(t, bad, strict); (what == "") != (length == sealBytes) {
			t.Errorf("with a seal of %d bytes refused as %q", length, what)
		}
	}
}

// TestKeysAreIntroducedAndRotated has nodes of each step read what those of each publish: those of the step before, at
// that step and of the next one must understand each other.
func TestKeysAreIntroducedAndRotated(t *testing.T) {
	k := testKeys(2)
	steps := []struct {
		auth LayerAuth
		read string // by which steps what it publishes is accepted
	}{
		{LayerAuth{}, "01"},
		{LayerAuth{Keys: [][]byte{k[0]}, AcceptUnsigned: true}, "01234"},
		{LayerAuth{Keys: [][]byte{k[0]}}, "01234"},
		{LayerAuth{Keys: [][]byte{k[0], k[1]}}, "01234"},
		{LayerAuth{Keys: [][]byte{k[1], k[0]}}, "0345"},
		{LayerAuth{Keys: [][]byte{k[1]}}, "0345"},
	}
	for i, writer := range steps {
		p := samplePublication()
		data := newLayerAuth(writer.auth).append(nil, &p)
		var read strings.Builder
		for j, reader := range steps {
			if _, err := parsePublication(data, newLayerAuth(reader.auth)); err == nil {
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
	data := p.append(nil)
	for _, tt := range []struct {
		auth LayerAuth
		says string
	}{
		{LayerAuth{}, ""},
		{LayerAuth{AcceptUnsigned: true}, ""},
		{LayerAuth{Keys: testKeys(1), AcceptUnsigned: true}, ""},
		{LayerAuth{Keys: testKeys(1)}, "it is not signed"},
	} {
		_, err := parsePublication(data, newLayerAuth(tt.auth))
		if tt.says == "" && err != nil || tt.says != "" && (err == nil || !strings.Contains(err.Error(), tt.says)) {
			t.Errorf("%d keys, unsigned accepted %v: %v", len(tt.auth.Keys), tt.auth.AcceptUnsigned, err)
		}
	}
}

// TestKeysWithOneIDAreBothTried: that two keys have the same id happens once in 4 thousand million times.
func TestKeysWithOneIDAreBothTried(t *testing.T) {
	first, second := newLayerAuth(LayerAuth{Keys: testKeys(1)}), newLayerAuth(LayerAuth{Keys: testKeys(2)[1:]})
	both := &layerAuth{keys: []*layerKey{first.keys[0], second.keys[0]}}
	if first.keys[0].blank == second.keys[0].blank {
		t.Fatal("different keys have the same id")
	}
	second.keys[0].blank = first.keys[0].blank
	p := samplePublication()
	if what := forgedAs(t, second.append(nil, &p), both); what != "" {
		t.Errorf("refused as %q", what)
	}
	if what := forgedAs(t, second.append(nil, &p), first); what != dropUnauthentic {
		t.Errorf("another key with that id: refused as %q", what)
	}
}

func TestRefusalsOfKeysDoNotShowThem(t *testing.T) {
	p := samplePublication()
	for name, do := range map[string]func() string{
		"panic": func() (text string) {
			defer func() { text = fmt.Sprint(recover()) }()
			NewServer(&ServerOptions{LayerAuth: LayerAuth{Keys: [][]byte{testKeys(1)[0], []byte("secret")}}})
			return ""
		},
		"unknown key": func() string {
			_, err := parsePublication(newLayerAuth(LayerAuth{Keys: testKeys(1)}).append(nil, &p), newLayerAuth(LayerAuth{Keys: testKeys(2)[1:]}))
			return err.Error()
		},
		"server": func() string {
			s := NewServer(&ServerOptions{LayerAuth: LayerAuth{Keys: [][]byte{bytes.Repeat([]byte("secret"), 8)}}})
			return fmt.Sprintf("%+v Keys", s.opts)
		},
	} {
		text := do()
		if !strings.Contains(text, "key") && !strings.Contains(text, "Keys") {
			t.Errorf("%s: %q is of no key", name, text)
		}
		for _, secret := range []string{"secret", "aaaa", fmt.Sprint([]byte("secr"))[1:14], "[97 97"} {
			if strings.Contains(text, secret) {
				t.Errorf("%s: it shows %q: %.300s", name, secret, text)
			}
		}
	}
}

// TestKeysAreCopied: an application may wipe its secrets when the server has been made.
func TestKeysAreCopied(t *testing.T) {
	keys, kept := testKeys(1), newLayerAuth(LayerAuth{Keys: testKeys(1)})
	a := newLayerAuth(LayerAuth{Keys: keys})
	clear(keys[0])
	p := samplePublication()
	if what := forgedAs(t, a.append(nil, &p), kept); what != "" {
		t.Errorf("after the key was wiped, refused as %q", what)
	}
}

func TestSealsOfManyGoroutines(t *testing.T) {
	a := newLayerAuth(LayerAuth{Keys: testKeys(2)})
	var all sync.WaitGroup
	for i := range 8 {
		all.Go(func() {
			p := samplePublication()
			p.user = fmt.Sprint(i)
			for range 200 {
				if got, err := parsePublication(a.append(nil, &p), a); err != nil || got.user != p.user {
					t.Errorf("user %s: %+v, %v", p.user, got, err)
				}
			}
		})
	}
	all.Wait()
}

// BenchmarkLayerAuth writes and reads a publication with keys and, in turn, without: x-unsigned is the ratio of their
// times, ns-more and allocs-more are the differences.
func BenchmarkLayerAuth(b *testing.B) {
	for _, size := range []int{146, 4096} {
		b.Run(fmt.Sprintf("payload=%d", size), func(b *testing.B) {
			p := samplePublication()
			p.payload = bytes.Repeat([]byte("x"), size)
			buf := make([]byte, 0, 2*size+1024)
			there := func(a *layerAuth) func() {
				return func() {
					if _, err := parsePublication(a.append(buf, &p), a); err != nil {
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
			signing, bare := there(newLayerAuth(LayerAuth{Keys: testKeys(2)})), there(nil)
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
