package schema

import (
	"reflect"
	"strings"
)

// typeName makes an identifier of a type's name. It prefixes the name with the last elements of its package's path, as
// many as path says, and each argument of a generic type with as many as arguments says.
func typeName(t reflect.Type, path, arguments int) string {
	name := t.Name()
	if name == "" {
		return "Union" // an interface literal: no other type without a name gets a definition
	}
	list := ""
	if at := strings.IndexByte(name, '['); at >= 0 {
		list = name[at+1 : len(name)-1]
	}
	return strings.Join(append([]string{qualified(homeOf(t), path)}, argumentNames(list, arguments)...), "_")
}

// homeOf identifies where a type is declared: the path of its package and its name without arguments.
func homeOf(t reflect.Type) string {
	name, _, _ := strings.Cut(t.Name(), "[")
	return t.PkgPath() + "." + name
}

// argumentNames parses the arguments of a generic type as reflect formats them, such as
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

// qualified shortens "path/of/package.Name" to the name and the last elements of the path.
func qualified(full string, elements int) string {
	dot := strings.LastIndexByte(full, '.')
	if dot < 0 {
		return identifier(full)
	}
	path := strings.Split(full[:dot], "/")
	path = path[max(0, len(path)-elements):]
	return identifier(strings.Join(append(path, full[dot+1:]), "_"))
}

// identifier replaces characters that most languages do not allow in names.
func identifier(s string) string {
	return strings.Map(func(r rune) rune {
		switch {
		case r >= 'a' && r <= 'z', r >= 'A' && r <= 'Z', r >= '0' && r <= '9':
			return r
		}
		return '_'
	}, s)
}

// pathLength returns how many path elements typeName can prepend, including those of arguments.
func pathLength(t reflect.Type) int {
	return strings.Count(t.PkgPath(), "/") + strings.Count(t.Name(), "/") + 1
}
