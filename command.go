package chanx

import (
	"context"
	"encoding/json"
	"errors"
	"fmt"
	"log/slog"

	"github.com/chanx-go/chanx/internal/socket"
	"github.com/chanx-go/chanx/internal/throttle"
)

// closeCommand is the payload of a kindClose publication.
type closeCommand struct {
	Code   int    `json:"code"`
	Reason string `json:"reason"`
}

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
	d, err := newCommand(kindClose, "disconnect", closeCommand{code, reason})
	if err != nil {
		return err
	}
	return s.deliver(ctx, d, &r)
}

// Join adds connections on any node to groups. When Join returns, the connections of this node are members, and the
// error joins the errors of each, as Conn.Join returns them. The connections of other nodes join soon after, and an
// error there is logged on their node. If the channel layer is down, the error wraps layer.ErrUnavailable, and the
// connections of this node are members all the same.
func (s *Server) Join(ctx context.Context, to Target, groups ...string) error {
	return s.changeGroups(ctx, kindJoin, "join", to, groups)
}

// Leave removes connections on any node from groups. See Join.
func (s *Server) Leave(ctx context.Context, to Target, groups ...string) error {
	return s.changeGroups(ctx, kindLeave, "leave", to, groups)
}

func (s *Server) changeGroups(ctx context.Context, kind byte, verb string, to Target, groups []string) error {
	r, err := newRecipients(verb, []Target{to})
	if err = errors.Join(err, checkNames("group name", groups), s.checkRecipients(&r)); err != nil {
		return err
	}
	d, err := newCommand(kind, verb, groups)
	here := r.here()
	if err != nil || len(groups) == 0 || len(here) == 0 {
		return err
	}
	p, err := s.newPublication(ctx, d, r.subjects)
	if err != nil {
		return err
	}
	_, err = changeGroups(kind, s.hub.Match(here...), groups)
	return errors.Join(err, s.publish(ctx, d, &p), s.syncSubscriptions(ctx, verb+" group", groupSubjects(groups)...))
}

// changeGroups adds connections to groups or removes them. It does not wait. It returns the subjects that got their
// first member on this node or lost their last: the caller must call syncSubscriptions for them.
func changeGroups(kind byte, conns []*connSink, groups []string) (turned []string, err error) {
	var errs []error
	for _, l := range conns {
		c := (*Conn)(l)
		if kind == kindLeave {
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
func (s *Server) applyRegroup(p *publication, groups []string, subject string) {
	turned, err := changeGroups(p.kind, s.matching(p.targets, subject), groups)
	if err != nil {
		verb := commandName(p.kind)
		s.logThrottled(slog.LevelError, "chanx: command failed", verb+throttle.Types(err), "command", verb, "error", err)
	}
	if len(turned) == 0 {
		return
	}
	go func() { // the layer forbids calling the link in Receive
		if err := s.syncSubscriptions(context.Background(), p.action+" group", turned...); err != nil && !errors.Is(err, ErrClosed) {
			s.logSyncError(err)
		}
	}()
}

// matching lists the connections whose first match among targets is published to subject.
func (s *Server) matching(targets []string, subject string) (all []*connSink) {
	for k, t := range targets {
		if subjectOf(t) != subject {
			continue
		}
		all = append(all, s.hub.MatchOnly(targets, k)...)
	}
	return all
}

// commandName is the name to log. The action in a publication comes from another node and is not trusted.
func commandName(kind byte) string {
	switch kind {
	case kindClose:
		return "disconnect"
	case kindJoin:
		return "join"
	}
	return "leave"
}

func newCommand(kind byte, verb string, v any) (*delivery, error) {
	b, err := json.Marshal(v)
	if err != nil {
		return nil, fmt.Errorf("chanx: %s: %w", verb, err)
	}
	return &delivery{kind: kind, action: verb, plain: b}, nil
}

func readGroups(payload []byte) (groups []string, err error) {
	if err = json.Unmarshal(payload, &groups); err == nil {
		err = checkNames("group name", groups)
	}
	return groups, err
}

func readClose(payload []byte) (cmd closeCommand, err error) {
	if err = json.Unmarshal(payload, &cmd); err == nil && !socket.Sendable(cmd.Code) {
		err = fmt.Errorf("code %d may not be sent", cmd.Code)
	}
	return cmd, err
}

// runDisconnect carries out a close command. The hub's worker calls it, after the messages that were sent before.
func (c *Conn) runDisconnect(d *delivery) {
	cmd, err := readClose(d.plain)
	if err == nil {
		err = c.disconnect(cmd.Code, cmd.Reason)
	}
	if err != nil && !errors.Is(err, ErrClosed) {
		c.logError(slog.LevelError, "chanx: command failed", commandName(d.kind), err, "command", commandName(d.kind))
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
