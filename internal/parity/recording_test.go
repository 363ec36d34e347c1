package parity_test

import (
	"crypto/sha256"
	"encoding/hex"
	"encoding/json"
	"fmt"
	"os"
	"regexp"
	"slices"
	"strconv"
	"strings"
	"testing"
)

// tapeFile is one file of recorded conversations.
type tapeFile struct {
	path  string
	text  string
	head  string
	cases []*tapeCase
}

// tapeCase is one conversation.
type tapeCase struct {
	name     string
	unplayed string // why it is not
	turns    []*tapeTurn
}

// tapeTurn is one step of a conversation and what came after it, then and now.
type tapeTurn struct {
	step            string
	who, verb, rest string // of it
	joined          bool   // it was made without waiting for what the one before causes
	next            *tapeTurn
	recorded, ours  []tapeNews
	because         []string
}

// tapeNews is what one client gets: a frame, the end, or an HTTP status in place of a connection.
type tapeNews struct{ who, what string }

func (n tapeNews) String() string { return n.who + " " + n.what }

// together reports whether the next step was made at once; what both caused is with that.
func (u *tapeTurn) together() bool { return u.next != nil && u.next.joined }

// same reports whether two clients are told the same, in whatever order the members of objects are written.
func (n tapeNews) same(o tapeNews) bool {
	return n.who == o.who && normalNews(n.what) == normalNews(o.what)
}

// normalNews writes the JSON of a frame in one way.
func normalNews(what string) string {
	text, isFrame := strings.CutPrefix(unrepeat(what), "< ")
	if !isFrame {
		return what
	}
	var v any
	if json.Unmarshal([]byte(text), &v) != nil {
		return what
	}
	return "< " + mustMarshal(v)
}

func mustMarshal(v any) string {
	b, err := json.Marshal(v)
	if err != nil {
		panic(err)
	}
	return string(b)
}

func readTape(t *testing.T, name string) *tapeFile {
	t.Helper()
	f := &tapeFile{path: "testdata/recorded/" + name + ".txt"}
	text, err := os.ReadFile(f.path)
	if err != nil {
		t.Fatal(err)
	}
	f.text = string(text)
	for line := range strings.Lines(f.text) {
		f.read(t, strings.TrimSuffix(line, "\n"))
	}
	return f
}

// read takes one line. What came at the last time is not taken: it comes again.
func (f *tapeFile) read(t *testing.T, line string) {
	word, rest, _ := strings.Cut(line, " ")
	switch {
	case word == "#":
		f.head = line
	case word == "case":
		f.cases = append(f.cases, &tapeCase{name: rest})
	case line == "" || word == "+" || word == "because" || word == "not":
	case word == "-":
		f.lastTurn().heard(rest)
	case word == "&":
		f.add(t, rest).joined = true
	case isNews(rest):
		f.lastTurn().heard(line)
	default:
		f.add(t, line)
	}
}

func isNews(rest string) bool {
	return strings.HasPrefix(rest, "< ") || strings.HasPrefix(rest, "closed ") || strings.HasPrefix(rest, "HTTP ")
}

func (f *tapeFile) lastTurn() *tapeTurn {
	c := f.cases[len(f.cases)-1]
	return c.turns[len(c.turns)-1]
}

func (u *tapeTurn) heard(line string) {
	who, what, _ := strings.Cut(line, " ")
	u.recorded = append(u.recorded, tapeNews{who, what})
}

func (f *tapeFile) add(t *testing.T, step string) *tapeTurn {
	words := append(strings.SplitN(step, " ", 3), "", "")
	u := &tapeTurn{step: step, who: words[0], verb: words[1], rest: words[2]}
	c := f.cases[len(f.cases)-1]
	if len(c.turns) > 0 {
		c.turns[len(c.turns)-1].next = u
	}
	c.turns = append(c.turns, u)
	return u
}

// sum is that of what was recorded.
func (f *tapeFile) sum() string {
	h := sha256.New()
	for _, c := range f.cases {
		fmt.Fprintln(h, "case", c.name)
		for _, u := range c.turns {
			fmt.Fprintln(h, u.step, u.joined)
			for _, n := range u.recorded {
				fmt.Fprintln(h, n.who, normalNews(n.what))
			}
		}
	}
	return hex.EncodeToString(h.Sum(nil))[:16]
}

// compare holds what came against what is kept.
func (f *tapeFile) compare(t *testing.T) {
	got := f.write()
	switch {
	case got == f.text:
	case *update:
		if err := os.WriteFile(f.path, []byte(got), 0o644); err != nil {
			t.Fatal(err)
		}
	default:
		t.Errorf("%s is not what comes now (refresh with -update and read the difference):\n%s", f.path, firstDifference(f.text, got))
	}
}

// write is the file with what came now.
func (f *tapeFile) write() string {
	var b strings.Builder
	fmt.Fprintln(&b, f.head)
	for _, c := range f.cases {
		fmt.Fprintf(&b, "\ncase %s\n", c.name)
		if c.unplayed != "" {
			fmt.Fprintln(&b, "not played:", c.unplayed)
		}
		for _, u := range c.turns {
			u.write(&b, c.unplayed == "")
		}
	}
	return b.String()
}

func (u *tapeTurn) write(b *strings.Builder, played bool) {
	if u.joined {
		b.WriteString("& ")
	}
	fmt.Fprintln(b, u.step)
	for _, who := range u.listeners() {
		then, now := of(u.recorded, who), of(u.ours, who)
		if !played {
			now = nil
		}
		writeNews(b, then, now)
	}
	for _, why := range u.because {
		fmt.Fprintln(b, "because", why)
	}
}

// listeners are those to whom something came, in the order in which they first appear.
func (u *tapeTurn) listeners() (all []string) {
	for _, n := range slices.Concat(u.recorded, u.ours) {
		if !slices.Contains(all, n.who) {
			all = append(all, n.who)
		}
	}
	return all
}

func of(all []tapeNews, who string) (some []tapeNews) {
	for _, n := range all {
		if n.who == who {
			some = append(some, n)
		}
	}
	return some
}

// writeNews writes what is the same once; what is not, in pairs if it is as much and of the same actions.
func writeNews(b *strings.Builder, then, now []tapeNews) {
	paired := len(then) == len(now)
	for i := 0; paired && i < len(now); i++ {
		paired = actionOf(then[i]) == actionOf(now[i])
	}
	for len(then) > 0 && len(now) > 0 && (paired || then[0].same(now[0])) {
		if then[0].same(now[0]) {
			fmt.Fprintln(b, now[0])
		} else {
			fmt.Fprintf(b, "- %s\n+ %s\n", then[0], now[0])
		}
		then, now = then[1:], now[1:]
	}
	for _, n := range then {
		fmt.Fprintln(b, "-", n)
	}
	for _, n := range now {
		fmt.Fprintln(b, "+", n)
	}
}

var isAction = regexp.MustCompile(`^(< \{"action":"\w+"|\w+)`)

func actionOf(n tapeNews) string { return isAction.FindString(n.what) }

var repeated = regexp.MustCompile(`⟨(.+?)×(\d+)⟩`)

// unrepeat writes out what the files shorten: ⟨x×3⟩ is xxx.
func unrepeat(s string) string {
	if !strings.Contains(s, "⟨") {
		return s
	}
	return repeated.ReplaceAllStringFunc(s, func(short string) string {
		m := repeated.FindStringSubmatch(short)
		n, err := strconv.Atoi(m[2])
		if err != nil {
			panic(err)
		}
		return strings.Repeat(m[1], n)
	})
}
