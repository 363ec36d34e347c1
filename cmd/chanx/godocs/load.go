// Package godocs reads the comments of message types, parameters and handlers from Go sources. It does not compile the
// sources: it also reads packages that do not build yet.
package godocs

import (
	"bytes"
	"encoding/json"
	"errors"
	"fmt"
	"go/ast"
	"go/parser"
	"go/token"
	"io"
	"os/exec"
	"path/filepath"
	"slices"
	"strings"
)

// Package is the documentation of one package.
type Package struct {
	Path string // import path
	Name string
	Dir  string
	docs map[string]string // by name, such as "Say", "Say.Text", "Level=high" and "Room.say"

	fset    *token.FileSet
	files   []*ast.File
	names   map[string]bool // declared at the top level
	types   map[string]*declared
	methods map[string][]*ast.FuncDecl // by the name of the receiver's type; functions under ""
}

// declared is a type declaration and its comment.
type declared struct {
	spec *ast.TypeSpec
	file *ast.File
	text string
	used bool // a message, an event, parameters, a state, or a part of one of these
}

// Load reads the packages that match the patterns of go list, and documents what they send, receive and handle. A type
// of one of them that is part of a message of another is documented too. Packages come in the order of go list.
func Load(patterns ...string) ([]*Package, error) {
	listed, err := list(patterns)
	if err != nil {
		return nil, err
	}
	set := set{byPath: map[string]*Package{}}
	for _, l := range listed {
		p, err := parse(l)
		if err != nil {
			return nil, err
		}
		set.all = append(set.all, p)
		set.byPath[p.Path] = p
	}
	set.mark()
	for _, p := range set.all {
		p.collect()
	}
	return set.all, nil
}

// listedPackage is what go list says about a package.
type listedPackage struct {
	ImportPath, Dir, Name string
	GoFiles, CgoFiles     []string
	Error                 *struct{ Err string }
}

// list runs go list. It accepts packages that do not compile.
func list(patterns []string) ([]listedPackage, error) {
	cmd := exec.Command("go", append([]string{"list", "-e", "-json=ImportPath,Dir,Name,GoFiles,CgoFiles,Error", "--"}, patterns...)...)
	var stderr bytes.Buffer
	cmd.Stderr = &stderr
	text, err := cmd.Output()
	if err != nil {
		return nil, fmt.Errorf("list packages %s: %w: %s", strings.Join(patterns, " "), err, strings.TrimSpace(stderr.String()))
	}
	var all []listedPackage
	for d := json.NewDecoder(bytes.NewReader(text)); ; {
		var p listedPackage
		err := d.Decode(&p)
		if errors.Is(err, io.EOF) {
			return all, nil
		}
		if err != nil {
			return nil, fmt.Errorf("read the answer of go list: %w", err)
		}
		if len(p.GoFiles)+len(p.CgoFiles) == 0 && p.Error != nil {
			return nil, fmt.Errorf("list packages %s: %s", strings.Join(patterns, " "), p.Error.Err)
		}
		all = append(all, p)
	}
}

// parse reads the files of a package, but not the one that this package writes. Files with syntax errors are read as far
// as possible.
func parse(l listedPackage) (*Package, error) {
	p := &Package{
		Path: l.ImportPath, Name: l.Name, Dir: l.Dir, docs: map[string]string{}, fset: token.NewFileSet(),
		names: map[string]bool{}, types: map[string]*declared{}, methods: map[string][]*ast.FuncDecl{},
	}
	for _, name := range slices.Concat(l.GoFiles, l.CgoFiles) {
		f, err := parser.ParseFile(p.fset, filepath.Join(l.Dir, name), nil, parser.ParseComments|parser.SkipObjectResolution)
		if f == nil {
			return nil, fmt.Errorf("read %s: %w", filepath.Join(l.Dir, name), err)
		}
		if !isGenerated(f) {
			p.add(f)
		}
	}
	return p, nil
}

// isGenerated reports whether Source has written the file.
func isGenerated(f *ast.File) bool {
	return len(f.Comments) > 0 && strings.HasPrefix(f.Comments[0].Text(), strings.TrimPrefix(header, "// "))
}

// add records the declarations of a file.
func (p *Package) add(f *ast.File) {
	p.files = append(p.files, f)
	for _, d := range f.Decls {
		switch d := d.(type) {
		case *ast.FuncDecl:
			name := receiver(d)
			p.methods[name] = append(p.methods[name], d)
			p.names[d.Name.Name] = p.names[d.Name.Name] || d.Recv == nil
		case *ast.GenDecl:
			p.addSpecs(f, d)
		}
	}
}

// addSpecs records types, constants and variables.
func (p *Package) addSpecs(f *ast.File, d *ast.GenDecl) {
	for _, s := range d.Specs {
		switch s := s.(type) {
		case *ast.ValueSpec:
			for _, n := range s.Names {
				p.names[n.Name] = true
			}
		case *ast.TypeSpec:
			group := s.Doc
			if group == nil && len(d.Specs) == 1 {
				group = d.Doc
			}
			p.types[s.Name.Name] = &declared{spec: s, file: f, text: text(group, s.Comment)}
			p.names[s.Name.Name] = true
		}
	}
}

// receiver returns the name of the type of a method's receiver, or "" for a function.
func receiver(d *ast.FuncDecl) string {
	if d.Recv == nil || len(d.Recv.List) == 0 {
		return ""
	}
	return baseName(d.Recv.List[0].Type)
}

// baseName returns the name of a type without its pointer and its type arguments, or "".
func baseName(e ast.Expr) string {
	switch e := e.(type) {
	case *ast.Ident:
		return e.Name
	case *ast.StarExpr:
		return baseName(e.X)
	case *ast.IndexExpr:
		return baseName(e.X)
	case *ast.IndexListExpr:
		return baseName(e.X)
	case *ast.ParenExpr:
		return baseName(e.X)
	}
	return ""
}
