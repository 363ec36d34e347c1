package chanx

import (
	"bytes"
	"fmt"
	"reflect"
	"slices"
	"strings"
	"testing"
)

func TestPublicationRoundTrip(t *testing.T) {
	tests := []publication{
		{kind: kindMessage, node: "n", action: "a"},
		{
			kind: kindEvent, raw: true, exceptSelf: true, node: "node", conn: "node.c", user: "日本", targets: []string{"g/a b", "g/"},
			action: "said", payload: []byte(`{"x":1}`), headers: []header{{"traceparent", "00-1"}, {"", ""}},
		},
		{kind: kindMessage, seal: make([]byte, 255), targets: []string{strings.Repeat("x", 300)}, frame: []byte(`{"a":1}`), payload: make([]byte, 1<<20)},
	}
	for field := range 7 { // one of them long, so that size misses none
		long := make([]string, 7)
		long[field] = strings.Repeat("x", 300)
		tests = append(tests, publication{
			kind: kindLeave, headers: []header{{long[0], long[1]}}, node: long[2], conn: long[3], user: long[4],
			targets: []string{long[5]}, action: long[6],
		})
	}
	for _, want := range tests {
		b := want.append([]byte("kept"))[len("kept"):]
		got, err := parsePublication(b, nil)
		if err != nil {
			t.Fatal(err)
		}
		for _, part := range []*[]byte{&got.seal, &got.frame, &got.payload} {
			if len(*part) == 0 {
				*part = nil
			}
		}
		if !reflect.DeepEqual(got, want) {
			t.Errorf("got %.1000v, want %.1000v", fmt.Sprint(got), fmt.Sprint(want))
		}
		if n := len(b) - len(want.seal) + sealBytes; n > want.size() {
			t.Errorf("sealed it has %d bytes, more than its size %d", n, want.size())
		}
	}
}

func TestPublicationRefusesCountsBeyondItsLimits(t *testing.T) {
	p := publication{kind: kindMessage, headers: make([]header, maxHeaders+1)}
	if _, err := parsePublication(p.append(nil), nil); err == nil || !strings.Contains(err.Error(), "more than 64") {
		t.Errorf("too many headers: %v", err)
	}
	p = publication{kind: kindMessage, targets: make([]string, maxTargets+1)}
	if _, err := parsePublication(p.append(nil), nil); err == nil || !strings.Contains(err.Error(), "more than 512") {
		t.Errorf("too many targets: %v", err)
	}
	if _, err := parsePublication([]byte{publicationVersion, 9, 0, 0}, nil); err == nil || !strings.Contains(err.Error(), "kind 9") {
		t.Errorf("unknown kind: %v", err)
	}
}

func TestPublicationRefusesFrameFieldsThatAreNoObject(t *testing.T) {
	for text, ok := range map[string]bool{``: true, `{}`: true, `{"a":{}}`: true, `{`: false, `[]`: false, `"a":1`: false, `{ }`: false, `{"a":1}x`: false} {
		p := publication{kind: kindMessage, frame: []byte(text), payload: []byte("1")}
		got, err := parsePublication(p.append(nil), nil)
		if (err == nil) != ok || string(got.payload) != "1" {
			t.Errorf("%q: %+v, %v", text, got, err)
		}
	}
}

// FuzzLayerData: what a broker delivers never panics; what is accepted says the same when it is written again; and where
// there are keys, nothing is accepted but what was signed, byte for byte.
func FuzzLayerData(f *testing.F) {
	auth, other := newLayerAuth(LayerAuth{Keys: testKeys(2)}), newLayerAuth(LayerAuth{Keys: testKeys(3)[2:]})
	signed := map[string]bool{}
	for i, p := range []publication{
		{kind: kindMessage, node: "n", targets: []string{"g/a"}, action: "said", payload: []byte("{}")},
		{kind: kindEvent, raw: true, headers: []header{{"a", "b"}}, conn: "c", user: "u"},
		{kind: kindMessage, frame: []byte(`{"extra":1}`), action: "x"},
		{kind: kindClose, seal: make([]byte, sealBytes)},
	} {
		f.Add(p.append(nil), uint(i), byte(i), []byte("\x01"))
		f.Add(auth.append(nil, &p), uint(i), byte(1), []byte(nil))
		b := other.append(nil, &p)
		signed[string(b)] = true
		f.Add(b, uint(headBytes-1), byte(sealBytes), []byte("}"))
	}
	f.Fuzz(func(t *testing.T, b []byte, at uint, flip byte, more []byte) {
		if _, err := parsePublication(b, other); (err == nil) != signed[string(b)] {
			t.Errorf("%x: signed: %v, and yet: %v", b, signed[string(b)], err)
		}
		p, err := parsePublication(b, nil)
		if err != nil {
			return
		}
		again, err := parsePublication(p.append(nil), nil)
		if err != nil || !reflect.DeepEqual(again, p) {
			t.Errorf("%x: again %+v, %v, want %+v", b, again, err, p)
		}
		good := auth.append(nil, &p)
		if len(good) > p.size() {
			t.Errorf("%d bytes, more than its size %d", len(good), p.size())
		}
		if _, err := parsePublication(good, auth); err != nil {
			t.Errorf("%x: signed: %v", b, err)
		}
		if _, err := parsePublication(good, other); err == nil {
			t.Errorf("%x: accepted without its key", b)
		}
		n := at % uint(len(good))
		flipped := bytes.Clone(good)
		flipped[n] ^= flip
		for what, bad := range map[string][]byte{
			"flipped": flipped, "cut": good[:n], "extended": append(bytes.Clone(good), more...),
			"put in": slices.Concat(good[:n], more, good[n:]), "taken out": slices.Concat(good[:n], good[min(n+1+uint(flip), uint(len(good))):]),
		} {
			if _, err := parsePublication(bad, auth); err == nil && !bytes.Equal(bad, good) {
				t.Errorf("%s at %d: %x is accepted, signed was %x", what, n, bad, good)
			}
		}
	})
}
