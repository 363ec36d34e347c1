package nodetest

import (
	"time"

	"github.com/chanx-go/chanx"
)

// silenceLimit is how long a broker may be silent before a node logs that it is lost.
const silenceLimit = 10 * time.Second

// silentBroker opens a connection, joins and broadcasts while the broker is silent and before the nodes have noticed.
func silentBroker(s *suite) {
	s.withNodes(2, func(k *cluster) {
		ctx, n := k.t.Context(), k.nodes[0]
		a, far := k.dial(0, "ann", "g"), k.dial(1, "cat", "g")
		lost, back := k.statuses(n, false), k.statuses(n, true)
		k.Freeze(k.t, n.layer)
		far.mayArrive["here"], far.mayArrive["local"] = true, true
		late := k.dial(0, "dan")
		k.mayBeUnavailable(n.Broadcast(ctx, saidMessage{"here"}, chanx.To("g")))
		k.expect("the broker is silent", map[*peer]string{a: "here"})
		k.mayBeUnavailable(late.conn.Join(ctx, "g"))
		if !k.within(silenceLimit, func() bool { return n.log.statuses(false) > lost }) {
			k.t.Fatalf("a silent broker is reported: node %d did not log within %v that it is lost", n.no, silenceLimit)
		}
		k.unavailable("Server.Broadcast", n.Broadcast(ctx, saidMessage{"local"}, chanx.To("g")))
		k.expect("the broker is known to be silent", map[*peer]string{a: "local", late: "local"})
		k.Thaw(k.t, n.layer)
		if !k.within(k.Wait, func() bool { return n.log.statuses(true) > back }) {
			k.t.Fatalf("node %d did not log within %v that the broker is back", n.no, k.Wait)
		}
		k.awaitRecovery()
		k.broadcastFromAll("after the silence", "g", a, late, far)
	})
}
