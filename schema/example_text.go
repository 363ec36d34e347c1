package schema

import (
	"fmt"
	"iter"
	"reflect"
	"strings"
	"unicode/utf8"
)

// sampleFormats are texts in the formats of the format tag: of the ranges kept for documentation where there are such
// (RFC 2606, RFC 5737, RFC 3849).
var sampleFormats = map[string]func(choice int) string{
	"date-time": func(choice int) string { return fmt.Sprintf("2025-01-%02dT15:04:05Z", 1+choice%28) },
	"date":      func(choice int) string { return fmt.Sprintf("2025-01-%02d", 1+choice%28) },
	"time":      func(choice int) string { return fmt.Sprintf("15:04:%02dZ", choice%60) },
	"duration":  func(choice int) string { return fmt.Sprintf("PT%dM", 1+choice) },
	"email":     func(choice int) string { return "user" + numbered(choice) + "@example.com" },
	"uri":       func(choice int) string { return "https://example.com/" + numbered(choice) },
	"uuid":      func(choice int) string { return fmt.Sprintf("9b2f7c1e-5d0a-4c3b-8e6f-%012x", 1+choice) },
	"ipv4":      func(choice int) string { return fmt.Sprintf("192.0.2.%d", 1+choice%254) },
	"ipv6":      func(choice int) string { return fmt.Sprintf("2001:db8::%x", 1+choice%0xffff) },
	"hostname":  func(choice int) string { return "host" + numbered(choice) + ".example.com" },
}

// sampleText is the first of the candidates that passes.
func sampleText(t *Type, r *rules, choice int) string {
	first, found := "", false
	for s := range textCandidates(t, r, choice) {
		if r.passes(s) {
			return s
		}
		if !found {
			first, found = s, true
		}
	}
	return first
}

// passes reports whether a string satisfies the constraints.
func (r *rules) passes(s string) bool {
	d := Decoder{}
	d.Reset(nil, Limits{})
	return r.checkString(&d, s)
}

// textCandidates are texts for a place, each made for one of its constraints.
func textCandidates(t *Type, r *rules, choice int) iter.Seq[string] {
	return func(yield func(string) bool) {
		_ = yieldEnum(t, r, choice, yield) && yieldFormat(r, choice, yield) && yieldPattern(r, choice, yield) &&
			(t.kind != kindText || yield(ownText(t))) && yield(sampleWord(r, choice))
	}
}

// yieldEnum goes round the values from the choice-th on.
func yieldEnum(t *Type, r *rules, choice int, yield func(string) bool) bool {
	e := t.enum
	if e == nil {
		e = r.enum
	}
	if e == nil {
		return true
	}
	for i := range e.values {
		if v := e.values[(choice+i)%len(e.values)]; (r.enum == nil || r.enum.has([]byte(v))) && !yield(v) {
			return false
		}
	}
	return true
}

func yieldFormat(r *rules, choice int, yield func(string) bool) bool {
	for name, f := range formats {
		if f == r.format {
			return yield(sampleFormats[name](choice))
		}
	}
	return true
}

// yieldPattern tries more and more repetitions, and a word beside the match for patterns without anchors.
func yieldPattern(r *rules, choice int, yield func(string) bool) bool {
	if r.pattern == nil {
		return true
	}
	least := 0
	if r.minLength != nil {
		least = min(*r.minLength, maxMatch)
	}
	for repeat := range max(8, least) + 1 {
		match := matching(r.pattern, repeat, choice)
		filler := strings.Repeat("x", max(0, least-utf8.RuneCountInString(match)))
		if !yield(match) || !yield(match+filler) || !yield(filler+match) {
			return false
		}
	}
	return true
}

// sampleWord is a word of the length that is wanted. Its end tells it from others.
func sampleWord(r *rules, choice int) string {
	word, number := "text", numbered(choice)
	if r.minLength != nil {
		word = strings.Repeat(word, 1+*r.minLength/len(word))[:max(len(word), *r.minLength-len(number))]
	}
	if r.maxLength != nil {
		number = number[max(0, len(number)-*r.maxLength):]
		word = word[:min(len(word), *r.maxLength-len(number))]
	}
	return word + number
}

// ownText is the text of a type's zero value.
func ownText(t *Type) string {
	text, err := marshalText(reflect.New(t.goType).Elem())
	if err != nil {
		return ""
	}
	return string(text)
}
