package chanx

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

// version1 is what the files of testdata/layerdata say. Both are kept as they are: servers of a later release must read
// them for as long as they read version 1. What is added to the version gets a file of its own.
var version1 = map[string]publication{
	"message": {
		kind: kindMessage, exceptSelf: true, headers: []header{{"traceparent", "00-1"}},
		node: "NODEAAAAAAAA", conn: "NODEAAAAAAAA.CONN", user: "日本", targets: []string{"g/a b", "n/x", "c/X.Y"},
		action: "said", frame: []byte(`{"extra":1}`), payload: []byte(`{"text":"hi"}`),
	},
	"message-typed": {
		kind: kindMessage, typ: 0x0102030405060708, node: "NODEAAAAAAAA", targets: []string{"g/g"}, action: "said", payload: []byte("{}"),
	},
	"message-empty": {kind: kindMessage},
	"raw": {
		kind: kindMessage, raw: true, node: "NODEAAAAAAAA", targets: []string{"a/"}, action: "weather", payload: []byte("[1,null]"),
	},
	"event": {
		kind: kindEvent, node: "NODEAAAAAAAA", targets: []string{"u/ann"}, action: "ring", payload: []byte(`{"how":"loud"}`),
	},
	"event-nodes": {
		kind: kindEvent, node: "NODEAAAAAAAA", targets: []string{"g/g", "s/"}, action: "ring", payload: []byte("{}"),
	},
	"close": {
		kind: kindClose, node: "NODEAAAAAAAA", targets: []string{"c/X.Y", "c/X.Z"}, action: "disconnect",
		payload: []byte(`{"code":4001,"reason":"enough"}`),
	},
	"join": {
		kind: kindJoin, node: "NODEAAAAAAAA", targets: []string{"u/ann"}, action: "join", payload: []byte(`["g","h"]`),
	},
	"leave": {
		kind: kindLeave, node: "NODEAAAAAAAA", targets: []string{"g/g"}, action: "leave", payload: []byte(`["h"]`),
	},
	"later": {
		kind: kindMessage, exceptSelf: true, raw: true, headers: []header{{"", ""}, {"chanx2", "new"}},
		node: "NODEAAAAAAAA", conn: "NODEAAAAAAAA.CONN", user: "ann", targets: []string{"t/new", "g/g"}, action: "said",
		payload: []byte("{}"),
	},
}

// readHex reads hexadecimal digits; # begins a comment.
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
	files, err := filepath.Glob("testdata/layerdata/*.hex")
	if err != nil || len(files) != len(version1)+1 {
		t.Errorf("%d files, of which %d are known: %v", len(files), len(version1)+1, err)
	}
	for name, want := range version1 {
		data := readHex(t, filepath.Join("testdata/layerdata", name+".hex"))
		got, err := parsePublication(data, nil)
		for _, part := range []*[]byte{&got.seal, &got.frame, &got.payload} {
			*part = slices.Clip(append([]byte(nil), *part...)) // nil if it is empty
		}
		if err != nil || !reflect.DeepEqual(got, want) {
			t.Errorf("%s: read as %+v, %v", name, got, err)
		}
		if again := want.append(nil); !bytes.Equal(again, data) && name != "later" {
			t.Errorf("%s: it is written\n%x, was\n%x", name, again, data)
		}
	}
}

// TestSignaturesOfVersion1AreReadForEver has a file that was made without this code.
func TestSignaturesOfVersion1AreReadForEver(t *testing.T) {
	data, want := readHex(t, "testdata/layerdata/message-signed.hex"), version1["message"]
	auth := newLayerAuth(LayerAuth{Keys: testKeys(1)})
	if signed := auth.append(nil, &want); !bytes.Equal(signed, data) {
		t.Errorf("signed it is\n%x, was\n%x", signed, data)
	}
	want.seal = data[headBytes : headBytes+sealBytes]
	for _, a := range []*layerAuth{auth, nil} {
		got, err := parsePublication(data, a)
		if err != nil || !reflect.DeepEqual(got, want) {
			t.Errorf("read as %+v, %v", got, err)
		}
	}
}
