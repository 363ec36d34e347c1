package cluster

import (
	"bytes"
	"encoding/hex"
	"os"
	"path/filepath"
	"reflect"
	"slices"
	"strings"
	"testing"
)

// version1 is the content of the files in testdata. Neither may change: later releases must read these files for as long as
// they read version 1. An addition to the version gets a file of its own.
var version1 = map[string]Publication{
	"message": {
		Kind: KindMessage, ExceptSelf: true, Headers: []Header{{"traceparent", "00-1"}},
		Node: "NODEAAAAAAAA", FromConn: "NODEAAAAAAAA.CONN", FromUser: "日本", Targets: []string{"g/a b", "n/x", "c/X.Y"},
		Action: "said", Frame: []byte(`{"extra":1}`), Payload: []byte(`{"text":"hi"}`),
	},
	"message-typed": {
		Kind: KindMessage, Type: 0x0102030405060708, Node: "NODEAAAAAAAA", Targets: []string{"g/g"}, Action: "said", Payload: []byte("{}"),
	},
	"message-empty": {Kind: KindMessage},
	"raw": {
		Kind: KindMessage, Raw: true, Node: "NODEAAAAAAAA", Targets: []string{"a/"}, Action: "weather", Payload: []byte("[1,null]"),
	},
	"event": {
		Kind: KindEvent, Node: "NODEAAAAAAAA", Targets: []string{"u/ann"}, Action: "ring", Payload: []byte(`{"how":"loud"}`),
	},
	"event-nodes": {
		Kind: KindEvent, Node: "NODEAAAAAAAA", Targets: []string{"g/g", "s/"}, Action: "ring", Payload: []byte("{}"),
	},
	"close": {
		Kind: KindClose, Node: "NODEAAAAAAAA", Targets: []string{"c/X.Y", "c/X.Z"}, Action: "disconnect",
		Payload: []byte(`{"code":4001,"reason":"enough"}`),
	},
	"join": {
		Kind: KindJoin, Node: "NODEAAAAAAAA", Targets: []string{"u/ann"}, Action: "join", Payload: []byte(`["g","h"]`),
	},
	"leave": {
		Kind: KindLeave, Node: "NODEAAAAAAAA", Targets: []string{"g/g"}, Action: "leave", Payload: []byte(`["h"]`),
	},
	"later": {
		Kind: KindMessage, ExceptSelf: true, Raw: true, Headers: []Header{{"", ""}, {"chanx2", "new"}},
		Node: "NODEAAAAAAAA", FromConn: "NODEAAAAAAAA.CONN", FromUser: "ann", Targets: []string{"t/new", "g/g"}, Action: "said",
		Payload: []byte("{}"),
	},
}

// readHex reads a file of hexadecimal digits, in which # begins a comment.
func readHex(t *testing.T, path string) []byte {
	t.Helper()
	text, err := os.ReadFile(path)
	if err != nil {
		t.Fatal(err)
	}
	var data []byte
	for line := range strings.Lines(string(text)) {
		digits, _, _ := strings.Cut(line, "#")
		b, err := hex.DecodeString(strings.TrimSpace(digits))
		if err != nil {
			t.Fatalf("%s: %v", path, err)
		}
		data = append(data, b...)
	}
	return data
}

func TestVersion1IsReadForEver(t *testing.T) {
	files, err := filepath.Glob("testdata/*.hex")
	if err != nil || len(files) != len(version1)+1 {
		t.Errorf("%d files, of which %d are known: %v", len(files), len(version1)+1, err)
	}
	for name, want := range version1 {
		data := readHex(t, filepath.Join("testdata", name+".hex"))
		got, err := Parse(data, nil)
		for _, part := range []*[]byte{&got.Frame, &got.Payload} {
			*part = slices.Clip(append([]byte(nil), *part...)) // nil if it is empty
		}
		if err != nil || !reflect.DeepEqual(got, want) {
			t.Errorf("%s: read as %+v, %v", name, got, err)
		}
		if again := want.append(nil, nil); !bytes.Equal(again, data) && name != "later" {
			t.Errorf("%s: it is written\n%x, was\n%x", name, again, data)
		}
	}
}

// TestSignaturesOfVersion1AreReadForEver reads a file that was signed by other software.
func TestSignaturesOfVersion1AreReadForEver(t *testing.T) {
	data, want := readHex(t, "testdata/message-signed.hex"), version1["message"]
	auth := newSigner(t, testKeys(1))
	if signed := auth.Append(nil, &want); !bytes.Equal(signed, data) {
		t.Errorf("signed it is\n%x, was\n%x", signed, data)
	}
	for _, a := range []*Signer{auth, nil} {
		got, err := Parse(data, a)
		if err != nil || !reflect.DeepEqual(got, want) {
			t.Errorf("read as %+v, %v", got, err)
		}
	}
}
