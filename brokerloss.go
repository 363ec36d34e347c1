package chanx

import (
	"errors"
	"log/slog"
	"slices"

	"github.com/chanx-go/chanx/layer"
)

// BrokerLoss says what methods return while the channel layer is down or does not answer within Limits.PublishTimeout. It is
// about Broadcast and Emit of a Conn, Server or Consumer, and Join and Leave of a Conn: their effect on this node stands in
// any case. The commands Server.Disconnect, Join and Leave always return the error.
type BrokerLoss int

// The values of BrokerLoss.
const (
	// ReportBrokerLoss returns an error that wraps layer.ErrUnavailable. A handler that returns it tells its client
	// "internal", although members on this node have the message.
	ReportBrokerLoss BrokerLoss = iota

	// TolerateBrokerLoss returns nil. What other nodes miss is logged, at most one line a minute, and counted as
	// publications_unsent in Stats.Drops. It suits messages that may get lost like those of a client that is away; the
	// caller cannot tell that nobody was reached if all receivers are on other nodes.
	TolerateBrokerLoss
)

// tolerates reports whether err is of a layer that is down, and is not to be returned. A layer that refuses what it is
// given, and a closed Server, are reported in any case.
func (s *Server) tolerates(err error) bool {
	return s.opts.BrokerLoss == TolerateBrokerLoss && countUnavailable(err) > 0
}

// countUnavailable is the number of errors that err joins, if all of them are of a layer that is down, else 0.
func countUnavailable(err error) int {
	parts := []error{err}
	if joined, ok := err.(interface{ Unwrap() []error }); ok {
		parts = joined.Unwrap()
	}
	isOther := func(part error) bool { return !errors.Is(part, layer.ErrUnavailable) }
	if slices.ContainsFunc(parts, isOther) {
		return 0
	}
	return len(parts)
}

// tolerateUnsent is err, unless it is tolerated that other nodes miss d.
func (s *Server) tolerateUnsent(d *delivery, err error) error {
	if d.kind != kindMessage && d.kind != kindEvent || !s.tolerates(err) {
		return err
	}
	n := countUnavailable(err)
	s.countDrop(nil, dropUnsent, n)
	s.logDrop(dropUnsent, n)
	return nil
}

// tolerateMembership is err, unless it is tolerated that the layer does not follow a change of membership yet. It follows
// as soon as it can.
func (s *Server) tolerateMembership(err error) error {
	if !s.tolerates(err) {
		return err
	}
	s.logThrottled(slog.LevelWarn, "chanx: channel layer does not follow", "", "error", err)
	return nil
}
