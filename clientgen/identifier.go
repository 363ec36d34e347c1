package clientgen

import (
	"regexp"
	"slices"
	"strconv"
	"strings"
	"unicode"
)

// scope hands out identifiers that differ.
type scope map[string]bool

// take returns the wanted name, or else the wanted name with a number, such that all names derived from it are free. It
// takes all of them.
func (s scope) take(wanted string, derive func(name string) []string) string {
	for n := 1; ; n++ {
		name := wanted
		if n > 1 {
			name += "_" + strconv.Itoa(n)
		}
		if all := derive(name); !slices.ContainsFunc(all, func(one string) bool { return s[one] }) {
			for _, one := range all {
				s[one] = true
			}
			return name
		}
	}
}

// letters are the letters beyond ASCII that all compilers know, whatever version of Unicode they follow.
var letters = &unicode.RangeTable{R16: []unicode.Range16{
	{0x00c0, 0x024f, 1}, // Latin
	{0x0391, 0x03c9, 1}, // Greek
	{0x0410, 0x044f, 1}, // Cyrillic
	{0x3041, 0x3096, 1}, // Hiragana
	{0x30a1, 0x30fa, 1}, // Katakana
	{0x4e00, 0x9fa5, 1}, // Han
	{0xac00, 0xd7a3, 1}, // Hangul
}}

func isWordRune(r rune) bool {
	return r >= 'a' && r <= 'z' || r >= 'A' && r <= 'Z' || r >= '0' && r <= '9' ||
		r >= 0x80 && unicode.Is(letters, r) && unicode.IsLetter(r)
}

// typeIdentifier turns the name of a schema into that of a type: it begins with a capital letter or an underscore, so it
// is never a reserved word, and '_' stands for what no identifier can have.
func typeIdentifier(name string) string {
	name = strings.Map(func(r rune) rune {
		if isWordRune(r) {
			return r
		}
		return '_'
	}, name)
	return capital(name)
}

// endpointIdentifier turns the name of an endpoint into an identifier in mixed caps.
func endpointIdentifier(name string) string {
	var b strings.Builder
	for word := range strings.FieldsFuncSeq(name, func(r rune) bool { return !isWordRune(r) }) {
		if b.Len() == 0 {
			word = capital(word)
		}
		first, rest := cutRune(word)
		b.WriteString(strings.ToUpper(first) + rest)
	}
	if b.Len() == 0 {
		return "Endpoint"
	}
	return b.String()
}

// capital makes the first letter a capital one, and puts an underscore before what does not begin with a letter.
func capital(name string) string {
	first, rest := cutRune(name)
	if upper := strings.ToUpper(first); first != "" && !strings.Contains("0123456789", first) {
		return upper + rest
	}
	return "_" + name
}

// uncapital makes the first letter a small one.
func uncapital(name string) string {
	first, rest := cutRune(name)
	return strings.ToLower(first) + rest
}

func cutRune(s string) (first, rest string) {
	for i := range s {
		if i > 0 {
			return s[:i], s[i:]
		}
	}
	return s, ""
}

// reservedFiles are names that Windows keeps for devices, whatever their ending.
var reservedFiles = regexp.MustCompile(`^(con|prn|aux|nul|com[0-9]|lpt[0-9])$`)

// fileStem turns a title into the name of a file without its ending. It has small letters, digits and hyphens only, so it
// cannot lead out of a folder.
func fileStem(title string) string {
	words := strings.FieldsFunc(strings.ToLower(title), func(r rune) bool { return r >= 0x80 || !isWordRune(r) })
	stem := strings.Join(words, "-")
	if len(stem) > 60 {
		stem = strings.TrimRight(stem[:60], "-")
	}
	if stem == "" || reservedFiles.MatchString(stem) {
		stem = strings.TrimLeft(stem+"-client", "-")
	}
	return stem
}
