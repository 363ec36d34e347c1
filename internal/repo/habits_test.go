package repo_test

import (
	"go/ast"
	"go/token"
	"strconv"
	"strings"
)

var sleepRule = rule{
	name: "no test sleeps",
	why: "a sleep is too short on a slow machine and too long on every other; inside synctest.Test it costs nothing, " +
		"and a sleep outside its call has the comment: // in a bubble",
	check: eachGo(func(f file) (broken []string) {
		if !f.isTest() {
			return nil
		}
		excused := map[int]bool{}
		for _, c := range f.ast.Comments {
			if strings.Contains(c.Text(), "in a bubble") {
				excused[f.fset.Position(c.Pos()).Line] = true
			}
		}
		ast.Inspect(f.ast, func(n ast.Node) bool {
			if calls(n, "synctest", "Test") {
				return false
			}
			if calls(n, "time", "Sleep") && !excused[f.fset.Position(n.Pos()).Line] {
				broken = append(broken, f.at(n)+"time.Sleep outside synctest.Test")
			}
			return true
		})
		return broken
	}),
	breaks: []sample{{"a_test.go": "package a\n\nfunc TestX(t *testing.T) { time.Sleep(1) }"}},
	keeps: []sample{
		{"a_test.go": "package a\n\nfunc TestX(t *testing.T) {\n\tsynctest.Test(t, func(t *testing.T) { time.Sleep(1) })\n}"},
		{"a_test.go": "package a\n\nfunc (s *S) slow() {\n\ttime.Sleep(1) // in a bubble\n}"},
		{"a.go": "package a\n\nfunc f() { time.Sleep(1) }"},
	},
}

// isLibrary reports whether errors and panics of the file reach users of the library.
func isLibrary(f file) bool {
	return !f.isTest() && !strings.HasPrefix(f.path, "examples/") && f.ast.Name.Name != "main"
}

// opening returns the literal text at the beginning of an expression: a string, a sum of strings, or the first argument
// of errors.New, fmt.Errorf or fmt.Sprintf. It returns "" if that is not a literal.
func opening(e ast.Expr) string {
	switch e := e.(type) {
	case *ast.BinaryExpr:
		return opening(e.X)
	case *ast.CallExpr:
		if len(e.Args) > 0 && (calls(e, "errors", "New") || calls(e, "fmt", "Errorf") || calls(e, "fmt", "Sprintf")) {
			return opening(e.Args[0])
		}
	case *ast.BasicLit:
		if text, err := strconv.Unquote(e.Value); err == nil && e.Kind == token.STRING {
			return text
		}
	}
	return ""
}

var sentinelRule = rule{
	name: "exported errors begin with their package's name",
	why:  "errors are read far from their origin",
	check: eachGo(func(f file) (broken []string) {
		if !isLibrary(f) {
			return nil
		}
		for _, d := range f.ast.Decls {
			g, ok := d.(*ast.GenDecl)
			if !ok {
				continue
			}
			for _, s := range g.Specs {
				if v, ok := s.(*ast.ValueSpec); ok && len(exported(v.Names)) > 0 {
					broken = append(broken, withoutPrefix(f, v.Values)...)
				}
			}
		}
		return broken
	}),
	breaks: []sample{
		{"a.go": `package a; var ErrX = errors.New("it failed")`},
		{"a.go": `package a; var ErrX = fmt.Errorf("b: it failed")`},
	},
	keeps: []sample{
		{"a.go": `package a; var ErrX, n = errors.New("a: it failed"), 3`},
		{"a.go": `package a; var errX = errors.New("it is wrapped where it is returned")`},
		{"examples/a.go": `package a; var ErrX = errors.New("it failed")`},
	},
}

// withoutPrefix returns the errors among values that do not begin with their package's name.
func withoutPrefix(f file, values []ast.Expr) (broken []string) {
	for _, e := range values {
		if calls(e, "errors", "New") || calls(e, "fmt", "Errorf") {
			if text := opening(e); !strings.HasPrefix(text, f.ast.Name.Name+": ") {
				broken = append(broken, f.at(e)+"the error \""+text+"\" does not begin with \""+f.ast.Name.Name+": \"")
			}
		}
	}
	return broken
}

var panicRule = rule{
	name: "panics of a package begin with its name",
	why:  "it is the first thing that the programmer reads, above a stack trace",
	check: eachGo(func(f file) (broken []string) {
		if !isLibrary(f) {
			return nil
		}
		ast.Inspect(f.ast, func(n ast.Node) bool {
			call, ok := n.(*ast.CallExpr)
			if !ok {
				return true
			}
			if id, ok := call.Fun.(*ast.Ident); !ok || id.Name != "panic" {
				return true
			}
			if text := opening(call.Args[0]); text != "" && !strings.HasPrefix(text, f.ast.Name.Name+": ") {
				broken = append(broken, f.at(n)+"the panic \""+text+"\" does not begin with \""+f.ast.Name.Name+": \"")
			}
			return true
		})
		return broken
	}),
	breaks: []sample{
		{"a.go": `package a; func f() { panic("it is nil") }`},
		{"a.go": `package a; func f() { panic(fmt.Sprintf("bad %d", 1) + "!") }`},
	},
	keeps: []sample{
		{"a.go": `package a; func f() { panic(fmt.Errorf("a: bad %d", 1)) }`},
		{"a.go": `package a; func f(err error) { panic(err) }`},
	},
}
