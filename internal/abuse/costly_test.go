//go:build abuse && unix

package abuse_test

import (
	"bytes"
	"cmp"
	"fmt"
	"io"
	"log/slog"
	"maps"
	"math"
	"slices"
	"strings"
	"syscall"
	"testing"
	"time"

	"github.com/chanx-go/chanx"
)

// costly returns frames of about this size that try to take more time than reading them.
func costly(size int) map[string]string {
	fill := func(s string) string { return strings.Repeat(s, size/len(s)) }
	names := func(value string) string {
		return list(size/16, func(i int) string { return fmt.Sprintf(`"%06x":%s`, i*7919, value) })
	}
	return map[string]string{
		"members of the frame":     `{"action":"ask",` + names("1") + `}`,
		"members before action":    `{` + names("1") + `,"action":"mirror","payload":{}}`,
		"the same member last":     `{` + names("1") + `,"000000":1}`,
		"members of a map":         message("mirror", `{`+names("null")+`}`),
		"members that are wrong":   message("form", `{"counts":{`+names(`""`)+`}}`),
		"members all alike":        message("mirror", `{`+list(int(math.Sqrt(2*float64(size)))-6, func(i int) string { return `"` + strings.Repeat("a", i) + `":1` })+`}`),
		"escapes":                  message("ask", `{"Text":"`+fill(`\u0041`)+`"}`),
		"nesting":                  message("mirror", `{"a":`+fill("[")+`}`),
		"nesting that is allowed":  message("mirror", `{"a":[`+list(size/60, func(int) string { return strings.Repeat("[", 28) + strings.Repeat("]", 28) })+`]}`),
		"many empty lists":         message("mirror", `{"a":[`+list(size/3, func(int) string { return "[]" })+`]}`),
		"digits":                   message("mirror", `{"a":`+fill("9")+`}`),
		"digits of an exponent":    message("mirror", `{"a":1e`+fill("9")+`}`),
		"digits behind the point":  message("mirror", `{"a":0.`+fill("0")+`1}`),
		"spaces":                   fill(" ") + message("ask", `{"Text":""}`),
		"an action":                message(fill("x"), `{}`),
		"an action that is a list": `{"action":[` + list(size/3, func(int) string { return "{}" }) + `]}`,
		"a ref":                    `{"ref":"` + fill("x") + `","action":"ask"}`,
		"half a cancel":            message(fill("chanx.cancel"), `{}`),
		"groups that have no name": message("visit", `{"Leave":[],"Join":[`+list(size/3, func(int) string { return `""` })+`]}`),
		"groups that are too many": message("visit", `{"Leave":[],"Join":[`+list(size/9, func(i int) string { return fmt.Sprintf(`"%06x"`, i) })+`]}`),
		"groups that are left":     message("visit", `{"Join":[],"Leave":[`+list(size/9, func(i int) string { return fmt.Sprintf(`"%06x"`, i) })+`]}`),
	}
}

// TestCostlyFrames: the processor time of a frame is proportional to its length. A frame nearly as long as
// MaxMessageBytes takes about as long as the same bytes in eight frames; quadratic time would take eight times as long.
// The logger formats its lines, because formatting can be costly too.
func TestCostlyFrames(t *testing.T) {
	const size, parts, rounds = 60_000, 8, 3
	const worst, slack = 3, 20 * time.Millisecond // slack is for the garbage collector
	f := build(t, plan{ServerOptions: chanx.ServerOptions{Logger: slog.New(slog.NewTextHandler(io.Discard, nil))}})
	whole, part := costly(size), costly(size/parts)
	names := slices.Sorted(maps.Keys(whole))
	f.during(ends{1000: len(names)}, func() {
		f.crowd(len(names), func(i int) error {
			r, err := f.enter("/ws")
			if err == nil {
				err = r.takes(whole[names[i]], 1)
			}
			if err != nil {
				return fmt.Errorf("%s: %w", names[i], err)
			}
			return r.leave()
		})
	})
	once, apart := map[string]time.Duration{}, map[string]time.Duration{}
	for _, name := range names {
		r, err := f.enter("/ws")
		for range rounds {
			if err != nil {
				t.Fatalf("%s: %v", name, err)
			}
			begin := processorTime(t)
			err = r.takes(whole[name], 1)
			between := processorTime(t)
			if err == nil {
				err = r.takes(part[name], parts)
			}
			once[name] = min(cmp.Or(once[name], math.MaxInt64), between-begin)
			apart[name] = min(cmp.Or(apart[name], math.MaxInt64), processorTime(t)-between)
		}
		if err := r.leave(); err != nil {
			t.Errorf("%s: %v", name, err)
		}
	}
	for _, name := range slices.SortedFunc(maps.Keys(once), func(a, b string) int { return cmp.Compare(once[b], once[a]) }) {
		t.Logf("%s: %v, in %d frames %v", name, once[name].Round(time.Microsecond), parts, apart[name].Round(time.Microsecond))
		if once[name] > worst*apart[name]+slack {
			t.Errorf("%s takes more than %d × the time of %d frames of the same length together", name, worst, parts)
		}
	}
}

// takes sends a message several times, and returns when the server has handled all of them.
func (r *raider) takes(m string, times int) error {
	if err := r.say(bytes.Repeat(append(text(m), text(message("ping", "null"))...), times)); err != nil {
		return err
	}
	for pongs := 0; pongs < times; {
		_, got, err := r.next()
		if err != nil {
			return err
		}
		if got == `{"action":"pong"}` {
			pongs++
		}
	}
	return nil
}

// processorTime is the processor time of this process so far, on all processors. Unlike wall time it hardly depends on
// the load of the machine.
func processorTime(t *testing.T) time.Duration {
	t.Helper()
	var u syscall.Rusage
	if err := syscall.Getrusage(syscall.RUSAGE_SELF, &u); err != nil {
		t.Fatal(err)
	}
	return time.Duration(u.Utime.Nano() + u.Stime.Nano())
}
