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

// watch guards what servers tell a case, and lets it wait for that. Its methods may be called concurrently.
type watch struct {
	mu      *sync.Mutex
	changed *sync.Cond
}

func newWatch() watch {
	mu := &sync.Mutex{}
	return watch{mu, sync.NewCond(mu)}
}

// tell changes what is guarded.
func (w *watch) tell(change func()) {
	w.mu.Lock()
	defer w.mu.Unlock()
	change()
	w.changed.Broadcast()
}

// within waits for a condition on what is guarded, and reports whether it came true in time.
func (w *watch) within(limit time.Duration, met func() bool) bool {
	late := false
	timer := time.AfterFunc(limit, func() { w.tell(func() { late = true }) })
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

// journal keeps what a node logs.
type journal struct {
	*watch
	lines []string
}

func (j *journal) Enabled(context.Context, slog.Level) bool { return true }
func (j *journal) WithAttrs([]slog.Attr) slog.Handler       { return j }
func (j *journal) WithGroup(string) slog.Handler            { return j }

func (j *journal) Handle(_ context.Context, r slog.Record) error {
	line := fmt.Sprintf("%s %s", r.Level, r.Message)
	r.Attrs(func(a slog.Attr) bool {
		line += " " + a.String()
		return true
	})
	j.tell(func() { j.lines = append(j.lines, line) })
	return nil
}

func (j *journal) all() []string {
	j.mu.Lock()
	defer j.mu.Unlock()
	return slices.Clone(j.lines)
}

// statuses counts what is logged of the layer that is up, or down. The caller holds mu.
func (j *journal) statuses(up bool) (n int) {
	for _, line := range j.lines {
		if strings.Contains(line, "channel layer up="+fmt.Sprint(up)+" ") {
			n++
		}
	}
	return n
}
