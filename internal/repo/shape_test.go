package repo_test

import (
	"fmt"
	"go/ast"
	"path"
	"slices"
	"strings"
)

const (
	maxFileLines = 600
	maxFuncLines = 80
)

// hasReason reports whether a comment has a line "long: reason".
func hasReason(c *ast.CommentGroup) bool {
	if c == nil {
		return false
	}
	return slices.ContainsFunc(c.List, func(l *ast.Comment) bool {
		reason, ok := strings.CutPrefix(l.Text, "// long: ")
		return ok && reason != ""
	})
}

var fileLengthRule = rule{
	name: fmt.Sprintf("no file has more than %d lines", maxFileLines),
	why:  "a file is about one thing; if it must be long, a comment \"// long: reason\" above its package clause gives the reason",
	check: eachGo(func(f file) []string {
		n := strings.Count(f.text, "\n")
		if n <= maxFileLines || ast.IsGenerated(f.ast) || slices.ContainsFunc(f.ast.Comments, func(c *ast.CommentGroup) bool {
			return c.Pos() < f.ast.Package && hasReason(c)
		}) {
			return nil
		}
		return []string{fmt.Sprintf("%s: %d lines", f.path, n)}
	}),
	breaks: []sample{{"a.go": "package a\n" + strings.Repeat("\n", maxFileLines)}},
	keeps: []sample{
		{"a.go": "package a\n" + strings.Repeat("\n", maxFileLines-1)},
		{"a.go": "// long: it is a table.\n\npackage a\n" + strings.Repeat("\n", maxFileLines)},
	},
}

var functionLengthRule = rule{
	name: fmt.Sprintf("no function has more than %d lines", maxFuncLines),
	why:  "a function is read as a whole; if it must be long, its comment has a line \"// long: reason\"",
	check: eachGo(func(f file) (broken []string) {
		for _, d := range f.ast.Decls {
			fn, ok := d.(*ast.FuncDecl)
			if ok && f.lines(fn) > maxFuncLines && !hasReason(fn.Doc) && !ast.IsGenerated(f.ast) {
				broken = append(broken, fmt.Sprintf("%s%s has %d lines", f.at(fn), fn.Name.Name, f.lines(fn)))
			}
		}
		return broken
	}),
	breaks: []sample{{"a.go": "package a\n\nfunc f() {" + strings.Repeat("\n", maxFuncLines) + "}\n"}},
	keeps: []sample{
		{"a.go": "package a\n\nfunc f() {" + strings.Repeat("\n", maxFuncLines-1) + "}\n"},
		{"a.go": "package a\n\n// f does it.\n//\n// long: one table.\nfunc f() {" + strings.Repeat("\n", maxFuncLines) + "}\n"},
	},
}

// vague are names that do not describe their content, or that have another meaning here: a connection is a Conn, and a
// client is its other end.
var vague = []string{"util", "utils", "common", "types", "helper", "helpers", "misc", "manager", "client", "session", "channel"}

func isVague(name string) bool { return slices.Contains(vague, strings.ToLower(name)) }

var nameRule = rule{
	name: "no package, type or file has a vague name",
	why:  "a reader should guess what is inside; helpers_test.go is the exception, for fixtures that the tests of a package share",
	check: eachGo(func(f file) (broken []string) {
		pkg := strings.TrimSuffix(f.ast.Name.Name, "_test")
		base := strings.TrimSuffix(path.Base(f.path), ".go")
		switch {
		case isVague(pkg):
			broken = append(broken, f.at(f.ast.Name)+"a package called "+pkg)
		case isVague(strings.TrimSuffix(base, "_test")) && base != "helpers_test":
			broken = append(broken, f.path+": a file of that name")
		}
		if f.isTest() {
			return broken
		}
		for _, d := range f.ast.Decls {
			g, ok := d.(*ast.GenDecl)
			if !ok {
				continue
			}
			for _, s := range g.Specs {
				if t, ok := s.(*ast.TypeSpec); ok && isVague(t.Name.Name) {
					broken = append(broken, f.at(t)+"a type called "+t.Name.Name)
				}
			}
		}
		return broken
	}),
	breaks: []sample{
		{"internal/util/strings.go": "package util"},
		{"helpers.go": "package a"},
		{"common_test.go": "package a"},
		{"a.go": "package a\n\ntype Session struct{}"},
	},
	keeps: []sample{
		{"helpers_test.go": "package a\n\ntype client struct{}"},
		{"a.go": "package a\n\ntype SessionID string"},
	},
}
