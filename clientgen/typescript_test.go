package clientgen_test

import (
	"bytes"
	"flag"
	"os"
	"os/exec"
	"path/filepath"
	"strings"
	"testing"

	"github.com/chanx-go/chanx/clientgen"
)

var update = flag.Bool("update", false, "write the golden files")

// golden are the documents whose clients are kept in testdata/typescript.
var golden = map[string]string{
	"talk":       "testdata/talk.json", // has all that usage.ts and negative.ts need
	"board":      "testdata/board.json",
	"hostile":    "testdata/hostile.json",
	"kitchen":    "../asyncapi/testdata/kitchen.json",
	"camel":      "../asyncapi/testdata/camel.json",
	"places":     "../asyncapi/testdata/places.json",
	"empty":      "../asyncapi/testdata/empty.json",
	"chat":       "../examples/chat/asyncapi.json",
	"assistant":  "../examples/assistant/asyncapi.json",
	"discussion": "../examples/discussion/asyncapi.json",
}

func TestTypeScriptIsAsInTheGoldenFiles(t *testing.T) {
	t.Parallel()
	for name, document := range golden {
		got := []byte(clientgen.TypeScript(read(t, document), filepath.Base(document), "./runtime.js"))
		file := filepath.Join("testdata", "typescript", name+".gen.ts")
		if *update {
			if err := os.WriteFile(file, got, 0o600); err != nil {
				t.Fatal(err)
			}
		}
		want, err := os.ReadFile(file)
		if err != nil {
			t.Fatal(err)
		}
		if !bytes.Equal(got, want) {
			t.Errorf("%s differs from what is generated now: look at the change, then run: go test ./clientgen -update", file)
		}
	}
}

func TestTheSameDocumentGivesTheSameTypeScript(t *testing.T) {
	t.Parallel()
	const kitchen = "../asyncapi/testdata/kitchen.json"
	first := clientgen.TypeScript(read(t, kitchen), "kitchen.json", "./runtime.js")
	for range 20 {
		if clientgen.TypeScript(read(t, kitchen), "kitchen.json", "./runtime.js") != first {
			t.Fatal("the same document gave another text")
		}
	}
}

// compilers returns the compilers of tools/typescript: the newest one, and the last one that is written in TypeScript.
func compilers(t *testing.T) []string {
	t.Helper()
	need := exec.CommandContext(t.Context(), "../.ci/need", "typescript")
	need.Stderr = os.Stderr
	out, err := need.Output()
	if err != nil {
		t.Fatalf("the compilers cannot be installed: %v", err)
	}
	dir := strings.TrimSpace(string(out))
	if dir == "" {
		t.Skip("GENERATED CLIENTS ARE NOT COMPILED: see above")
	}
	return []string{filepath.Join("..", dir, "typescript", "bin", "tsc"), filepath.Join("..", dir, "typescript-5.9", "bin", "tsc")}
}

func compile(t *testing.T, compiler, project string) (string, bool) {
	t.Helper()
	out, err := exec.CommandContext(t.Context(), "node", compiler, "-p", project, "--pretty", "false").CombinedOutput()
	return string(out), err == nil
}

func TestTheCompilerAcceptsClientsAndRefusesMistakes(t *testing.T) {
	t.Parallel()
	for _, compiler := range compilers(t) {
		if out, ok := compile(t, compiler, "testdata/typescript"); !ok {
			t.Errorf("%s:\n%s", compiler, out)
		}
	}
}

// Without the lines that expect errors, the compiler must report each mistake: else the test above shows nothing.
func TestEachMistakeIsAnErrorOfItsOwn(t *testing.T) {
	t.Parallel()
	compiler := compilers(t)[0]
	dir := t.TempDir()
	if err := os.CopyFS(dir, os.DirFS("testdata/typescript")); err != nil {
		t.Fatal(err)
	}
	file := filepath.Join(dir, "negative.ts")
	text, err := os.ReadFile(file)
	if err != nil {
		t.Fatal(err)
	}
	mistakes := bytes.Count(text, []byte("// @ts-expect-error"))
	if err := os.WriteFile(file, bytes.ReplaceAll(text, []byte("// @ts-expect-error"), []byte("//")), 0o600); err != nil {
		t.Fatal(err)
	}
	out, _ := compile(t, compiler, dir)
	lines := map[string]bool{}
	for line := range strings.Lines(out) {
		if place, _, ok := strings.Cut(line, ": error TS"); ok && strings.Contains(place, "negative.ts(") {
			place, _, _ = strings.Cut(place, ",")
			lines[place] = true
		}
	}
	if mistakes < 50 || len(lines) != mistakes {
		t.Errorf("%d of %d mistakes are errors:\n%s", len(lines), mistakes, out)
	}
}
