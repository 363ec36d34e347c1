package layertest

import (
	"fmt"
	"slices"
	"strings"
)

// maxSubject is the length of the longest subject, in bytes.
const maxSubject = 255

// manySubjects subscribes to 10,000 subjects, publishes once to each, and ends every other subscription.
func manySubjects(l *fixture) {
	const subjects, at = 10000, 8
	rule := "10,000 subjects are kept apart"
	a, b := l.open(), l.open()
	name := func(i int) string { return fmt.Sprintf("many.%d", i) }
	share := func(do func(i int)) {
		inParallel(at, func(k int) {
			for i := k; i < subjects; i += at {
				do(i)
			}
		})
	}
	share(func(i int) { b.subscribe(name(i)) })
	share(func(i int) { a.publish(name(i), name(i)) })
	for i := range subjects {
		b.awaits(name(i), name(i))
		b.expectOnly(rule, name(i), name(i))
	}
	share(func(i int) {
		if i%2 == 0 {
			b.unsubscribe(name(i))
		}
	})
	for _, i := range []int{0, subjects/2 - 2, subjects - 2} {
		a.publish(name(i+1), "second")
		b.awaits(name(i+1), "second")
		b.expectOff(rule, name(i), a)
	}
}

// similarSubjects publishes to each subject its own name. If the broker confuses two of them, both names arrive.
func similarSubjects(l *fixture) {
	const rule = "subjects that differ in one byte are different"
	names := similar()
	a, b, c := l.open(), l.open(), l.open()
	receiver := func(i int) *node { return []*node{b, c}[i%2] }
	for i, name := range names {
		receiver(i).subscribe(name)
	}
	for _, name := range names {
		a.publish(name, name)
	}
	for i, name := range names {
		if !receiver(i).expectSoon(rule, name, name) {
			return
		}
	}
	for i, name := range names {
		receiver(i).expectOnly(rule, name, name)
	}
	b.subscribe("a b")
	b.subscribe("a-b")
	b.unsubscribe("a b")
	a.publish("a-b", "left alone")
	b.awaits("a-b", "left alone")
	b.expectOff(rule, "a b", a)
}

// similar lists different subjects that brokers and escaping schemes might confuse.
func similar() []string {
	all := []string{
		"a b", "a-b", "a!b", "a.b", "a..b", ".a", "a.", "a_b", "a+b", "a/b", "a//b", "a:b", "a~b", "ab", "aab", "aB", "AB", "a  b", " ab", "ab ",
		"日本", "日", "日本 ", "\u00e9", "e\u0301", "\ufffd", "\ufeff", "a%20b", "a%2520b", "a%2eb", "a=20b", `a\x20b`, "%61b", "a&#32;b",
		"*", "**", ">", "a.*", "a.>", "a*", "a?", "?", "[ab]", "[^a]", `a\b`, `\`, `\\`, "#", "+", "a/+", "a/#", "$", "$SYS.a", "_INBOX.a",
		"__keyspace@0__:a", "{a}b", "{a}", "{}", "a{b}", "{b}a", `"`, `""`, "a\nb", "a\rb", "a\r\nb", "a\tb", "0", "00", "-1", "null",
	}
	for _, character := range legal() {
		all = append(all, "byte "+character+" byte")
	}
	for c := range 128 {
		all = append(all, string(rune(c)))
	}
	long := strings.Repeat("l", maxSubject-1)
	all = append(all, long, long+"l", long+"m", long+" ", "m"+long, long[:127]+"m"+long[127:])
	all = append(all, strings.Repeat("日", maxSubject/3), strings.Repeat("日", maxSubject/3-1)+"本")
	slices.Sort(all)
	return slices.Compact(all)
}

// legal lists characters that together contain each byte that may occur in UTF-8: ASCII, continuation bytes, and first bytes
// of characters of two, three and four bytes.
func legal() (all []string) {
	for c := range rune(0xc0) {
		all = append(all, string(c))
	}
	for lead := rune(0xc3); lead <= 0xdf; lead++ {
		all = append(all, string((lead&0x1f)<<6))
	}
	for lead := rune(0xe0); lead <= 0xef; lead++ {
		all = append(all, string(max((lead&0xf)<<12, 0x800)))
	}
	for lead := rune(0xf0); lead <= 0xf4; lead++ {
		all = append(all, string(max((lead&7)<<18, 0x10000)))
	}
	return all
}
