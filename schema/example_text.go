package schema

import (
	"fmt"
	"iter"
	"reflect"
	"strings"
	"unicode/utf8"
)

// sampleFormats returns texts for each format, from the ranges reserved for documentation where there are any (RFC
// 2606, RFC 5737, RFC 3849).
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

// sampleText returns the first candidate that passes, or else the first one.
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

// textCandidates yields texts, each made for one of the constraints.
func textCandidates(t *Type, r *rules, choice int) iter.Seq[string] {
	return func(yield func(string) bool) {
		_ = yieldEnum(t, r, choice, yield) && yieldFormat(r, choice, yield) && yieldPattern(r, choice, yield) &&
			(t.kind != kindText || yield(zeroText(t))) && yield(sampleWord(r, choice))
	}
}

// yieldEnum yields all values of the enum, beginning with the choice-th.
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

// yieldPattern tries an increasing number of repetitions. Where the pattern has no anchors, filler before or after the
// match can reach the minimum length.
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

// sampleWord returns a word of an allowed length. Its last characters depend on choice.
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

// zeroText returns the text of the type's zero value.
func zeroText(t *Type) string {
	text, err := marshalText(reflect.New(t.goType).Elem())
	if err != nil {
		return ""
	}
	return string(text)
}
