// Package throttle bounds how many log lines a repeating event can write.
package throttle

import (
	"cmp"
	"context"
	"errors"
	"log/slog"
	"reflect"
	"slices"
	"strings"
	"sync"
	"time"
)

// Window is the time in which one kind writes at most one line.
const Window = time.Minute

// maxKinds bounds the kinds that are remembered. Beyond it, all kinds with the same text count as one.
const maxKinds = 1024

// Kind identifies lines that repeat each other: those with the same text and the same detail. Details must not come from
// a client or another node as they are, because each new one writes a line.
type Kind struct {
	Text, Detail string

	// Counted lines have the attribute "count" even if it is 1.
	Counted bool
}

// Log writes lines to a logger: of each kind the first one at once, then at most one each Window. A line that stands for
// several occurrences has their number as its attribute "count". What has been counted is written when the window ends,
// or by Flush, with the attributes of the newest occurrence. At level debug every occurrence is written.
//
// Its methods may be called concurrently.
type Log struct {
	logger *slog.Logger

	mu      sync.Mutex
	kinds   map[Kind]*state
	flushed bool // no timer is started any more
}

// state is what is known of one kind.
type state struct {
	kind  Kind
	until time.Time // end of the window
	count int       // occurrences since the last line
	level slog.Level
	attrs []any       // of the newest occurrence
	timer *time.Timer // runs while count is not zero; nil if it does not

	variants      []string // of Variant: since when there was none
	variantsSince time.Time
}

// New returns a Log that writes to logger.
func New(logger *slog.Logger) *Log { return &Log{logger: logger, kinds: map[Kind]*state{}} }

// Log counts n occurrences of a kind and writes a line if one is due.
func (l *Log) Log(ctx context.Context, level slog.Level, kind Kind, n int, attrs ...any) {
	l.mu.Lock()
	s := l.state(kind)
	s.level = level
	held := l.hold(s, n)
	if held {
		s.attrs = texts(attrs)
		l.mu.Unlock()
		if l.logger.Enabled(ctx, slog.LevelDebug) {
			l.logger.Log(ctx, slog.LevelDebug, kind.Text, attrs...)
		}
		return
	}
	count := s.begin()
	s.attrs = texts(attrs)
	l.mu.Unlock()
	l.line(ctx, level, kind, count, attrs)
}

func (l *Log) line(ctx context.Context, level slog.Level, kind Kind, count int, attrs []any) {
	if count > 1 || kind.Counted {
		attrs = append(slices.Clip(attrs), "count", count)
	}
	l.logger.Log(ctx, level, kind.Text, attrs...)
}

// maxVariants is how many texts of one kind are told apart within a window, and maxVariantBytes how much of each.
const maxVariants, maxVariantBytes = 4, 256

// Variant returns a kind of its own for one of the first four texts of a kind within a window, and the kind itself for
// any further one. So different errors of one handler are seen at once, and texts that contain what a client has sent
// write few lines all the same.
func (l *Log) Variant(kind Kind, text string) Kind {
	text = text[:min(len(text), maxVariantBytes)]
	l.mu.Lock()
	defer l.mu.Unlock()
	s := l.state(kind)
	if now := time.Now(); now.Sub(s.variantsSince) >= Window {
		s.variants, s.variantsSince = nil, now
	}
	if !slices.Contains(s.variants, text) {
		if len(s.variants) == maxVariants {
			return kind
		}
		s.variants = append(s.variants, text)
	}
	kind.Detail += "\x00" + text
	return kind
}

// Skip reports whether no line is due. Then it has counted n occurrences, and the next line has the attributes of the
// line before it. It spares callers on a hot path to make attributes.
func (l *Log) Skip(kind Kind, n int) bool {
	l.mu.Lock()
	defer l.mu.Unlock()
	s := l.kinds[kind]
	if s == nil || !time.Now().Before(s.until) {
		return false
	}
	return l.hold(s, n)
}

// Flush writes what has been counted. Afterwards no timer is left: what is counted later is written with the next line
// of its kind, or by the next Flush.
func (l *Log) Flush() {
	l.mu.Lock()
	l.flushed = true
	var all []*state
	for _, s := range l.kinds {
		if s.timer != nil {
			s.timer.Stop()
			s.timer = nil
		}
		if s.count > 0 {
			all = append(all, s)
		}
	}
	l.mu.Unlock()
	slices.SortFunc(all, func(a, b *state) int {
		return cmp.Or(cmp.Compare(a.kind.Text, b.kind.Text), cmp.Compare(a.kind.Detail, b.kind.Detail))
	})
	for _, s := range all {
		l.write(s)
	}
}

// state returns that of a kind. The caller holds mu.
func (l *Log) state(kind Kind) *state {
	if s := l.kinds[kind]; s != nil {
		return s
	}
	if len(l.kinds) >= maxKinds {
		l.forget()
	}
	if len(l.kinds) >= maxKinds {
		kind.Detail = "other"
		if s := l.kinds[kind]; s != nil {
			return s
		}
	}
	s := &state{kind: kind}
	l.kinds[kind] = s
	return s
}

// forget removes kinds whose window has ended and of which nothing is to be written.
func (l *Log) forget() {
	now := time.Now()
	for kind, s := range l.kinds {
		if s.count == 0 && !now.Before(s.until) && now.Sub(s.variantsSince) >= Window {
			delete(l.kinds, kind)
		}
	}
}

// hold counts occurrences and reports whether they have to wait for the end of the window. The caller holds mu.
func (l *Log) hold(s *state, n int) bool {
	s.count += n
	left := time.Until(s.until)
	if left <= 0 {
		return false
	}
	if s.timer == nil && !l.flushed {
		s.timer = time.AfterFunc(left, func() { l.expire(s) })
	}
	return true
}

// begin begins a window and returns the count for its line.
func (s *state) begin() (count int) {
	count, s.count = s.count, 0
	s.until = time.Now().Add(Window)
	if s.timer != nil {
		s.timer.Stop()
		s.timer = nil
	}
	return count
}

// expire is called by a kind's timer. A logger that panics must not end the process from there.
func (l *Log) expire(s *state) {
	defer func() { _ = recover() }()
	l.write(s)
}

// write writes what has been counted of a kind.
func (l *Log) write(s *state) {
	l.mu.Lock()
	if s.count == 0 {
		l.mu.Unlock()
		return
	}
	level, attrs, count := s.level, s.attrs, s.begin()
	l.mu.Unlock()
	l.line(context.Background(), level, s.kind, count, attrs)
}

// texts replaces errors by their texts, so that what waits keeps nothing alive and does not change.
func texts(attrs []any) []any {
	attrs = slices.Clone(attrs)
	for i, a := range attrs {
		if err, ok := a.(error); ok {
			attrs[i] = err.Error()
		}
	}
	return attrs
}

// maxDepth bounds how many wrapped errors Types looks at.
const maxDepth = 8

// Types lists the Go types of an error and of what it wraps. Texts of errors may contain anything, the number of their
// types is bounded by the program: so it can be the detail of a Kind.
func Types(err error) string {
	var b strings.Builder
	for range maxDepth {
		if err == nil {
			break
		}
		b.WriteByte(' ')
		b.WriteString(reflect.TypeOf(err).String())
		if many, ok := err.(interface{ Unwrap() []error }); ok {
			all := many.Unwrap()
			if len(all) == 0 {
				break
			}
			err = all[0]
			continue
		}
		err = errors.Unwrap(err)
	}
	return b.String()
}
