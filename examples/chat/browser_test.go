package main

import (
	"cmp"
	"context"
	"net/http"
	"net/http/httptest"
	"os"
	"os/exec"
	"path/filepath"
	"sync"
	"testing"
	"time"
)

// TestBrowserTwoPeopleMeet runs browser/test.mjs, which simulates two people in a real browser, and restarts the server on
// request. Screenshots are written to the folder CHAT_SCREENSHOTS, an absolute path.
func TestBrowserTwoPeopleMeet(t *testing.T) {
	node, chromium := findBrowser(t)
	pictures := cmp.Or(os.Getenv("CHAT_SCREENSHOTS"), t.TempDir())
	db := filepath.Join(t.TempDir(), "chat.db")
	p := start(t, "-db", db, "-node", "node-1")
	r := &restarts{t: t, args: []string{"-db", db, "-node", "node-2", "-addr", p.host()}, now: p}
	control := httptest.NewServer(r)
	defer r.end()
	defer control.Close()

	ctx, cancel := context.WithTimeout(t.Context(), 4*time.Minute) // it takes half a minute on a free machine
	defer cancel()
	cmd := exec.CommandContext(ctx, node, "browser/test.mjs")
	cmd.Cancel = func() error { return cmd.Process.Signal(os.Interrupt) } // then it also ends the browser
	cmd.WaitDelay = testTimeout
	cmd.Env = append(os.Environ(), "CHAT_URL="+p.url, "CHAT_CONTROL="+control.URL, "CHAT_SCREENSHOTS="+pictures, "CHROMIUM="+chromium)
	out, err := cmd.CombinedOutput()
	t.Logf("browser:\n%s", out)
	if err != nil {
		t.Fatalf("browser: %v (CHAT_SCREENSHOTS names a folder to keep the screenshots in)", err)
	}
	if shots, err := filepath.Glob(filepath.Join(pictures, "*.png")); err != nil || len(shots) == 0 {
		t.Errorf("no screenshot in %s: %v", pictures, err)
	}
}

// restarts ends and starts a server on request.
type restarts struct {
	t    *testing.T
	args []string

	mu  sync.Mutex
	now *process
}

// ServeHTTP implements http.Handler.
func (r *restarts) ServeHTTP(w http.ResponseWriter, req *http.Request) {
	if req.URL.Path == "/stop" {
		r.end()
		return
	}
	r.mu.Lock()
	defer r.mu.Unlock()
	p, err := launch(r.args...)
	if err != nil {
		http.Error(w, err.Error(), http.StatusInternalServerError)
		return
	}
	r.now = p
}

func (r *restarts) end() {
	r.mu.Lock()
	defer r.mu.Unlock()
	r.now.stop(r.t)
	if r.t.Failed() {
		r.t.Logf("server:\n%s", r.now.log)
	}
}

// findBrowser returns the paths of node and of a browser. Without them the test is skipped, but fails in CI.
func findBrowser(t *testing.T) (node, chromium string) {
	t.Helper()
	lacks := t.Skipf
	if os.Getenv("CI") != "" {
		lacks = t.Fatalf
	}
	const cannot = "THE BROWSER TEST CANNOT RUN: "
	node, err := exec.LookPath("node")
	if err != nil {
		lacks(cannot + "node is missing: install Node.js 20 or later, with npm, from https://nodejs.org/")
	}
	if _, err := os.Stat("browser/node_modules/playwright-core/package.json"); err != nil {
		lacks(cannot + "its driver is missing: run npm ci in examples/chat/browser")
	}
	for _, name := range []string{os.Getenv("CHROMIUM"), "chromium", "chromium-browser", "google-chrome", "google-chrome-stable"} {
		if found, err := exec.LookPath(name); name != "" && err == nil {
			return node, found
		}
	}
	lacks(cannot + "chromium is missing: apt-get install chromium, or install Chromium or Chrome and set CHROMIUM to its path")
	return "", ""
}
