package nodetest

import (
	"context"
	"fmt"
	"slices"
	"testing"

	"github.com/chanx-go/chanx"
	"github.com/chanx-go/chanx/layer"
)

// joinThenPublish joins fresh groups, and as soon as Join has returned another node speaks to them.
func joinThenPublish(s *suite) {
	s.in(2, func(k *cluster) {
		ctx := k.t.Context()
		p, q := k.dial(0, "ann"), k.dial(0, "bob")
		for i := range 1000 {
			group := fmt.Sprint("fresh", i)
			k.ok(p.conn.Join(ctx, group))
			k.ok(k.nodes[1].Broadcast(ctx, saidMessage{group}, chanx.To(group)))
			k.expect("Join, then publish", map[*peer]string{p: group})
			if i%10 == 0 { // a second member, and one that takes the place of the first
				k.ok(q.conn.Join(ctx, group))
				k.ok(p.conn.Leave(ctx, group))
				k.ok(k.nodes[1].Broadcast(ctx, saidMessage{group}, chanx.To(group)))
				k.expect("Join of a second member", map[*peer]string{q: group})
				k.ok(q.conn.Leave(ctx, group))
				k.ok(p.conn.Join(ctx, group))
				k.ok(k.nodes[1].Broadcast(ctx, saidMessage{group}, chanx.To(group)))
				k.expect("Join after all have left", map[*peer]string{p: group})
			}
			k.ok(p.conn.Leave(ctx, group))
		}
	})
}

// subscriptions watches the link of a node: after the last member has left, sooner or later publications do not come to the
// node any more. Until then, and after that, who joins is reached at once.
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
	s.in(2, func(k *cluster) {
		ctx := k.t.Context()
		say := func(doing, text string, want ...*peer) {
			k.t.Helper()
			heard := map[*peer]string{}
			for _, p := range want {
				heard[p] = text
			}
			k.ok(k.nodes[1].Broadcast(ctx, saidMessage{text}, chanx.To("one")))
			k.expect(doing, heard)
		}
		ann, bob := k.dial(0, "ann", "one"), k.dial(0, "bob", "one", "two")
		far := k.dial(1, "cat")
		say("two members", "1", ann, bob)
		k.ok(ann.conn.Leave(ctx, "one"))
		say("one has left", "2", bob)
		for range 20 {
			k.ok(bob.conn.Leave(ctx, "one"))
			k.ok(bob.conn.Join(ctx, "one"))
			say("left and joined again at once", "3", bob)
		}
		k.ok(bob.conn.Leave(ctx, "one"))
		ann.vanish()
		bob.Close(1000, "")
		if !tap.within(k.Wait, func() bool { return len(tap.subscribed) == 0 }) {
			k.t.Fatalf("a node without connections is still subscribed to %q after %v", tap.subjects(), k.Wait)
		}
		say("nobody", "not any more")
		k.ok(k.nodes[1].Broadcast(ctx, saidMessage{"not any more"}, chanx.To("two"), chanx.ToUser("ann")))
		k.ok(far.broadcast(ctx, "all", chanx.All()))
		k.expect("nobody on the node", map[*peer]string{far: "all+!"})
		ann = k.dial(0, "ann", "one")
		say("joined when the node was unsubscribed", "4", ann)
		if got := tap.takeIdle(); len(got) > 0 {
			k.t.Errorf("publications came to the node, where nobody was left: %q", got)
		}
	})
}

// tap is a layer that tells what becomes of the one link that is opened on it.
type tap struct {
	layer.Layer
	watch
	subscribed map[string]bool // guarded by watch, like idle
	idle       []string        // subjects that came when nothing was subscribed
}

func (l *tap) Open(r layer.Receiver) layer.Link {
	receive := r.Receive
	r.Receive = func(subject string, data []byte) {
		l.tell(func() {
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
	k.tap.tell(func() { k.tap.subscribed[subject] = true })
	return k.Link.Subscribe(ctx, subject)
}

func (k *tapped) Unsubscribe(ctx context.Context, subject string) error {
	err := k.Link.Unsubscribe(ctx, subject)
	k.tap.tell(func() { delete(k.tap.subscribed, subject) })
	return err
}
