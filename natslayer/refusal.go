package natslayer

import (
	"errors"
	"fmt"
	"regexp"
	"strings"

	"github.com/nats-io/nats.go"
)

// violation finds what a user of NATS may not do, and with which subject.
var violation = regexp.MustCompile(`(?i)permissions violation for (subscription|publish) to "([^"]+)"`)

// watchErrors adds to the connection's handlers of errors and disconnections. nats.go calls both in the order of what
// happens, so no refusal by the next server is forgotten with those of the last one.
func (l *Layer) watchErrors(nc *nats.Conn) {
	before := nc.ErrorHandler()
	nc.SetErrorHandler(func(nc *nats.Conn, sub *nats.Subscription, err error) {
		if before != nil {
			before(nc, sub, err)
		}
		select {
		case <-l.stop:
		default:
			l.hearError(sub, err)
		}
	})
	disconnected := nc.DisconnectErrHandler()
	nc.SetDisconnectErrHandler(func(nc *nats.Conn, err error) {
		switch deprecated := nc.Opts.DisconnectedCB; {
		case disconnected != nil:
			disconnected(nc, err)
		case deprecated != nil: // nats.go calls it only where there is no handler with an error
			deprecated(nc)
		}
		l.table.forgive()
	})
}

// hearError takes what nats.go tells aside: what it has dropped, and what the broker does not allow.
func (l *Layer) hearError(sub *nats.Subscription, err error) {
	switch {
	case errors.Is(err, nats.ErrSlowConsumer) && sub != nil:
		if count := l.table.losses(sub); count > 0 {
			l.dropped.Add(uint64(count))
			l.state.gap()
		}
	case errors.Is(err, nats.ErrPermissionViolation):
		if m := violation.FindStringSubmatch(err.Error()); m != nil && strings.HasPrefix(m[2], l.opts.Prefix+".") {
			l.refuse(strings.EqualFold(m[1], "publish"), m[2], err)
		}
		l.state.deal(err)
		l.wake()
	case isNetwork(err):
		l.failedToWrite()
	}
}

// failedToWrite has the cluster connect anew: what nats.go could not write is lost, and perhaps subscriptions with it.
func (l *Layer) failedToWrite() {
	l.writeFailed.Store(true)
	l.wake()
}

func (l *Layer) refuse(publish bool, name string, err error) {
	err = fmt.Errorf("%w: allow this user to publish and subscribe to %q", err, l.opts.Prefix+".>")
	switch {
	case strings.HasPrefix(name, l.opts.Prefix+".sync."):
		l.state.breakDown(err) // without these subjects nothing is certain
	case publish:
		l.state.deny(name, err)
	default:
		l.table.refuse(name, err)
	}
}

// dealtWithErrors reports whether the error handler has had all errors that NATS had sent by now: nats.go calls it at some
// later time. If it takes too long, somebody has set another handler.
func (l *Layer) dealtWithErrors(enough bool) bool {
	last := l.conn.Load().LastError()
	if !errors.Is(last, nats.ErrPermissionViolation) || l.state.dealtWith(last) {
		return true
	}
	if enough {
		l.hearError(nil, last)
	}
	return enough
}
