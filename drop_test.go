package chanx_test

import (
	"go/ast"
	"go/parser"
	"go/token"
	"path/filepath"
	"regexp"
	"slices"
	"strconv"
	"strings"
	"testing"

	"github.com/chanx-go/chanx/internal/socket"
)

// TestEveryKeyOfDropsIsDocumented, in the comment of Stats.Drops, and nothing else is.
func TestEveryKeyOfDropsIsDocumented(t *testing.T) {
	t.Parallel()
	keys := constants(t, "drop.go")
	for kind := range len(socket.Stats{}.Drops) {
		keys = append(keys, socket.Drop(kind).String())
	}
	documented := documentedDrops(t)
	for _, key := range keys {
		if !slices.Contains(documented, key) {
			t.Errorf("%q is not documented", key)
		}
	}
	for i, key := range documented {
		if !slices.Contains(keys, key) || slices.Contains(documented[:i], key) {
			t.Errorf("%q is documented, and no key, or twice", key)
		}
		if !regexp.MustCompile(`^[a-z]+s(_[a-z]+)*$`).MatchString(key) {
			t.Errorf("%q is not a unit in the plural, and why", key)
		}
	}
}

// documentedDrops are the first words of the indented lines.
func documentedDrops(t *testing.T) (keys []string) {
	t.Helper()
	ast.Inspect(parsed(t, "stats.go"), func(n ast.Node) bool {
		f, is := n.(*ast.Field)
		if !is || len(f.Names) != 1 || f.Names[0].Name != "Drops" {
			return true
		}
		for line := range strings.Lines(f.Doc.Text()) {
			if strings.HasPrefix(line, "\t") {
				keys = append(keys, strings.Fields(line)[0])
			}
		}
		return false
	})
	return keys
}

// TestDropsAreCountedByConstants: another key would be one that TestEveryKeyOfDropsIsDocumented does not see.
func TestDropsAreCountedByConstants(t *testing.T) {
	t.Parallel()
	names, err := filepath.Glob("*.go")
	if err != nil {
		t.Fatal(err)
	}
	seen := 0
	for _, name := range names {
		if strings.HasSuffix(name, "_test.go") {
			continue
		}
		ast.Inspect(parsed(t, name), func(n ast.Node) bool {
			what := keyOf(n)
			if what == nil {
				return true
			}
			if seen++; isText(what) {
				t.Errorf("%s: %s is no constant of drop.go", name, what.(*ast.BasicLit).Value)
			}
			return true
		})
	}
	if seen < 15 {
		t.Errorf("%d places were found where something is counted", seen)
	}
}

// keyOf returns what something is counted by; nil if that is not what the node does.
func keyOf(n ast.Node) ast.Expr {
	switch n := n.(type) {
	case *ast.CallExpr:
		if f, is := n.Fun.(*ast.SelectorExpr); is && slices.Contains([]string{"dropped", "skipped", "countDrop"}, f.Sel.Name) && len(n.Args) > 1 {
			return n.Args[1]
		}
	case *ast.CompositeLit:
		if typ, is := n.Type.(*ast.Ident); is && typ.Name == "layerError" {
			return n.Elts[0]
		}
	}
	return nil
}

func isText(e ast.Expr) bool {
	lit, is := e.(*ast.BasicLit)
	return is && lit.Kind == token.STRING
}

// constants are the values of the string constants in a file.
func constants(t *testing.T, name string) (values []string) {
	t.Helper()
	ast.Inspect(parsed(t, name), func(n ast.Node) bool {
		decl, is := n.(*ast.GenDecl)
		if !is || decl.Tok != token.CONST {
			return true
		}
		for _, spec := range decl.Specs {
			for _, v := range spec.(*ast.ValueSpec).Values {
				value, err := strconv.Unquote(v.(*ast.BasicLit).Value)
				if err != nil {
					t.Fatal(err)
				}
				values = append(values, value)
			}
		}
		return false
	})
	return values
}

func parsed(t *testing.T, name string) *ast.File {
	t.Helper()
	f, err := parser.ParseFile(token.NewFileSet(), name, nil, parser.ParseComments)
	if err != nil {
		t.Fatal(err)
	}
	return f
}
