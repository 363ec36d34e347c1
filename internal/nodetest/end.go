package nodetest

import (
	"errors"
	"fmt"
	"sync"

	"github.com/chanx-go/chanx"
)

// nodeEnds ends one of three nodes, abruptly or gracefully, while the others exchange messages.
func nodeEnds(s *suite) {
	for _, how := range []func(*cluster, *node){(*cluster).kill, (*cluster).end} {
		s.withNodes(3, func(k *cluster) {
			const count, until = 300, 50
			ann, bob, gone := k.dial(0, "ann", "g"), k.dial(1, "bob", "g"), k.dial(2, "ann", "g", "only")
			var work sync.WaitGroup
			work.Go(func() {
				for n := range count {
					if err := ann.broadcast(k.t.Context(), fmt.Sprint(n)); err != nil {
						k.t.Errorf("%s: %v", ann.name, err)
					}
				}
			})
			for n := range count {
				if n == until {
					how(k, k.nodes[2])
				}
				k.expect("while a node ends", map[*peer]string{bob: fmt.Sprint(n)})
			}
			work.Wait()
			for n := range count {
				k.expect("while a node ends", map[*peer]string{ann: fmt.Sprint(n) + "+!"})
			}
			k.expectEnded(gone, ann, bob)
			k.addNode(ann, bob)
		})
	}
}

// kill ends a node at once, without waiting for its connections.
func (k *cluster) kill(n *node) {
	n.gone = true
	if err := n.Shutdown(ended()); err == nil {
		k.t.Errorf("node %d: Shutdown with a context that has ended returned no error", n.no)
	}
}

// expectEnded checks that calls on a node that has ended fail, and that messages to its former connections cause no errors
// on the other nodes.
func (k *cluster) expectEnded(gone, ann, bob *peer) {
	k.t.Helper()
	ctx := k.t.Context()
	for verb, err := range map[string]error{
		"Broadcast":      gone.node.Broadcast(ctx, saidMessage{"x"}, chanx.To("g")),
		"Emit":           gone.node.Emit(ctx, ringEvent{"x"}, chanx.All()),
		"Disconnect":     gone.node.Disconnect(ctx, 4000, "", chanx.All()),
		"Join":           gone.node.Join(ctx, chanx.All(), "h"),
		"Leave":          gone.node.Leave(ctx, chanx.All(), "g"),
		"Conn.Broadcast": gone.broadcast(ctx, "x", chanx.To("g")),
		"Conn.Join":      gone.conn.Join(ctx, "h"),
	} {
		if !errors.Is(err, chanx.ErrClosed) {
			k.t.Errorf("%s of a node that has ended: %v, want ErrClosed", verb, err)
		}
	}
	for _, n := range k.running() {
		k.ok(n.Broadcast(ctx, saidMessage{"only"}, chanx.To("only"), chanx.ToConn(gone.conn.ID())))
		k.ok(n.Disconnect(ctx, 4000, "", chanx.ToConn(gone.conn.ID())))
		k.ok(n.Broadcast(ctx, saidMessage{"user"}, chanx.ToUser("ann")))
		k.expect("the user's other connection", map[*peer]string{ann: "user"})
		k.ok(n.Broadcast(ctx, saidMessage{"both"}, chanx.To("only", "g"), chanx.All()))
		k.expect("those who are left", map[*peer]string{ann: "both", bob: "both"})
	}
}

// addNode starts a node, and dials it as the user and with the groups of a connection that has ended.
func (k *cluster) addNode(ann, bob *peer) {
	k.t.Helper()
	ctx := k.t.Context()
	n := k.start()
	comes := k.dial(n.no, "ann", "g", "only")
	k.ok(comes.broadcast(ctx, "1", chanx.To("g")))
	k.expect("by the newcomer", map[*peer]string{ann: "1+", bob: "1", comes: "1+!"})
	k.ok(ann.broadcast(ctx, "2", chanx.To("only")))
	k.expect("to the newcomer", map[*peer]string{comes: "2+"})
	k.ok(bob.broadcast(ctx, "3", chanx.ToConn(comes.conn.ID()), chanx.ToUser("ann")))
	k.expect("to the newcomer's user", map[*peer]string{ann: "3", comes: "3"})
	k.ok(n.Emit(ctx, ringEvent{"4"}, chanx.To("g")))
	k.expect("by the new node", map[*peer]string{ann: "(4)", bob: "(4)", comes: "(4)"})
}
