package chanx

import (
	"context"
	"errors"
	"fmt"
	"log/slog"
	"slices"
	"time"

	"github.com/chanx-go/chanx/internal/cluster"
	"github.com/chanx-go/chanx/internal/socket"
	"github.com/chanx-go/chanx/internal/throttle"
	"github.com/chanx-go/chanx/layer"
	"github.com/chanx-go/chanx/schema"
)

// LayerAuth authenticates what servers send to each other through a channel layer. An attacker who can write to the
// broker but has no key can then neither forge a message, event or command, nor change one or its sender. The zero
// value turns it off.
//
// To introduce keys, give all servers Keys and AcceptUnsigned, then turn AcceptUnsigned off. To replace a key, append
// the new one to Keys, then move it to the front, then remove the old one. Begin each step when the previous one has
// reached every server.
//
// It neither encrypts nor prevents replay: "Signing" in docs/scaling.md lists what an attacker with access to the
// broker can still do. Each server that has a key can act for all others.
type LayerAuth struct {
	// Keys are secrets of at least 32 random bytes, the same on all servers; a shorter one panics in NewServer. The
	// first key signs what this server publishes. What other servers publish must be signed with one of the keys
	// (HMAC-SHA-256). Without keys nothing is signed, and publications are accepted whether signed or not.
	Keys [][]byte

	// AcceptUnsigned also accepts unsigned publications, while not all servers have keys. Nothing is protected
	// meanwhile: a signature must be valid, but an attacker simply leaves it out.
	AcceptUnsigned bool
}

// signer returns nil if there are no keys.
func (a LayerAuth) signer() *cluster.Signer {
	if len(a.Keys) == 0 {
		return nil
	}
	for i, key := range a.Keys {
		if len(key) < cluster.MinKeyBytes {
			panic(fmt.Sprintf("chanx: new server: ServerOptions.LayerAuth.Keys[%d] has %d bytes: it must be %d random ones at least",
				i, len(key), cluster.MinKeyBytes))
		}
	}
	s, err := cluster.NewSigner(a.Keys, a.AcceptUnsigned)
	if err != nil {
		panic(fmt.Sprintf("chanx: new server: ServerOptions.LayerAuth: %v", err))
	}
	return s
}

// openNode connects the server with other nodes.
func (s *Server) openNode(id string, l layer.Layer, auth LayerAuth) *cluster.Node {
	return cluster.Open(l, cluster.Options{
		ID: id, Signer: auth.signer(), Wait: s.limits.PublishTimeout, Linger: s.limits.SubscriptionLinger, Closed: ErrClosed,
		Receive: s.receive, Refused: s.rejectLayerData, Status: s.status, Failed: s.logSyncError,
	})
}

// receive handles a publication of another node. The copy for a subject is delivered to the targets that are published
// to that subject.
func (s *Server) receive(subject string, p cluster.Publication, bytes int) {
	d := &delivery{Publication: p, wire: bytes}
	d.Type = s.knownType(d)
	if err := s.readPayload(d); err != nil {
		s.rejectLayerData(subject, fmt.Errorf("chanx: read layer data: %w", err))
		return
	}
	if d.Kind == cluster.KindJoin || d.Kind == cluster.KindLeave {
		s.applyRegroup(d, subject)
		return
	}
	for k, target := range d.Targets {
		switch {
		case cluster.SubjectOf(target) != subject:
		case target == cluster.EveryNode && d.Kind == cluster.KindEvent:
			s.nodeEvents.push(context.Background(), d, false)
		default:
			s.missed(d, s.hub.DeliverMatch(d, d.Targets, k))
		}
	}
}

// knownType returns the type of another node's message if a consumer here declares it, else zero. A type may have
// another name in another release: then the message is delivered to all consumers that declare the action.
func (s *Server) knownType(d *delivery) cluster.TypeID {
	if d.Type == 0 {
		return 0
	}
	for _, m := range s.mounted() {
		if out := m.actions[d.Action]; out != nil && out.id == d.Type && out.group {
			return d.Type
		}
	}
	return 0
}

// readPayload decodes what the node itself needs: it encodes messages for clients, and decodes commands.
func (s *Server) readPayload(d *delivery) (err error) {
	switch d.Kind {
	case cluster.KindMessage:
		return s.reencode(d)
	case cluster.KindClose, cluster.KindJoin, cluster.KindLeave:
		if d.command, err = d.Command(); err != nil {
			return err
		}
	}
	switch {
	case d.Kind == cluster.KindClose && !socket.Sendable(d.command.Code):
		return fmt.Errorf("code %d may not be sent", d.command.Code)
	case d.Kind == cluster.KindJoin || d.Kind == cluster.KindLeave:
		return checkNames("group name", d.command.Groups)
	}
	return nil
}

