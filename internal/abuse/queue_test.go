//go:build abuse

package abuse_test

import (
	"bytes"
	"fmt"
	"slices"
	"strings"
	"testing"

	"github.com/gobwas/ws"

	"github.com/chanx-go/chanx"
)

// TestEventFlood: up to EventQueue events wait for a connection's handler. For one more the emitter waits, once for all
// connections together. Then the connections that have handled nothing end with 1013, and their events are counted as
// dropped. The other connections of the server get theirs.
func TestEventFlood(t *testing.T) {
	const raiders, queue = 50, 16
	f := build(t, plan{ServerOptions: chanx.ServerOptions{Limits: chanx.Limits{EventQueue: queue}}})
	f.during(ends{1013: raiders}, func() {
		all := make([]*raider, raiders)
		f.crowd(raiders, func(i int) (err error) {
			if all[i], err = f.enter("/ws"); err != nil {
				return err
			}
			return all[i].say(append(text(message("visit", `{"Join":["bell"],"Leave":[]}`)), text(message("hold", "null"))...))
		})
		eventually(t, "all are held", func() bool { return f.seen.sees().begun["hold"] == raiders })
		for range queue {
			if err := f.srv.Emit(t.Context(), ringEvent{}, chanx.To("bell")); err != nil {
				t.Fatal(err)
			}
		}
		f.by.rest(t, 20)
		if s := f.seen.sees(); s.ended() != 0 || f.srv.Count("bell") != raiders {
			t.Errorf("%d events may wait, but: closed %v", queue, s.closed)
		}
		if err := f.srv.Emit(t.Context(), ringEvent{}, chanx.To("bell")); err != nil {
			t.Fatal(err)
		}
		f.crowd(raiders, func(i int) error {
			_, err := all[i].ends(ws.StatusCode(1013))
			return err
		})
		close(f.gate) // running handlers finish
	})
	s := f.seen.sees()
	if s.dropped["events_overflow"] != raiders || s.dropped["events_unhandled"] != raiders*(queue+1) || s.begun["ring"] != 0 {
		t.Errorf("dropped %v, want %d events of each of %d connections; %d were handled", s.dropped, queue+1, raiders, s.begun["ring"])
	}
}

// TestFloodsOfCancels: thousands of cancels are processed as they are read, while one message is handled and others
// wait. Each message has one final frame, and messages that were not cancelled are handled. Cancels of unknown refs
// beyond the limit of remembered ones are counted.
func TestFloodsOfCancels(t *testing.T) {
	const raiders, cancels = 20, 2000
	f := build(t, plan{})
	cancel := func(ref string) []byte { return text(`{"action":"chanx.cancel","ref":"` + ref + `"}`) }
	ask := func(ref string) []byte { return text(`{"action":"ask","payload":{"Text":"x"},"ref":"` + ref + `"}`) }
	f.during(ends{1000: raiders}, func() {
		all := make([]*raider, raiders)
		f.crowd(raiders, func(i int) (err error) {
			if all[i], err = f.enter("/ws"); err != nil {
				return err
			}
			return all[i].say(text(`{"action":"hold","ref":"held"}`))
		})
		// Messages that have not begun are cancelled by remembered refs. More cancels follow than the server remembers.
		eventually(t, "all are held", func() bool { return f.seen.sees().begun["hold"] == raiders })
		f.crowd(raiders, func(i int) error {
			r := all[i]
			var b bytes.Buffer
			b.Write(ask("early"))
			b.Write(cancel("early"))
			for i := range cancels {
				b.Write(cancel(fmt.Sprintf("none %d", i)))
			}
			b.Write(ask("late"))
			b.Write(text(`{"action":"chanx.cancel","ref":""}`)) // not a cancel, and invalid too
			b.Write(cancel("held"))
			b.Write(cancel("held"))
			if err := r.say(b.Bytes()); err != nil {
				return err
			}
			got, err := r.asked(message("ask", `{"Text":"last"}`))
			want := []string{
				`{"action":"error","payload":{"reason":"cancelled","detail":"Cancelled by the client"},"ref":"held"}`,
				`{"action":"error","payload":{"reason":"cancelled","detail":"Cancelled by the client"},"ref":"early"}`,
				`{"action":"answer","payload":{"Text":"x"},"ref":"late"}`,
				message("answer", `{"Text":"last"}`),
			}
			got = slices.DeleteFunc(got, func(s string) bool { return strings.Contains(s, `"loc":["ref"]`) })
			if err != nil || !slices.Equal(got, want) {
				return fmt.Errorf("got %q, %w", got, err)
			}
			return r.leave()
		})
	})
	if s, least := f.seen.sees(), raiders*(cancels-256); s.dropped["cancels_overflow"] < least {
		t.Errorf("dropped %v, want %d cancels at least", s.dropped, least)
	}
}

// TestFloodsOfCancelledStreams: streams begin and are cancelled as fast as a client can send. Each ends once, and frees
// its place for the next one.
func TestFloodsOfCancelledStreams(t *testing.T) {
	const raiders, each = 4, 50
	f := build(t, plan{})
	f.during(ends{1000: raiders}, func() {
		f.crowd(raiders, func(int) error {
			r, err := f.enter("/ws")
			if err != nil {
				return err
			}
			for n := range each {
				both := text(fmt.Sprintf(`{"action":"pour","payload":{"Bytes":10},"ref":"%d"}`, n))
				both = append(both, text(fmt.Sprintf(`{"action":"chanx.cancel","ref":"%d"}`, n))...)
				if err := r.say(both); err != nil {
					return err
				}
				for done := false; !done; {
					_, got, err := r.next()
					if err != nil || !strings.HasSuffix(got, fmt.Sprintf(`"ref":"%d"}`, n)) {
						return fmt.Errorf("stream %d: got %s, %w", n, got, err)
					}
					if done = strings.HasPrefix(got, `{"action":"complete"`); !done && !strings.HasPrefix(got, `{"action":"drop"`) {
						return fmt.Errorf("stream %d: got %s", n, got)
					}
				}
			}
			return r.leave()
		})
	})
}
