package schema

import (
	"errors"
	"reflect"
)

// addPath sets the path of a *TypeError about a type inside root. pathTo returns the path from root to a type.
func addPath(err error, root reflect.Type, pathTo func(reflect.Type) string) error {
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

// pathTo returns a shortest path from t to a Go type inside it, such as ".Lines[]", or "".
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

// steps iterates over the types inside t, each with the path element that leads to it.
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

// elementStep returns the path element for the elements of a list or map. It is "" for pointers, which Go dereferences
// implicitly.
func elementStep(t *Type) string {
	if t.kind == kindPointer {
		return ""
	}
	return "[]"
}

func variantStep(t reflect.Type) string { return ".(" + t.String() + ")" }
