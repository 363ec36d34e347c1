package asyncapi

import (
	"strings"
	"unicode/utf8"
)

// unportable reports what of a pattern in RE2's syntax means something else in ECMA-262 with the flag u, which
// validators of JSON Schema set, and what to write instead. Both are "" if the pattern is portable.
//
// It does not report two differences: '\s' also matches white space beyond ASCII in ECMA-262, and '.' does not match
// U+2028 and U+2029 there.
func unportable(pattern string) (what, fix string) {
	p := portability{rest: pattern}
	for p.rest != "" && p.what == "" {
		p.next()
	}
	return p.what, p.fix
}

type portability struct {
	rest      string
	inClass   bool
	what, fix string
}

func (p *portability) report(what, fix string) { p.what, p.fix = what, fix }

// syntax are the characters that may follow a backslash to stand for themselves.
const syntax = `^$\.*+?()[]{}|/`

func (p *portability) next() {
	c := p.rest[0]
	switch {
	case c == '\\':
		p.escape()
		return
	case p.inClass && strings.HasPrefix(p.rest, "[:"):
		p.report("it has no classes like [:alpha:]", `write the characters, such as A-Za-z, or \p{L}`)
	case p.inClass:
		p.inClass = c != ']'
	case c == '[':
		p.class()
		return
	case c == '{':
		p.repetition()
		return
	case c == '}' || c == ']':
		p.report("a bracket without its partner is an error there", `write \`+string(c))
	case strings.HasPrefix(p.rest, "(?") && !strings.HasPrefix(p.rest, "(?:") && !strings.HasPrefix(p.rest, "(?<"):
		p.group()
	}
	p.rest = p.rest[1:]
}

func (p *portability) group() {
	if strings.HasPrefix(p.rest, "(?P<") {
		p.report("it has no (?P<name>…)", "write (?<name>…)")
		return
	}
	p.report("it has no flags like (?i)", "write both cases, such as [aA]")
}

// class passes the opening of a class. In RE2, a closing bracket that comes first is a character.
func (p *portability) class() {
	p.inClass = true
	p.rest = strings.TrimPrefix(p.rest[1:], "^")
	if strings.HasPrefix(p.rest, "]") {
		p.report("a class that begins with ] is empty there", `write \]`)
	}
}

// repetition passes {n}, {n,} or {n,m}. RE2 takes any other brace as a character.
func (p *portability) repetition() {
	inner, rest, closed := strings.Cut(p.rest[1:], "}")
	least, most, _ := strings.Cut(inner, ",")
	if !closed || least == "" || strings.Trim(least+most, "0123456789") != "" {
		p.report("a brace that is no repetition is an error there", `write \{ and \}`)
		return
	}
	p.rest = rest
}

// escapes are the letters that mean the same after a backslash in both.
const escapes = "dDwWsSbBfnrtv"

func (p *portability) escape() {
	if len(p.rest) < 2 {
		p.rest = ""
		return
	}
	_, size := utf8.DecodeRuneInString(p.rest[1:])
	letter := p.rest[1 : 1+size]
	tail := p.rest[1+size:]
	switch {
	case strings.Contains(syntax, letter), p.inClass && letter == "-", strings.Contains(escapes, letter) && (!p.inClass || letter != "B"):
	case letter == "x" && isHex(tail, 2):
	case (letter == "p" || letter == "P") && strings.HasPrefix(tail, "{") && !strings.HasPrefix(tail, "{^"):
		name := ""
		if name, tail, _ = strings.Cut(tail[1:], "}"); len(name) > 2 {
			p.report(`it writes scripts as \p{Script=`+name+`}, which RE2 does not know`, "write the ranges of the characters")
		}
	case letter == "p" || letter == "P":
		p.report(`\pL and \p{^L} are errors there`, `write \p{L} and \P{L}`)
	case letter == "x":
		p.report(`it has no \x{…}`, "write the character itself")
	case letter == "A":
		p.report(`it has no \A`, "write ^")
	case letter == "z":
		p.report(`it has no \z`, "write $")
	default:
		p.report(`it has no \`+letter, "write the characters, without the backslash if they stand for themselves")
	}
	p.rest = tail
}

func isHex(s string, n int) bool {
	return len(s) >= n && strings.Trim(s[:n], "0123456789abcdefABCDEF") == ""
}
