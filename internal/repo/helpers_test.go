package repo_test

import (
	"go/ast"
	"go/parser"
	"go/token"
	"io/fs"
	"os"
	"path"
	"path/filepath"
	"slices"
	"strconv"
	"strings"
	"sync"
	"testing"
)

const module = "github.com/chanx-go/chanx"

// root is the root of the repository, relative to this package.
const root = "../.."

// file is one text file of the repository, or of a sample.
type file struct {
	path string // from the root of the repository, with slashes
	text string
	ast  *ast.File // nil if it is not Go
	fset *token.FileSet
}

func (f file) isGo() bool   { return f.ast != nil }
func (f file) isTest() bool { return strings.HasSuffix(f.path, "_test.go") }
func (f file) dir() string  { return path.Dir(f.path) }

// at returns the position of a node in the form that editors understand.
func (f file) at(n ast.Node) string {
	return f.path + ":" + strconv.Itoa(f.fset.Position(n.Pos()).Line) + ": "
}

// lines is the number of lines of a node.
func (f file) lines(n ast.Node) int {
	return f.fset.Position(n.End()).Line - f.fset.Position(n.Pos()).Line + 1
}

// imports returns the import paths of the file.
func (f file) imports() (paths []string) {
	for _, i := range f.ast.Imports {
		p, err := strconv.Unquote(i.Path.Value)
		if err != nil {
			panic(err) // the parser has read it
		}
		paths = append(paths, p)
	}
	return paths
}

// calls reports whether a node is a call of a function pkg.name, where pkg is an identifier.
func calls(n ast.Node, pkg, name string) bool {
	call, ok := n.(*ast.CallExpr)
	if !ok {
		return false
	}
	sel, ok := call.Fun.(*ast.SelectorExpr)
	if !ok || sel.Sel.Name != name {
		return false
	}
	x, ok := sel.X.(*ast.Ident)
	return ok && x.Name == pkg
}

func parse(name, text string) (file, error) {
	f := file{path: name, text: text, fset: token.NewFileSet()}
	if path.Ext(name) != ".go" {
		return f, nil
	}
	var err error
	f.ast, err = parser.ParseFile(f.fset, name, text, parser.ParseComments|parser.SkipObjectResolution)
	return f, err
}

// skipped are folders without texts of this repository.
var skipped = []string{".git", ".bin", ".cache", "node_modules", "testdata"}

// isText reports whether the rules apply to a file.
func isText(name string) bool {
	switch path.Base(name) {
	case "go.mod", "go.work", "Makefile":
		return true
	}
	return path.Dir(name) == ".ci" || slices.Contains([]string{".go", ".md", ".js", ".mjs", ".html", ".css", ".sh"}, path.Ext(name))
}

// checkout returns the files of the repository, which it reads once.
var checkout = sync.OnceValues(func() (files []file, err error) {
	err = fs.WalkDir(os.DirFS(root), ".", func(name string, e fs.DirEntry, err error) error {
		switch {
		case err != nil:
			return err
		case e.IsDir() && slices.Contains(skipped, e.Name()):
			return fs.SkipDir
		case e.IsDir() || !isText(name):
			return nil
		}
		text, err := os.ReadFile(filepath.Join(root, name))
		if err != nil {
			return err
		}
		f, err := parse(name, string(text))
		files = append(files, f)
		return err
	})
	return files, err
})

func repository(t *testing.T) []file {
	t.Helper()
	files, err := checkout()
	if err != nil {
		t.Fatal(err)
	}
	return files
}

// sample is a small repository: the path and text of each file.
type sample map[string]string

func (s sample) files(t *testing.T) (files []file) {
	t.Helper()
	for name, text := range s {
		f, err := parse(name, text)
		if err != nil {
			t.Fatal(err)
		}
		files = append(files, f)
	}
	return files
}
