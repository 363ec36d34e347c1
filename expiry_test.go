package chanx_test

import (
	"net/http"
	"testing"
	"testing/synctest"
	"time"

	"github.com/chanx-go/chanx"
	"github.com/chanx-go/chanx/chanxtest"
)

// TestExpiryFollowsTheWallClock checks that a connection ends when the wall clock reaches Identity.Expires, and not before,
// also if the clock is set. The identity of each connection expires a minute after it opens.
func TestExpiryFollowsTheWallClock(t *testing.T) {
	for name, k := range map[string]struct {
		steps   []time.Duration // by which the clock is set, one every ten seconds
		renew   time.Duration   // by which the identity is renewed after the steps
		from    time.Duration   // the connection closes between these times
		to      time.Duration
		oneself bool // Expires keeps its monotonic reading
	}{
		"no step":                 {nil, 0, time.Minute, time.Minute, false},
		"with a monotonic time":   {nil, 0, time.Minute, time.Minute, true},
		"back":                    {[]time.Duration{-2 * time.Second}, 0, 62 * time.Second, 62 * time.Second, false},
		"back, monotonic":         {[]time.Duration{-2 * time.Second}, 0, 62 * time.Second, 62 * time.Second, true},
		"back by an hour":         {[]time.Duration{-time.Hour}, 0, time.Hour + time.Minute, time.Hour + time.Minute, false},
		"back twice":              {[]time.Duration{-2 * time.Second, -time.Hour}, 0, time.Hour + 62*time.Second, time.Hour + 62*time.Second, false},
		"back and forth":          {[]time.Duration{-time.Hour, time.Hour}, 0, time.Minute, 90 * time.Second, false},
		"forth":                   {[]time.Duration{time.Hour}, 0, 10 * time.Second, 40 * time.Second, false},
		"forth, monotonic":        {[]time.Duration{time.Hour}, 0, 10 * time.Second, 40 * time.Second, true},
		"forth a little":          {[]time.Duration{5 * time.Second}, 0, 55 * time.Second, 60 * time.Second, false},
		"renewed":                 {nil, time.Hour, time.Hour + time.Minute, time.Hour + time.Minute, false},
		"back, renewed":           {[]time.Duration{-2 * time.Second}, time.Hour, time.Hour + 62*time.Second, time.Hour + 62*time.Second, false},
		"forth a little, renewed": {[]time.Duration{10 * time.Second}, time.Hour, time.Hour + 50*time.Second, time.Hour + 50*time.Second, false},
	} {
		t.Run(name, func(t *testing.T) {
			bubble(t, chanx.ServerOptions{}, func(t *testing.T, srv *chanx.Server) {
				clock := chanx.SetWallClock(srv)
				begun := time.Now()
				expires := begun.Add(time.Minute)
				if !k.oneself {
					expires = expires.Round(0)
				}
				var conn *chanx.Conn
				srv.Handle("/ws", chanx.NewConsumer(func(c *chanx.Conn, _ *http.Request) (*state, error) {
					conn = c
					return &state{c}, nil
				}, &chanx.ConsumerOptions{Authenticator: chanx.AuthenticatorFunc(func(*http.Request) (chanx.Identity, error) {
					return chanx.Identity{UserID: "ann", Expires: expires}, nil
				})}))
				client := chanxtest.Dial(t, srv, "/ws", nil)
				client.ExpectAuthenticated()
				for _, step := range k.steps {
					time.Sleep(10 * time.Second) // in a bubble
					clock.Step(step)
				}
				if k.renew != 0 {
					if err := conn.Renew(chanx.Identity{UserID: "ann", Expires: expires.Add(k.renew)}); err != nil {
						t.Fatal(err)
					}
				}
				select {
				case <-conn.Context().Done():
				case <-time.After(k.to + time.Hour): // in a bubble
				}
				if took := time.Since(begun); took < k.from || took > k.to {
					t.Errorf("closed after %v, want %v to %v", took, k.from, k.to)
				}
				synctest.Wait()
				client.ExpectClosed(4401)
			})
		})
	}
}
