package main

import (
	"context"
	"os"
	"path/filepath"
	"strings"
	"syscall"
	"testing"
)

// script is a process that runs a shell script. It is ready when the script prints so.
func script(s *screen, text string) *process {
	return &process{
		name: "script", path: "/bin/sh", args: []string{"-c", text},
		ready: func(line string) (string, bool) { return line, strings.HasPrefix(line, "ready") },
		up:    func(address string) { s.say("up: %s\n", address) },
		down:  func(address string) { s.say("down: %s\n", address) },
	}
}

// idle is a script that runs until it gets a signal.
const idle = `trap 'exit 0' TERM; echo ready; while :; do sleep 0.01 </dev/null >/dev/null 2>&1; done`

func newTestKeeper(t *testing.T) (k *keeper, shown *transcript, again chan struct{}) {
	t.Helper()
	shown, again = &transcript{}, make(chan struct{})
	k = newKeeper(context.Background(), &screen{w: shown}, func(ctx context.Context) {
		select {
		case <-again:
		case <-ctx.Done():
		}
	})
	return k, shown, again
}

// TestWhatCannotStartAgainIsTriedAgain: a process ran once and then fails to start.
func TestWhatCannotStartAgainIsTriedAgain(t *testing.T) {
	t.Parallel()
	k, shown, again := newTestKeeper(t)
	block := filepath.Join(t.TempDir(), "block")
	l, err := k.start(script(k.screen, `[ ! -e '`+block+`' ] || { echo "the disk is full"; exit 3; }; `+idle))
	if err != nil {
		t.Fatal(err)
	}
	if group, err := syscall.Getpgid(l.pid()); group != l.pid() {
		t.Errorf("its process group is %d, %v: the terminal's signals reach it", group, err)
	}
	if err := os.WriteFile(block, nil, 0o600); err != nil {
		t.Fatal(err)
	}
	if err := l.cmd.Process.Kill(); err != nil {
		t.Fatal(err)
	}
	shown.await(t, 1, "script has ended: signal: killed")
	for n := range 2 {
		again <- struct{}{}
		shown.await(t, n+1, "script has ended before it was ready: exit status 3: the disk is full")
	}
	if err := os.Remove(block); err != nil {
		t.Fatal(err)
	}
	again <- struct{}{}
	shown.await(t, 1, "script is back at ready, pid ")
	if err := k.stop(); err != nil {
		t.Error(err)
	}
	const states = `(?s)^up: ready\ndown: ready\nscript has ended: .*\nup: ready\nscript is back .*\ndown: ready\n$`
	shown.await(t, 1, states)
}

func TestABadEndIsAnError(t *testing.T) {
	t.Parallel()
	k, _, _ := newTestKeeper(t)
	if _, err := k.start(script(k.screen, strings.Replace(idle, "exit 0", "exit 4", 1))); err != nil {
		t.Fatal(err)
	}
	if err := k.stop(); err == nil || err.Error() != "not ended in order: script: exit status 4" {
		t.Errorf("stop = %v", err)
	}
}

// TestLinesStayWhole: output is shown line by line, even if it arrives in pieces.
func TestLinesStayWhole(t *testing.T) {
	t.Parallel()
	shown := &transcript{}
	s := &screen{w: shown}
	p := script(s, "")
	p.talks = true
	h := &outputReader{process: p, screen: s, address: make(chan string, 1)}
	endless := strings.Repeat("x", longestLine)
	for _, piece := range []string{"on", "e\ntwo\nre", "ady a\nready b\n\n", endless, "y\n", "unfinished"} {
		if n, err := h.Write([]byte(piece)); n != len(piece) || err != nil {
			t.Errorf("Write %q = %d, %v", piece, n, err)
		}
	}
	want := "script | one\nscript | two\nscript | ready a\nscript | ready b\nscript | \nscript | " + endless + "\nscript | y\n"
	if got, _ := shown.now(); got != want {
		t.Errorf("shown:\n%s, want\n%s", got, want)
	}
	if address := <-h.address; address != "ready a" {
		t.Errorf("ready at %q", address)
	}
}
