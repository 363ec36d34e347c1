package asyncapi

import (
	"strconv"
	"strings"
)

// identifier replaces what a key of a document, or a reference to it, may not contain by '_'. Only keys change: names
// and actions are in the document as they are.
func identifier(s string) string {
	return strings.Map(func(r rune) rune {
		switch {
		case r >= 'a' && r <= 'z', r >= 'A' && r <= 'Z', r >= '0' && r <= '9', r == '-', r == '_', r == '.':
			return r
		}
		return '_'
	}, s)
}

// words joins the words of a text with '_'.
func words(s string) string {
	return strings.Join(strings.FieldsFunc(s, func(r rune) bool { return identifier(string(r)) == "_" }), "_")
}

// keys hands out keys that differ.
type keys map[string]bool

// take returns the first free one of the wanted keys, or else the last of them with a number.
func (k keys) take(wanted ...string) string {
	for _, w := range wanted {
		if w = identifier(w); w != "" && !k[w] {
			k[w] = true
			return w
		}
	}
	last := identifier(wanted[len(wanted)-1])
	for n := 2; ; n++ {
		if key := last + "_" + strconv.Itoa(n); !k[key] {
			k[key] = true
			return key
		}
	}
}
