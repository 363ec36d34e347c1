package chanx_test

import (
	"errors"
	"net/http"
	"slices"
	"testing"
	"testing/synctest"
	"time"

	"github.com/chanx-go/chanx"
	"github.com/chanx-go/chanx/chanxtest"
)

func TestConnsAndCountIncludeOnlyThisNode(t *testing.T) {
	inCluster(t, clusterOptions{nodes: 2}, func(t *testing.T, k *cluster) {
		check := func(what string, node int, inGroup int, want ...*peer) {
			t.Helper()
			synctest.Wait()
			var got []string
			for c := range k.nodes[node].Conns() {
				got = append(got, c.ID())
			}
			for _, p := range want {
				if !slices.Contains(got, p.conn.ID()) {
					t.Errorf("%s: Conns lacks %s", what, p.name)
				}
			}
			if n := k.nodes[node].Count("g"); len(got) != len(want) || n != inGroup {
				t.Errorf("%s: %d connections, %d in the group, want %d and %d", what, len(got), n, len(want), inGroup)
			}
		}
		check("nobody", 0, 0)
		a, b, far := k.dial(0, "ann", "g"), k.dial(0, ""), k.dial(1, "ann", "g")
		check("two", 0, 1, a, b)
		check("one elsewhere", 1, 1, far)
		k.ok(b.conn.Join(t.Context(), "g", "g"))
		check("joined", 0, 2, a, b)
		k.ok(a.conn.Leave(t.Context(), "g"))
		check("left", 0, 1, a, b)
		k.gate = func(string) { check("in open", 0, 1, a, b) } // it is not open, and in no group yet
		c := k.dial(0, "cat", "g")
		k.gate = nil
		check("three", 0, 2, a, b, c)
		b.Abort()
		a.Close(1000, "")
		check("gone", 0, 1, c)
		n := 0
		for range k.nodes[0].Conns() {
			n++
			break // a loop may end early
		}
		if n != 1 {
			t.Errorf("%d steps", n)
		}
	})
}

// TestMaxConnectionsPerUser checks that the limit is for each node and includes connections in open, but no refused or
// ended ones.
func TestMaxConnectionsPerUser(t *testing.T) {
	limit := func(_ int, o *chanx.ServerOptions) { o.Limits.MaxConnectionsPerUser = 2 }
	inCluster(t, clusterOptions{nodes: 2, server: limit}, func(t *testing.T, k *cluster) {
		refused := func(what, user string) {
			t.Helper()
			p := k.dialing(0, user)
			if f := chanxtest.Receive[chanx.AuthenticationMessage](p.Conn); f.Message.StatusCode != 429 || f.Message.Data.Detail != "too many connections" {
				t.Errorf("%s: told %+v", what, f.Message)
			}
			p.ExpectClosed(4429)
		}
		a, b := k.dial(0, "ann"), k.dial(0, "ann")
		k.dial(1, "ann") // the limit is for each node
		for range 3 {
			k.dial(0, "") // anonymous connections are not limited
		}
		k.dial(0, "bob")
		refused("a third", "ann")
		refused("a third again", "ann") // the refused connection was not counted
		a.Abort()
		synctest.Wait()
		c := k.dial(0, "ann")
		refused("in place of one that was lost", "ann")
		k.ok(k.nodes[1].Disconnect(t.Context(), 4000, "", chanx.ToUser("ann")))
		b.ExpectClosed(4000)
		c.ExpectClosed(4000)
		synctest.Wait()
		k.gate = func(name string) {
			k.gate = nil
			k.dialing(0, "ann")
			refused("while another is in open", "ann")
		}
		k.dial(0, "ann")
	})
}

