package godocs

import (
	"go/ast"
	"path"
	"reflect"
	"slices"
	"strconv"
	"strings"
)

// chanxPath is the package whose Conn a state embeds.
const chanxPath = "github.com/chanx-go/chanx"

// set is what is loaded together.
type set struct {
	all    []*Package
	byPath map[string]*Package
}

// mark finds the types to document: messages and events, parameters, states, and the types inside them.
func (s *set) mark() {
	for _, p := range s.all {
		for name, t := range p.types {
			if p.isMessage(name) || isParams(t.spec) || isState(t) {
				s.use(p, t)
			}
		}
	}
}

// use marks a type and the types inside it.
func (s *set) use(p *Package, t *declared) {
	if t.used {
		return
	}
	t.used = true
	if isState(t) {
		return // its fields are not sent
	}
	ast.Inspect(t.spec.Type, func(n ast.Node) bool {
		switch n := n.(type) {
		case *ast.FuncType:
			return false
		case *ast.SelectorExpr:
			s.useImported(t.file, n)
			return false
		case *ast.Ident:
			if inner := p.types[n.Name]; inner != nil {
				s.use(p, inner)
			}
		}
		return true
	})
}

// useImported marks a type of another package.
func (s *set) useImported(f *ast.File, e *ast.SelectorExpr) {
	pkg, ok := e.X.(*ast.Ident)
	if !ok {
		return
	}
	other := s.byPath[importPath(f, pkg.Name)]
	if other == nil {
		return
	}
	if t := other.types[e.Sel.Name]; t != nil {
		s.use(other, t)
	}
}

// importPath returns the path that a file imports under a name, or "". Without a name of its own an import is known by
// the last element of its path, major versions aside.
func importPath(f *ast.File, name string) string {
	for _, i := range f.Imports {
		p, err := strconv.Unquote(i.Path.Value)
		if err != nil {
			continue
		}
		known := path.Base(p)
		if v, ok := strings.CutPrefix(known, "v"); ok && v != "" && strings.Trim(v, "0123456789") == "" {
			known = path.Base(path.Dir(p))
		}
		if i.Name != nil {
			known = i.Name.Name
		}
		if known == name {
			return p
		}
	}
	return ""
}

// isMessage reports whether a type has a method Action() string or Event() string.
func (p *Package) isMessage(name string) bool {
	return slices.ContainsFunc(p.methods[name], func(m *ast.FuncDecl) bool {
		t := m.Type
		return (m.Name.Name == "Action" || m.Name.Name == "Event") && t.Params.NumFields() == 0 && t.Results.NumFields() == 1
	})
}

// isParams reports whether a struct has a field tagged path or query.
func isParams(t *ast.TypeSpec) bool {
	s, ok := t.Type.(*ast.StructType)
	return ok && slices.ContainsFunc(s.Fields.List, func(f *ast.Field) bool {
		_, inPath := tag(f).Lookup("path")
		_, inQuery := tag(f).Lookup("query")
		return inPath || inQuery
	})
}

func tag(f *ast.Field) reflect.StructTag {
	if f.Tag == nil {
		return ""
	}
	text, err := strconv.Unquote(f.Tag.Value)
	if err != nil {
		return ""
	}
	return reflect.StructTag(text)
}

// isState reports whether a struct embeds *chanx.Conn.
func isState(t *declared) bool {
	s, ok := t.spec.Type.(*ast.StructType)
	return ok && slices.ContainsFunc(s.Fields.List, func(f *ast.Field) bool {
		star, ok := f.Type.(*ast.StarExpr)
		if !ok || len(f.Names) > 0 {
			return false
		}
		sel, ok := star.X.(*ast.SelectorExpr)
		if !ok || sel.Sel.Name != "Conn" {
			return false
		}
		pkg, ok := sel.X.(*ast.Ident)
		return ok && importPath(t.file, pkg.Name) == chanxPath
	})
}
