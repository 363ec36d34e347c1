package clientgen

import (
	"fmt"
	"regexp"
	"strings"
	"unicode"
)

// quoteTS writes a text as a string of TypeScript. Only printable characters are left as they are.
func quoteTS(s string) string {
	var b strings.Builder
	b.WriteByte('\'')
	for _, r := range s {
		switch {
		case r == '\'' || r == '\\':
			b.WriteByte('\\')
			b.WriteRune(r)
		case r == '\n':
			b.WriteString(`\n`)
		case unicode.IsPrint(r):
			b.WriteRune(r)
		default:
			fmt.Fprintf(&b, `\u{%x}`, r)
		}
	}
	b.WriteByte('\'')
	return b.String()
}

var plainName = regexp.MustCompile(`^[A-Za-z_$][A-Za-z0-9_$]*$`)

// memberTS writes the name of a member.
func memberTS(name string) string {
	if plainName.MatchString(name) {
		return name
	}
	return quoteTS(name)
}

// plainLine removes from a line what does not print, such as marks that change the direction of text.
func plainLine(line string) string {
	return strings.Map(func(r rune) rune {
		switch {
		case r == '\t':
			return ' '
		case unicode.IsPrint(r):
			return r
		}
		return -1
	}, line)
}

// commentTS is what a comment for documentation says.
type commentTS struct {
	doc        string
	deprecated bool
}

// text writes the comment in front of what it describes, or nothing. A document cannot end the comment, and cannot write
// a tag or a directive of the compiler into it.
func (c commentTS) text(indent string) string {
	lines := c.lines()
	if len(lines) == 0 {
		return ""
	}
	if len(lines) == 1 {
		return indent + "/** " + lines[0] + " */\n"
	}
	var b strings.Builder
	b.WriteString(indent + "/**\n")
	for _, line := range lines {
		b.WriteString(strings.TrimRight(indent+" * "+line, " ") + "\n")
	}
	b.WriteString(indent + " */\n")
	return b.String()
}

func (c commentTS) lines() (all []string) {
	for line := range strings.Lines(strings.TrimSpace(c.doc)) {
		line = strings.TrimRight(plainLine(line), " ")
		if tag := strings.TrimLeft(line, " "); strings.HasPrefix(tag, "@") {
			line = `\` + tag
		}
		all = append(all, strings.ReplaceAll(line, "*/", `*\/`))
	}
	if c.deprecated {
		all = append(all, "@deprecated")
	}
	return all
}
