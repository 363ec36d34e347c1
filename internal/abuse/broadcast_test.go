//go:build abuse

package abuse_test

import (
	"bytes"
	"errors"
	"io"
	"runtime"
	"strings"
	"testing"
	"time"

	"github.com/gobwas/ws"

	"github.com/chanx-go/chanx"
)

// TestFloodsOfBroadcasts: one client broadcasts more than the server can deliver to its group. The server slows it down
// by limiting the number of copies to deliver, which bounds the memory and the delay for other groups.
func TestFloodsOfBroadcasts(t *testing.T) {
	const members, size, queue = 200, 200, 1 << 20
	most := runtime.GOMAXPROCS(0) * (64 << 20) / (512 + size) // copies to deliver: see package hub
	flood := 3 * most / members
	f := build(t, plan{apart: true, heap: members * queue, ServerOptions: chanx.ServerOptions{Limits: chanx.Limits{SendQueueBytes: queue}}})
	due, delay := 0, time.Duration(0)
	f.during(ends{1006: members + 2}, func() {
		crowd := make([]*raider, members)
		f.crowd(members, func(i int) (err error) {
			if crowd[i], err = f.enter("/ws"); err == nil {
				go func() { _, _ = io.Copy(io.Discard, crowd[i].Conn) }() // until it ends
			}
			return err
		})
		loud, err := f.enter("/ws?apart")
		other, otherErr := f.enter("/ws?apart")
		if err := errors.Join(err, otherErr); err != nil {
			t.Fatal(err)
		}
		if _, err := other.asked(message("visit", `{"Join":["corner"],"Leave":[]}`)); err != nil {
			t.Fatal(err)
		}
		flooded := make(chan error, 1)
		go func() {
			flooded <- loud.say(bytes.Repeat(text(message("say", `{"Text":"`+strings.Repeat("x", size)+`"}`)), flood))
		}()
		eventually(t, "all is said", func() bool {
			s := f.seen.sees()
			due = max(due, s.begun["say"]*members-s.sent["said"])
			return s.handled["say"] >= flood
		})
		begin := time.Now()
		if err := f.srv.Broadcast(t.Context(), said{"elsewhere"}, chanx.To("corner")); err != nil {
			t.Error(err)
		}
		if op, got, err := other.next(); err != nil || op != ws.OpText || !strings.Contains(got, "elsewhere") {
			t.Errorf("got %s, %v", got, err)
		}
		delay = time.Since(begin)
		err = <-flooded
		for _, r := range append(crowd, loud, other) {
			err = errors.Join(err, r.Close())
		}
		if err != nil {
			t.Error(err)
		}
	})
	t.Logf("%d messages to %d members: %d of %d copies were due at most, %d may be; a message to another group took %v",
		flood, members, due, flood*members, most, delay)
	if due > most*3/2 {
		t.Errorf("%d copies waited, want at most about %d", due, most)
	}
}
