package natslayer

import (
	"errors"
	"fmt"
	"regexp"
	"strings"

	"github.com/nats-io/nats.go"
)

// violation matches the operation that a NATS user may not do, and its subject.
var violation = regexp.MustCompile(`(?i)permissions violation for (subscription|publish) to "([^"]+)"`)

// watchErrors wraps the connection's handlers of errors and disconnections. nats.go calls both in the order of the events, so
// the refusals of the next server are not cleared with those of the last one.
func (l *Layer) watchErrors(nc *nats.Conn) {
	before := nc.ErrorHandler()
	nc.SetErrorHandler(func(nc *nats.Conn, sub *nats.Subscription, err error) {
		if before != nil {
			before(nc, sub, err)
		}
		select {
		case <-l.stop:
		default:
			l.handleError(sub, err)
		}
	})
	disconnected := nc.DisconnectErrHandler()
	nc.SetDisconnectErrHandler(func(nc *nats.Conn, err error) {
		switch deprecated := nc.Opts.DisconnectedCB; {
		case disconnected != nil:
			disconnected(nc, err)
		case deprecated != nil: // nats.go calls it only if there is no DisconnectedErrCB
			deprecated(nc)
		}
		l.table.clearRefused()
	})
}

// handleError processes asynchronous errors of nats.go: dropped publications, denied subjects and failed writes.
func (l *Layer) handleError(sub *nats.Subscription, err error) {
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
		l.state.markHandled(err)
		l.wake()
	case isNetwork(err):
		l.failedToWrite()
	}
}

// failedToWrite makes the cluster reconnect: what nats.go could not write is lost, perhaps including subscriptions.
func (l *Layer) failedToWrite() {
	l.writeFailed.Store(true)
	l.wake()
}

func (l *Layer) refuse(publish bool, name string, err error) {
	err = fmt.Errorf("%w: allow this user to publish and subscribe to %q", err, l.opts.Prefix+".>")
	switch {
	case strings.HasPrefix(name, l.opts.Prefix+".sync."):
		l.state.setBroken(err) // the layer cannot confirm subscriptions without these subjects
	case publish:
		l.state.deny(name, err)
	default:
		l.table.refuse(name, err)
	}
}

// errorsHandled reports whether handleError has processed the last permissions violation. nats.go calls error handlers
// asynchronously. With overdue, the application has probably set another handler, and errorsHandled processes the
// violation itself.
func (l *Layer) errorsHandled(overdue bool) bool {
	last := l.conn.Load().LastError()
	if !errors.Is(last, nats.ErrPermissionViolation) || l.state.isHandled(last) {
		return true
	}
	if overdue {
		l.handleError(nil, last)
	}
	return overdue
}
