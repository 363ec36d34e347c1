package chanx

import (
	"context"
	"errors"
	"fmt"
	"slices"
	"time"
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
// than MaxGroups, it joins none. The channel layer is told of all groups at once. If it is down, or does not answer within
// PublishTimeout, the error wraps layer.ErrUnavailable; if it does not answer before ctx ends, it is that of the context.
// Messages of this node arrive all the same, those of others once the layer is up again. In open, Join waits for a quarter
// of the time that is left of OpenTimeout. To join again changes nothing, and tells whether the layer is up.
func (c *Conn) Join(ctx context.Context, groups ...string) error {
	wait := c.mount.srv.limits.PublishTimeout
	if c.transport() == nil {
		wait = c.mount.srv.subscribeTime(ctx)
	}
	return c.join(ctx, wait, groups...)
}

// join waits for the layer no longer than a time.
func (c *Conn) join(ctx context.Context, wait time.Duration, groups ...string) error {
	if err := checkNames("group name", groups); err != nil {
		return err
	}
	if _, err := c.enterGroups(groups); err != nil {
		return err
	}
	s := c.mount.srv
	return s.tolerateMembership(s.syncSubscriptionsWithin(ctx, wait, "join group", groupSubjects(distinct(groups))...))
}

// enter adds the connection to the groups that it is not in. The subjects of those of which it is the first member on
// this node are to be settled.
func (c *Conn) enterGroups(groups []string) (first []string, err error) {
	c.mu.Lock()
	defer c.mu.Unlock()
	if c.left {
		return nil, ErrClosed
	}
	s := c.mount.srv
	var joined []string
	for _, name := range groups {
		if !slices.Contains(c.groups, name) && !slices.Contains(joined, name) {
			joined = append(joined, name)
		}
		if limit := s.limits.MaxGroups; len(c.groups)+len(joined) > limit {
			return nil, fmt.Errorf("chanx: join group: the connection is in %d groups, and MaxGroups is %d", len(c.groups), limit)
		}
	}
	for _, subject := range groupSubjects(joined) {
		s.hub.Join(subject, (*connSink)(c))
		if s.subscriptions.count(subject, 1) {
			first = append(first, subject)
		}
	}
	c.groups = append(c.groups, joined...)
	return first, nil
}

// Leave ends the membership of groups. What was broadcast before still arrives. The channel layer is told when a group has
// had no members on this node for Limits.SubscriptionLinger; with that switched off it is told at once, and an error is
// its: the membership has ended all the same.
func (c *Conn) Leave(ctx context.Context, groups ...string) error {
	s := c.mount.srv
	return s.tolerateMembership(s.syncSubscriptions(ctx, "leave group", c.exitGroups(groups)...))
}

// exit takes the connection out of groups. The subjects of those of which it was the last member on this node are to be
// settled.
func (c *Conn) exitGroups(groups []string) (last []string) {
	c.mu.Lock()
	defer c.mu.Unlock()
	for _, name := range groups {
		i := slices.Index(c.groups, name)
		if i < 0 {
			continue
		}
		c.groups = slices.Delete(c.groups, i, i+1)
		subject := groupSubject(name)
		c.mount.srv.hub.Leave(subject, (*connSink)(c))
		if c.mount.srv.subscriptions.count(subject, -1) {
			last = append(last, subject)
		}
	}
	return last
}

// Broadcast sends a message to a Target, such as To(group), or to several; the connection itself gets it too if it is
// meant, unless ExceptSelf is given. The consumer must declare the type with Broadcasts, or it is Raw or one of the
// library's.
//
// Without a target it goes to every group that the connection has joined, and in none it is an error. That suits
// connections that are in one group. One that is in several, such as a room and a team, would tell all of them what is
// meant for one: name the group.
//
// It returns when the message is in order for every member on this node, the sender's own copy in its queue, and with
// the channel layer. It does not wait for receivers; but while more is due to members of this node than it can pass on
// soon, it waits for up to a second, so that nobody can say more than is heard. If so many wait in vain that more than
// 256 MiB, or more work than some seconds of it, is due, members miss it, which Stats counts; that is no error. It goes on
// when ctx is cancelled, for up to PublishTimeout: what has been stored must still be told. If the layer is down, members
// on this node get it and the error wraps layer.ErrUnavailable, unless ServerOptions.BrokerLoss tolerates it.
func (c *Conn) Broadcast(ctx context.Context, m Message, opts ...BroadcastOption) error {
	var r recipients
	for _, o := range opts {
		if o == nil {
			return errNilTarget
		}
		o.applyBroadcast(&r)
	}
	if err := errors.Join(r.err, r.errNodes("broadcast")); err != nil {
		return err
	}
	d, err := c.mount.newDelivery(m)
	if err != nil {
		return err
	}
	if !r.explicit {
		if r.subjects, err = c.ownGroups("broadcast"); err != nil {
			return err
		}
	}
	d.from, d.fromConn, d.fromUser, d.exceptSelf = c, c.ID(), c.user, r.exceptSelf
	return c.mount.srv.deliver(ctx, d, &r)
}

// ownGroups are the subjects of the connection's groups, which are meant where no target is given. In no group it would
// reach nobody, which is a mistake of the program.
func (c *Conn) ownGroups(verb string) ([]string, error) {
	c.mu.Lock()
	defer c.mu.Unlock()
	switch {
	case len(c.groups) > 0:
		return groupSubjects(c.groups), nil
	case c.left:
		return nil, ErrClosed
	}
	return nil, fmt.Errorf("chanx: %s: it has no target, and the connection has joined no group: give it one, as chanx.To(group)", verb)
}

// Emit sends an event to the handlers of connections. Without a target these are the connections of every group that this
// connection has joined, itself included, and in no group it is an error: name the group, as in Broadcast. See Broadcast for when it returns and what the error says. Where more events than Limits.EventQueue wait for
// another connection on this node, Emit also waits for that connection, for at most one second.
func (c *Conn) Emit(ctx context.Context, e Event, to ...Target) error {
	r := targets(to)
	if len(to) == 0 {
		err := checkSent("emit", "event", "Event", e)
		if err != nil {
			return err
		}
		if r.subjects, err = c.ownGroups("emit"); err != nil {
			return err
		}
	}
	return c.mount.srv.emit(ctx, c, e, r)
}
