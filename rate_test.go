package chanx_test

import (
	"context"
	"strings"
	"sync/atomic"
	"testing"
	"testing/synctest"
	"time"

	"github.com/chanx-go/chanx"
	"github.com/chanx-go/chanx/chanxtest"
)

type decodedMessage struct{ Text string }

func (decodedMessage) Action() string { return "decoded" }

// decodings counts how often a decodedMessage has been decoded.
var decodings atomic.Int64

func (decodedMessage) Validate() error {
	decodings.Add(1)
	return nil
}

func newDecoding() *chanx.Consumer[state] {
	c := newState()
	chanx.On(c, func(*state, context.Context, decodedMessage) error { return nil })
	return c
}

// TestMessagesBeyondTheRateAreNotDecoded but the error carries the ref, wherever it stands in the frame.
func TestMessagesBeyondTheRateAreNotDecoded(t *testing.T) {
	bubble(t, chanx.ServerOptions{Limits: chanx.Limits{Rate: chanx.Rate{PerSecond: 1}}}, func(t *testing.T, srv *chanx.Server) {
		srv.Handle("/ws", newDecoding())
		client := chanxtest.Dial(t, srv, "/ws", nil)
		before := decodings.Load()
		client.Send(decodedMessage{"first"})
		long := strings.Repeat("x", 50_000)
		for text, ref := range map[string]string{
			`{"action":"decoded","payload":{"Text":"` + long + `"},"ref":"behind"}`: "behind",
			`{"ref":"before","payload":{"Text":["` + long + `"]},"action":"no"}`:    "before",
			`{"action":"decoded","payload":{"Text":5}}`:                             "",
			`not JSON`: "",
		} {
			client.SendText(text)
			expectRefused(t, client, "rate_limited", ref)
		}
		client.SendBinary([]byte("x"))
		client.ExpectError("rate_limited")
		if n := decodings.Load() - before; n != 1 {
			t.Errorf("%d messages were decoded, want 1", n)
		}
		if s := srv.Stats(); s.Refused["rate_limited"] != 5 || s.Refused["invalid"] != 0 {
			t.Errorf("refused %v", s.Refused)
		}
		client.Close(1000, "")
	})
}

func expectRefused(t *testing.T, client *chanxtest.Conn, reason, ref string) {
	t.Helper()
	got := client.Next()
	if !strings.Contains(got, `"reason":"`+reason+`"`) || strings.Contains(got, `"ref"`) != (ref != "") || !strings.Contains(got, ref) {
		t.Errorf("got %s, want %s of ref %q", got, reason, ref)
	}
}

// TestCancelsBeyondTheRateTakeEffect and are not answered.
func TestCancelsBeyondTheRateTakeEffect(t *testing.T) {
	bubble(t, chanx.ServerOptions{Limits: chanx.Limits{Rate: chanx.Rate{PerSecond: 1}}}, func(t *testing.T, srv *chanx.Server) {
		c := newState()
		chanx.On(c, func(_ *state, ctx context.Context, _ waitMessage) error { <-ctx.Done(); return ctx.Err() }, chanx.Concurrent(1))
		srv.Handle("/ws", c)
		client := chanxtest.Dial(t, srv, "/ws", nil)
		client.SendRef(waitMessage{}, "1")
		client.SendRef(waitMessage{}, "2")
		expectRefused(t, client, "rate_limited", "2")
		client.Cancel("1")
		expectRefused(t, client, "cancelled", "1")
		client.Close(1000, "")
	})
}

// TestClientsThatStayOverTheRateAreClosed after a minute; others are not.
func TestClientsThatStayOverTheRateAreClosed(t *testing.T) {
	for name, k := range map[string]struct {
		rate  chanx.Rate
		burst int           // messages sent at once
		every time.Duration // that often
		after time.Duration // is closed; 0: never
	}{
		"twice the rate":         {chanx.Rate{PerSecond: 1, Burst: 1}, 1, 500 * time.Millisecond, time.Minute},
		"a flood":                {chanx.Rate{PerSecond: 10, Burst: 20}, 5, 100 * time.Millisecond, time.Minute},
		"a little more":          {chanx.Rate{PerSecond: 10, Burst: 10}, 12, time.Second - time.Millisecond, time.Minute},
		"a burst now and then":   {chanx.Rate{PerSecond: 10, Burst: 20}, 25, 4 * time.Second, 0},
		"a burst every minute":   {chanx.Rate{PerSecond: 10, Burst: 20}, 200, time.Minute, 0},
		"exactly the rate":       {chanx.Rate{PerSecond: 2, Burst: 1}, 1, 500 * time.Millisecond, 0},
		"seldom, but too often":  {chanx.Rate{PerSecond: 0.1, Burst: 1}, 1, 6 * time.Second, 0},
		"half a second too soon": {chanx.Rate{PerSecond: 0.1, Burst: 1}, 2, 10 * time.Second, 0},
	} {
		t.Run(name, func(t *testing.T) {
			bubble(t, chanx.ServerOptions{Limits: chanx.Limits{Rate: k.rate}}, func(t *testing.T, srv *chanx.Server) {
				srv.Handle("/ws", newDecoding())
				client := chanxtest.Dial(t, srv, "/ws", nil)
				begin := time.Now()
				for time.Since(begin) < 3*time.Minute && client.Ended() == nil {
					for range k.burst {
						if client.Ended() == nil {
							client.Send(decodedMessage{"x"})
							synctest.Wait()
						}
					}
					time.Sleep(k.every) // in a bubble
				}
				switch end := client.Ended(); {
				case k.after == 0 && end != nil:
					t.Errorf("ended with %v after %v", end, time.Since(begin))
				case k.after != 0 && (end == nil || end.Code != 1008):
					t.Errorf("ended with %v, want 1008", end)
				case k.after != 0 && (time.Since(begin) < k.after || time.Since(begin) > k.after+2*time.Second):
					t.Errorf("ended after %v, want %v", time.Since(begin), k.after)
				}
				client.Close(1000, "")
			})
		})
	}
}
