package chanx

import (
	"context"
	"encoding/json"
	"errors"
	"fmt"
	"log/slog"
	"slices"

	"github.com/chanx-go/chanx/internal/socket"
)

// closeCommand is the payload of a kindClose.
type closeCommand struct {
	Code   int    `json:"code"`
	Reason string `json:"reason"`
}

// Disconnect closes connections, on whatever node they are, as Conn.Close does; what was broadcast to them before leaves
// first. It does not wait for them. Without a target, or with a code that may not be sent, it is an error; if the
// channel layer is down, those of this node are closed and the error wraps layer.ErrUnavailable.
func (s *Server) Disconnect(ctx context.Context, code int, reason string, to ...Target) error {
	if !socket.Sendable(code) {
		return fmt.Errorf("chanx: disconnect: code %d may not be sent: use 1000 or one of 3000 to 4999", code)
	}
	r, err := outside("disconnect", to)
	if err != nil {
		return err
	}
	d, err := newCommand(kindClose, "disconnect", closeCommand{code, reason})
	if err != nil {
		return err
	}
	return s.deliver(ctx, d, r.subjects)
}

// Join makes connections members of groups, on whatever node they are: on this one when it has returned, with the errors
// of each as Conn.Join gives them; on others soon after, where an error is logged.
func (s *Server) Join(ctx context.Context, to Target, groups ...string) error {
	return s.regroup(ctx, kindJoin, "join", to, groups, (*Conn).Join)
}

// Leave ends the membership of connections in groups. See Join.
func (s *Server) Leave(ctx context.Context, to Target, groups ...string) error {
	return s.regroup(ctx, kindLeave, "leave", to, groups, (*Conn).Leave)
}

func (s *Server) regroup(
	ctx context.Context, kind byte, verb string, to Target, groups []string, do func(*Conn, context.Context, ...string) error,
) error {
	r, err := outside(verb, []Target{to})
	if err = errors.Join(err, checkNames("group name", groups)); err != nil {
		return err
	}
	if s.isClosed() {
		return ErrClosed
	}
	d, err := newCommand(kind, verb, groups)
	if err != nil || len(groups) == 0 || len(r.subjects) == 0 {
		return err
	}
	var errs []error
	for _, l := range s.hub.Match(r.subjects...) {
		if err := do((*Conn)(l), ctx, groups...); !errors.Is(err, ErrClosed) {
			errs = append(errs, err)
		}
	}
	s.observe(ctx, d, r.subjects)
	return errors.Join(append(errs, s.publish(ctx, d, r.subjects))...)
}

func newCommand(kind byte, verb string, v any) (*delivery, error) {
	b, err := json.Marshal(v)
	if err != nil {
		return nil, fmt.Errorf("chanx: %s: %w", verb, err)
	}
	return &delivery{kind: kind, action: verb, plain: b}, nil
}

// obey carries out a command. It is called by the hub's worker, which must not wait for the layer.
func (c *Conn) obey(d *delivery) {
	var err error
	switch d.kind {
	case kindClose:
		var cmd closeCommand
		if err = json.Unmarshal(d.plain, &cmd); err == nil {
			err = c.disconnect(cmd.Code, cmd.Reason)
		}
	case kindJoin, kindLeave:
		var groups []string
		if err = json.Unmarshal(d.plain, &groups); err == nil {
			err = c.regroup(d.kind, groups)
		}
	}
	if err != nil && !errors.Is(err, ErrClosed) {
		c.log(slog.LevelError, "chanx: command failed", "command", d.action, "error", err)
	}
}

// disconnect is Close, also of a connection that is on its way in: then it takes effect when it has arrived.
func (c *Conn) disconnect(code int, reason string) error {
	c.mu.Lock()
	wire := c.wire
	if wire == nil {
		c.doom = &CloseError{code, reason}
	}
	c.mu.Unlock()
	if wire == nil {
		return nil
	}
	return wireError(wire.Close(code, reason))
}

// regroup changes the membership on this node at once, and tells the layer in its own time.
func (c *Conn) regroup(kind byte, groups []string) error {
	if err := checkNames("group name", groups); err != nil {
		return err
	}
	settle, changed := c.subscribe, groups
	if kind == kindLeave {
		settle, changed = c.unsubscribe, c.exit(groups)
	} else {
		var err error
		if changed, err = c.enter(groups); err != nil {
			return err
		}
	}
	if len(changed) == 0 {
		return nil
	}
	go func() {
		ctx, cancel := context.WithTimeout(context.Background(), c.mount.srv.limits.PublishTimeout)
		defer cancel()
		if err := settle(ctx, slices.Clone(changed)); err != nil {
			c.log(slog.LevelWarn, "chanx: channel layer does not follow", "error", err)
		}
	}()
	return nil
}
