package asyncapi_test

import (
	"bytes"
	"errors"
	"log/slog"
	"net/http"
	"net/http/httptest"
	"strings"
	"sync"
	"testing"

	"github.com/chanx-go/chanx"
	"github.com/chanx-go/chanx/asyncapi"
	"github.com/chanx-go/chanx/internal/chat"
)

// get requests a path; headers are names and values in turn.
func get(t *testing.T, h http.Handler, method, path string, headers ...string) *httptest.ResponseRecorder {
	t.Helper()
	r := httptest.NewRequestWithContext(t.Context(), method, path, nil)
	for i := 0; i < len(headers); i += 2 {
		r.Header.Add(headers[i], headers[i+1])
	}
	w := httptest.NewRecorder()
	h.ServeHTTP(w, r)
	return w
}

func TestTheHandlerServesJSONAndYAML(t *testing.T) {
	srv := chatServer(t)
	h := asyncapi.Handler(srv, nil)
	want := mustDocument(t, srv.Spec(), nil)
	asYAML, err := asyncapi.YAML(want)
	if err != nil {
		t.Fatal(err)
	}
	for _, k := range []struct {
		path, accept string
		yaml         bool
	}{
		{"/docs", "", false},
		{"/docs", "*/*", false},
		{"/docs", "text/html,application/xml;q=0.9,*/*;q=0.8", false},
		{"/docs", "application/json, application/yaml;q=0.9", false},
		{"/docs", "application/yaml", true},
		{"/docs", "application/json;q=0.5, Application/YAML", true},
		{"/docs", "text/yaml, */*;q=0.1", true},
		{"/docs", "application/yaml;q=0", false},
		{"/docs.json", "application/yaml", false},
		{"/docs.yaml", "application/json", true},
		{"/docs.yml", "", true},
	} {
		w := get(t, h, "GET", k.path, "Accept", k.accept)
		text, contentType := want, "application/json"
		if k.yaml {
			text, contentType = asYAML, "application/yaml"
		}
		if w.Code != http.StatusOK || w.Header().Get("Content-Type") != contentType || !bytes.Equal(w.Body.Bytes(), text) {
			t.Errorf("%s, %q: %d %s", k.path, k.accept, w.Code, w.Header())
		}
		if w.Header().Get("Vary") != "Accept" {
			t.Errorf("%s: Vary %q", k.path, w.Header().Get("Vary"))
		}
	}
}

func TestTheHandlerKnowsWhatAClientHas(t *testing.T) {
	h := asyncapi.Handler(chatServer(t), nil)
	first := get(t, h, "GET", "/a.json")
	etag := first.Header().Get("ETag")
	if len(etag) < 10 || etag == get(t, h, "GET", "/a.yaml").Header().Get("ETag") {
		t.Errorf("etag %q", etag)
	}
	for given, want := range map[string]int{
		etag: 304, `"x", ` + etag: 304, "W/" + etag: 304, "*": 304, `"x"`: 200,
	} {
		w := get(t, h, "GET", "/a.json", "If-None-Match", given)
		if w.Code != want || want == 304 && w.Body.Len() > 0 || w.Header().Get("ETag") != etag {
			t.Errorf("%s: %d %s", given, w.Code, w.Header())
		}
	}
	if w := get(t, h, "HEAD", "/a.json"); w.Code != 200 || w.Body.Len() > 0 || w.Header().Get("Content-Length") == "" {
		t.Errorf("HEAD: %d, %d bytes, %s", w.Code, w.Body.Len(), w.Header())
	}
	if w := get(t, h, "POST", "/a.json"); w.Code != 405 || w.Header().Get("Allow") != "GET, HEAD" {
		t.Errorf("POST: %d %s", w.Code, w.Header())
	}
}

// TestTheDocumentIsBuiltOnce: with what is registered at the first request that is allowed.
func TestTheDocumentIsBuiltOnce(t *testing.T) {
	srv := newServer(t, nil)
	allowed := false
	h := asyncapi.Handler(srv, &asyncapi.Options{Access: func(*http.Request) error {
		if !allowed {
			return chanx.Refuse(http.StatusForbidden, "not yet")
		}
		return nil
	}})
	get(t, h, "GET", "/")
	allowed = true
	srv.Handle("/first", chat.New())
	var group sync.WaitGroup
	for range 8 {
		group.Go(func() { get(t, h, "GET", "/") })
	}
	group.Wait()
	srv.Handle("/second", chat.New())
	if text := get(t, h, "GET", "/").Body.String(); !strings.Contains(text, "/first") || strings.Contains(text, "/second") {
		t.Error(text)
	}
}

func TestAccessDecidesWhoReadsTheDocument(t *testing.T) {
	var log bytes.Buffer
	for want, err := range map[int]error{
		200: nil,
		401: chanx.Refuse(http.StatusUnauthorized, "log in"),
		500: errors.New("the secret database is down"),
		503: errors.Join(errors.New("secret"), chanx.Refuse(http.StatusServiceUnavailable, "later")),
	} {
		h := asyncapi.Handler(chatServer(t), &asyncapi.Options{
			Access: func(*http.Request) error { return err }, Logger: slog.New(slog.NewTextHandler(&log, nil)),
		})
		w := get(t, h, "GET", "/")
		if w.Code != want || strings.Contains(w.Body.String(), "secret") {
			t.Errorf("%v: %d %s", err, w.Code, w.Body)
		}
		if err != nil && w.Header().Get("ETag") != "" {
			t.Errorf("%v: %s", err, w.Header())
		}
	}
	if got := log.String(); strings.Count(got, "level=ERROR") != 1 || !strings.Contains(got, "the secret database is down") {
		t.Errorf("logged %s", got)
	}
	h := asyncapi.Handler(chatServer(t), &asyncapi.Options{Access: func(*http.Request) error { return &chanx.RefusalError{} }, Logger: slog.New(slog.DiscardHandler)})
	if w := get(t, h, "GET", "/"); w.Code != 500 {
		t.Errorf("a refusal without a status: %d", w.Code)
	}
}

func TestAnErrorOfTheDocumentIsShown(t *testing.T) {
	h := asyncapi.Handler(chatServer(t), &asyncapi.Options{AsyncAPI: "1"})
	if w := get(t, h, "GET", "/"); w.Code != 500 || !strings.Contains(w.Body.String(), "use 3.0.0 or 3.1.0") {
		t.Errorf("%d %s", w.Code, w.Body)
	}
}
