package chanx_test

import (
	"context"
	"encoding/json"
	"errors"
	"fmt"
	"log/slog"
	"net/http"
	"slices"
	"strings"
	"sync"
	"testing"
	"testing/synctest"
	"time"

	"github.com/chanx-go/chanx"
	"github.com/chanx-go/chanx/chanxtest"
	"github.com/chanx-go/chanx/internal/faultlayer"
	"github.com/chanx-go/chanx/layer"
	"github.com/chanx-go/chanx/layer/memlayer"
)

// cluster is a set of servers on one layer, in a bubble. A test can call the Conn of every connection.
type cluster struct {
	t      *testing.T
	layer  *faultlayer.Layer
	nodes  []*chanx.Server
	counts []*dropCounter
	peers  []*peer

	mu    sync.Mutex
	conns map[string]*chanx.Conn // by the name they dial with
	gate  func(name string)      // open calls it
	left  []string               // "user code" of each connection whose OnClose has run
}

// peer is a connection, with its client and its Conn on the server.
type peer struct {
	*chanxtest.Conn
	conn *chanx.Conn
	name string
	user string
	node int
}

// dropCounter is an Observer that counts drops.
type dropCounter struct {
	chanx.NopObserver
	mu    sync.Mutex
	drops map[chanx.DropReason]int
}

func (d *dropCounter) Drop(_ *chanx.Conn, why chanx.DropReason, n int) {
	d.mu.Lock()
	defer d.mu.Unlock()
	d.drops[why] += n
}

func (d *dropCounter) of(why chanx.DropReason) int {
	d.mu.Lock()
	defer d.mu.Unlock()
	return d.drops[why]
}

// member is the state of a connection of a cluster.
type member struct{ *chanx.Conn }

// errCut is the error of a layer that a test has taken down.
var errCut = errors.New("the cable is cut")

// clusterOptions configures the servers of a cluster.
type clusterOptions struct {
	nodes  int
	linger time.Duration // Limits.SubscriptionLinger
	faults faultlayer.Faults
	server func(node int, o *chanx.ServerOptions)
}

// inCluster runs a test with a cluster, shuts its servers down, and checks that no connection or subscription is left.
func inCluster(t *testing.T, o clusterOptions, test func(t *testing.T, k *cluster)) {
	t.Helper()
	synctest.Test(t, func(t *testing.T) {
		k := &cluster{t: t, layer: faultlayer.New(memlayer.New(), o.faults), conns: map[string]*chanx.Conn{}}
		for i := range o.nodes {
			count := &dropCounter{drops: map[chanx.DropReason]int{}}
			so := &chanx.ServerOptions{Layer: k.layer, Logger: quiet, Observer: count}
			so.Limits.SubscriptionLinger = o.linger
			if o.server != nil {
				o.server(i, so)
			}
			k.counts = append(k.counts, count)
			k.nodes = append(k.nodes, serve(so, "/ws", k.consumer()))
		}
		test(t, k)
		k.shutdown()
	})
}

func (k *cluster) shutdown() {
	k.t.Helper()
	synctest.Wait()
	for _, p := range k.peers {
		if p.conn != nil && k.nodes[p.node].Knows(p.conn.ID()) != (p.Ended() == nil) {
			k.t.Errorf("%s ended with %v, known to its node: %v", p.name, p.Ended(), p.Ended() == nil)
		}
	}
	for i, s := range k.nodes {
		if err := s.Shutdown(context.Background()); err != nil {
			k.t.Errorf("node %d: shutdown: %v", i, err)
		}
		if n := len(slices.Collect(s.Conns())); n != 0 {
			k.t.Errorf("node %d: %d connections after Shutdown", i, n)
		}
		if got := k.layer.Subscribed(i); len(got) != 0 {
			k.t.Errorf("node %d: after Shutdown subscribed to %q", i, got)
		}
		if n := s.Subjects(); n != 0 {
			k.t.Errorf("node %d: after Shutdown %d subjects are counted", i, n)
		}
	}
}

