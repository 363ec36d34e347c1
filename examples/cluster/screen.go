package main

import (
	"bytes"
	"fmt"
	"io"
	"sync"
)

// screen prints the lines of several writers without mixing them. It may be used concurrently.
type screen struct {
	mu sync.Mutex
	w  io.Writer
}

func (s *screen) say(format string, args ...any) {
	s.mu.Lock()
	defer s.mu.Unlock()
	fmt.Fprintf(s.w, format, args...) // a failure is ignored: the output is closed
}

// longestLine is the number of bytes after which a line is printed without its end.
const longestLine = 16 << 10

// outputReader reads the output of a process line by line.
type outputReader struct {
	process *process
	screen  *screen
	address chan string // receives the address once, when the process is ready

	begun []byte // an incomplete line
	last  []byte
}

// Write implements io.Writer.
func (h *outputReader) Write(p []byte) (int, error) {
	h.begun = append(h.begun, p...)
	for {
		line, others, found := bytes.Cut(h.begun, []byte("\n"))
		if !found && len(line) < longestLine {
			return len(p), nil
		}
		h.show(line)
		h.begun = others
	}
}

func (h *outputReader) show(line []byte) {
	h.last = line
	if h.process.talks {
		h.screen.say("%s | %s\n", h.process.name, line)
	}
	if address, ok := h.process.ready(string(line)); ok {
		select {
		case h.address <- address:
		default: // a second line of that form
		}
	}
}
