// Command page builds the page of package playground: it bundles playground/ui into playground/dist, compressed, or with
// -tests the page's unit tests into a folder, where Node runs them.
package main

import (
	"bytes"
	"compress/gzip"
	"flag"
	"fmt"
	"io/fs"
	"os"
	"path/filepath"
	"slices"
	"strings"

	"github.com/evanw/esbuild/pkg/api"
)

func main() {
	tests := flag.String("tests", "", "`folder` to write the bundled unit tests to, in place of the page")
	root := flag.String("root", ".", "`folder` of the repository")
	flag.Parse()
	if err := run(filepath.Join(*root, "playground"), *tests); err != nil {
		fmt.Fprintln(os.Stderr, "page:", err)
		os.Exit(1)
	}
}

func run(dir, tests string) error {
	dir, err := filepath.Abs(dir)
	if err != nil {
		return err
	}
	ui := filepath.Join(dir, "ui")
	if _, err := os.Stat(filepath.Join(ui, "node_modules")); err != nil {
		return fmt.Errorf("what the page imports is missing: run npm ci --ignore-scripts in playground/ui: %w", err)
	}
	if tests != "" {
		return bundleTests(ui, tests)
	}
	files, err := bundle(ui)
	if err != nil {
		return err
	}
	notices, err := licenses(filepath.Join(ui, "node_modules"))
	if err != nil {
		return err
	}
	return write(filepath.Join(dir, "dist"), append(files, file{"licenses.txt", notices}))
}

// file is one that the page is made of.
type file struct {
	name string
	text []byte
}

// options are common to the page and its tests. Development aids of libraries are left out.
func options(ui string) api.BuildOptions {
	return api.BuildOptions{
		AbsWorkingDir: ui, Bundle: true, Format: api.FormatESModule, Target: api.ES2022,
		JSX: api.JSXAutomatic, JSXImportSource: "preact", LogLevel: api.LogLevelWarning,
		Define: map[string]string{"process.env.NODE_ENV": `"production"`},
	}
}

// bundle returns the page and its assets. The names of assets have a hash of their content.
func bundle(ui string) ([]file, error) {
	o := options(ui)
	o.EntryPoints = []string{"src/main.tsx", "src/style.css", "src/workbench.css"}
	o.EntryNames, o.ChunkNames = "[name]-[hash]", "[name]-[hash]"
	o.Splitting, o.Outdir, o.LegalComments = true, "out", api.LegalCommentsNone
	o.MinifyWhitespace, o.MinifyIdentifiers, o.MinifySyntax = true, true, true
	r := api.Build(o)
	if len(r.Errors) > 0 {
		return nil, fmt.Errorf("esbuild: %d errors", len(r.Errors))
	}
	page, err := os.ReadFile(filepath.Join(ui, "src", "index.html"))
	if err != nil {
		return nil, err
	}
	icon, err := os.ReadFile(filepath.Join(ui, "src", "icon.svg"))
	if err != nil {
		return nil, err
	}
	files := []file{{"icon.svg", icon}}
	for _, f := range r.OutputFiles {
		name := filepath.Base(f.Path)
		files = append(files, file{name, f.Contents})
		if stem, _, _ := strings.Cut(name, "-"); slices.Contains([]string{"main", "style", "workbench"}, stem) {
			page = bytes.ReplaceAll(page, []byte(`"`+stem+filepath.Ext(name)), []byte(`"`+name))
		}
	}
	return append(files, file{"index.html", page}), nil
}

func bundleTests(ui, out string) error {
	found, err := filepath.Glob(filepath.Join(ui, "test", "*.test.ts"))
	if err != nil {
		return err
	}
	o := options(ui)
	o.EntryPoints, o.Platform, o.Outdir, o.Write, o.Sourcemap = found, api.PlatformNode, out, true, api.SourceMapInline
	o.OutExtension = map[string]string{".js": ".mjs"}
	if r := api.Build(o); len(r.Errors) > 0 {
		return fmt.Errorf("esbuild: %d errors", len(r.Errors))
	}
	return nil
}

// licenses returns the licenses of all packages that the page may contain. Packages that only build and test it have
// no part in it.
func licenses(modules string) ([]byte, error) {
	var b bytes.Buffer
	for _, pattern := range []string{"@codemirror/*", "@lezer/*", "@marijn/*", "@preact/*", "crelt", "preact", "style-mod", "w3c-keyname"} {
		found, err := filepath.Glob(filepath.Join(modules, pattern, "LICENSE*"))
		if err != nil {
			return nil, err
		}
		slices.Sort(found)
		for _, name := range found {
			text, err := os.ReadFile(name)
			if err != nil {
				return nil, err
			}
			pkg, err := filepath.Rel(modules, filepath.Dir(name))
			if err != nil {
				return nil, err
			}
			fmt.Fprintf(&b, "%s\n\n%s\n", filepath.ToSlash(pkg), bytes.TrimSpace(text))
		}
	}
	return b.Bytes(), nil
}

// write replaces the content of dir by compressed files.
func write(dir string, files []file) error {
	old, err := filepath.Glob(filepath.Join(dir, "*.gz"))
	if err != nil {
		return err
	}
	for _, name := range old {
		if err := os.Remove(name); err != nil {
			return err
		}
	}
	if err := os.MkdirAll(dir, fs.ModePerm); err != nil {
		return err
	}
	for _, f := range files {
		packed, err := compress(f.text)
		if err != nil {
			return err
		}
		if err := os.WriteFile(filepath.Join(dir, f.name+".gz"), packed, 0o644); err != nil {
			return err
		}
		fmt.Printf("%-28s %7d → %6d bytes\n", f.name, len(f.text), len(packed))
	}
	return nil
}

func compress(text []byte) ([]byte, error) {
	var b bytes.Buffer
	w, err := gzip.NewWriterLevel(&b, gzip.BestCompression)
	if err != nil {
		return nil, err
	}
	if _, err := w.Write(text); err != nil {
		return nil, err
	}
	if err := w.Close(); err != nil {
		return nil, err
	}
	return b.Bytes(), nil
}
