package main

import (
	"bytes"
	"context"
	"errors"
	"net"
	"os"
	"regexp"
	"strconv"
	"sync"
	"syscall"
	"testing"
	"time"
)

// testTimeout bounds each wait; only a failing test waits that long.
const testTimeout = time.Minute

// transcript keeps the output, and wakes goroutines that wait for more of it.
type transcript struct {
	mu   sync.Mutex
	text bytes.Buffer
	more chan struct{}
}

// Write implements io.Writer.
func (s *transcript) Write(p []byte) (int, error) {
	s.mu.Lock()
	defer s.mu.Unlock()
	if s.more != nil {
		close(s.more)
		s.more = nil
	}
	return s.text.Write(p)
}

func (s *transcript) now() (text string, more <-chan struct{}) {
	s.mu.Lock()
	defer s.mu.Unlock()
	if s.more == nil {
		s.more = make(chan struct{})
	}
	return s.text.String(), s.more
}

// await waits for the first n matches of a pattern, and returns them with their groups.
func (s *transcript) await(t *testing.T, n int, pattern string) [][]string {
	t.Helper()
	re, late := regexp.MustCompile(pattern), time.After(testTimeout)
	for {
		text, more := s.now()
		if all := re.FindAllStringSubmatch(text, n); len(all) == n {
			return all
		}
		select {
		case <-more:
		case <-late:
			t.Fatalf("%q is not shown %d times:\n%s", pattern, n, text)
		}
	}
}

// house is a cluster as main runs it, with its own temporary folder.
type house struct {
	t     *testing.T
	url   string
	shown *transcript
	again chan struct{} // each value allows one restart of an ended process
	end   context.CancelFunc
	ended chan error
}

// startHouse runs a cluster until the test ends. The test cannot be parallel.
func startHouse(t *testing.T, broker string) *house {
	t.Helper()
	chat := chatProgram(t) // built once for all tests
	dir := temporary(t)
	c, err := parse([]string{"-addr", "127.0.0.1:0", "-broker", broker, "-chat", chat}, nil)
	if err != nil {
		t.Fatal(err)
	}
	ctx, cancel := context.WithCancel(context.Background())
	h := &house{t: t, shown: &transcript{}, again: make(chan struct{}), end: cancel, ended: make(chan error, 1)}
	c.wait = func(ctx context.Context) {
		select {
		case <-h.again:
		case <-ctx.Done():
		}
	}
	go func() {
		defer close(h.ended)
		h.ended <- c.run(ctx, &screen{w: h.shown})
	}()
	t.Cleanup(func() {
		h.end()
		if err := <-h.ended; err != nil {
			t.Errorf("run: %v", err)
		}
		h.expectNothingLeft(dir)
		if t.Failed() {
			text, _ := h.shown.now()
			t.Logf("shown:\n%s", text)
		}
	})
	h.url = h.shown.await(t, 1, `The chat is at (http://\S+)\. `)[0][1]
	return h
}

// temporary creates a folder for temporary files of this process and its children. Its path is short, because it contains
// sockets.
func temporary(t *testing.T) string {
	t.Helper()
	dir, err := os.MkdirTemp("", "c")
	if err != nil {
		t.Fatal(err)
	}
	t.Cleanup(func() {
		if err := os.RemoveAll(dir); err != nil {
			t.Error(err)
		}
	})
	t.Setenv("TMPDIR", dir)
	return dir
}

var toldPID = regexp.MustCompile(`(?:  kill |pid )(\d+)`)

// expectNothingLeft checks that no process, file or listener remains.
func (h *house) expectNothingLeft(dir string) {
	h.t.Helper()
	text, _ := h.shown.now()
	pids := toldPID.FindAllStringSubmatch(text, -1)
	if len(pids) < nodes {
		h.t.Errorf("%d processes are shown", len(pids))
	}
	for _, m := range pids {
		pid, err := strconv.Atoi(m[1])
		if err != nil {
			h.t.Fatal(err)
		}
		if err := syscall.Kill(pid, 0); !errors.Is(err, syscall.ESRCH) {
			h.t.Errorf("process %d: %v, want that it is gone", pid, err)
		}
	}
	if left, err := os.ReadDir(dir); err != nil || len(left) > 0 {
		h.t.Errorf("left in the temporary folder: %v, %v", left, err)
	}
	if h.url != "" {
		if c, err := net.Dial("tcp", h.url[len("http://"):]); err == nil {
			h.t.Errorf("%s still accepts connections", h.url)
			c.Close()
		}
	}
}

// kill kills a process of the cluster, and returns when the cluster has reported it.
func (h *house) kill(name string) {
	h.t.Helper()
	pid, err := strconv.Atoi(h.shown.await(h.t, 1, `(?m)^`+name+` .*  kill (\d+) `)[0][1])
	if err != nil {
		h.t.Fatal(err)
	}
	if err := syscall.Kill(pid, syscall.SIGKILL); err != nil {
		h.t.Fatal(err)
	}
	h.shown.await(h.t, 1, `(?m)^`+name+` has ended: signal: killed$`)
}

// revive restarts a killed process, and returns when it runs.
func (h *house) revive(name string) {
	h.t.Helper()
	h.again <- struct{}{}
	h.shown.await(h.t, 1, `(?m)^`+name+` is back at \S+, pid \d+$`)
}
