package repo_test

import (
	"go/ast"
	"maps"
	"slices"
	"strings"
)

var packageDocRule = rule{
	name: "every package has a comment",
	why:  "the package comment is the first thing that a reader sees",
	check: func(files []file) (broken []string) {
		documented := map[string]bool{}
		for _, f := range files {
			if f.isGo() && !f.isTest() {
				documented[f.dir()] = documented[f.dir()] || f.ast.Doc != nil
			}
		}
		for _, dir := range slices.Sorted(maps.Keys(documented)) {
			if !documented[dir] {
				broken = append(broken, dir+": no file has a comment above its package clause")
			}
		}
		return broken
	},
	breaks: []sample{
		{"a/a.go": "package a"},
		{"a/a.go": "package a", "a/b.go": "// Detached.\n\npackage a"},
	},
	keeps: []sample{
		{"a/a.go": "package a", "a/b.go": "// Package a is a sample.\npackage a"},
		{"a/a_test.go": "package a_test"},
	},
}

// tutorial is the example program of docs/design.md. Its methods have no comments, as in an application.
const tutorial = "internal/chat"

var exportedDocRule = rule{
	name: "every exported name is documented",
	why:  "its comment is all that a user reads: concurrency, units, defaults and errors",
	check: eachGo(func(f file) (broken []string) {
		if f.isTest() || f.ast.Name.Name == "main" || f.dir() == tutorial {
			return nil
		}
		for _, d := range f.ast.Decls {
			for _, n := range undocumented(d, isLibrary(f)) {
				broken = append(broken, f.at(n)+n.Name+" has no comment")
			}
		}
		return broken
	}),
	breaks: []sample{
		{"a.go": "package a\n\nfunc F() {}"},
		{"a.go": "package a\n\nvar V int"},
		{"a.go": "package a\n\ntype T struct{}"},
		{"a.go": "package a\n\n// T is documented.\ntype T struct{}\n\nfunc (T) M() {}"},
		{"a.go": "package a\n\n// Options are documented.\ntype Options struct {\n\tN int\n}"},
		{"a.go": "package a\n\n// I is documented.\ntype I interface {\n\tM()\n\n\t// N is documented.\n\tN()\n}"},
	},
	keeps: []sample{
		{"a.go": "package a\n\n// The kinds.\nconst (\n\tA = 1\n\tB = 2\n)"},
		{"a.go": "package a\n\ntype t struct{}\n\nfunc (t) M() {}\n\nfunc f() {}"},
		{"a.go": "package a\n\n// Options are documented.\ntype Options struct {\n\tN int // the number\n}"},
		{"a.go": "package a\n\n// T is documented.\ntype T struct{}\n\nfunc (T) Action() string { return \"t\" }"},
		{"examples/a/a.go": "package a\n\n// Options are documented.\ntype Options struct {\n\tN int\n}"},
		{"a.go": "package a\n\n// I has one method.\ntype I interface{ M() }"},
		{"a_test.go": "package a\n\nfunc TestF() {}"},
	},
}

// undocumented returns the exported names of a declaration without a comment. One comment above a group is enough for
// its constants and variables; members of a library's types need their own.
func undocumented(d ast.Decl, library bool) (names []*ast.Ident) {
	switch d := d.(type) {
	case *ast.FuncDecl:
		if d.Doc == nil && d.Name.IsExported() && ofExported(d.Recv) && !isDiscriminator(d) {
			names = append(names, d.Name)
		}
	case *ast.GenDecl:
		for _, s := range d.Specs {
			switch s := s.(type) {
			case *ast.ValueSpec:
				if d.Doc == nil && s.Doc == nil && s.Comment == nil {
					names = append(names, exported(s.Names)...)
				}
			case *ast.TypeSpec:
				if d.Doc == nil && s.Doc == nil {
					names = append(names, exported([]*ast.Ident{s.Name})...)
				}
				if s.Name.IsExported() && library {
					names = append(names, undocumentedMembers(s)...)
				}
			}
		}
	}
	return names
}

// undocumentedMembers checks the fields of option structs and the methods of interfaces. If an interface has a single
// method, the interface's comment is enough.
func undocumentedMembers(s *ast.TypeSpec) (names []*ast.Ident) {
	var fields *ast.FieldList
	switch t := s.Type.(type) {
	case *ast.StructType:
		if strings.HasSuffix(s.Name.Name, "Options") || s.Name.Name == "Limits" {
			fields = t.Fields
		}
	case *ast.InterfaceType:
		if t.Methods.NumFields() > 1 {
			fields = t.Methods
		}
	}
	if fields == nil {
		return nil
	}
	for _, f := range fields.List {
		if f.Doc == nil && f.Comment == nil {
			names = append(names, exported(f.Names)...)
		}
	}
	return names
}

// isDiscriminator reports whether a method is the Action or Event method of a message or an event, which needs no
// comment.
func isDiscriminator(d *ast.FuncDecl) bool {
	return d.Recv != nil && (d.Name.Name == "Action" || d.Name.Name == "Event")
}

func exported(all []*ast.Ident) (names []*ast.Ident) {
	for _, n := range all {
		if n.IsExported() {
			names = append(names, n)
		}
	}
	return names
}

// ofExported reports whether a function is not a method of an unexported type.
func ofExported(recv *ast.FieldList) bool {
	if recv == nil {
		return true
	}
	t := recv.List[0].Type
	for {
		switch x := t.(type) {
		case *ast.StarExpr:
			t = x.X
		case *ast.IndexExpr:
			t = x.X
		case *ast.IndexListExpr:
			t = x.X
		case *ast.Ident:
			return x.IsExported()
		default:
			return true
		}
	}
}
