package schema

import (
	"regexp"
	"regexp/syntax"
	"strings"
	"unicode"
)

// matcher writes a short text that a pattern matches. It ignores word boundaries and anchors inside the pattern, so the
// caller has to check the text.
type matcher struct {
	strings.Builder
	repeat int // the least number of repetitions, within the bounds of each
	choice int // index into the characters of a class
}

// maxMatch limits the text of nested repetitions.
const maxMatch = 1 << 12

// matching returns the text for one choice of repetitions and characters.
func matching(pattern *regexp.Regexp, repeat, choice int) string {
	tree, err := syntax.Parse(pattern.String(), syntax.Perl)
	if err != nil {
		return "" // cannot happen: regexp.Compile has parsed it
	}
	m := matcher{repeat: repeat, choice: choice}
	m.write(tree)
	return m.String()
}

func (m *matcher) write(re *syntax.Regexp) {
	switch re.Op {
	case syntax.OpLiteral:
		m.WriteString(string(re.Rune))
	case syntax.OpCharClass:
		m.WriteRune(fromClass(re.Rune, m.choice))
	case syntax.OpAnyChar, syntax.OpAnyCharNotNL:
		m.WriteRune(fromClass([]rune{0, unicode.MaxRune}, m.choice))
	case syntax.OpAlternate:
		m.WriteString(m.shortest(re.Sub))
	default:
		for range m.times(re) {
			for _, sub := range re.Sub {
				if m.Len() < maxMatch {
					m.write(sub)
				}
			}
		}
	}
}

// times returns how often the parts of an expression are written.
func (m *matcher) times(re *syntax.Regexp) int {
	switch re.Op {
	case syntax.OpStar:
		return m.repeat
	case syntax.OpPlus:
		return max(1, m.repeat)
	case syntax.OpQuest:
		return min(1, m.repeat)
	case syntax.OpRepeat:
		if n := max(re.Min, m.repeat); re.Max < 0 || n < re.Max {
			return n
		}
		return re.Max
	}
	return 1
}

// shortest returns the shortest text of all branches of an alternation.
func (m *matcher) shortest(branches []*syntax.Regexp) (best string) {
	for i, branch := range branches {
		inner := matcher{repeat: m.repeat, choice: m.choice}
		inner.write(branch)
		if i == 0 || inner.Len() < len(best) {
			best = inner.String()
		}
	}
	return best
}

// preferred are the characters that examples use where they can.
const preferred = "abcdefghijklmnopqrstuvwxyzABCDEFGHIJKLMNOPQRSTUVWXYZ0123456789"

// fromClass chooses a character of a class, which lists the first and last character of each range.
func fromClass(class []rune, choice int) rune {
	var fit, odd []rune
	for _, r := range preferred {
		if inClass(class, r) {
			fit = append(fit, r)
		}
	}
	for i := 0; len(fit) == 0 && i+1 < len(class); i += 2 {
		for r := class[i]; r <= min(class[i+1], class[i]+unicode.MaxASCII); r++ {
			if odd = append(odd, r); r != ' ' && unicode.IsPrint(r) {
				fit = append(fit, r)
			}
		}
	}
	switch {
	case len(fit) > 0:
		return fit[choice%len(fit)]
	case len(odd) > 0:
		return odd[choice%len(odd)]
	}
	return unicode.ReplacementChar // the class is empty
}

func inClass(class []rune, r rune) bool {
	for i := 0; i+1 < len(class); i += 2 {
		if class[i] <= r && r <= class[i+1] {
			return true
		}
	}
	return false
}
