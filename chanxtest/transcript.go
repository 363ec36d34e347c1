package chanxtest

import (
	"errors"
	"fmt"
	"io/fs"
	"os"
	"path/filepath"
	"strings"
	"testing"
	"testing/synctest"
)

// Transcript records a conversation: everything that the connections dialled with it send and receive. At the end of
// the test it is compared with a readable file:
//
//	alice dials /ws/rooms/lobby
//	alice > {"action":"chat","payload":{"content":"hi"}}
//	alice < {"action":"chat_group","payload":{"content":"hi"},"is_mine":false,"is_current":true}
//	bob < {"action":"chat_group","payload":{"content":"hi"},"is_mine":false,"is_current":false}
//	bob closes 1000 bye
//	bob closed 1000 bye
//
// After each step of a connection it calls synctest.Wait and writes all frames that the step has caused, connection by
// connection in the order of dialling. So it works in a testing/synctest bubble only, and its connections must be used
// from the test's own goroutine. If one step makes several senders send, the server defines no order between them.
type Transcript struct {
	t       testing.TB
	file    string
	update  bool
	out     strings.Builder
	replace []string // old, new, …
	conns   []*Conn
	ended   bool
}

// NewTranscript begins a transcript. When the test ends, it is compared with the file, unless the test has failed
// already. With update, a flag of your test such as flag.Bool("update", false, …), it is written to the file instead:
// review the difference.
func NewTranscript(t testing.TB, file string, update bool) *Transcript {
	t.Helper()
	if !inBubble() {
		t.Fatalf("chanxtest: transcript %s: it is not in a testing/synctest bubble: make it inside synctest.Test", file)
	}
	tr := &Transcript{t: t, file: file, update: update}
	t.Cleanup(tr.compare)
	return tr
}

// inBubble reports whether synctest.Wait can be called.
func inBubble() (in bool) {
	defer func() { in = recover() == nil }()
	synctest.Wait()
	return true
}

// Note writes a comment, such as the next step of the server: "# the night job runs". Frames that have arrived are
// written above it.
func (tr *Transcript) Note(text string) { tr.does("# %s", text) }

// Replace replaces a text that differs from run to run, such as an id that the server makes, in the whole transcript.
func (tr *Transcript) Replace(text, by string) { tr.replace = append(tr.replace, text, by) }

// does writes a step, after the frames that arrived before it.
func (tr *Transcript) does(format string, args ...any) {
	if tr == nil || tr.ended {
		return
	}
	tr.flush()
	fmt.Fprintln(&tr.out, strings.TrimSpace(fmt.Sprintf(format, args...)))
}

// saw writes a line that belongs to no connection.
func (tr *Transcript) saw(format string, args ...any) {
	if tr != nil {
		fmt.Fprintf(&tr.out, format+"\n", args...)
	}
}

func (tr *Transcript) adds(c *Conn) {
	if tr != nil {
		tr.conns = append(tr.conns, c)
		tr.flush()
	}
}

// flush waits until all goroutines are idle and writes the frames that have arrived.
func (tr *Transcript) flush() {
	if tr == nil || tr.ended {
		return
	}
	synctest.Wait()
	for _, c := range tr.conns {
		for _, line := range c.takeNews() {
			fmt.Fprintf(&tr.out, "%s %s\n", c.opts.Name, line)
		}
	}
}

func (c *Conn) takeNews() []string {
	c.mu.Lock()
	defer c.mu.Unlock()
	news := c.news
	c.news = nil
	return news
}

// end is called before the test's cleanup closes connections, which is not part of the conversation.
func (tr *Transcript) end() {
	if tr != nil {
		tr.flush()
		tr.ended = true
	}
}

func (tr *Transcript) compare() {
	tr.end()
	if tr.t.Failed() {
		return
	}
	got := strings.NewReplacer(tr.replace...).Replace(tr.out.String())
	if tr.update {
		if err := tr.write(got); err != nil {
			tr.t.Errorf("chanxtest: transcript %s: %v", tr.file, err)
		}
		return
	}
	want, err := os.ReadFile(tr.file)
	if errors.Is(err, fs.ErrNotExist) {
		tr.t.Errorf("chanxtest: transcript %s: there is no such file: write it with update", tr.file)
	} else if err != nil {
		tr.t.Errorf("chanxtest: transcript %s: %v", tr.file, err)
	} else if n, w, g := firstDifference(string(want), got); n > 0 {
		tr.t.Errorf("chanxtest: transcript %s: line %d differs (to accept it, write the file with update and read the difference)\n"+
			"want %s\ngot  %s", tr.file, n, w, g)
	}
}

func (tr *Transcript) write(text string) error {
	if err := os.MkdirAll(filepath.Dir(tr.file), 0o755); err != nil {
		return err
	}
	return os.WriteFile(tr.file, []byte(text), 0o644)
}

// firstDifference returns the number of the first line that differs, from 1, and the line of both; 0 if none does.
func firstDifference(want, got string) (n int, w, g string) {
	ws, gs := strings.Split(want, "\n"), strings.Split(got, "\n")
	for i := range max(len(ws), len(gs)) {
		if w, g := lineAt(ws, i), lineAt(gs, i); w != g {
			return i + 1, w, g
		}
	}
	return 0, "", ""
}

func lineAt(lines []string, i int) string {
	if i < len(lines) {
		return lines[i]
	}
	return "(the end)"
}