// reencode converts another node's group message into the names of this server, for each consumer by its own type of
// that action.
func (s *Server) reencode(d *delivery) error {
	if d.Raw || s.names.naming == schema.AsDeclared {
		d.addEncoded(nil, d.Payload, d.Frame)
		return nil
	}
	for _, m := range s.mounted() {
		out := m.actions[d.Action]
		if out == nil || d.encodedFor(out.codec) != nil {
			continue
		}
		payload, frame, err := out.reencode(d.Payload, d.Frame)
		if err != nil {
			return err
		}
		d.addEncoded(out.codec, payload, frame)
	}
	return nil
}

// rejectLayerData counts and logs layer data that is not accepted.
func (s *Server) rejectLayerData(subject string, err error) {
	why := DropPublicationsUnreadable
	if r, is := errors.AsType[*cluster.Refusal](err); is {
		why = dropOf[r.Reason]
	}
	s.countDrop(nil, why, 1)
	kind := throttle.Kind{Text: "chanx: layer data refused", Detail: string(why), Counted: true}
	if !s.lines.Skip(kind, 1) {
		s.lines.Log(context.Background(), slog.LevelError, kind, 1, "what", string(why), "subject", subject, "error", err)
	}
}

// dropOf are the reasons by which refused layer data is counted.
var dropOf = [...]DropReason{
	cluster.Unreadable: DropPublicationsUnreadable, cluster.OtherVersion: DropPublicationsOtherVersion,
	cluster.Unauthentic: DropPublicationsUnauthentic, cluster.TooLong: DropPublicationsTooLong,
}

// status logs a status of the layer, and counts a gap: how much was lost in it is unknown.
func (s *Server) status(st layer.Status) {
	if st.Gap {
		s.countDrop(nil, DropGaps, 1)
	}
	level := slog.LevelInfo
	if !st.Up || st.Gap {
		level = slog.LevelWarn
	}
	s.logThrottled(level, "chanx: channel layer", fmt.Sprint(st.Up, st.Gap), "up", st.Up, "gap", st.Gap, "error", st.Err)
}

// syncSubscriptions brings the layer up to date with subjects whose members have changed, within PublishTimeout.
func (s *Server) syncSubscriptions(ctx context.Context, verb string, subjects ...string) error {
	return s.node.Subscriptions.Sync(ctx, s.limits.PublishTimeout, verb, subjects...)
}

// subscribeTime is how long an opening may wait for one call of the layer. It is a part of the time left, so that a
// silent broker makes no opening fail.
func (s *Server) subscribeTime(ctx context.Context) time.Duration {
	left := s.limits.OpenTimeout
	if deadline, ok := ctx.Deadline(); ok {
		left = min(left, time.Until(deadline))
	}
	return min(left/4, s.limits.PublishTimeout)
}

// logSyncError logs a failure to subscribe or unsubscribe. There may be as many failures as subjects.
func (s *Server) logSyncError(err error) {
	s.logThrottled(slog.LevelWarn, "chanx: channel layer call failed", throttle.Types(err), "error", err)
}

// tolerates reports whether err means that the layer is down, and should not be returned. If the layer rejects its
// input, or the Server is closed, the error is always returned.
func (s *Server) tolerates(err error) bool {
	return s.opts.BrokerLoss == TolerateBrokerLoss && countUnavailable(err) > 0
}

// countUnavailable returns the number of errors that err joins if all of them mean that the layer is down, else 0.
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

// tolerateUnsent returns err, or nil if ServerOptions.BrokerLoss tolerates that other nodes miss d.
func (s *Server) tolerateUnsent(d *delivery, err error) error {
	if d.Kind != cluster.KindMessage && d.Kind != cluster.KindEvent || !s.tolerates(err) {
		return err
	}
	n := countUnavailable(err)
	s.countDrop(nil, DropPublicationsUnsent, n)
	s.logDrop(DropPublicationsUnsent, n)
	return nil
}

// tolerateMembership returns err, or nil if ServerOptions.BrokerLoss tolerates that the layer does not know about a
// change of membership yet. It learns of it as soon as it can.
func (s *Server) tolerateMembership(err error) error {
	if !s.tolerates(err) {
		return err
	}
	s.logThrottled(slog.LevelWarn, "chanx: channel layer call failed", "", "error", err)
	return nil
}
