package clientgen_test

import (
	"bytes"
	"compress/gzip"
	"encoding/json"
	"os"
	"os/exec"
	"path/filepath"
	"strings"
	"testing"
)

// scenario is what the tests in Go have to know of a scenario; typescript/scenarios.mjs runs it.
type scenario struct {
	Rules []int
	Does  string
	Steps []json.RawMessage
}

func scenarioFiles(t *testing.T) []string {
	t.Helper()
	files, err := filepath.Glob("testdata/scenarios/*.json")
	if err != nil || len(files) == 0 {
		t.Fatalf("found no scenarios: %v", err)
	}
	return files
}

func scenarios(t *testing.T) (all []scenario) {
	t.Helper()
	for _, name := range scenarioFiles(t) {
		data, err := os.ReadFile(name)
		if err != nil {
			t.Fatal(err)
		}
		var some []scenario
		if err := json.Unmarshal(data, &some); err != nil {
			t.Fatalf("%s: %v", name, err)
		}
		all = append(all, some...)
	}
	return all
}

// The rules are those by which all clients behave, whatever their language.
func TestEachRuleHasAScenario(t *testing.T) {
	t.Parallel()
	seen := map[int]bool{}
	for _, s := range scenarios(t) {
		if s.Does == "" || len(s.Steps) == 0 {
			t.Errorf("a scenario of rules %v has no description or no steps", s.Rules)
		}
		for _, rule := range s.Rules {
			seen[rule] = true
		}
	}
	for rule := 1; rule <= 58; rule++ {
		if !seen[rule] {
			t.Errorf("rule %d has no scenario", rule)
		}
	}
}

// buildRuntime compiles the runtime with each compiler, and returns the program.
func buildRuntime(t *testing.T) string {
	t.Helper()
	dir := t.TempDir()
	for _, compiler := range compilers(t) {
		build := exec.CommandContext(t.Context(), "node", compiler, "-p", "typescript", "--noEmit", "false", "--outDir", dir, "--pretty", "false")
		if out, err := build.CombinedOutput(); err != nil {
			t.Fatalf("%s: %v\n%s", compiler, err, out)
		}
	}
	if err := os.WriteFile(filepath.Join(dir, "package.json"), []byte(`{"type":"module"}`), 0o600); err != nil {
		t.Fatal(err)
	}
	return filepath.Join(dir, "runtime.js")
}

func TestTheTypeScriptRuntimePassesEachScenario(t *testing.T) {
	t.Parallel()
	args := append([]string{"typescript/scenarios.mjs", buildRuntime(t)}, scenarioFiles(t)...)
	out, err := exec.CommandContext(t.Context(), "node", args...).CombinedOutput()
	passed := strings.Count("\n"+string(out), "\nok ")
	if want := len(scenarios(t)); err != nil || passed != want {
		t.Errorf("%d of %d scenarios passed: %v\n%s", passed, want, err, out)
	}
}

func TestTheTypeScriptRuntimeIsSmall(t *testing.T) {
	t.Parallel()
	const most = 5 << 10
	program, err := filepath.Abs(buildRuntime(t))
	if err != nil {
		t.Fatal(err)
	}
	// The bundler is that of the page.
	minify := exec.CommandContext(t.Context(), "go", "run", "github.com/evanw/esbuild/cmd/esbuild", "--minify", "--format=esm", "--log-level=warning", program)
	minify.Dir = filepath.Join("..", "tools", "page")
	minified, err := minify.Output()
	if err != nil {
		t.Fatal(err)
	}
	var compressed bytes.Buffer
	w, err := gzip.NewWriterLevel(&compressed, gzip.BestCompression)
	if err != nil {
		t.Fatal(err)
	}
	if _, err := w.Write(minified); err != nil {
		t.Fatal(err)
	}
	if err := w.Close(); err != nil {
		t.Fatal(err)
	}
	t.Logf("%d bytes, %d compressed", len(minified), compressed.Len())
	if compressed.Len() > most {
		t.Errorf("it has %d bytes compressed, want at most %d", compressed.Len(), most)
	}
}
