package natslayer

import (
	"math/rand/v2"
	"slices"
	"time"

	"github.com/nats-io/nats.go"
)

const maxRedialPause = 10 * time.Second

// redialer replaces a connection that nats.go has closed for good. nats.go does so by itself
//
//   - after an error of the server that it does not know, such as "Maximum Payload Violation", "Invalid Subject" or
//     "Authentication Timeout", and after "maximum control line exceeded";
//   - after the second failure to authenticate at a server, without nats.IgnoreAuthErrorAbort;
//   - when no server is left to try, with a limit of nats.MaxReconnects;
//   - when the connection is lost while it drains.
//
// The layer's own options exclude the second and the third, and the callbacks of an application may close or drain it. After other
// losses nats.go connects again by itself.
type redialer struct {
	failed  int         // how many connections have been closed since the layer was up
	due     time.Time   // when to make the next one; zero if the present one lives, or an attempt is under way
	dialing bool        // an attempt is under way
	results chan result // of it
}

// planRedial sees whether the connection has been closed for good.
func (c *cluster) planRedial() {
	r := &c.redialer
	if !c.l.owns() || r.dialing || !r.due.IsZero() || !c.nc.IsClosed() {
		return
	}
	r.due = time.Now().Add(redialPause(c.nc.Opts.ReconnectWait, r.failed))
	r.failed++
}

// redialPause is twice as long each time. Up to half of it is left out at random, so that the nodes of a broker that sends all
// of them away do not come back all at once.
func redialPause(first time.Duration, failed int) time.Duration {
	pause := min(max(first, time.Millisecond)<<min(failed, 16), maxRedialPause)
	return pause/2 + rand.N(pause/2)
}

// redial makes a connection when it is due. nats.go holds on to the attempt, so it is made in a goroutine, which hands over the
// connection or, when the layer is closed, closes it.
func (c *cluster) redial(now time.Time) {
	r := &c.redialer
	if r.due.IsZero() || now.Before(r.due) {
		return
	}
	r.due, r.dialing = time.Time{}, true
	options := append(connectOptions(c.l.opts, true), alsoAt(c.nc))
	go func() {
		nc, err := nats.Connect(c.l.url, options...)
		select {
		case r.results <- result{nc, err}:
		case <-c.l.stop:
			if err == nil {
				nc.Close()
			}
		}
	}()
}

// alsoAt adds the servers that a connection has found to those that are given.
func alsoAt(before *nats.Conn) nats.Option {
	return func(o *nats.Options) error {
		for _, s := range before.ServerPool() {
			if s.URL != nil && !slices.Contains(o.Servers, s.URL.String()) {
				o.Servers = append(o.Servers, s.URL.String())
			}
		}
		return nil
	}
}

// redialed takes over what redial has made. nats.go connects it by itself, however long that takes. An error is one of the
// options, such as a file that cannot be read just now.
func (c *cluster) redialed(made result) {
	c.redialer.dialing = false
	if made.err != nil {
		return // look sees that the old connection is still closed
	}
	c.nc.RemoveStatusListener(c.statuses)
	c.use(made.nc)
}
