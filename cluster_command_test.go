package chanx_test

import (
	"slices"
	"strings"
	"testing"
	"testing/synctest"
	"time"

	"github.com/chanx-go/chanx"
	"github.com/chanx-go/chanx/internal/faultlayer"
)

// TestCommandsKeepTheOrderOfATarget delays the copy of a command for one of its two targets. A connection that matches
// both targets carries the command out when the first copy arrives.
func TestCommandsKeepTheOrderOfATarget(t *testing.T) {
	late := func(d faultlayer.Delivery) (f faultlayer.Fate) {
		if d.Subject == "g/late" {
			f.Delay = time.Second
		}
		return f
	}
	inCluster(t, clusterOptions{nodes: 2, faults: faultlayer.Faults{Deliver: late}}, func(t *testing.T, k *cluster) {
		both, one, other := k.dial(1, "ann", "soon", "late"), k.dial(1, "bob", "soon"), k.dial(1, "cat", "late")
		k.ok(k.nodes[0].Join(t.Context(), chanx.To("soon", "late"), "new"))
		k.ok(k.nodes[0].Leave(t.Context(), chanx.To("soon"), "new"))
		pass(time.Minute)
		k.ok(k.nodes[0].Broadcast(t.Context(), saidMessage{"hi"}, chanx.To("new")))
		k.expect("in the new group", map[*peer]string{other: "hi"})
		k.ok(k.nodes[0].Disconnect(t.Context(), 4000, "", chanx.ToConn(both.conn.ID(), one.conn.ID())))
	})
}

// TestDisconnectReachesConnectionsInOpen disconnects a user while, on each node, one of its connections is in open.
func TestDisconnectReachesConnectionsInOpen(t *testing.T) {
	for node := range 2 {
		inCluster(t, clusterOptions{nodes: 2}, func(t *testing.T, k *cluster) {
			ann := k.dial(0, "ann")
			k.gate = func(name string) {
				if strings.HasPrefix(name, "ann") {
					k.ok(k.nodes[0].Disconnect(t.Context(), 4401, "revoked", chanx.ToUser("ann")))
					k.ok(k.nodes[0].Disconnect(t.Context(), 4000, "again", chanx.ToUser("ann"))) // the first counts
				}
				synctest.Wait()
			}
			late, bob := k.dialing(node, "ann"), k.dialing(node, "bob")
			synctest.Wait()
			for _, p := range []*peer{ann, late} {
				if reason := p.ExpectClosed(4401); reason != "revoked" {
					t.Errorf("%s: closed because of %q", p.name, reason)
				}
			}
			if bob.Ended() != nil {
				t.Errorf("another user's connection was closed: %v", bob.Ended())
			}
			if !slices.Equal(k.left, []string{"ann 4401", "ann 4401"}) {
				t.Errorf("OnClose ran for %q", k.left)
			}
			k.gate = nil
			again := k.dial(node, "ann")
			if again.Ended() != nil {
				t.Errorf("a connection that came later was closed: %v", again.Ended())
			}
		})
	}
}

// TestCommandsReachConnectionsInOpen sends the other commands to a connection that is in open. They take effect, in order,
// when open has returned.
func TestCommandsReachConnectionsInOpen(t *testing.T) {
	inCluster(t, clusterOptions{nodes: 2}, func(t *testing.T, k *cluster) {
		ctx := t.Context()
		k.gate = func(name string) {
			k.ok(k.nodes[0].Join(ctx, chanx.ToUser("ann"), "g", "h"))
			synctest.Wait()
			k.ok(k.nodes[0].Broadcast(ctx, saidMessage{"1"}, chanx.To("g")))
			k.ok(k.nodes[1].Broadcast(ctx, saidMessage{"2"}, chanx.To("h")))
			k.ok(k.nodes[0].Emit(ctx, ringEvent{"3"}, chanx.To("g")))
			k.ok(k.nodes[0].Leave(ctx, chanx.ToUser("ann"), "g"))
			synctest.Wait()
			k.ok(k.nodes[0].Broadcast(ctx, saidMessage{"not any more"}, chanx.To("g")))
		}
		ann := k.dial(1, "ann")
		k.expect("what came in open", map[*peer]string{ann: "1 2 (3)"})
		if got := ann.conn.Groups(); !slices.Equal(got, []string{"h"}) {
			t.Errorf("groups %q", got)
		}
	})
}

// TestCommandsDuringClosing sends Join and Leave from the server while connections open and close. A wrong count would
// leave a subscription behind, which the check after shutdown reports.
func TestCommandsDuringClosing(t *testing.T) {
	inCluster(t, clusterOptions{nodes: 2}, func(t *testing.T, k *cluster) {
		stop, done := make(chan struct{}), make(chan struct{})
		for i, s := range k.nodes {
			for _, do := range []func(){
				func() { k.ok(s.Join(t.Context(), chanx.All(), "g", "h")) },
				func() { k.ok(s.Leave(t.Context(), chanx.All(), "g")) },
				func() { k.ok(s.Leave(t.Context(), chanx.ToUser("ann"), "h")) },
			} {
				go func() {
					defer func() { done <- struct{}{} }()
					for n := 0; ; n++ {
						select {
						case <-stop:
							return
						default:
							do()
							time.Sleep(time.Duration(i+1) * time.Microsecond) // in a bubble
						}
					}
				}()
			}
		}
		for range 50 {
			for node := range 2 {
				p := k.dialing(node, "ann", "g")
				time.Sleep(5 * time.Microsecond) // in a bubble
				p.Abort()
			}
		}
		close(stop)
		for range 6 {
			<-done
		}
	})
}

func TestJoinFromOutsideKeepsMaxGroups(t *testing.T) {
	log := &logRecorder{}
	limit := func(node int, o *chanx.ServerOptions) {
		o.Limits.MaxGroups = 2
		logOfNode0(log)(node, o)
	}
	inCluster(t, clusterOptions{nodes: 2, server: limit}, func(t *testing.T, k *cluster) {
		ctx := t.Context()
		p := k.dial(0, "ann", "a", "b")
		const says = "the connection is in 2 groups, and MaxGroups is 2"
		for what, err := range map[string]error{
			"Conn.Join": p.conn.Join(ctx, "b", "c"), "Server.Join": k.nodes[0].Join(ctx, chanx.ToUser("ann"), "c"),
		} {
			if err == nil || !strings.Contains(err.Error(), says) {
				t.Errorf("%s: %v", what, err)
			}
		}
		log.take()
		k.ok(k.nodes[1].Join(ctx, chanx.ToUser("ann"), "c")) // the error is logged on the node of the connection
		synctest.Wait()
		if got := log.take(); len(got) != 1 || !strings.HasPrefix(got[0], "ERROR command failed command=join") || !strings.Contains(got[0], says) {
			t.Errorf("log %q", got)
		}
		k.ok(p.conn.Join(ctx, "b", "a", "a")) // it is a member already
		k.ok(p.conn.Leave(ctx, "a", "nowhere"))
		k.ok(k.nodes[1].Join(ctx, chanx.ToUser("ann"), "c"))
		synctest.Wait()
		if got := p.conn.Groups(); !slices.Equal(got, []string{"b", "c"}) {
			t.Errorf("groups %q", got)
		}
	})
}
