package schema

import (
	"reflect"
	"strings"
)

// typeName makes an identifier of a type's name, with the last elements of the path of its package in front, path of
// them, and so many as arguments says in front of each argument of a generic type.
func typeName(t reflect.Type, path, arguments int) string {
	name := t.Name()
	if name == "" {
		return "Union" // of an interface that is written out where it is used: nothing else without a name is defined
	}
	list := ""
	if at := strings.IndexByte(name, '['); at >= 0 {
		list = name[at+1 : len(name)-1]
	}
	return strings.Join(append([]string{qualified(homeOf(t), path)}, argumentNames(list, arguments)...), "_")
}

// homeOf is where a type is declared: its package's path and its name, without arguments.
func homeOf(t reflect.Type) string {
	name, _, _ := strings.Cut(t.Name(), "[")
	return t.PkgPath() + "." + name
}

// argumentNames reads the arguments of a generic type as reflect writes them, such as
// "map[string]example.org/shop.Order,*int".
func argumentNames(list string, elements int) (words []string) {
	for list != "" {
		end := strings.IndexAny(list, "[],* {};()")
		switch {
		case end < 0:
			end = len(list)
		case end == 0 && list[0] == '*':
			words = append(words, "Optional")
		case end == 0 && strings.HasPrefix(list, "[]"):
			words = append(words, "List")
		}
		if word := list[:end]; word != "" {
			words = append(words, qualified(word, elements))
		}
		list = list[min(len(list), end+1):]
	}
	return words
}

// qualified shortens "path/of/package.Name" to the name and so many elements of the path in front of it.
func qualified(full string, elements int) string {
	dot := strings.LastIndexByte(full, '.')
	if dot < 0 {
		return identifier(full)
	}
	path := strings.Split(full[:dot], "/")
	path = path[max(0, len(path)-elements):]
	return identifier(strings.Join(append(path, full[dot+1:]), "_"))
}

// identifier replaces what cannot be part of a name in most languages.
func identifier(s string) string {
	return strings.Map(func(r rune) rune {
		switch {
		case r >= 'a' && r <= 'z', r >= 'A' && r <= 'Z', r >= '0' && r <= '9':
			return r
		}
		return '_'
	}, s)
}

// pathLength is how many elements typeName can put in front, those of arguments included.
func pathLength(t reflect.Type) int {
	return strings.Count(t.PkgPath(), "/") + strings.Count(t.Name(), "/") + 1
}
