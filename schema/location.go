package schema

import (
	"errors"
	"reflect"
)

// locate gives a TypeError its path from the type that was to be described. pathTo is the path to a type that root contains.
func locate(err error, root reflect.Type, pathTo func(reflect.Type) string) error {
	wrong, ok := errors.AsType[*TypeError](err)
	if !ok || wrong.Type == root {
		return err
	}
	located := *wrong
	located.Path = root.String() + pathTo(wrong.Type)
	if wrong.Field != "" {
		located.Path += "." + wrong.Field
	}
	return &located
}

// pathTo is a shortest path from t to a Go type that it contains, such as ".Lines[]"; "" if it contains none.
func (t *Type) pathTo(goal reflect.Type) string {
	type place struct {
		typ  *Type
		path string
	}
	seen := map[*Type]bool{t: true}
	for queue := []place{{t, ""}}; len(queue) > 0; queue = queue[1:] {
		at := queue[0]
		if at.typ.goType == goal {
			return at.path
		}
		for step, part := range at.typ.steps {
			if !seen[part] {
				seen[part] = true
				queue = append(queue, place{part, at.path + step})
			}
		}
	}
	return ""
}

// steps are the parts of a type, each with how to get there.
func (t *Type) steps(yield func(step string, part *Type) bool) {
	for _, fields := range [][]*field{t.fields, t.frame.fields} {
		for _, f := range fields {
			if !yield("."+goPath(t.goType, f.index), f.Type) {
				return
			}
		}
	}
	if t.union != nil {
		for _, v := range t.union.variants {
			if !yield(variantStep(v.typ.goType), v.typ) {
				return
			}
		}
	}
	if t.key != nil && !yield("[key]", t.key) {
		return
	}
	if t.elem != nil {
		yield(elementStep(t), t.elem.Type)
	}
}

// elementStep leads to the elements of a list or map, or to what a pointer points to, which needs no step in Go either.
func elementStep(t *Type) string {
	if t.kind == kindPointer {
		return ""
	}
	return "[]"
}

func variantStep(t reflect.Type) string { return ".(" + t.String() + ")" }
