package main

import (
	"context"
	"log/slog"
	"net/http"
	"net/http/httptest"
	"slices"
	"strings"
	"testing"

	"github.com/chanx-go/chanx"
	"github.com/chanx-go/chanx/chanxtest"
	"github.com/chanx-go/chanx/examples/discussion/talk"
)

// house is a server whose events are recorded.
type house struct {
	*chanxtest.Recorder
	t       *testing.T
	srv     *chanx.Server
	handler http.Handler
}

func newHouse(t *testing.T) *house {
	t.Helper()
	r, quiet := chanxtest.NewRecorder(t, nil), slog.New(slog.DiscardHandler)
	srv := chanx.NewServer(&chanx.ServerOptions{Layer: r, Logger: quiet})
	h := &house{r, t, srv, routes(srv, quiet)}
	t.Cleanup(h.close)
	return h
}

// close ends the server. A second call does nothing.
func (h *house) close() {
	h.t.Helper()
	if err := h.srv.Shutdown(context.Background()); err != nil {
		h.t.Error(err)
	}
}

// post posts a body to /notify, with the Origin header if origin is not empty, and returns the status and text of the answer.
func (h *house) post(body, origin string) (status int, text string) {
	r := httptest.NewRequest(http.MethodPost, "http://localhost/notify", strings.NewReader(body))
	if origin != "" {
		r.Header.Set("Origin", origin)
	}
	w := httptest.NewRecorder()
	h.handler.ServeHTTP(w, r)
	return w.Code, strings.TrimSpace(w.Body.String())
}

// notices returns the notices that the discussion received.
func (h *house) notices() []chanxtest.Published[talk.NotifyEvent] {
	h.t.Helper()
	return chanxtest.Events[talk.NotifyEvent](h.Recorder)
}

func TestANoticeIsToldToTheDiscussion(t *testing.T) {
	h := newHouse(t)
	if status, text := h.post(`{"content":"We close at five."}`, "http://localhost"); status != http.StatusNoContent || text != "" {
		t.Errorf("answered %d %s, want 204", status, text)
	}
	notices := h.notices()
	if len(notices) != 1 || notices[0].Value.Content != "We close at five." || !slices.Equal(notices[0].Groups, []string{talk.Group}) {
		t.Errorf("told %+v, want the notice, once, to the discussion", notices)
	}
}

func TestABadNoticeIsExplainedAndNotTold(t *testing.T) {
	h := newHouse(t)
	for _, tt := range []struct {
		body   string
		status int
		says   string
	}{
		{``, 400, "send JSON"},
		{`soup`, 400, "send JSON"},
		{`{"content":1}`, 400, "send JSON"},
		{`{"content":"` + strings.Repeat("a", maxNotice) + `"}`, 400, "send JSON"},
		{`{}`, 422, `{"error":[{"type":"string_pattern_mismatch","loc":["content"]`},
		{`{"content":"` + strings.Repeat("a", 501) + `"}`, 422, `{"error":[{"type":"string_too_long","loc":["content"]`},
	} {
		if status, text := h.post(tt.body, ""); status != tt.status || !strings.Contains(text, tt.says) {
			t.Errorf("%.30s: answered %d %s, want %d with %s", tt.body, status, text, tt.status, tt.says)
		}
	}
	if notices := h.notices(); len(notices) > 0 {
		t.Errorf("told %+v, want nothing", notices)
	}
}

func TestPagesOfOthersMayNotNotify(t *testing.T) {
	h := newHouse(t)
	status, _ := h.post(`{"content":"soup"}`, "https://elsewhere.example")
	if notices := h.notices(); status != http.StatusForbidden || len(notices) > 0 {
		t.Errorf("answered %d, told %+v, want 403 and nothing", status, notices)
	}
}

func TestANoticeThatCannotBeToldIsAnsweredSo(t *testing.T) {
	h := newHouse(t)
	h.close()
	if status, text := h.post(`{"content":"soup"}`, ""); status != http.StatusServiceUnavailable || strings.Contains(text, "closed") {
		t.Errorf("answered %d %s, want 503 without the cause", status, text)
	}
}

func TestThePageToTryItIsMounted(t *testing.T) {
	h := newHouse(t)
	for _, path := range []string{"/docs/", "/docs/asyncapi.json"} {
		w := httptest.NewRecorder()
		h.handler.ServeHTTP(w, httptest.NewRequest(http.MethodGet, path, nil))
		if w.Code != http.StatusOK {
			t.Errorf("%s: %d, want 200", path, w.Code)
		}
	}
}
