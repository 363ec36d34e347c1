package nodetest

import (
	"context"
	"fmt"
	"log/slog"
	"slices"
	"strings"
	"sync"
	"time"
)

// watch guards what handlers record, and lets a case wait for it. Its methods may be called concurrently.
type watch struct {
	mu      *sync.Mutex
	changed *sync.Cond
}

func newWatch() watch {
	mu := &sync.Mutex{}
	return watch{mu, sync.NewCond(mu)}
}

// update changes guarded values.
func (w *watch) update(change func()) {
	w.mu.Lock()
	defer w.mu.Unlock()
	change()
	w.changed.Broadcast()
}

// within waits for a condition on guarded values, and reports whether it became true in time.
func (w *watch) within(limit time.Duration, met func() bool) bool {
	late := false
	timer := time.AfterFunc(limit, func() { w.update(func() { late = true }) })
	defer timer.Stop()
	w.mu.Lock()
	defer w.mu.Unlock()
	for !met() {
		if late {
			return false
		}
		w.changed.Wait()
	}
	return true
}

// logRecorder records what a node logs.
type logRecorder struct {
	*watch
	lines []string
}

func (j *logRecorder) Enabled(context.Context, slog.Level) bool { return true }
func (j *logRecorder) WithAttrs([]slog.Attr) slog.Handler       { return j }
func (j *logRecorder) WithGroup(string) slog.Handler            { return j }

func (j *logRecorder) Handle(_ context.Context, r slog.Record) error {
	line := fmt.Sprintf("%s %s", r.Level, r.Message)
	r.Attrs(func(a slog.Attr) bool {
		line += " " + a.String()
		return true
	})
	j.update(func() { j.lines = append(j.lines, line) })
	return nil
}

func (j *logRecorder) all() []string {
	j.mu.Lock()
	defer j.mu.Unlock()
	return slices.Clone(j.lines)
}

// statuses counts how often the node has logged that the layer is up, or down. The caller holds mu.
func (j *logRecorder) statuses(up bool) (n int) {
	for _, line := range j.lines {
		if strings.Contains(line, "channel layer up="+fmt.Sprint(up)+" ") {
			n++
		}
	}
	return n
}
