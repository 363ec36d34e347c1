package main

import (
	"bytes"
	"fmt"
	"io"
	"sync"
)

// screen shows lines of several writers, each whole. It may be used concurrently.
type screen struct {
	mu sync.Mutex
	w  io.Writer
}

func (s *screen) say(format string, args ...any) {
	s.mu.Lock()
	defer s.mu.Unlock()
	fmt.Fprintf(s.w, format, args...) // who does not look is told nothing
}

// longestLine is how many bytes without a line end are waited for.
const longestLine = 16 << 10

// herald takes what a process writes, line by line.
type herald struct {
	process *process
	screen  *screen
	address chan string // gets it when the process is ready, once

	begun []byte // of a line
	last  []byte
}

// Write implements io.Writer.
func (h *herald) Write(p []byte) (int, error) {
	h.begun = append(h.begun, p...)
	for {
		line, others, found := bytes.Cut(h.begun, []byte("\n"))
		if !found && len(line) < longestLine {
			return len(p), nil
		}
		h.tell(line)
		h.begun = others
	}
}

func (h *herald) tell(line []byte) {
	h.last = line
	if h.process.talks {
		h.screen.say("%s | %s\n", h.process.name, line)
	}
	if address, ok := h.process.ready(string(line)); ok {
		select {
		case h.address <- address:
		default: // it says so again, or something that looks like it
		}
	}
}
