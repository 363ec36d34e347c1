package playground_test

import (
	"cmp"
	"context"
	"net/http"
	"net/http/httptest"
	"os"
	"os/exec"
	"path/filepath"
	"strings"
	"sync/atomic"
	"testing"
	"time"

	"github.com/chanx-go/chanx/playground"
)

// TestBrowserTriesServersOut runs ui/test/browser.mjs, which uses the page as a visitor does. Screenshots are written to
// the folder PAGE_SCREENSHOTS, an absolute path.
func TestBrowserTriesServersOut(t *testing.T) {
	node, chromium := findBrowser(t)
	pictures := cmp.Or(os.Getenv("PAGE_SCREENSHOTS"), t.TempDir())
	srv := httptest.NewServer(newSite(t))
	defer srv.Close()

	ctx, cancel := context.WithTimeout(t.Context(), 4*time.Minute) // it takes half a minute on a free machine
	defer cancel()
	cmd := exec.CommandContext(ctx, node, "ui/test/browser.mjs")
	cmd.Cancel = func() error { return cmd.Process.Signal(os.Interrupt) } // then it also ends the browser
	cmd.WaitDelay = 10 * time.Second
	cmd.Env = append(os.Environ(), "PAGE_URL="+srv.URL, "PAGE_SCREENSHOTS="+pictures, "CHROMIUM="+chromium)
	out, err := cmd.CombinedOutput()
	t.Logf("browser:\n%s", out)
	if err != nil {
		t.Fatalf("browser: %v (PAGE_SCREENSHOTS names a folder to keep the screenshots in)", err)
	}
	if shots, err := filepath.Glob(filepath.Join(pictures, "*.png")); err != nil || len(shots) == 0 {
		t.Errorf("no screenshot in %s: %v", pictures, err)
	}
}

// newSite serves pages for the chat, for a server that asks more of the page, and for the states in which something is
// wrong. POST /down and /up take the document of /flaky/ away and give it back; POST /cut ends all connections.
func newSite(t *testing.T) http.Handler {
	chat, warehouse := newChat(), newWarehouse()
	t.Cleanup(func() {
		ctx, cancel := context.WithTimeout(context.Background(), time.Second)
		defer cancel()
		_, _ = chat.Shutdown(ctx), warehouse.Shutdown(ctx) // streams may still run: then it cuts them off
	})
	var down atomic.Bool
	flaky := playground.Handler(chat, nil)
	mux := http.NewServeMux()
	mux.Handle("/ws/", chat)
	mux.Handle("/api/", warehouse)
	mux.Handle("/docs/", playground.Handler(chat, &playground.Options{Title: "Chat"}))
	mux.Handle("/deep/er/docs/", playground.Handler(warehouse, &playground.Options{Title: "<b>Warehouse</b>"}))
	mux.HandleFunc("/flaky/", func(w http.ResponseWriter, r *http.Request) {
		if down.Load() && strings.HasSuffix(r.URL.Path, ".json") {
			http.Error(w, "<h1>bad gateway</h1>", http.StatusBadGateway)
			return
		}
		flaky.ServeHTTP(w, r)
	})
	mux.HandleFunc("POST /down", func(http.ResponseWriter, *http.Request) { down.Store(true) })
	mux.HandleFunc("POST /up", func(http.ResponseWriter, *http.Request) { down.Store(false) })
	mux.HandleFunc("POST /cut", func(_ http.ResponseWriter, r *http.Request) {
		ctx, cancel := context.WithTimeout(context.WithoutCancel(r.Context()), time.Second)
		defer cancel()
		_ = chat.Shutdown(ctx) // its error lists connections that were cut off
	})
	return mux
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
	if _, err := os.Stat("ui/node_modules/playwright-core/package.json"); err != nil {
		lacks(cannot + "its driver is missing: run npm ci --ignore-scripts in playground/ui")
	}
	for _, name := range []string{os.Getenv("CHROMIUM"), "chromium", "chromium-browser", "google-chrome", "google-chrome-stable"} {
		if found, err := exec.LookPath(name); name != "" && err == nil {
			return node, found
		}
	}
	lacks(cannot + "chromium is missing: apt-get install chromium, or install Chromium or Chrome and set CHROMIUM to its path")
	return "", ""
}
