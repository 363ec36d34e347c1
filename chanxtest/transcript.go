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

// Transcript writes down a conversation: what connections that were dialled with it send, and all that comes to them. At
// the end of the test it is compared with a file that a reader can follow:
//
//	alice dials /ws/rooms/lobby
//	alice > {"action":"chat","payload":{"content":"hi"}}
//	alice < {"action":"chat_group","payload":{"content":"hi"},"is_mine":false,"is_current":true}
//	bob < {"action":"chat_group","payload":{"content":"hi"},"is_mine":false,"is_current":false}
//	bob closes 1000 bye
//	bob closed 1000 bye
//
// After each step of a connection it calls synctest.Wait, so that all the answers stand below it, connection by
// connection in the order of dialling: it works in a testing/synctest bubble only, and its connections must be used from
// the test's own goroutine. The server defines no order between what several senders cause in one step.
type Transcript struct {
	t       testing.TB
	file    string
	update  bool
	out     strings.Builder
	replace []string // old, new, …
	conns   []*Conn
	ended   bool
}

// NewTranscript begins a transcript that is compared with a file when the test ends, unless it has failed already. With
// update, a flag of your test such as flag.Bool("update", false, …), the file is written instead: read the difference.
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

// Note writes a comment, such as what happens to the server next: "# the night job runs". What has come before stands
// above it.
func (tr *Transcript) Note(text string) { tr.does("# %s", text) }

// Replace writes something else in place of a text that differs from run to run, such as an id that the server makes. It
// holds for the whole transcript.
func (tr *Transcript) Replace(text, by string) { tr.replace = append(tr.replace, text, by) }

// does writes what happens next, below what came before it.
func (tr *Transcript) does(format string, args ...any) {
	if tr == nil || tr.ended {
		return
	}
	tr.settle()
	fmt.Fprintln(&tr.out, strings.TrimSpace(fmt.Sprintf(format, args...)))
}

// saw writes what came to no connection.
func (tr *Transcript) saw(format string, args ...any) {
	if tr != nil {
		fmt.Fprintf(&tr.out, format+"\n", args...)
	}
}

func (tr *Transcript) adds(c *Conn) {
	if tr != nil {
		tr.conns = append(tr.conns, c)
		tr.settle()
	}
}

// settle writes what has come, when nothing moves any more.
func (tr *Transcript) settle() {
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

// end is called before the test's clean-up closes connections: that is not part of the conversation.
func (tr *Transcript) end() {
	if tr != nil {
		tr.settle()
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
		tr.t.Errorf("chanxtest: transcript %s: line %d is not what came (to accept it, write the file with update and read the difference)\n"+
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
