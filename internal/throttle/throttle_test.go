package throttle_test

import (
	"bytes"
	"context"
	"errors"
	"fmt"
	"io"
	"log/slog"
	"strings"
	"sync"
	"sync/atomic"
	"testing"
	"testing/synctest"
	"time"

	"github.com/chanx-go/chanx/internal/throttle"
)

// lines is a logger's output. It may be read while the logger writes.
type lines struct {
	mu sync.Mutex
	b  bytes.Buffer
}

func (l *lines) Write(p []byte) (int, error) {
	l.mu.Lock()
	defer l.mu.Unlock()
	return l.b.Write(p)
}

func (l *lines) take() string {
	l.mu.Lock()
	defer l.mu.Unlock()
	defer l.b.Reset()
	return strings.TrimSpace(l.b.String())
}

func newLog(level slog.Level) (*throttle.Log, *lines) {
	out := &lines{}
	h := slog.NewTextHandler(out, &slog.HandlerOptions{Level: level, ReplaceAttr: func(_ []string, a slog.Attr) slog.Attr {
		if a.Key == slog.TimeKey {
			return slog.Attr{}
		}
		return a
	}})
	return throttle.New(slog.New(h)), out
}

func expect(t *testing.T, out *lines, want ...string) {
	t.Helper()
	if got := out.take(); got != strings.Join(want, "\n") {
		t.Errorf("logged\n%s\nwant\n%s", got, strings.Join(want, "\n"))
	}
}

var (
	ctx    = context.Background()
	failed = throttle.Kind{Text: "failed", Detail: "a"}
	lost   = throttle.Kind{Text: "lost", Counted: true}
)

func TestOneLinePerWindowWithTheCount(t *testing.T) {
	synctest.Test(t, func(t *testing.T) {
		l, out := newLog(slog.LevelInfo)
		for i := range 1000 {
			l.Log(ctx, slog.LevelError, failed, 1, "error", fmt.Errorf("number %d", i))
		}
		l.Log(ctx, slog.LevelWarn, throttle.Kind{Text: "failed", Detail: "b"}, 1)
		l.Log(ctx, slog.LevelWarn, lost, 7)
		expect(t, out, `level=ERROR msg=failed error="number 0"`, `level=WARN msg=failed`, `level=WARN msg=lost count=7`)

		time.Sleep(throttle.Window - 1) // in a bubble
		synctest.Wait()
		expect(t, out)
		time.Sleep(time.Nanosecond) // in a bubble
		synctest.Wait()
		expect(t, out, `level=ERROR msg=failed error="number 999" count=999`)

		l.Log(ctx, slog.LevelError, failed, 1, "error", "again") // the line at the end of the window started a new window
		expect(t, out)
		time.Sleep(throttle.Window) // in a bubble
		synctest.Wait()
		expect(t, out, `level=ERROR msg=failed error=again`)

		time.Sleep(2 * throttle.Window) // in a bubble
		l.Log(ctx, slog.LevelError, failed, 1, "error", "later")
		expect(t, out, `level=ERROR msg=failed error=later`)
	})
}

func TestSkipCountsIntoTheNextLine(t *testing.T) {
	synctest.Test(t, func(t *testing.T) {
		l, out := newLog(slog.LevelInfo)
		if l.Skip(lost, 1) {
			t.Error("Skip suppresses the first occurrence")
		}
		l.Log(ctx, slog.LevelWarn, lost, 2, "what", "frames")
		for range 10 {
			if !l.Skip(lost, 3) {
				t.Error("Skip does not suppress within the window")
			}
		}
		expect(t, out, "level=WARN msg=lost what=frames count=2")
		time.Sleep(throttle.Window) // in a bubble
		synctest.Wait()
		expect(t, out, "level=WARN msg=lost what=frames count=30")
	})
}

func TestFlushWritesSuppressedOccurrences(t *testing.T) {
	synctest.Test(t, func(t *testing.T) {
		l, out := newLog(slog.LevelInfo)
		for range 3 {
			l.Log(ctx, slog.LevelWarn, lost, 1)
			l.Log(ctx, slog.LevelError, failed, 1)
		}
		out.take()
		l.Flush()
		expect(t, out, "level=ERROR msg=failed count=2", "level=WARN msg=lost count=2")
		l.Flush()
		expect(t, out)

		l.Log(ctx, slog.LevelError, failed, 1)
		time.Sleep(2 * throttle.Window) // in a bubble
		synctest.Wait()
		expect(t, out) // Flush has stopped all timers
		l.Log(ctx, slog.LevelError, failed, 1)
		expect(t, out, "level=ERROR msg=failed count=2")
	})
}

