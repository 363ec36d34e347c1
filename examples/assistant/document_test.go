package main

import (
	"bytes"
	"context"
	"flag"
	"log/slog"
	"net/http"
	"net/http/httptest"
	"os"
	"testing"

	"github.com/chanx-go/chanx"
	"github.com/chanx-go/chanx/examples/assistant/dialog"
	"github.com/chanx-go/chanx/examples/assistant/model"
)

var update = flag.Bool("update", false, "write asyncapi.json")

// TestTheDocumentIsThatOfTheRepository: a change of the contract shows in a review, as a diff of asyncapi.json.
func TestTheDocumentIsThatOfTheRepository(t *testing.T) {
	srv := chanx.NewServer(nil)
	srv.Handle("/ws", dialog.New(dialog.Options{Model: model.Model{}, Limit: answerTime, Logger: slog.Default()}))
	w := httptest.NewRecorder()
	routes(srv).ServeHTTP(w, httptest.NewRequest(http.MethodGet, "/asyncapi.json", nil))
	got := w.Body.Bytes()
	if err := srv.Shutdown(context.Background()); err != nil {
		t.Error(err)
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
