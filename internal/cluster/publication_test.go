package cluster

import (
	"bytes"
	"fmt"
	"reflect"
	"slices"
	"strings"
	"testing"
)

func TestPublicationRoundTrip(t *testing.T) {
	tests := []Publication{
		{Kind: KindMessage, Node: "n", Action: "a"},
		{
			Kind: KindEvent, Raw: true, ExceptSelf: true, Node: "node", FromConn: "node.c", FromUser: "日本", Targets: []string{"g/a b", "g/"},
			Action: "said", Payload: []byte(`{"x":1}`), Headers: []Header{{"traceparent", "00-1"}, {"", ""}},
		},
		{Kind: KindMessage, Targets: []string{strings.Repeat("x", 300)}, Frame: []byte(`{"a":1}`), Payload: make([]byte, 1<<20)},
	}
	for field := range 7 { // one field is long, so that the size estimate must include each
		long := make([]string, 7)
		long[field] = strings.Repeat("x", 300)
		tests = append(tests, Publication{
			Kind: KindLeave, Headers: []Header{{long[0], long[1]}}, Node: long[2], FromConn: long[3], FromUser: long[4],
			Targets: []string{long[5]}, Action: long[6],
		})
	}
	for _, want := range tests {
		b := want.append([]byte("kept"), make([]byte, sealBytes))[len("kept"):]
		got, err := Parse(b, nil)
		if err != nil {
			t.Fatal(err)
		}
		for _, part := range []*[]byte{&got.Frame, &got.Payload} {
			if len(*part) == 0 {
				*part = nil
			}
		}
		if !reflect.DeepEqual(got, want) {
			t.Errorf("got %.1000v, want %.1000v", fmt.Sprint(got), fmt.Sprint(want))
		}
		if len(b) > want.Size() {
			t.Errorf("sealed it has %d bytes, more than its size %d", len(b), want.Size())
		}
	}
}

func TestPublicationRefusesCountsBeyondItsLimits(t *testing.T) {
	p := Publication{Kind: KindMessage, Headers: make([]Header, maxHeaders+1)}
	if _, err := Parse(p.append(nil, nil), nil); err == nil || !strings.Contains(err.Error(), "more than 64") {
		t.Errorf("too many Headers: %v", err)
	}
	p = Publication{Kind: KindMessage, Targets: make([]string, MaxTargets), Type: 1}
	if got, err := Parse(p.append(nil, nil), nil); err != nil || got.Type != 0 {
		t.Errorf("without room for the type: %d, %v", got.Type, err)
	}
	p = Publication{Kind: KindMessage, Targets: make([]string, MaxTargets+1)}
	if _, err := Parse(p.append(nil, nil), nil); err == nil || !strings.Contains(err.Error(), "more than 512") {
		t.Errorf("too many Targets: %v", err)
	}
	if _, err := Parse([]byte{version, 9, 0, 0}, nil); err == nil || !strings.Contains(err.Error(), "kind 9") {
		t.Errorf("unknown Kind: %v", err)
	}
}

func TestPublicationRefusesFrameFieldsThatAreNoObject(t *testing.T) {
	for text, ok := range map[string]bool{``: true, `{}`: true, `{"a":{}}`: true, `{`: false, `[]`: false, `"a":1`: false, `{ }`: false, `{"a":1}x`: false} {
		p := Publication{Kind: KindMessage, Frame: []byte(text), Payload: []byte("1")}
		got, err := Parse(p.append(nil, nil), nil)
		if (err == nil) != ok || string(got.Payload) != "1" {
			t.Errorf("%q: %+v, %v", text, got, err)
		}
	}
}

// FuzzParse checks that no data from a broker causes a panic, that accepted data is the same when encoded again, and that
// with keys only data whose every byte is signed is accepted.
func FuzzParse(f *testing.F) {
	auth, other := newSigner(f, testKeys(2)), newSigner(f, testKeys(3)[2:])
	signed := map[string]bool{}
	for i, p := range []Publication{
		{Kind: KindMessage, Node: "n", Targets: []string{"g/a"}, Action: "said", Payload: []byte("{}")},
		{Kind: KindEvent, Raw: true, Headers: []Header{{"a", "b"}}, FromConn: "c", FromUser: "u"},
		{Kind: KindMessage, Frame: []byte(`{"extra":1}`), Action: "x"},
		{Kind: KindClose},
	} {
		f.Add(p.append(nil, nil), uint(i), byte(i), []byte("\x01"))
		f.Add(auth.Append(nil, &p), uint(i), byte(1), []byte(nil))
		b := other.Append(nil, &p)
		signed[string(b)] = true
		f.Add(b, uint(headBytes-1), byte(sealBytes), []byte("}"))
	}
	f.Fuzz(func(t *testing.T, b []byte, at uint, flip byte, more []byte) {
		if _, err := Parse(b, other); (err == nil) != signed[string(b)] {
			t.Errorf("%x: signed: %v, and yet: %v", b, signed[string(b)], err)
		}
		p, err := Parse(b, nil)
		if err != nil {
			return
		}
		again, err := Parse(p.append(nil, nil), nil)
		if err != nil || !reflect.DeepEqual(again, p) {
			t.Errorf("%x: again %+v, %v, want %+v", b, again, err, p)
		}
		good := auth.Append(nil, &p)
		if len(good) > p.Size() {
			t.Errorf("%d bytes, more than its size %d", len(good), p.Size())
		}
		if _, err := Parse(good, auth); err != nil {
			t.Errorf("%x: signed: %v", b, err)
		}
		if _, err := Parse(good, other); err == nil {
			t.Errorf("%x: accepted without its key", b)
		}
		n := at % uint(len(good))
		flipped := bytes.Clone(good)
		flipped[n] ^= flip
		for what, bad := range map[string][]byte{
			"flipped": flipped, "cut": good[:n], "extended": append(bytes.Clone(good), more...),
			"put in": slices.Concat(good[:n], more, good[n:]), "taken out": slices.Concat(good[:n], good[min(n+1+uint(flip), uint(len(good))):]),
		} {
			if _, err := Parse(bad, auth); err == nil && !bytes.Equal(bad, good) {
				t.Errorf("%s at %d: %x is accepted, signed was %x", what, n, bad, good)
			}
		}
	})
}