func TestEveryOccurrenceIsWrittenAtLevelDebug(t *testing.T) {
	l, out := newLog(slog.LevelDebug)
	for i := range 3 {
		l.Log(ctx, slog.LevelError, failed, 1, "n", i)
	}
	l.Flush()
	expect(t, out, "level=ERROR msg=failed n=0", "level=DEBUG msg=failed n=1", "level=DEBUG msg=failed n=2",
		"level=ERROR msg=failed n=2 count=2")
}

// TestKindsAreBounded: beyond 1024 kinds, further kinds with the same text count as one until some windows have ended.
func TestKindsAreBounded(t *testing.T) {
	synctest.Test(t, func(t *testing.T) {
		l, out := newLog(slog.LevelInfo)
		for i := range 3000 {
			l.Log(ctx, slog.LevelError, throttle.Kind{Text: "failed", Detail: fmt.Sprint(i)}, 1)
		}
		if n := strings.Count(out.take(), "\n") + 1; n != 1025 {
			t.Errorf("%d lines for 3000 kinds", n)
		}
		l.Flush()
		expect(t, out, "level=ERROR msg=failed count=1975")
		time.Sleep(throttle.Window) // in a bubble
		l.Log(ctx, slog.LevelError, throttle.Kind{Text: "failed", Detail: "new"}, 1)
		expect(t, out, "level=ERROR msg=failed")
	})
}

// TestDifferentTextsAreWrittenAtOnce, but at most four of one kind.
func TestDifferentTextsAreWrittenAtOnce(t *testing.T) {
	synctest.Test(t, func(t *testing.T) {
		l, out := newLog(slog.LevelInfo)
		say := func(text string) {
			l.Log(ctx, slog.LevelError, l.Variant(failed, text), 1, "error", text)
		}
		say("no such table")
		for range 10 {
			say("timeout")
		}
		expect(t, out, `level=ERROR msg=failed error="no such table"`, `level=ERROR msg=failed error=timeout`)
		for i := range 1000 {
			say(fmt.Sprint(i))
		}
		expect(t, out, "level=ERROR msg=failed error=0", "level=ERROR msg=failed error=1", "level=ERROR msg=failed error=2")
		l.Flush()
		expect(t, out, "level=ERROR msg=failed error=999 count=997", "level=ERROR msg=failed error=timeout count=9")
		time.Sleep(throttle.Window) // in a bubble
		say("new")
		expect(t, out, "level=ERROR msg=failed error=new")
	})
}

// TestALoggerThatPanicsDoesNotEndTheProcess when a timer writes the line.
func TestALoggerThatPanicsDoesNotEndTheProcess(t *testing.T) {
	synctest.Test(t, func(t *testing.T) {
		w := &failing{}
		l := throttle.New(slog.New(slog.NewTextHandler(w, nil)))
		l.Log(ctx, slog.LevelError, failed, 1)
		l.Log(ctx, slog.LevelError, failed, 1)
		w.fails.Store(true)
		time.Sleep(throttle.Window) // in a bubble
		synctest.Wait()
	})
}

type failing struct{ fails atomic.Bool }

func (f *failing) Write(p []byte) (int, error) {
	if f.fails.Load() {
		panic("the disk is full")
	}
	return len(p), nil
}

func TestNoCountIsLostUnderConcurrency(t *testing.T) {
	out := &lines{}
	l := throttle.New(slog.New(slog.NewTextHandler(out, nil)))
	var wg sync.WaitGroup
	for range 8 {
		wg.Go(func() {
			for range 500 {
				if !l.Skip(lost, 1) {
					l.Log(ctx, slog.LevelWarn, lost, 1)
				}
			}
		})
	}
	wg.Wait()
	l.Flush()
	sum := 0
	for line := range strings.Lines(out.take()) {
		_, count, _ := strings.Cut(line, "count=")
		n := 0
		if _, err := fmt.Sscan(count, &n); err != nil {
			t.Fatal(err)
		}
		sum += n
	}
	if sum != 4000 {
		t.Errorf("%d of 4000 are counted", sum)
	}
}

type coded struct{ error }

func (c coded) Unwrap() error { return c.error }

func TestTypesDoNotDependOnTexts(t *testing.T) {
	a := fmt.Errorf("read %q: %w", "a", coded{io.EOF})
	if got, want := throttle.Types(a), " *fmt.wrapError throttle_test.coded *errors.errorString"; got != want {
		t.Errorf("got %q, want %q", got, want)
	}
	if got, want := throttle.Types(errors.Join(coded{nil}, a)), " *errors.joinError throttle_test.coded"; got != want {
		t.Errorf("got %q, want %q", got, want)
	}
	deep := io.EOF
	for range 100 {
		deep = coded{deep}
	}
	if got := len(strings.Fields(throttle.Types(deep))); got != 8 {
		t.Errorf("%d types are listed", got)
	}
}
