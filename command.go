package chanx

import (
	"context"
	"errors"
	"log/slog"

	"github.com/chanx-go/chanx/internal/cluster"
	"github.com/chanx-go/chanx/internal/throttle"
)

// Disconnect closes connections on any node, as Conn.Close does: messages that were broadcast to them before are sent
// first. It does not wait for the closing. It is an error to give no target, or a code that may not be sent. If the
// channel layer is down, the connections of this node are closed and the error wraps layer.ErrUnavailable.
//
// A connection whose open runs at that moment is closed as soon as it is established. A connection whose Authenticator
// runs at that moment is not known yet, so open, which runs later, should check again whether access was revoked.
func (s *Server) Disconnect(ctx context.Context, code int, reason string, to ...Target) error {
	if err := checkCloseCode("disconnect", code); err != nil {
		return err
	}
	r, err := newRecipients("disconnect", to)
	if err != nil {
		return err
	}
	return s.deliver(ctx, newCommand(cluster.KindClose, &cluster.Command{Code: code, Reason: reason}), &r)
}

// Join adds connections on any node to groups. When Join returns, the connections of this node are members, and the
// error joins the errors of each, as Conn.Join returns them. The connections of other nodes join soon after, and an
// error there is logged on their node. If the channel layer is down, the error wraps layer.ErrUnavailable, and the
// connections of this node are members all the same.
func (s *Server) Join(ctx context.Context, to Target, groups ...string) error {
	return s.changeGroups(ctx, cluster.KindJoin, to, groups)
}

// Leave removes connections on any node from groups. See Join.
func (s *Server) Leave(ctx context.Context, to Target, groups ...string) error {
	return s.changeGroups(ctx, cluster.KindLeave, to, groups)
}

func (s *Server) changeGroups(ctx context.Context, kind cluster.Kind, to Target, groups []string) error {
	verb := kind.String()
	r, err := newRecipients(verb, []Target{to})
	if err = errors.Join(err, checkNames("group name", groups), s.checkRecipients(&r)); err != nil {
		return err
	}
	here := r.here()
	if len(groups) == 0 || len(here) == 0 {
		return nil
	}
	d := newCommand(kind, &cluster.Command{Groups: groups})
	if err := s.prepare(ctx, d, r.subjects); err != nil {
		return err
	}
	_, err = changeGroups(kind, s.hub.Match(here...), groups)
	return errors.Join(err, s.publish(ctx, d), s.syncSubscriptions(ctx, verb+" group", groupSubjects(groups)...))
}

// changeGroups adds connections to groups or removes them. It does not wait. It returns the subjects that got their
// first member on this node or lost their last: the caller must call syncSubscriptions for them.
func changeGroups(kind cluster.Kind, conns []*connSink, groups []string) (turned []string, err error) {
	var errs []error
	for _, l := range conns {
		c := (*Conn)(l)
		if kind == cluster.KindLeave {
			turned = append(turned, c.exitGroups(groups)...)
			continue
		}
		first, err := c.enterGroups(groups)
		if err != nil && !errors.Is(err, ErrClosed) {
			errs = append(errs, err)
		}
		turned = append(turned, first...)
	}
	return turned, errors.Join(errs...)
}

// applyRegroup carries out the copy of another node's join or leave for a subject. It takes effect in the order in
// which the layer delivers, so later messages reach the new members.
func (s *Server) applyRegroup(d *delivery, subject string) {
	verb := d.Kind.String() // Action comes from another node and is not trusted
	turned, err := changeGroups(d.Kind, s.matching(d.Targets, subject), d.command.Groups)
	if err != nil {
		s.logThrottled(slog.LevelError, "chanx: command failed", verb+throttle.Types(err), "command", verb, "error", err)
	}
	if len(turned) == 0 {
		return
	}
	go func() { // the layer forbids calling the link in Receive
		if err := s.syncSubscriptions(context.Background(), verb+" group", turned...); err != nil && !errors.Is(err, ErrClosed) {
			s.logSyncError(err)
		}
	}()
}

// matching lists the connections whose first match among targets is published to subject.
func (s *Server) matching(targets []string, subject string) (all []*connSink) {
	for k, t := range targets {
		if cluster.SubjectOf(t) != subject {
			continue
		}
		all = append(all, s.hub.MatchOnly(targets, k)...)
	}
	return all
}

func newCommand(kind cluster.Kind, c *cluster.Command) *delivery {
	return &delivery{Publication: cluster.Publication{Kind: kind, Action: kind.String()}, command: c}
}

// runDisconnect carries out a close command. The hub's worker calls it, after the messages that were sent before.
func (c *Conn) runDisconnect(d *delivery) {
	err := c.disconnect(d.command.Code, d.command.Reason)
	if err != nil && !errors.Is(err, ErrClosed) {
		c.logError(slog.LevelError, "chanx: command failed", d.Kind.String(), err, "command", d.Kind.String())
	}
}

// disconnect is like Close, but it also works before the handshake is answered: the close then takes effect once the
// connection is established.
func (c *Conn) disconnect(code int, reason string) error {
	c.mu.Lock()
	wire := c.wire
	if wire == nil && c.ensureEarly().pendingClose == nil {
		c.early.pendingClose = &CloseError{code, reason}
	}
	c.mu.Unlock()
	if wire == nil {
		return nil
	}
	return wireError(wire.Close(code, reason))
}
