package login

import (
	"strings"
	"unicode"
	"unicode/utf8"

	"golang.org/x/text/cases"
	"golang.org/x/text/unicode/norm"
)

// MaxName is how many characters (code points) a name may have.
const MaxName = 40

// CleanName returns name without surrounding space, and whether it may be used. A word with letters of two alphabets that
// resemble each other is refused, unless [Fold] makes them one, and so is a name that Fold makes longer than MaxName.
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

// Fold returns what names that look the same have in common, and those that differ in case: whoever is logged in under one
// of them is the same user. What cannot be seen does not count, nor does the width of space. Letters that look alike in
// Latin, Cyrillic and Greek are the same if all letters of the word have a Latin form, and so are I, l and 1, and O and 0.
// It knows no other alphabets, nor letters that only resemble each other: Unicode Technical Standard 39 has tables of them.
func Fold(name string) string {
	words := strings.Fields(norm.NFKD.String(strings.Map(visible, name)))
	for i, word := range words {
		if l := lookalikes.Replace(word); !strings.ContainsFunc(l, hasLookalikes) {
			words[i] = l
		}
	}
	folded := cases.Fold().String(strings.Join(words, " "))
	return strings.Map(alike, norm.NFKC.String(folded))
}

// visible drops what shows nothing. The empty Braille cell looks like a space.
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

// alike is the one that stands for characters of any case that look alike.
func alike(r rune) rune {
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
