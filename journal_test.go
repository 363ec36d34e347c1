package chanx_test

import (
	"context"
	"fmt"
	"log/slog"
	"slices"
	"strings"
	"sync"
)

// journal is a slog.Handler that keeps the lines of the log, without the attributes that differ between runs.
type journal struct {
	mu    sync.Mutex
	lines []string
}

var unstable = []string{"conn", "stack", "pattern"}

func (j *journal) Enabled(context.Context, slog.Level) bool { return true }
func (j *journal) WithAttrs([]slog.Attr) slog.Handler       { return j }
func (j *journal) WithGroup(string) slog.Handler            { return j }

func (j *journal) Handle(_ context.Context, r slog.Record) error {
	line := r.Level.String() + " " + strings.TrimPrefix(r.Message, "chanx: ")
	r.Attrs(func(a slog.Attr) bool {
		if !slices.Contains(unstable, a.Key) {
			line += fmt.Sprintf(" %s=%v", a.Key, a.Value)
		}
		return true
	})
	j.mu.Lock()
	defer j.mu.Unlock()
	j.lines = append(j.lines, line)
	return nil
}

// take returns the lines since the last call.
func (j *journal) take() []string {
	j.mu.Lock()
	defer j.mu.Unlock()
	lines := j.lines
	j.lines = nil
	return lines
}

// warnings returns the lines above level debug.
func warnings(lines []string) []string {
	return slices.DeleteFunc(lines, func(line string) bool { return strings.HasPrefix(line, "DEBUG ") })
}
