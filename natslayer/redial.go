package natslayer

import (
	"math/rand/v2"
	"slices"
	"time"

	"github.com/nats-io/nats.go"
)

const maxRedialPause = 10 * time.Second

// redialer replaces a connection that nats.go has closed for good. nats.go does that
//
//   - after an error of the server that it does not know, such as "Maximum Payload Violation", "Invalid Subject" or
//     "Authentication Timeout", and after "maximum control line exceeded";
//   - after the second failure to authenticate at a server, without nats.IgnoreAuthErrorAbort;
//   - when no server is left to try, with a limit of nats.MaxReconnects;
//   - when the connection is lost while it drains.
//
// The layer's own options exclude the second and the third. The application's callbacks may also close or drain the
// connection. After other losses nats.go reconnects by itself.
type redialer struct {
	failed  int         // connections closed since the layer was last up
	due     time.Time   // when to dial again; zero if the connection is open or an attempt is running
	dialing bool        // an attempt is running
	results chan result // the result of the attempt
}

// planRedial schedules a new connection if the current one has been closed for good.
func (c *cluster) planRedial() {
	r := &c.redialer
	if !c.l.owns() || r.dialing || !r.due.IsZero() || !c.nc.IsClosed() {
		return
	}
	r.due = time.Now().Add(redialPause(c.nc.Opts.ReconnectWait, r.failed))
	r.failed++
}

// redialPause doubles with each failure. It is shortened by a random part of up to half, so that the nodes do not return all
// at once to a broker that has disconnected them all.
func redialPause(first time.Duration, failed int) time.Duration {
	pause := min(max(first, time.Millisecond)<<min(failed, 16), maxRedialPause)
	return pause/2 + rand.N(pause/2)
}

// redial makes a connection when it is due. nats.Connect cannot be cancelled, so a goroutine calls it, which passes on the
// connection or, if the layer has been closed, closes it.
func (c *cluster) redial(now time.Time) {
	r := &c.redialer
	if r.due.IsZero() || now.Before(r.due) {
		return
	}
	r.due, r.dialing = time.Time{}, true
	options := append(connectOptions(c.l.opts, true), withServersOf(c.nc))
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

// withServersOf adds the servers that a previous connection has discovered.
func withServersOf(before *nats.Conn) nats.Option {
	return func(o *nats.Options) error {
		for _, s := range before.ServerPool() {
			if s.URL != nil && !slices.Contains(o.Servers, s.URL.String()) {
				o.Servers = append(o.Servers, s.URL.String())
			}
		}
		return nil
	}
}

// redialed takes over the connection that redial made. nats.go connects it, however long that takes. An error comes from an
// option, for example because a file cannot be read at the moment.
func (c *cluster) redialed(made result) {
	c.redialer.dialing = false
	if made.err != nil {
		return // checkConnection sees that the old connection is still closed
	}
	c.nc.RemoveStatusListener(c.statuses)
	c.use(made.nc)
}
