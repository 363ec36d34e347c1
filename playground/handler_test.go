package playground_test

import (
	"bytes"
	"compress/gzip"
	"errors"
	"io"
	"log/slog"
	"net/http"
	"net/http/httptest"
	"regexp"
	"strings"
	"testing"

	"github.com/chanx-go/chanx"
	"github.com/chanx-go/chanx/playground"
)

// get requests a path as a browser does, unless headers say otherwise.
func get(t *testing.T, h http.Handler, path string, header ...string) *http.Response {
	t.Helper()
	r := httptest.NewRequestWithContext(t.Context(), http.MethodGet, path, nil)
	r.Header.Set("Accept-Encoding", "gzip, deflate, br")
	for i := 0; i < len(header); i += 2 {
		r.Header.Set(header[i], header[i+1])
	}
	w := httptest.NewRecorder()
	h.ServeHTTP(w, r)
	return w.Result()
}

// text reads a body, unpacked.
func text(t *testing.T, r *http.Response) string {
	t.Helper()
	body := io.Reader(r.Body)
	if r.Header.Get("Content-Encoding") == "gzip" {
		z, err := gzip.NewReader(r.Body)
		if err != nil {
			t.Fatal(err)
		}
		body = z
	}
	b, err := io.ReadAll(body)
	if err != nil {
		t.Fatal(err)
	}
	return string(b)
}

func newPage(opts *playground.Options) http.Handler {
	mux := http.NewServeMux()
	mux.Handle("/docs/", playground.Handler(newChat(), opts))
	return mux
}

var reference = regexp.MustCompile(`(?:src|href|content)="([^"]+\.(?:js|css|svg))"`)

func TestThePageAndAllItRefersToAreServed(t *testing.T) {
	t.Parallel()
	h := newPage(nil)
	page := get(t, h, "/docs/")
	if got := page.Header.Get("Content-Type"); page.StatusCode != 200 || got != "text/html; charset=utf-8" {
		t.Fatalf("the page: %d %s", page.StatusCode, got)
	}
	types := map[string]string{"js": "text/javascript; charset=utf-8", "css": "text/css; charset=utf-8", "svg": "image/svg+xml"}
	found := reference.FindAllStringSubmatch(text(t, page), -1)
	if len(found) != 4 {
		t.Fatalf("the page refers to %v, want its icon, its script and two style sheets", found)
	}
	for _, m := range found {
		r := get(t, h, "/docs/"+m[1])
		want := types[m[1][strings.LastIndex(m[1], ".")+1:]]
		if got := r.Header.Get("Content-Type"); r.StatusCode != 200 || got != want {
			t.Errorf("%s: %d %s, want %s", m[1], r.StatusCode, got, want)
		}
		wantCache := "private, max-age=31536000, immutable"
		if m[1] == "icon.svg" {
			wantCache = "no-cache"
		}
		if got := r.Header.Get("Cache-Control"); got != wantCache {
			t.Errorf("%s: Cache-Control %q, want %q", m[1], got, wantCache)
		}
	}
	if doc := get(t, h, "/docs/asyncapi.json"); !strings.Contains(text(t, doc), `"chat_group"`) {
		t.Error("the document is not that of the server")
	}
	if r := get(t, h, "/docs/main.js"); r.StatusCode != 404 {
		t.Errorf("a file that does not exist: %d", r.StatusCode)
	}
}

func TestThePageNeedsNoInlineScriptAndNoOtherHost(t *testing.T) {
	t.Parallel()
	page := text(t, get(t, newPage(nil), "/docs/"))
	if strings.Contains(page, "//") || regexp.MustCompile(`<script[^>]*>[^<]|<style| style=| on[a-z]+=`).MatchString(page) {
		t.Errorf("the page has inline code, or refers to another host:\n%s", page)
	}
}

func TestThePageMayBeMountedAnywhere(t *testing.T) {
	t.Parallel()
	h := playground.Handler(newChat(), nil)
	mux := http.NewServeMux()
	mux.Handle("/a/b/", h)
	mux.Handle("/cut/", http.StripPrefix("/cut", h))
	mux.Handle("/bare", http.StripPrefix("/bare", h))
	for _, path := range []string{"/a/b/", "/cut/", "/a/b/asyncapi.yaml", "/cut/asyncapi.json", "/cut/icon.svg"} {
		if r := get(t, mux, path); r.StatusCode != 200 {
			t.Errorf("%s: %d", path, r.StatusCode)
		}
	}
	if r := get(t, mux, "/bare"); r.StatusCode != 307 || r.Header.Get("Location") != "bare/" {
		t.Errorf("a lost slash: %d to %q, want a redirect to bare/", r.StatusCode, r.Header.Get("Location"))
	}
}