func (k *cluster) consumer() *chanx.Consumer[member] {
	open := func(c *chanx.Conn, r *http.Request) (*member, error) {
		name := r.Header.Get("Name")
		k.mu.Lock()
		gate := k.gate
		k.conns[name] = c
		k.mu.Unlock()
		if gate != nil {
			gate(name)
		}
		err := c.Join(r.Context(), strings.Fields(r.Header.Get("Groups"))...)
		if errors.Is(err, layer.ErrUnavailable) {
			err = nil // on this node it is a member
		}
		return &member{c}, err
	}
	c := chanx.NewConsumer(open, &chanx.ConsumerOptions{Authenticator: byHeader, AuthenticationMessage: chanx.Disabled})
	c.OnClose(func(m *member, _ context.Context, cause *chanx.CloseError) {
		k.mu.Lock()
		defer k.mu.Unlock()
		k.left = append(k.left, fmt.Sprintf("%s %d", m.Identity().UserID, cause.Code))
	})
	chanx.OnEvent(c, func(m *member, ctx context.Context, e ringEvent) error { return m.Send(ctx, answerMessage{e.How}) })
	chanx.Sends[answerMessage](c)
	chanx.Broadcasts[saidMessage](c)
	return c
}

// dial connects as a user, who may be "", and joins groups.
func (k *cluster) dial(node int, user string, groups ...string) *peer {
	k.t.Helper()
	p := k.dialing(node, user, groups...)
	synctest.Wait()
	k.mu.Lock()
	defer k.mu.Unlock()
	p.conn = k.conns[p.name]
	return p
}

func (k *cluster) dialing(node int, user string, groups ...string) *peer {
	k.t.Helper()
	name := fmt.Sprintf("%s%d#%d", user, node, len(k.peers))
	header := http.Header{"User": {user}, "Name": {name}, "Groups": {strings.Join(groups, " ")}}
	p := &peer{Conn: chanxtest.Dial(k.t, k.nodes[node], "/ws", &chanxtest.DialOptions{Header: header}), name: name, user: user, node: node}
	k.peers = append(k.peers, p)
	return p
}

// received returns what each peer has received since the last call: "text" for a broadcast, followed by + if is_mine and
// by ! if is_current, and "(text)" for the message of an event handler.
func (k *cluster) received() map[*peer][]string {
	k.t.Helper()
	synctest.Wait()
	all := map[*peer][]string{}
	for _, p := range k.peers {
		for range p.Pending() {
			all[p] = append(all[p], shorten(k.t, p.Next()))
		}
	}
	return all
}

func shorten(t *testing.T, frame string) string {
	t.Helper()
	var f struct {
		Action  string
		Payload struct{ Text, Answer string }
		IsMine  bool `json:"is_mine"`
		Current bool `json:"is_current"`
	}
	if err := json.Unmarshal([]byte(frame), &f); err != nil {
		t.Errorf("got %s: %v", frame, err)
	}
	if f.Action == "answer" {
		return "(" + f.Payload.Answer + ")"
	}
	text := f.Payload.Text
	if f.IsMine {
		text += "+"
	}
	if f.Current {
		text += "!"
	}
	return text
}

// expect compares what each peer has received with want. Peers that are absent from want must have received nothing.
func (k *cluster) expect(what string, want map[*peer]string) {
	k.t.Helper()
	got := k.received()
	for _, p := range k.peers {
		if line := strings.Join(got[p], " "); line != want[p] {
			k.t.Errorf("%s: %s got %q, want %q", what, p.name, line, want[p])
		}
	}
}

func (k *cluster) ok(err error) {
	k.t.Helper()
	if err != nil {
		k.t.Error(err)
	}
}

// unavailable expects that err is layer.ErrUnavailable.
func (k *cluster) unavailable(what string, err error) {
	k.t.Helper()
	if !errors.Is(err, layer.ErrUnavailable) {
		k.t.Errorf("%s: %v, want layer.ErrUnavailable", what, err)
	}
}

// logOfNode0 is a clusterOptions.server that has node 0 log to log.
func logOfNode0(log *logRecorder) func(int, *chanx.ServerOptions) {
	return func(node int, o *chanx.ServerOptions) {
		if node == 0 {
			o.Logger = slog.New(log)
		}
	}
}