// TestARefusedConnectionLeavesNothingBehind checks that a connection that open refuses leaves its groups, and no longer
// counts for limits and subscriptions.
func TestARefusedConnectionLeavesNothingBehind(t *testing.T) {
	limit := func(_ int, o *chanx.ServerOptions) { o.Limits.MaxConnectionsPerUser = 1 }
	inCluster(t, clusterOptions{nodes: 1, linger: -1, server: limit}, func(t *testing.T, k *cluster) {
		var refused []*chanx.Conn
		k.nodes[0].Handle("/closed", chanx.NewConsumer(func(c *chanx.Conn, r *http.Request) (*state, error) {
			refused = append(refused, c)
			if err := c.Join(r.Context(), "g"); err != nil {
				return nil, err
			}
			return nil, chanx.Refuse(http.StatusForbidden, "closed")
		}, &chanx.ConsumerOptions{Authenticator: byHeader}))
		for range 3 {
			p := chanxtest.Dial(t, k.nodes[0], "/closed", asUser("ann"))
			chanxtest.Receive[chanx.AuthenticationMessage](p)
			p.ExpectClosed(4403)
		}
		synctest.Wait()
		for _, c := range refused {
			if k.nodes[0].Knows(c.ID()) || len(c.Groups()) != 0 || c.Context().Err() == nil {
				t.Errorf("a refused connection is known, in %q, with a context that ends with %v", c.Groups(), c.Context().Err())
			}
			if err := c.Join(t.Context(), "g"); !errors.Is(err, chanx.ErrClosed) {
				t.Errorf("Join of a refused connection: %v", err)
			}
		}
		if n := k.nodes[0].Subjects(); n != 0 || len(refused) != 3 {
			t.Errorf("%d subjects are counted after %d refusals", n, len(refused))
		}
	})
}

func TestMaxConnectionsPerUserIsOffByDefault(t *testing.T) {
	inCluster(t, clusterOptions{nodes: 1}, func(t *testing.T, k *cluster) {
		for range 20 {
			if p := k.dial(0, "ann"); p.Ended() != nil {
				t.Fatalf("closed with %v", p.Ended())
			}
		}
	})
}

func TestRenewMovesTheExpiry(t *testing.T) {
	inCluster(t, clusterOptions{nodes: 1}, func(t *testing.T, k *cluster) {
		ann, bob := k.dial(0, "ann"), k.dial(0, "bob")
		until := func(d time.Duration) chanx.Identity {
			return chanx.Identity{UserID: "ann", Expires: time.Now().Add(d), Claims: d}
		}
		k.ok(ann.conn.Renew(until(time.Minute)))
		k.ok(bob.conn.Renew(chanx.Identity{UserID: "bob", Expires: time.Now().Add(time.Minute)}))
		k.ok(bob.conn.Renew(chanx.Identity{UserID: "bob"})) // never expires
		pass(59 * time.Second)
		k.ok(ann.conn.Renew(until(time.Minute)))
		for what, id := range map[string]chanx.Identity{
			"another user": {UserID: "bob", Expires: time.Now().Add(time.Hour)}, "nobody": {Expires: time.Now().Add(time.Hour)},
			"expired": until(-1), "expires now": until(0),
		} {
			if err := ann.conn.Renew(id); err == nil {
				t.Errorf("%s: no error", what)
			}
		}
		pass(59 * time.Second)
		if id := ann.conn.Identity(); ann.Ended() != nil || id.UserID != "ann" || id.Claims != time.Minute {
			t.Fatalf("after 118 s ended %v, identity %+v", ann.Ended(), id)
		}
		k.ok(k.nodes[0].Broadcast(t.Context(), saidMessage{"last"}, chanx.ToUser("ann")))
		pass(time.Second)
		k.expect("before the end", map[*peer]string{ann: "last"})
		if reason := ann.ExpectClosed(4401); reason != "credentials have expired" {
			t.Errorf("reason %q", reason)
		}
		if err := ann.conn.Renew(until(time.Hour)); !errors.Is(err, chanx.ErrClosed) {
			t.Errorf("Renew of a closed connection: %v", err)
		}
		pass(time.Hour)
		if bob.Ended() != nil {
			t.Errorf("a connection without expiry ended with %v", bob.Ended())
		}
	})
}