func TestTheHeadersKeepTheBrowserCareful(t *testing.T) {
	t.Parallel()
	h := newPage(nil)
	for _, path := range []string{"/docs/", "/docs/asyncapi.json", "/docs/icon.svg", "/docs/nothing"} {
		r := get(t, h, path)
		want := "default-src 'self'; connect-src 'self' ws://example.com wss://example.com; object-src 'none'; base-uri 'none'; form-action 'none'; frame-ancestors 'none'"
		if got := r.Header.Get("Content-Security-Policy"); got != want {
			t.Errorf("%s: %q", path, got)
		}
		if r.Header.Get("X-Content-Type-Options") != "nosniff" || r.Header.Get("Referrer-Policy") != "no-referrer" {
			t.Errorf("%s: %v", path, r.Header)
		}
	}
	evil := httptest.NewRequestWithContext(t.Context(), http.MethodGet, "/docs/", nil)
	evil.Host = "a; script-src *"
	w := httptest.NewRecorder()
	h.ServeHTTP(w, evil)
	if got := w.Result().Header.Get("Content-Security-Policy"); strings.Contains(got, "*") {
		t.Errorf("a host changes the policy: %q", got)
	}
}

func TestAClientWithoutGzipGetsThePagePlain(t *testing.T) {
	t.Parallel()
	h := newPage(nil)
	packed := get(t, h, "/docs/")
	for _, accept := range []string{"", "br", "gzip;q=0", "gzip; q=0.000", "identity"} {
		r := get(t, h, "/docs/", "Accept-Encoding", accept)
		if r.Header.Get("Content-Encoding") != "" || !strings.Contains(text(t, r), "<!doctype html>") || r.Header.Get("ETag") == packed.Header.Get("ETag") {
			t.Errorf("Accept-Encoding %q: %v", accept, r.Header)
		}
	}
	if packed.Header.Get("Content-Encoding") != "gzip" || packed.Header.Get("Vary") != "Accept-Encoding" {
		t.Errorf("with gzip: %v", packed.Header)
	}
}

func TestWhatHasNotChangedIsNotSentAgain(t *testing.T) {
	t.Parallel()
	h := newPage(nil)
	for _, path := range []string{"/docs/", "/docs/asyncapi.json", "/docs/icon.svg"} {
		etag := get(t, h, path).Header.Get("ETag")
		if r := get(t, h, path, "If-None-Match", etag); etag == "" || r.StatusCode != 304 {
			t.Errorf("%s: %d for ETag %q, want 304", path, r.StatusCode, etag)
		}
	}
}

func TestOnlyReadingIsAllowed(t *testing.T) {
	t.Parallel()
	w := httptest.NewRecorder()
	newPage(nil).ServeHTTP(w, httptest.NewRequestWithContext(t.Context(), http.MethodPost, "/docs/", strings.NewReader("x")))
	if r := w.Result(); r.StatusCode != 405 || r.Header.Get("Allow") != "GET, HEAD" {
		t.Errorf("POST: %d %v", r.StatusCode, r.Header)
	}
}

func TestAccessCoversThePageItsAssetsAndTheDocument(t *testing.T) { // not parallel: it replaces the default logger
	var log bytes.Buffer
	defer slog.SetDefault(slog.Default())
	slog.SetDefault(slog.New(slog.NewTextHandler(&log, nil)))
	refusal := errors.New("the database is away")
	h := newPage(&playground.Options{Access: func(r *http.Request) error {
		switch r.Header.Get("User") {
		case "ann":
			return nil
		case "eve":
			return chanx.Refuse(http.StatusForbidden, "members only")
		}
		return refusal
	}})
	for _, path := range []string{"/docs/", "/docs/icon.svg", "/docs/asyncapi.json", "/docs/nothing"} {
		if r := get(t, h, path, "User", "eve"); r.StatusCode != 403 || strings.TrimSpace(text(t, r)) != "members only" || r.Header.Get("Cache-Control") != "no-store" {
			t.Errorf("%s for who is refused: %d %v", path, r.StatusCode, r.Header)
		}
		if r := get(t, h, path); r.StatusCode != 500 || strings.Contains(text(t, r), "database") {
			t.Errorf("%s with a failing Access: %d, want 500 without its text", path, r.StatusCode)
		}
	}
	if !strings.Contains(log.String(), refusal.Error()) {
		t.Errorf("the error is not in the log: %s", log.String())
	}
	if r := get(t, h, "/docs/", "User", "ann"); r.StatusCode != 200 {
		t.Errorf("for who may: %d", r.StatusCode)
	}
}

func TestTheTitleIsThatOfTheDocument(t *testing.T) {
	t.Parallel()
	if doc := text(t, get(t, newPage(&playground.Options{Title: "Chat <b>"}), "/docs/asyncapi.json")); !strings.Contains(doc, `"title":"Chat <b>"`) && !strings.Contains(doc, `"title": "Chat <b>"`) {
		t.Errorf("the title is not in %.200s", doc)
	}
}
