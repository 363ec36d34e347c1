package schema

import (
	"slices"
	"strings"
	"unicode"
	"unicode/utf8"
)

// The parameters of punycode (RFC 3492, section 5).
const (
	punyBase, punyMin, punyMax = 36, 1, 26
	punySkew, punyDamp         = 38, 700
)

// isPunycode reports whether s, the text after xn--, is a label of an internationalized name: it can be decoded (RFC
// 3492, section 6.2) and consists of letters, marks and digits that RFC 5892 allows. The contextual rules of RFC 5892,
// appendix A, are not checked.
func isPunycode(s string) bool {
	var label []rune
	if i := strings.LastIndexByte(s, '-'); i >= 0 {
		label, s = []rune(s[:i]), s[i+1:]
	}
	if s == "" {
		return false // an ASCII label needs no punycode
	}
	n, at, bias := rune(utf8.RuneSelf), int64(0), int64(72)
	for first := true; s != ""; first = false {
		before, weight := at, int64(1)
		for k := int64(punyBase); ; k += punyBase {
			if s == "" {
				return false
			}
			digit := punyDigit(s[0])
			s = s[1:]
			if at += digit * weight; at > 1<<28 {
				return false
			}
			t := min(max(k-bias, punyMin), punyMax)
			if digit < t {
				break
			}
			if weight *= punyBase - t; weight > 1<<28 {
				return false
			}
		}
		size := int64(len(label) + 1)
		bias = punyAdapt(at-before, size, first)
		n += rune(at / size)
		if at %= size; n > unicode.MaxRune || !isLabelRune(n) {
			return false
		}
		label = slices.Insert(label, int(at), n)
		at++
	}
	return !unicode.IsMark(label[0])
}

func punyDigit(c byte) int64 {
	if isDigit(c) {
		return int64(c-'0') + 26
	}
	return int64(c | 0x20 - 'a') // checkLabel has found only letters and digits
}

// punyAdapt implements section 6.1.
func punyAdapt(delta, size int64, first bool) int64 {
	damp := int64(2)
	if first {
		damp = punyDamp
	}
	delta /= damp
	delta += delta / size
	k := int64(0)
	for ; delta > (punyBase-punyMin)*punyMax/2; k += punyBase {
		delta /= punyBase - punyMin
	}
	return k + (punyBase-punyMin+1)*delta/(delta+punySkew)
}

// isLabelRune approximates RFC 5892: lower case letters, letters without case, marks, digits, and the characters of the
// contextual rules.
func isLabelRune(r rune) bool {
	return unicode.In(r, unicode.Ll, unicode.Lo, unicode.Lm, unicode.Mn, unicode.Mc, unicode.Nd) ||
		strings.ContainsRune("\u00b7\u0375\u05f3\u05f4\u30fb\u200c\u200d", r)
}
