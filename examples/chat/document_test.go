package main

import (
	"bytes"
	"flag"
	"io"
	"os"
	"testing"
)

var update = flag.Bool("update", false, "write asyncapi.json")

// TestTheDocumentIsThatOfTheRepository: a change of the contract shows in a review, as a diff of asyncapi.json.
func TestTheDocumentIsThatOfTheRepository(t *testing.T) {
	res, err := newVisitor(t).Get(start(t).url + "/asyncapi.json")
	if err != nil {
		t.Fatal(err)
	}
	defer res.Body.Close()
	got, err := io.ReadAll(res.Body)
	if err != nil {
		t.Fatal(err)
	}
	if *update {
		if err := os.WriteFile("asyncapi.json", got, 0o644); err != nil {
			t.Fatal(err)
		}
	}
	want, err := os.ReadFile("asyncapi.json")
	if err != nil {
		t.Fatal(err)
	}
	if !bytes.Equal(got, want) {
		t.Error("asyncapi.json is not what the server serves: refresh it with -update and read the difference")
	}
}
