package login

import (
	"strings"
	"unicode"
	"unicode/utf8"

	"golang.org/x/text/cases"
	"golang.org/x/text/unicode/norm"
)

// MaxName is the maximum length of a name in characters (code points).
const MaxName = 40

// CleanName returns name without surrounding space, and whether it is valid. It refuses a word with letters of two alphabets
// that resemble each other, unless [Fold] maps them to one, and a name that Fold makes longer than MaxName.
func CleanName(name string) (string, bool) {
	name = strings.TrimSpace(name)
	if utf8.RuneCountInString(name) > MaxName || !utf8.ValidString(name) || strings.ContainsFunc(name, misleads) {
		return name, false
	}
	folded := Fold(name)
	for word := range strings.FieldsSeq(folded) {
		if alphabets(word) > 1 {
			return name, false
		}
	}
	return name, folded != "" && utf8.RuneCountInString(folded) <= MaxName
}

// misleads reports characters that would change how the text around a name is shown.
func misleads(r rune) bool { return unicode.IsControl(r) || unicode.Is(unicode.Bidi_Control, r) }

// Fold returns a form that is equal for names that look the same or differ only in case; these are one user. It ignores
// invisible characters and the width of space. Letters that look the same in Latin, Cyrillic and Greek are equal if all letters
// of the word have a Latin form, and so are I, l and 1, and O and 0. Fold knows no other alphabets, and no letters that are
// merely similar: Unicode Technical Standard 39 has tables for these.
func Fold(name string) string {
	words := strings.Fields(norm.NFKD.String(strings.Map(visible, name)))
	for i, word := range words {
		if l := lookalikes.Replace(word); !strings.ContainsFunc(l, hasLookalikes) {
			words[i] = l
		}
	}
	folded := cases.Fold().String(strings.Join(words, " "))
	return strings.Map(skeleton, norm.NFKC.String(folded))
}

// visible removes invisible characters. The empty Braille cell looks like a space.
func visible(r rune) rune {
	switch {
	case r == '\u2800':
		return ' '
	case unicode.In(r, unicode.Cf, unicode.Other_Default_Ignorable_Code_Point, unicode.Variation_Selector):
		return -1
	}
	return r
}

// lookalikes has Cyrillic and Greek letters, each before the Latin one that looks like it.
var lookalikes = strings.NewReplacer(strings.Split("А A В B Е E Ѕ S І I Ј J К K М M Н H О O Р P С C Т T У Y Х X Ү Y Ԛ Q Ԝ W "+
	"а a е e о o р p с c у y х x і i ј j ѕ s һ h ԁ d ԛ q ԝ w ӏ l Ӏ I "+
	"Α A Β B Ε E Ζ Z Η H Ι I Κ K Μ M Ν N Ο O Ρ P Τ T Υ Y Χ X α a ι i κ k ν v ο o ρ p υ u", " ")...)

func hasLookalikes(r rune) bool { return unicode.In(r, unicode.Cyrillic, unicode.Greek) }

// skeleton maps each character to the one that represents all that look the same, in any case.
func skeleton(r rune) rune {
	switch r {
	case 'i', 'ı', '1', '|':
		return 'l'
	case '0':
		return 'o'
	}
	return r
}

// resembling alphabets have letters that look alike.
var resembling = []*unicode.RangeTable{
	unicode.Latin, unicode.Cyrillic, unicode.Greek, unicode.Armenian, unicode.Cherokee, unicode.Coptic, unicode.Lisu,
}

// alphabets counts those of a word's letters that resemble each other.
func alphabets(word string) (n int) {
	for _, table := range resembling {
		if strings.ContainsFunc(word, func(r rune) bool { return unicode.Is(table, r) }) {
			n++
		}
	}
	return n
}
