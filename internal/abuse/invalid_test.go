//go:build abuse

package abuse_test

import (
	"encoding/json"
	"fmt"
	"slices"
	"strings"
	"testing"
	"unicode/utf8"

	"github.com/gobwas/ws"

	"github.com/chanx-go/chanx"
)

// list returns n elements made by item, with commas between.
func list(n int, item func(i int) string) string {
	all := make([]string, n)
	for i := range all {
		all[i] = item(i)
	}
	return strings.Join(all, ",")
}

// TestErrorsOfHugeKeys: a frame with as many errors as fit, each with a huge key in its path, is answered with
// MaxErrors items whose paths are cut at 64 code points.
func TestErrorsOfHugeKeys(t *testing.T) {
	const raiders, each, maxErrors, maxPoints = 20, 8, 20, 64
	f := build(t, plan{})
	keys := map[string]string{
		"long":     strings.Repeat("x", 1500),
		"wide":     strings.Repeat("\U0001F600", 380),
		"escaped":  strings.Repeat(`\u0001`, 250),
		"combined": strings.Repeat(`e\u0301`, 210),
	}
	names := []string{"long", "wide", "escaped", "combined"}
	sizes := make([]int, len(names))
	f.during(ends{1000: raiders}, func() {
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

// TestFloodsOfInvalidFrames: MaxInvalid frames, 100 by default, are answered within a minute. One more is answered too,
// and ends the connection. Later frames are not even decoded.
func TestFloodsOfInvalidFrames(t *testing.T) {
	const raiders, most = 100, 100
	f := build(t, plan{})
	frames := [][]byte{
		text(""), text("{"), text("[]"), text("{}"), text(`{"action":"ask"}`), text(`{"action":"none"}`), text(`{"action":"ask","action":"ask"}`),
		text(`{"action":"ask","payload":{"Text":"x"},"ref":1}`), text(`{"action":"ask","payload":{"Text":"\ud800"}}`),
		frame(ws.OpBinary, true, "\x00\xff"), text(strings.Repeat("[", 1000)), text(message("form", `{"counts":{"a":{"b":1e999}}}`)),
	}
	f.during(ends{1008: raiders}, func() {
		f.crowd(raiders, func(i int) error {
			r, err := f.enter("/ws")
			if err != nil {
				return err
			}
			said := make(chan error, 1)
			go func() {
				var b []byte
				for k := range 3 * most {
					b = append(b, frames[(i+k)%len(frames)]...)
				}
				said <- r.say(b)
			}()
			texts, err := r.ends(ws.StatusPolicyViolation)
			if bad := slices.IndexFunc(texts, func(s string) bool { return !strings.HasPrefix(s, `{"action":"error","payload":[{"type":`) }); bad >= 0 {
				return fmt.Errorf("answered with %s", texts[bad])
			}
			if err == nil && len(texts) != most+1 {
				return fmt.Errorf("%d errors were sent, want %d", len(texts), most+1)
			}
			<-said // an error means that the connection ended first
			return err
		})
	})
	if s := f.seen.sees(); s.invalid != raiders*(most+1) || len(s.handled) != 2 {
		t.Errorf("saw %+v", s)
	}
}
