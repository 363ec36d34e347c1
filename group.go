package chanx

import (
	"context"
	"errors"
	"fmt"
	"slices"
)

func groupSubjects(names []string) []string {
	subjects := make([]string, len(names))
	for i, name := range names {
		subjects[i] = groupSubject(name)
	}
	return subjects
}

// Join makes the connection a member of groups: it gets what is broadcast and emitted to them once Join has returned. A
// name is 1 to 200 bytes of UTF-8 without control characters. If one of them is bad, or the connection would be in more
// than MaxGroups, it joins none. If the channel layer is down the error wraps layer.ErrUnavailable; messages of this
// node arrive all the same, those of others once the layer is up again.
func (c *Conn) Join(ctx context.Context, groups ...string) error {
	if err := checkNames("group name", groups); err != nil {
		return err
	}
	joined, err := c.enter(groups)
	if err != nil {
		return err
	}
	return c.subscribe(ctx, joined)
}

func (c *Conn) subscribe(ctx context.Context, joined []string) error {
	var errs []error
	for _, name := range joined {
		if err := c.mount.srv.subscriptions.add(ctx, groupSubject(name)); err != nil {
			errs = append(errs, fmt.Errorf("chanx: join group %q: %w", name, err))
		}
	}
	return errors.Join(errs...)
}

// enter adds the connection to the groups that it is not in.
func (c *Conn) enter(groups []string) (joined []string, err error) {
	c.mu.Lock()
	defer c.mu.Unlock()
	if c.left {
		return nil, ErrClosed
	}
	for _, name := range groups {
		if !slices.Contains(c.groups, name) && !slices.Contains(joined, name) {
			joined = append(joined, name)
		}
	}
	if limit := c.mount.srv.limits.MaxGroups; len(c.groups)+len(joined) > limit {
		return nil, fmt.Errorf("chanx: join group: the connection is in %d groups, and MaxGroups is %d", len(c.groups), limit)
	}
	for _, name := range joined {
		c.mount.srv.hub.Join(groupSubject(name), (*link)(c))
	}
	c.groups = append(c.groups, joined...)
	return joined, nil
}

// Leave ends the membership of groups. What was broadcast before still arrives.
func (c *Conn) Leave(ctx context.Context, groups ...string) error {
	return c.unsubscribe(ctx, c.exit(groups))
}

func (c *Conn) unsubscribe(ctx context.Context, left []string) error {
	var errs []error
	for _, name := range left {
		if err := c.mount.srv.subscriptions.remove(ctx, groupSubject(name)); err != nil {
			errs = append(errs, fmt.Errorf("chanx: leave group %q: %w", name, err))
		}
	}
	return errors.Join(errs...)
}

func (c *Conn) exit(groups []string) (left []string) {
	c.mu.Lock()
	defer c.mu.Unlock()
	for _, name := range groups {
		if i := slices.Index(c.groups, name); i >= 0 {
			c.groups = slices.Delete(c.groups, i, i+1)
			c.mount.srv.hub.Leave(groupSubject(name), (*link)(c))
			left = append(left, name)
		}
	}
	return left
}

// Broadcast sends a message to groups: without a target, to those that the connection is in; itself included, unless
// ExceptSelf. The consumer must declare the type with Broadcasts, or it is Raw or one of the library's.
//
// It returns when the message is in order for every member on this node, the sender's own copy in its queue, and with
// the channel layer. It does not wait for receivers, and goes on when ctx is cancelled, for up to PublishTimeout: what
// has been stored must still be told. If the layer is down, members on this node get it and the error wraps
// layer.ErrUnavailable.
func (c *Conn) Broadcast(ctx context.Context, m Message, opts ...BroadcastOption) error {
	var r recipients
	for _, o := range opts {
		o.applyBroadcast(&r)
	}
	if r.err != nil {
		return r.err
	}
	d, err := c.mount.newDelivery(m)
	if err != nil {
		return err
	}
	if !r.explicit {
		r.subjects = groupSubjects(c.Groups())
	}
	d.from, d.fromConn, d.fromUser, d.exceptSelf = c, c.id, c.user, r.exceptSelf
	if !r.exceptSelf && c.inAny(r.subjects) {
		c.deliver(d.appendFrames(nil, c), corks(ctx, c))
	}
	return c.mount.srv.deliver(ctx, d, r.subjects)
}

func (c *Conn) inAny(subjects []string) bool {
	return slices.ContainsFunc(subjects, func(s string) bool { return c.mount.srv.hub.Has(s, (*link)(c)) })
}

// Emit sends an event to the handlers of connections: without a target, of the groups that this connection is in, its
// own included. See Broadcast for when it returns and what the error says.
func (c *Conn) Emit(ctx context.Context, e Event, to ...Target) error {
	r := targets(to)
	if len(to) == 0 {
		r.subjects = groupSubjects(c.Groups())
	}
	return c.mount.srv.emit(ctx, e, r)
}
