//go:build abuse

package abuse_test

import (
	"bytes"
	"cmp"
	"encoding/json"
	"fmt"
	"io"
	"log/slog"
	"maps"
	"slices"
	"strings"
	"testing"
	"time"
	"unicode/utf8"

	"github.com/gobwas/ws"

	"github.com/chanx-go/chanx"
)

// list is n things made by item, with commas between.
func list(n int, item func(i int) string) string {
	all := make([]string, n)
	for i := range all {
		all[i] = item(i)
	}
	return strings.Join(all, ",")
}

// TestErrorsOfHugeKeys: a frame with as many errors as fit, each in the path of a huge key, is answered with MaxErrors
// items whose paths are cut at 64 code points.
func TestErrorsOfHugeKeys(t *testing.T) {
	const raiders, each, maxErrors, maxPoints = 20, 20, 20, 64
	f := build(t, plan{})
	keys := map[string]string{
		"long":     strings.Repeat("x", 1500),
		"wide":     strings.Repeat("\U0001F600", 380),
		"escaped":  strings.Repeat(`\u0001`, 250),
		"combined": strings.Repeat(`e\u0301`, 210),
	}
	names := []string{"long", "wide", "escaped", "combined"}
	sizes := make([]int, len(names))
	f.during(func() {
		f.crowd(raiders, func(i int) error {
			key := keys[names[i%len(names)]]
			m := message("form", `{"counts":{`+list(40, func(k int) string { return fmt.Sprintf(`"%s%d":{"a":"no","b":"number"}`, key, k) })+`}}`)
			r, err := f.enter("/ws")
			if err != nil {
				return err
			}
			for range each {
				if err := r.say(text(m)); err != nil {
					return err
				}
				_, got, err := r.next()
				if err != nil {
					return err
				}
				var reply struct{ Payload []chanx.FieldError }
				if err := json.Unmarshal([]byte(got), &reply); err != nil || len(reply.Payload) != maxErrors {
					return fmt.Errorf("%d items, %w, want %d: %.300s", len(reply.Payload), err, maxErrors, got)
				}
				for _, item := range reply.Payload {
					if slices.ContainsFunc(item.Loc, func(step any) bool { return utf8.RuneCountInString(step.(string)) > maxPoints }) {
						return fmt.Errorf("a path is too long: %q", item.Loc)
					}
				}
				if i < len(names) {
					sizes[i] = len(got)
				}
			}
			return r.leave()
		})
	})
	const steps = 4                                    // payload, counts, the key, a or b
	const most = maxErrors * (steps*maxPoints*6 + 200) // a code point is at most \u0001
	for i, n := range sizes {
		t.Logf("%s keys: %d bytes are answered with %d", names[i], len(keys[names[i]])*40, n)
		if n > most {
			t.Errorf("%s keys: the answer has %d bytes, want at most %d", names[i], n, most)
		}
	}
	if s := f.seen.sees(); s.invalid != raiders*each {
		t.Errorf("%d invalid frames were counted, want %d", s.invalid, raiders*each)
	}
}

// TestFloodsOfInvalidFrames: MaxInvalid of them, 100 by default, are answered within a minute; one more is, too, and
// ends the connection. What follows is not even decoded.
func TestFloodsOfInvalidFrames(t *testing.T) {
	const raiders, most = 100, 100
	f := build(t, plan{})
	frames := [][]byte{
		text(""), text("{"), text("[]"), text("{}"), text(`{"action":"ask"}`), text(`{"action":"none"}`), text(`{"action":"ask","action":"ask"}`),
		text(`{"action":"ask","payload":{"Text":"x"},"ref":1}`), text(`{"action":"ask","payload":{"Text":"\ud800"}}`),
		frame(ws.OpBinary, true, "\x00\xff"), text(strings.Repeat("[", 1000)), text(message("form", `{"counts":{"a":{"b":1e999}}}`)),
	}
	f.during(func() {
		f.crowd(raiders, func(i int) error {
			r, err := f.enter("/ws")
			if err != nil {
				return err
			}
			said := make(chan error, 1)
			go func() {
				var b []byte
				for k := range 10 * most {
					b = append(b, frames[(i+k)%len(frames)]...)
				}
				said <- r.say(b)
			}()
			texts, err := r.ends(ws.StatusPolicyViolation)
			if bad := slices.IndexFunc(texts, func(s string) bool { return !strings.HasPrefix(s, `{"action":"error","payload":[{"type":`) }); bad >= 0 {
				return fmt.Errorf("answered with %s", texts[bad])
			}
			if err == nil && len(texts) != most+1 {
				return fmt.Errorf("%d errors were told, want %d", len(texts), most+1)
			}
			<-said // an error tells that the end came before
			return err
		})
	})
	if s := f.seen.sees(); s.closed[1008] != raiders || s.invalid != raiders*(most+1) || len(s.handled) != 2 {
		t.Errorf("saw %+v", s)
	}
}

// costly are frames of nearly MaxMessageBytes that look for what takes more time than reading them.
func costly() map[string]string {
	const size = 60_000
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
		"members all alike":        message("mirror", `{`+list(340, func(i int) string { return `"` + strings.Repeat("a", i) + `":1` })+`}`),
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

// TestCostlyFrames: no frame takes much longer than its bytes are worth. The logger writes texts, for these can be
// costly, too.
func TestCostlyFrames(t *testing.T) {
	const each = 10
	f := build(t, plan{ServerOptions: chanx.ServerOptions{Logger: slog.New(slog.NewTextHandler(io.Discard, nil))}})
	took := map[string]time.Duration{}
	f.during(func() {
		for name, m := range costly() {
			f.crowd(1, func(int) error {
				r, err := f.enter("/ws")
				if err != nil {
					return err
				}
				begin := time.Now()
				if err := r.say(bytes.Repeat(append(text(m), text(message("ping", "null"))...), each)); err != nil {
					return fmt.Errorf("%s: %w", name, err)
				}
				for pongs := 0; pongs < each; {
					_, got, err := r.next()
					if err != nil {
						return fmt.Errorf("%s: %w", name, err)
					}
					if got == `{"action":"pong"}` {
						pongs++
					}
				}
				took[name] = time.Since(begin) / each
				return r.leave()
			})
		}
	})
	for _, name := range slices.SortedFunc(maps.Keys(took), func(a, b string) int { return cmp.Compare(took[b], took[a]) }) {
		t.Logf("%s: %v", name, took[name].Round(time.Microsecond))
	}
}
