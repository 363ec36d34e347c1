package chanx

import (
	"context"
	"errors"
	"iter"
	"net/http"
	"slices"

	"github.com/chanx-go/chanx/internal/cluster"
)

// register makes the connection reachable through All, ToConn and ToUser.
func (c *Conn) register(ctx context.Context) error {
	s := c.mount.srv
	if !s.countUser(c) {
		return Refuse(http.StatusTooManyRequests, "too many connections")
	}
	c.registered = true
	s.hub.Bind(c.subject, (*connSink)(c))
	s.hub.Join(cluster.Everyone, (*connSink)(c))
	if c.user != "" {
		s.hub.Join(cluster.UserSubject(c.user), (*connSink)(c))
	}
	addresses := c.addresses()
	for _, subject := range addresses {
		s.node.Subscriptions.Count(subject, 1)
	}
	if err := s.node.Subscriptions.Sync(ctx, s.subscribeTime(ctx), "subscribe to", addresses...); err != nil {
		s.logSyncError(err)
	}
	return nil
}

// addresses returns the subjects, besides its groups, through which other nodes reach the connection.
func (c *Conn) addresses() []string {
	all := []string{cluster.Everyone, cluster.NodeSubject(c.mount.srv.node.ID)}
	if c.user != "" {
		all = append(all, cluster.UserSubject(c.user))
	}
	return all
}

// unregister reverts register. It returns the subjects of which the connection was the last member on this node: the
// caller must call syncSubscriptions for them.
func (c *Conn) unregister() (last []string) {
	if !c.registered {
		return nil
	}
	s := c.mount.srv
	s.hub.Unbind(c.subject)
	s.hub.Leave(cluster.Everyone, (*connSink)(c))
	if c.user != "" {
		s.hub.Leave(cluster.UserSubject(c.user), (*connSink)(c))
	}
	for _, subject := range c.addresses() {
		if s.node.Subscriptions.Count(subject, -1) {
			last = append(last, subject)
		}
	}
	return last
}

// leaveAll removes the connection from its groups and frees its places, at once. It returns the subjects of which it
// was the last member on this node, for finishLeave.
func (c *Conn) leaveAll() (last []string) {
	c.cancel()
	c.mu.Lock()
	c.left = true // no group can be joined any more
	groups := slices.Clone(c.groups)
	c.mu.Unlock()
	c.mount.srv.free(c)
	return append(c.exitGroups(groups), c.unregister()...)
}

// finishLeave follows leaveAll: it unsubscribes from last, and removes the connection from the server.
func (c *Conn) finishLeave(last []string) {
	err := c.mount.srv.syncSubscriptions(context.WithoutCancel(c.ctx), "unsubscribe from", last...)
	if err != nil && !errors.Is(err, ErrClosed) {
		c.mount.srv.logSyncError(err)
	}
	c.mount.srv.events.forget(c)
	c.mount.srv.forget(c)
}

// countUser counts the connection for its user on this node, unless the user has too many.
func (s *Server) countUser(c *Conn) bool {
	if c.user == "" || s.limits.MaxConnectionsPerUser == maxInt {
		return true
	}
	s.mu.Lock()
	defer s.mu.Unlock()
	if s.users[c.user] >= s.limits.MaxConnectionsPerUser {
		return false
	}
	s.users[c.user]++
	c.counted = true
	return true
}

// free releases the connection's places of MaxConnections and MaxConnectionsPerUser. Only the first call has an effect.
// It may be called under the lock of the connection's transport.
func (s *Server) free(c *Conn) {
	s.mu.Lock()
	defer s.mu.Unlock()
	if c.placed {
		c.placed = false
		s.places--
	}
	if c.counted {
		c.counted = false
		if s.users[c.user]--; s.users[c.user] == 0 {
			delete(s.users, c.user)
		}
	}
}

// Conns yields the connections of this node that are open at the time of the call, in no particular order.
func (s *Server) Conns() iter.Seq[*Conn] {
	return func(yield func(*Conn) bool) {
		for _, c := range s.snapshot() {
			if c.isOpen() && !yield(c) {
				return
			}
		}
	}
}

func (c *Conn) isOpen() bool {
	c.mu.Lock()
	defer c.mu.Unlock()
	return c.wire != nil && !c.ended
}

// Count returns the number of members that a group has on this node.
func (s *Server) Count(group string) int { return s.hub.Count(cluster.GroupSubject(group)) }
