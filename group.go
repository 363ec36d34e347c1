package chanx

import (
	"context"
	"errors"
	"fmt"
	"slices"
	"time"

	"github.com/chanx-go/chanx/internal/cluster"
)

func groupSubjects(names []string) []string {
	subjects := make([]string, len(names))
	for i, name := range names {
		subjects[i] = cluster.GroupSubject(name)
	}
	return subjects
}

// Join adds the connection to groups: once Join has returned, it receives what is broadcast and emitted to them. A name
// is 1 to 200 bytes of UTF-8 without control characters. If a name is bad, or the connection would be in more than
// MaxGroups groups, it joins none of them.
//
// The channel layer is asked for all groups at once. If it is down, or does not answer within PublishTimeout, the error
// wraps layer.ErrUnavailable (see BrokerLoss); if ctx ends before, the error is that of ctx. Messages of this node
// arrive all the same, those of other nodes once the layer is up again. In open, Join waits for at most a quarter of
// the time left of OpenTimeout. Joining again changes nothing, and its error tells whether the layer is up.
func (c *Conn) Join(ctx context.Context, groups ...string) error {
	wait := c.mount.srv.limits.PublishTimeout
	if c.transport() == nil {
		wait = c.mount.srv.subscribeTime(ctx)
	}
	return c.join(ctx, wait, groups...)
}

// join waits for the layer for at most the given time.
func (c *Conn) join(ctx context.Context, wait time.Duration, groups ...string) error {
	if err := checkNames("group name", groups); err != nil {
		return err
	}
	if _, err := c.enterGroups(groups); err != nil {
		return err
	}
	s := c.mount.srv
	return s.tolerateMembership(s.node.Subscriptions.Sync(ctx, wait, "join group", groupSubjects(distinct(groups))...))
}

// enterGroups adds the connection to those groups that it is not in. It returns the subjects of which it is the first
// member on this node: the caller must call syncSubscriptions for them.
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
		if s.node.Subscriptions.Count(subject, 1) {
			first = append(first, subject)
		}
	}
	c.groups = append(c.groups, joined...)
	return first, nil
}

// Leave removes the connection from groups. What was broadcast before still arrives. The channel layer is unsubscribed
// when a group has had no members on this node for Limits.SubscriptionLinger. If that is off, the layer is unsubscribed
// at once, and Leave returns its error. In any case the connection is not a member any more.
func (c *Conn) Leave(ctx context.Context, groups ...string) error {
	s := c.mount.srv
	return s.tolerateMembership(s.syncSubscriptions(ctx, "leave group", c.exitGroups(groups)...))
}

// exitGroups removes the connection from groups. It returns the subjects of which it was the last member on this node:
// the caller must call syncSubscriptions for them.
func (c *Conn) exitGroups(groups []string) (last []string) {
	c.mu.Lock()
	defer c.mu.Unlock()
	for _, name := range groups {
		i := slices.Index(c.groups, name)
		if i < 0 {
			continue
		}
		c.groups = slices.Delete(c.groups, i, i+1)
		subject := cluster.GroupSubject(name)
		c.mount.srv.hub.Leave(subject, (*connSink)(c))
		if c.mount.srv.node.Subscriptions.Count(subject, -1) {
			last = append(last, subject)
		}
	}
	return last
}

// Broadcast sends a message to one Target, such as To(group), or to several. The connection receives it too if it is in
// the target, unless ExceptSelf is given. The consumer must declare the type with Broadcasts, unless it is Raw or a
// library message.
//
// Without a target the message is sent to all groups that the connection has joined; if it has joined none, that is an
// error. If connections may be in several, such as a room and a team, name the group: otherwise all of them receive a
// message that is meant for one.
//
// Broadcast returns when the message is in this node's delivery queues, behind all earlier ones, the sender's own copy
// is in its send queue, and the channel layer has the message. It does not wait for receivers. Backpressure: there is
// one delivery queue for each core (GOMAXPROCS), and Broadcast waits for each full one in turn, for up to 1 s. The
// members of a queue with more than 256 MiB, or more than a few seconds of work, miss the message, which Stats counts;
// that is no error. Then it waits for the layer, for up to PublishTimeout, also after ctx has ended, so that a change
// that has been stored is still announced. If the layer is down, only members on other nodes miss the message, and the
// error wraps layer.ErrUnavailable: see BrokerLoss. They also miss a message that is too long for the broker. One of
// more than 16 MiB reaches no one.
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
	d.from, d.FromConn, d.FromUser, d.ExceptSelf = c, c.ID(), c.user, r.exceptSelf
	return c.mount.srv.deliver(ctx, d, &r)
}

// ownGroups returns the subjects of the connection's groups, the default target. In no group the message would reach no
// one, which is a mistake of the program.
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

// Emit sends an event to the handlers of connections, this one included if it is in the target. See Broadcast for calls
// without a target, for when Emit returns and for its errors. Emit may also wait for slow handlers: see
// Limits.EventQueue.
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
	return c.mount.srv.emit(ctx, c, c.mount.compiler, e, r)
}
