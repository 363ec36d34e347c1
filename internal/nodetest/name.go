package nodetest

import (
	"fmt"
	"slices"
	"strings"

	"github.com/chanx-go/chanx"
)

// names has two connections on different nodes join many similar groups in turn, and sends each group its number. It does the
// same with some of the names as users.
func names(s *suite) {
	s.withNodes(3, func(k *cluster) {
		all := similarNames()
		in := []*peer{k.dial(0, ""), k.dial(1, "")}
		want := []map[string]int{{}, {}}
		for i, name := range all {
			k.ok(in[i%2].conn.Join(k.t.Context(), name))
			want[i%2][fmt.Sprint(i)]++
		}
		for i, name := range all {
			k.ok(k.nodes[2].Broadcast(k.t.Context(), saidMessage{fmt.Sprint(i)}, chanx.To(name)))
		}
		for i, p := range in {
			k.expectEach("a group of its own", p, want[i], all)
		}
		k.expectNothingElse("groups of others")
	})
	s.withNodes(2, func(k *cluster) {
		users := []string{"a b", "a-b", "a!b", "A b", "日本", "日", longName, longName[1:], "*", ">", "a.*", "a.>"}
		want := map[*peer]string{}
		for i, user := range users {
			want[k.dial(i%2, user)] = fmt.Sprint(i)
		}
		for i, user := range users {
			k.ok(k.nodes[(i+1)%2].Broadcast(k.t.Context(), saidMessage{fmt.Sprint(i)}, chanx.ToUser(user)))
		}
		k.expect("a user of its own", want)
		k.ok(k.nodes[0].Broadcast(k.t.Context(), saidMessage{"group"}, chanx.To(users...))) // groups without members
		k.expectNothingElse("groups that are called like users")
	})
}

// expectEach receives numbers of names, each as often as wanted.
func (k *cluster) expectEach(doing string, p *peer, want map[string]int, names []string) {
	k.t.Helper()
	for range len(want) {
		text := p.next(doing)
		if want[text]--; want[text] == 0 {
			continue
		}
		var i int
		if _, err := fmt.Sscan(text, &i); err != nil || i >= len(names) {
			k.t.Fatalf("%s: %s got %q: %v", doing, p.name, text, err)
		}
		k.t.Fatalf("%s: %s got the message to %q, which was not for it, or got it twice", doing, p.name, names[i])
	}
}

// similarNames lists different names that brokers and escaping schemes might confuse.
func similarNames() []string {
	all := []string{
		"a b", "a-b", "a!b", "a.b", "a..b", ".a", "a.", "a_b", "a+b", "a/b", "a//b", "a:b", "a~b", "ab", "aab", "aB", "AB", "a  b", " ab", "ab ",
		"日本", "日", "日本 ", "\u00e9", "e\u0301", "\ufffd", "\ufeff", "a%20b", "a%2520b", "a=20b", `a\x20b`, "%61b", "a&#32;b",
		"*", "**", ">", "a.*", "a.>", "a*", "a?", "?", "[ab]", "[^a]", `\`, `\\`, "#", "+", "a/#", "$SYS.a", "_INBOX.a",
		"__keyspace@0__:a", "{a}b", "{a}", "{}", "{b}a", `"`, "0", "00", "null", "g/a", "u/a", "n/a", "a/",
	}
	for c := rune(' '); c < 0x7f; c++ {
		all = append(all, string(c))
	}
	for c := rune(0xa0); c < 0xc0; c++ { // continuation bytes
		all = append(all, string(c), string(c-0x20+0x40*0x20))
	}
	for lead := rune(3); lead <= 0x1f; lead++ { // first bytes of characters of two bytes
		all = append(all, string(lead<<6))
	}
	for lead := range rune(0x10) { // of three
		all = append(all, string(max(lead<<12, 0x800)))
	}
	for lead := range rune(5) { // of four
		all = append(all, string(max(lead<<18, 0x10000)))
	}
	all = append(all, longName, longName[1:], longName[1:]+"m", "m"+longName[1:], longName[1:]+" ", strings.Repeat("日", 66))
	all = append(all, longName[:100]+"m"+longName[101:], longName[:127]+"m"+longName[128:])
	slices.Sort(all)
	return slices.Compact(all)
}
