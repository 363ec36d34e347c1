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

// recordingFile is one file of testdata/recorded.
type recordingFile struct {
	path  string
	text  string
	head  string // its first line
	cases []*recordedCase
}

// recordedCase is one recorded conversation.
type recordedCase struct {
	name      string
	notPlayed string // the reason, or empty if the case is played
	steps     []*step
}

// step is one step of a conversation, with what the clients received after it.
type step struct {
	text               string // the whole line
	client, verb, args string // its words
	pipelined          bool   // it does not wait for the effects of the previous step
	next               *step
	recorded, got      []received // from the original, and from chanx
	reasons            []string   // for the differences
}

// received is one thing that a client receives: a frame, the end of the connection, or an HTTP status instead of an upgrade.
type received struct{ client, text string }

func (r received) String() string { return r.client + " " + r.text }

// nextPipelined reports whether the next step follows at once. What both cause is then recorded below the next step.
func (s *step) nextPipelined() bool { return s.next != nil && s.next.pipelined }

// equal ignores the order of members in JSON objects.
func (r received) equal(o received) bool {
	return r.client == o.client && normalize(r.text) == normalize(o.text)
}

// normalize encodes the JSON of a frame again, with sorted members. Any other line is returned unchanged.
func normalize(line string) string {
	text, isFrame := strings.CutPrefix(expandRepeats(line), "< ")
	if !isFrame {
		return line
	}
	var v any
	if json.Unmarshal([]byte(text), &v) != nil {
		return line
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

func readRecording(t *testing.T, name string) *recordingFile {
	t.Helper()
	f := &recordingFile{path: "testdata/recorded/" + name + ".txt"}
	text, err := os.ReadFile(f.path)
	if err != nil {
		t.Fatal(err)
	}
	f.text = string(text)
	for line := range strings.Lines(f.text) {
		f.parseLine(strings.TrimSuffix(line, "\n"))
	}
	return f
}

// parseLine skips what the last -update added, because the replay produces it again.
func (f *recordingFile) parseLine(line string) {
	word, args, _ := strings.Cut(line, " ")
	switch {
	case word == "#":
		f.head = line
	case word == "case":
		f.cases = append(f.cases, &recordedCase{name: args})
	case line == "" || word == "+" || word == "because" || word == "not":
	case word == "-":
		f.lastStep().addRecorded(args)
	case word == "&":
		f.addStep(args).pipelined = true
	case isReceived(args):
		f.lastStep().addRecorded(line)
	default:
		f.addStep(line)
	}
}

func isReceived(args string) bool {
	return strings.HasPrefix(args, "< ") || strings.HasPrefix(args, "closed ") || strings.HasPrefix(args, "HTTP ")
}

func (f *recordingFile) lastStep() *step {
	c := f.cases[len(f.cases)-1]
	return c.steps[len(c.steps)-1]
}

func (s *step) addRecorded(line string) {
	client, text, _ := strings.Cut(line, " ")
	s.recorded = append(s.recorded, received{client, text})
}

func (f *recordingFile) addStep(line string) *step {
	words := append(strings.SplitN(line, " ", 3), "", "")
	s := &step{text: line, client: words[0], verb: words[1], args: words[2]}
	c := f.cases[len(f.cases)-1]
	if len(c.steps) > 0 {
		c.steps[len(c.steps)-1].next = s
	}
	c.steps = append(c.steps, s)
	return s
}

// checksum covers the steps and what was recorded, but nothing that -update writes.
func (f *recordingFile) checksum() string {
	h := sha256.New()
	for _, c := range f.cases {
		fmt.Fprintln(h, "case", c.name)
		for _, s := range c.steps {
			fmt.Fprintln(h, s.text, s.pipelined)
			for _, n := range s.recorded {
				fmt.Fprintln(h, n.client, normalize(n.text))
			}
		}
	}
	return hex.EncodeToString(h.Sum(nil))[:16]
}

// compareWithFile compares the outcome of the replay with the file, or writes it there with -update.
func (f *recordingFile) compareWithFile(t *testing.T) {
	got := f.encode()
	switch {
	case got == f.text:
	case *update:
		if err := os.WriteFile(f.path, []byte(got), 0o644); err != nil {
			t.Fatal(err)
		}
	default:
		t.Errorf("%s differs from what chanx answers now (refresh it with -update and read the difference):\n%s", f.path, firstDifference(f.text, got))
	}
}

// encode returns the text of the file for the outcome of the replay.
func (f *recordingFile) encode() string {
	var b strings.Builder
	fmt.Fprintln(&b, f.head)
	for _, c := range f.cases {
		fmt.Fprintf(&b, "\ncase %s\n", c.name)
		if c.notPlayed != "" {
			fmt.Fprintln(&b, "not played:", c.notPlayed)
		}
		for _, s := range c.steps {
			s.write(&b, c.notPlayed == "")
		}
	}
	return b.String()
}

func (s *step) write(b *strings.Builder, played bool) {
	if s.pipelined {
		b.WriteString("& ")
	}
	fmt.Fprintln(b, s.text)
	for _, client := range s.receivers() {
		recorded, got := ofClient(s.recorded, client), ofClient(s.got, client)
		if !played {
			got = nil
		}
		writeReceived(b, recorded, got)
	}
	for _, why := range s.reasons {
		fmt.Fprintln(b, "because", why)
	}
}

// receivers are the clients that received something, in the order in which they first appear.
func (s *step) receivers() (all []string) {
	for _, n := range slices.Concat(s.recorded, s.got) {
		if !slices.Contains(all, n.client) {
			all = append(all, n.client)
		}
	}
	return all
}

func ofClient(all []received, client string) (some []received) {
	for _, n := range all {
		if n.client == client {
			some = append(some, n)
		}
	}
	return some
}

// writeReceived writes equal lines once. Different lines are paired if both sides have the same number of them, with the
// same actions.
func writeReceived(b *strings.Builder, recorded, got []received) {
	paired := len(recorded) == len(got)
	for i := 0; paired && i < len(got); i++ {
		paired = actionOf(recorded[i]) == actionOf(got[i])
	}
	for len(recorded) > 0 && len(got) > 0 && (paired || recorded[0].equal(got[0])) {
		if recorded[0].equal(got[0]) {
			fmt.Fprintln(b, got[0])
		} else {
			fmt.Fprintf(b, "- %s\n+ %s\n", recorded[0], got[0])
		}
		recorded, got = recorded[1:], got[1:]
	}
	for _, n := range recorded {
		fmt.Fprintln(b, "-", n)
	}
	for _, n := range got {
		fmt.Fprintln(b, "+", n)
	}
}

var isAction = regexp.MustCompile(`^(< \{"action":"\w+"|\w+)`)

func actionOf(n received) string { return isAction.FindString(n.text) }

var repeated = regexp.MustCompile(`⟨(.+?)×(\d+)⟩`)

// expandRepeats expands the notation for repeated text: ⟨x×3⟩ is xxx.
func expandRepeats(s string) string {
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
