package chanx_test

import (
	"context"
	"fmt"
	"log/slog"
	"slices"
	"strings"
	"sync"
	"testing"
)

// logRecorder is a slog.Handler that records log lines, without the attributes that differ between runs.
type logRecorder struct {
	mu    sync.Mutex
	lines []string
}

var unstable = []string{"conn", "stack", "pattern"}

func (l *logRecorder) Enabled(context.Context, slog.Level) bool { return true }
func (l *logRecorder) WithAttrs([]slog.Attr) slog.Handler       { return l }
func (l *logRecorder) WithGroup(string) slog.Handler            { return l }

func (l *logRecorder) Handle(_ context.Context, r slog.Record) error {
	line := r.Level.String() + " " + strings.TrimPrefix(r.Message, "chanx: ")
	r.Attrs(func(a slog.Attr) bool {
		if !slices.Contains(unstable, a.Key) {
			line += fmt.Sprintf(" %s=%v", a.Key, a.Value)
		}
		return true
	})
	l.mu.Lock()
	defer l.mu.Unlock()
	l.lines = append(l.lines, line)
	return nil
}

// take returns the lines since the last call.
func (l *logRecorder) take() []string {
	l.mu.Lock()
	defer l.mu.Unlock()
	lines := l.lines
	l.lines = nil
	return lines
}

// warnings returns the lines above level debug.
func warnings(lines []string) []string {
	return slices.DeleteFunc(lines, func(line string) bool { return strings.HasPrefix(line, "DEBUG ") })
}

// occurrences returns the number of occurrences that a log line reports.
func occurrences(line string) int {
	n := 1
	if i := strings.LastIndex(line, " count="); i >= 0 {
		fmt.Sscan(line[i+len(" count="):], &n)
	}
	return n
}

// expectOften checks the throttled log lines about something that happened that many times within a minute: each kind has at
// most two lines, and the counts of the lines that begin with a text add up to times.
func expectOften(t *testing.T, name string, log *logRecorder, times int, texts ...string) {
	t.Helper()
	lines := warnings(log.take())
	if len(lines) > 2*len(texts) {
		t.Errorf("%s: %d lines, want at most %d:\n%s", name, len(lines), 2*len(texts), strings.Join(lines[:min(len(lines), 20)], "\n"))
	}
	for _, text := range texts {
		n := 0
		for _, line := range lines {
			if strings.HasPrefix(line, text) {
				n += occurrences(line)
			}
		}
		if n != times {
			t.Errorf("%s: the lines %q count %d, want %d:\n%s", name, text, n, times, strings.Join(lines[:min(len(lines), 20)], "\n"))
		}
	}
}
