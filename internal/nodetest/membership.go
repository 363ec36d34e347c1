package nodetest

import (
	"context"
	"fmt"
	"slices"
	"sync"
	"testing"

	"github.com/chanx-go/chanx"
	"github.com/chanx-go/chanx/layer"
)

// joinThenPublish joins new groups, and another node broadcasts to them as soon as Join has returned.
func joinThenPublish(s *suite) {
	s.withNodes(2, func(k *cluster) {
		p, q := k.dial(0, "ann"), k.dial(0, "bob")
		for i := range 1000 {
			group := fmt.Sprint("fresh", i)
			k.join(p, group)
			k.reaches("Join, then publish", group, p)
			if i%10 == 0 {
				k.join(q, group)
				k.leave(p, group)
				k.reaches("Join of a second member", group, q)
				k.leave(q, group)
				k.join(p, group)
				k.reaches("Join after all have left", group, p)
				k.joinTogether(p, q, fmt.Sprint("shared", i))
			}
			k.leave(p, group)
		}
	})
}

// joinTogether joins two connections to a group concurrently. Each must be reached as soon as its Join has returned, although
// the other one may be subscribing.
func (k *cluster) joinTogether(p, q *peer, group string) {
	k.t.Helper()
	var joining sync.WaitGroup
	joining.Go(func() { k.join(p, group) })
	k.join(q, group)
	p.mayArrive[group] = true
	k.reaches("Join at the same time as another", group, q)
	joining.Wait()
	k.leave(q, group)
	k.ok(k.nodes[1].Broadcast(k.t.Context(), saidMessage{"both"}, chanx.To(group)))
	k.expect("Join at the same time as another", map[*peer]string{p: "both"})
	delete(p.mayArrive, group)
	k.leave(p, group)
}

func (k *cluster) join(p *peer, group string) {
	k.t.Helper()
	k.ok(p.conn.Join(k.t.Context(), group))
}

func (k *cluster) leave(p *peer, group string) {
	k.t.Helper()
	k.ok(p.conn.Leave(k.t.Context(), group))
}

// reaches broadcasts the name of a group to the group from the other node.
func (k *cluster) reaches(doing, group string, members ...*peer) {
	k.t.Helper()
	want := map[*peer]string{}
	for _, p := range members {
		want[p] = group
	}
	k.ok(k.nodes[1].Broadcast(k.t.Context(), saidMessage{group}, chanx.To(group)))
	k.expect(doing, want)
}

// subscriptions watches the link of a node. Some time after the last member of a group has left, its publications no longer
// arrive at the node. A member that joins before or after that is reached at once.
func subscriptions(s *suite) {
	open, tap := s.open, &tap{watch: newWatch(), subscribed: map[string]bool{}}
	s.open = func(t *testing.T) layer.Layer {
		l := open(t)
		if tap.Layer != nil {
			return l
		}
		tap.Layer = l
		return tap
	}
	s.withNodes(2, func(k *cluster) {
		ctx := k.t.Context()
		ann, bob := k.dial(0, "ann", "one"), k.dial(0, "bob", "one", "two")
		far := k.dial(1, "cat")
		k.reaches("two members", "one", ann, bob)
		k.leave(ann, "one")
		k.reaches("one has left", "one", bob)
		for range 20 {
			k.leave(bob, "one")
			k.join(bob, "one")
			k.reaches("left and joined again at once", "one", bob)
		}
		k.leave(bob, "one")
		ann.drop()
		bob.Close(1000, "")
		if !tap.within(k.Wait, func() bool { return len(tap.subscribed) == 0 }) {
			k.t.Fatalf("a node without connections is still subscribed to %q after %v", tap.subjects(), k.Wait)
		}
		k.reaches("nobody", "two")
		k.ok(k.nodes[1].Broadcast(ctx, saidMessage{"nobody"}, chanx.ToUser("bob")))
		k.ok(far.broadcast(ctx, "here", chanx.ToUser("cat")))
		k.expect("nobody on the node", map[*peer]string{far: "here+!"})
		ann = k.dial(0, "ann", "one") // not bob: the publication to him may still arrive
		k.reaches("joined when the node was not subscribed", "one", ann)
		if got := tap.takeIdle(); len(got) > 0 {
			k.t.Errorf("publications came to the node, which had no connections left: %q", got)
		}
	})
}

// tap is a layer that records what happens on the one link that is opened on it.
type tap struct {
	layer.Layer
	watch
	subscribed map[string]bool // guarded by watch, like idle
	idle       []string        // subjects of publications that arrived while nothing was subscribed
}

func (l *tap) Open(r layer.Receiver) layer.Link {
	receive := r.Receive
	r.Receive = func(subject string, data []byte) {
		l.update(func() {
			if len(l.subscribed) == 0 {
				l.idle = append(l.idle, subject)
			}
		})
		receive(subject, data)
	}
	return &tapped{l.Layer.Open(r), l}
}

func (l *tap) subjects() (all []string) {
	l.mu.Lock()
	defer l.mu.Unlock()
	for subject := range l.subscribed {
		all = append(all, subject)
	}
	slices.Sort(all)
	return all
}

func (l *tap) takeIdle() []string {
	l.mu.Lock()
	defer l.mu.Unlock()
	return l.idle
}

type tapped struct {
	layer.Link
	tap *tap
}

func (k *tapped) Subscribe(ctx context.Context, subject string) error {
	k.tap.update(func() { k.tap.subscribed[subject] = true })
	return k.Link.Subscribe(ctx, subject)
}

func (k *tapped) Unsubscribe(ctx context.Context, subject string) error {
	err := k.Link.Unsubscribe(ctx, subject)
	k.tap.update(func() { delete(k.tap.subscribed, subject) })
	return err
}
