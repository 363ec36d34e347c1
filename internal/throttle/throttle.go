// Package throttle limits how many log lines a repeated event writes.
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

// Window is the time in which a kind writes at most one line.
const Window = time.Minute

// maxKinds limits the kinds that are remembered. Beyond it, all new kinds with the same text count as one.
const maxKinds = 1024

// Kind identifies repeated lines: those with the same text and the same detail. A detail must not be copied from a
// client or another node, because each new one writes a line.
type Kind struct {
	Text, Detail string

	// Counted adds the attribute "count" to every line, even if it is 1.
	Counted bool
}

// Log writes lines to a logger: the first line of each kind at once, then at most one each Window. A line for several
// occurrences has their number in the attribute "count" and the attributes of the newest one. Suppressed occurrences
// are written when the window ends, or by Flush. At level debug every occurrence is written.
//
// Its methods may be called concurrently.
type Log struct {
	logger *slog.Logger

	mu      sync.Mutex
	kinds   map[Kind]*state
	flushed bool // no more timers are started
}

// state is the state of one kind.
type state struct {
	kind  Kind
	until time.Time // end of the window
	count int       // occurrences since the last line
	level slog.Level
	attrs []any       // of the newest occurrence
	timer *time.Timer // runs while count is not zero, else nil

	variants      []string // texts seen by Variant since variantsSince
	variantsSince time.Time
}

// New returns a Log that writes to logger.
func New(logger *slog.Logger) *Log { return &Log{logger: logger, kinds: map[Kind]*state{}} }

// Log counts n occurrences of a kind. It writes a line if the window of the kind has ended.
func (l *Log) Log(ctx context.Context, level slog.Level, kind Kind, n int, attrs ...any) {
	l.mu.Lock()
	s := l.state(kind)
	s.level = level
	if l.suppress(s, n) {
		s.attrs = errorTexts(attrs)
		l.mu.Unlock()
		if l.logger.Enabled(ctx, slog.LevelDebug) {
			l.logger.Log(ctx, slog.LevelDebug, kind.Text, attrs...)
		}
		return
	}
	count := s.begin() + n
	s.attrs = errorTexts(attrs)
	l.mu.Unlock()
	l.line(ctx, level, kind, count, attrs)
}

func (l *Log) line(ctx context.Context, level slog.Level, kind Kind, count int, attrs []any) {
	if count > 1 || kind.Counted {
		attrs = append(slices.Clip(attrs), "count", count)
	}
	l.logger.Log(ctx, level, kind.Text, attrs...)
}

// maxVariants is how many texts of one kind are distinguished within a window, maxVariantBytes how much of each is
// compared.
const maxVariants, maxVariantBytes = 4, 256

// Variant returns a separate kind for each of the first four texts of a kind within a window, and the kind itself for
// further texts. So different errors of one handler are logged at once, but texts that contain input of clients still
// write few lines.
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

// Skip counts n occurrences and returns true while the window of the kind lasts. The next line then has the attributes
// of the line before it. So callers on a hot path need not build attributes. If it returns false, call Log.
func (l *Log) Skip(kind Kind, n int) bool {
	l.mu.Lock()
	defer l.mu.Unlock()
	s := l.kinds[kind]
	return s != nil && l.suppress(s, n)
}

// Flush writes the suppressed occurrences. It stops all timers: later occurrences are written with the next line of
// their kind, or by the next Flush.
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

// state returns the state of a kind. The caller holds mu.
func (l *Log) state(kind Kind) *state {
	if s := l.kinds[kind]; s != nil {
		return s
	}
	if len(l.kinds) >= maxKinds {
		l.evict()
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

// evict removes kinds whose window has ended and that have no suppressed occurrences. The caller holds mu.
func (l *Log) evict() {
	now := time.Now()
	for kind, s := range l.kinds {
		if s.count == 0 && !now.Before(s.until) && now.Sub(s.variantsSince) >= Window {
			delete(l.kinds, kind)
		}
	}
}

// suppress counts occurrences for the end of the window. If the window has ended, it counts nothing and returns false. The
// caller holds mu.
func (l *Log) suppress(s *state, n int) bool {
	left := time.Until(s.until)
	if left <= 0 {
		return false
	}
	s.count += n
	if s.timer == nil && !l.flushed {
		s.timer = time.AfterFunc(left, func() { l.expire(s) })
	}
	return true
}

// begin starts a window and returns the count for its line.
func (s *state) begin() (count int) {
	count, s.count = s.count, 0
	s.until = time.Now().Add(Window)
	if s.timer != nil {
		s.timer.Stop()
		s.timer = nil
	}
	return count
}

// expire runs when a kind's timer ends. A logger that panics must not end the process there.
func (l *Log) expire(s *state) {
	defer func() { _ = recover() }()
	l.write(s)
}

// write writes a line for the suppressed occurrences of a kind.
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

// errorTexts replaces errors by their texts: attributes that wait must neither change nor keep other memory alive.
func errorTexts(attrs []any) []any {
	attrs = slices.Clone(attrs)
	for i, a := range attrs {
		if err, ok := a.(error); ok {
			attrs[i] = err.Error()
		}
	}
	return attrs
}

// maxDepth limits how many wrapped errors Types visits.
const maxDepth = 8

// Types lists the Go types of an error and of the errors it wraps. The number of types in a program is limited, unlike
// that of error texts, so the result may be the detail of a Kind.
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
