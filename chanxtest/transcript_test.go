package chanxtest_test

import (
	"context"
	"os"
	"path/filepath"
	"strings"
	"testing"
	"testing/synctest"
	"time"

	"github.com/chanx-go/chanx"
	"github.com/chanx-go/chanx/chanxtest"
)

// converse plays a conversation.
func converse(t testing.TB, s *chanx.Server, tr *chanxtest.Transcript) {
	dial := func(name string) *chanxtest.Conn {
		o := as(name)
		o.Transcript = tr
		return chanxtest.Dial(t, s, "/ws", o)
	}
	alice, bob := dial("alice"), dial("bob")
	alice.Send(sayText{"hi <3"})
	chanxtest.Request[youAre](bob, whoAmI{})
	alice.SendBinary([]byte{0})
	tr.Note("an event from outside")
	tr.Replace("Zoltan", "NAME")
	if err := s.Broadcast(context.Background(), said{sayText{"I am Zoltan"}}, chanx.ToUser("bob")); err != nil {
		t.Errorf("broadcast: %v", err)
	}
	bob.Close(1000, "bye")
	dial("nobody").ExpectRefused(403)
	alice.Abort()
	dial("alice").Send(knock{})
}

func TestTranscript(t *testing.T) {
	bubble(t, completions, func(t *testing.T, s *chanx.Server) {
		converse(t, s, chanxtest.NewTranscript(t, "testdata/transcript.txt", *update))
	})
}

func TestTheExample(t *testing.T) { conversation(t) }

// A file written with update is accepted without it.
func TestATranscriptIsWrittenAndComparedAgain(t *testing.T) {
	file := filepath.Join(t.TempDir(), "new", "transcript.txt")
	play := func(update bool) func(f *failing) {
		return func(f *failing) {
			s := newServer(completions)
			converse(f, s, chanxtest.NewTranscript(f, file, update))
			shutDown(t, s)
		}
	}
	synctest.Test(t, func(t *testing.T) {
		expectFailure(t, play(false), "transcript.txt: there is no such file: write it with update")
		expectFailure(t, play(true))
		expectFailure(t, play(false))
	})
	text, err := os.ReadFile(file)
	if err != nil {
		t.Fatal(err)
	}
	shown, err := os.ReadFile("testdata/transcript.txt")
	if err != nil {
		t.Fatal(err)
	}
	if string(text) != string(shown) {
		t.Errorf("written: %s", text)
	}
	if err := os.WriteFile(file, []byte(strings.Replace(string(text), "hi <3", "bye", 1)), 0o644); err != nil {
		t.Fatal(err)
	}
	synctest.Test(t, func(t *testing.T) {
		expectFailure(t, play(false), "transcript.txt: line 3 differs", "bye", "hi <3")
	})
	if err := os.WriteFile(file, text[:len(text)-5], 0o644); err != nil {
		t.Fatal(err)
	}
	synctest.Test(t, func(t *testing.T) {
		expectFailure(t, play(false), "want alice closed 1001 server is shutting")
	})
}

// A failed test does not fail again because of its transcript, and does not write it.
func TestATranscriptOfAFailedTestIsLeftAlone(t *testing.T) {
	file := filepath.Join(t.TempDir(), "transcript.txt")
	bubble(t, chanx.ServerOptions{}, func(t *testing.T, s *chanx.Server) {
		said := failure(func(f *failing) {
			tr := chanxtest.NewTranscript(f, file, true)
			chanxtest.Dial(f, s, "/ws", &chanxtest.DialOptions{Transcript: tr}).ExpectClosed(1000)
		})
		if strings.Contains(said, "transcript") {
			t.Errorf("it says %s", said)
		}
	})
	if _, err := os.Stat(file); err == nil {
		t.Error("it was written")
	}
}

func TestATranscriptShowsRefusalsByHTTPAndTime(t *testing.T) {
	file := filepath.Join(t.TempDir(), "transcript.txt")
	bubble(t, chanx.ServerOptions{RefuseWithHTTP: true}, func(t *testing.T, s *chanx.Server) {
		expectFailure(t, func(f *failing) {
			tr := chanxtest.NewTranscript(f, file, true)
			o := as("nobody")
			o.Transcript = tr
			chanxtest.DialRefused(f, s, "/ws", o)
			o = as("ann")
			o.Transcript, o.Identity.Expires = tr, time.Now().Add(time.Hour)
			chanxtest.Dial(f, s, "/ws", o)
			tr.Note("an hour later")
			time.Sleep(time.Hour) // in a bubble
			tr.Note("the end")
		})
	})
	want := `nobody dials /ws
nobody < HTTP 403 Forbidden
ann dials /ws
# an hour later
ann closed 4401 credentials have expired
# the end
`
	if got, err := os.ReadFile(file); err != nil || string(got) != want {
		t.Errorf("%v: %s", err, got)
	}
}

func TestATranscriptNeedsABubble(t *testing.T) {
	t.Parallel()
	expectFailure(t, func(f *failing) { chanxtest.NewTranscript(f, "testdata/none.txt", false) }, "testdata/none.txt", "inside synctest.Test")
}

func TestAFileThatCannotBeUsed(t *testing.T) {
	dir := t.TempDir()
	synctest.Test(t, func(t *testing.T) {
		for _, update := range []bool{false, true} {
			expectFailure(t, func(f *failing) { chanxtest.NewTranscript(f, dir, update) }, "transcript "+dir, "is a directory")
		}
		expectFailure(t, func(f *failing) { chanxtest.NewTranscript(f, "transcript_test.go/below", true) }, "not a directory")
	})
}
