package chanx

import (
	"fmt"
	"reflect"
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
		{kind: kindMessage, targets: []string{strings.Repeat("x", 300)}, frame: []byte(`{"a":1}`), payload: make([]byte, 1<<20)},
	}
	for _, want := range tests {
		b := want.append([]byte("kept"))[len("kept"):]
		got, err := parsePublication(b)
		if err != nil {
			t.Fatal(err)
		}
		for _, part := range []*[]byte{&got.frame, &got.payload} {
			if len(*part) == 0 {
				*part = nil
			}
		}
		if !reflect.DeepEqual(got, want) {
			t.Errorf("got %.1000v, want %.1000v", fmt.Sprint(got), fmt.Sprint(want))
		}
	}
}

func TestPublicationRefusesCountsBeyondItsLimits(t *testing.T) {
	p := publication{kind: kindMessage, headers: make([]header, maxHeaders+1)}
	if _, err := parsePublication(p.append(nil)); err == nil || !strings.Contains(err.Error(), "more than 64") {
		t.Errorf("too many headers: %v", err)
	}
	p = publication{kind: kindMessage, targets: make([]string, maxTargets+1)}
	if _, err := parsePublication(p.append(nil)); err == nil || !strings.Contains(err.Error(), "more than 4096") {
		t.Errorf("too many targets: %v", err)
	}
	if _, err := parsePublication([]byte{publicationVersion, 9, 0}); err == nil || !strings.Contains(err.Error(), "kind 9") {
		t.Errorf("unknown kind: %v", err)
	}
}

func TestPublicationRefusesAFrameThatIsNoObject(t *testing.T) {
	for text, ok := range map[string]bool{``: true, `{}`: true, `{"a":{}}`: true, `{`: false, `[]`: false, `"a":1`: false, `{ }`: false, `{"a":1}x`: false} {
		p := publication{kind: kindMessage, frame: []byte(text), payload: []byte("1")}
		got, err := parsePublication(p.append(nil))
		if (err == nil) != ok || string(got.payload) != "1" {
			t.Errorf("%q: %+v, %v", text, got, err)
		}
	}
}

// FuzzLayerData: what a broker delivers never panics, and what is accepted says the same when it is written again.
func FuzzLayerData(f *testing.F) {
	for _, p := range []publication{
		{kind: kindMessage, node: "n", targets: []string{"g/a"}, action: "said", payload: []byte("{}")},
		{kind: kindEvent, raw: true, headers: []header{{"a", "b"}}, conn: "c", user: "u"},
		{kind: kindMessage, frame: []byte(`{"extra":1}`), action: "x"},
	} {
		f.Add(p.append(nil))
	}
	f.Fuzz(func(t *testing.T, b []byte) {
		p, err := parsePublication(b)
		if err != nil {
			return
		}
		again, err := parsePublication(p.append(nil))
		if err != nil || !reflect.DeepEqual(again, p) {
			t.Errorf("%x: again %+v, %v, want %+v", b, again, err, p)
		}
	})
}
