//go:build abuse && unix

package abuse_test

import (
	"bytes"
	"cmp"
	"fmt"
	"math"
	"strings"
	"testing"
	"time"

	"github.com/chanx-go/chanx"
)

const (
	heartbeat = `{"action":"chanx.ping","ref":"1234567"}`
	alive     = `{"action":"chanx.pong","ref":"1234567"}`
)

// TestFloodsOfHeartbeats: a chanx.ping costs no more processor time than a ping, the cheapest message with a handler,
// whether a handler runs beside it or none. The bystander is served meanwhile.
func TestFloodsOfHeartbeats(t *testing.T) {
	const pings, rounds, slack = 20_000, 5, 20 * time.Millisecond
	f := build(t, plan{})
	ordinary := strings.ReplaceAll(heartbeat, "chanx.", "")
	best := map[string]time.Duration{}
	f.during(ends{1000: 3}, func() {
		for name, k := range map[string]struct{ first, message, want string }{
			"ordinary": {`{"action":"ping","ref":"1"}`, ordinary, strings.ReplaceAll(alive, "chanx.", "")},
			"idle":     {`{"action":"chanx.ping","ref":"1"}`, heartbeat, alive},
			"held":     {`{"action":"hold"}`, heartbeat, alive},
		} {
			r, err := f.enter("/ws")
			if err == nil {
				err = r.say(text(k.first))
			}
			if err == nil && name != "held" {
				_, _, err = r.next()
			}
			if err != nil {
				t.Fatalf("%s: %v", name, err)
			}
			if name == "held" {
				eventually(t, "it is held", func() bool { return f.seen.sees().begun["hold"] == 1 })
			}
			flood := bytes.Repeat(text(k.message), pings)
			for range rounds {
				begin := processorTime(t)
				if err := r.flood(flood, pings, k.want); err != nil {
					t.Fatalf("%s: %v", name, err)
				}
				best[name] = min(cmp.Or(best[name], math.MaxInt64), processorTime(t)-begin)
			}
			if name == "held" {
				close(f.gate)
			}
			if err := r.leave(); err != nil {
				t.Errorf("%s: %v", name, err)
			}
		}
	})
	t.Logf("%d of them: %v", pings, best)
	for _, name := range []string{"idle", "held"} {
		if best[name] > best["ordinary"]+slack {
			t.Errorf("%s: %v, more than %v for ordinary messages", name, best[name], best["ordinary"])
		}
	}
}

// flood sends a message many times, and reads the answers.
func (r *raider) flood(b []byte, times int, want string) error {
	said := make(chan error, 1)
	go func() { said <- r.say(b) }()
	for range times {
		if _, got, err := r.next(); err != nil || got != want {
			return fmt.Errorf("got %s, %w", got, err)
		}
	}
	return <-said
}

// TestFloodsOfHeartbeatsWithoutReading: the answers to a client that does not read wait up to SendQueueBytes, also
// while its handler runs. Then it is closed with 1013.
func TestFloodsOfHeartbeatsWithoutReading(t *testing.T) {
	const raiders, queue, own = 50, 32 << 10, 256 << 10
	f := build(t, plan{small: true, heap: raiders * (queue + own), ServerOptions: chanx.ServerOptions{Limits: chanx.Limits{
		SendQueueBytes: queue, CloseTimeout: time.Second,
	}}})
	f.during(ends{1013: raiders}, func() {
		f.crowd(raiders, func(int) error {
			r, err := f.enter("/ws")
			if err == nil {
				err = r.say(text(`{"action":"hold"}`))
			}
			if err != nil {
				return err
			}
			b := bytes.Repeat(text(heartbeat), 100)
			for err == nil {
				err = r.say(b)
			}
			if isTimeout(err) {
				return fmt.Errorf("it may send without end: %w", err)
			}
			return r.Close()
		})
	})
}
