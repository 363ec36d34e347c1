package nodetest

import (
	"context"
	"errors"
	"fmt"
	"log/slog"
	"net/http"
	"slices"
	"strings"
	"time"

	"github.com/chanx-go/chanx"
	"github.com/chanx-go/chanx/chanxtest"
	"github.com/chanx-go/chanx/layer"
)

// cluster is several servers, each on a layer of its own. Their consumer lets a case act as any of its connections. The
// methods must be called by the test's own goroutine, unless they say otherwise.
type cluster struct {
	*suite
	watch
	server  func(node int, o *chanx.ServerOptions) // changes options; nil: does not
	nodes   []*node                                // those that were shut down included
	peers   []*peer                                // likewise
	dialing *peer                                  // who is about to be in open
	drops   bool                                   // what is dropped is no fault of a node
	marks   int
}

// node is a server and what it runs on.
type node struct {
	*chanx.Server
	no       int
	layer    layer.Layer
	consumer *chanx.Consumer[member]
	log      *journal
	gone     bool
}

// in runs a check on a cluster of that many nodes, and shuts it down.
func (s *suite) in(nodes int, check func(k *cluster)) { s.inWith(nodes, nil, check) }

// inWith has servers whose options a function has changed.
func (s *suite) inWith(nodes int, server func(node int, o *chanx.ServerOptions), check func(k *cluster)) {
	s.t.Helper()
	k := &cluster{suite: s, watch: newWatch(), server: server, drops: s.loses}
	for range nodes {
		k.start()
	}
	check(k)
	k.quiet("at the end")
	k.finish()
}

// start opens a node.
func (k *cluster) start() *node {
	k.t.Helper()
	n := &node{no: len(k.nodes), layer: k.open(k.t), consumer: k.consumer(), log: &journal{watch: &k.watch}}
	o := &chanx.ServerOptions{Layer: n.layer, Logger: slog.New(n.log)}
	o.Limits.MaxGroups = -1
	o.Limits.SubscriptionLinger = 20 * time.Millisecond
	o.Limits.PublishTimeout = k.Wait
	if k.server != nil {
		k.server(n.no, o)
	}
	n.Server = chanx.NewServer(o)
	n.Handle("/ws", n.consumer)
	k.nodes = append(k.nodes, n)
	k.t.Cleanup(func() { _ = n.Shutdown(ended()) }) // for a case that has failed: else it has been
	return n
}

// ended is a context that has.
func ended() context.Context {
	ctx, cancel := context.WithCancel(context.Background())
	cancel()
	return ctx
}

// running are the nodes that were not shut down.
func (k *cluster) running() []*node {
	return slices.DeleteFunc(slices.Clone(k.nodes), func(n *node) bool { return n.gone })
}

// finish shuts down what runs, and wants that no node has lost or refused anything behind the case's back.
func (k *cluster) finish() {
	k.t.Helper()
	for _, n := range k.running() {
		k.end(n)
		drops := n.Stats().Drops
		if !k.drops && len(drops) > 0 {
			k.t.Errorf("nothing is dropped: node %d counts %v", n.no, drops)
		}
		for _, line := range n.log.all() {
			if strings.HasPrefix(line, "ERROR") || !k.drops && strings.HasPrefix(line, "WARN") {
				k.t.Errorf("nothing goes wrong: node %d logs %q", n.no, line)
			}
		}
	}
}

// end shuts a node down in order.
func (k *cluster) end(n *node) {
	k.t.Helper()
	ctx, cancel := context.WithTimeout(context.Background(), k.Wait)
	defer cancel()
	n.gone = true
	if err := n.Shutdown(ctx); err != nil && !errors.Is(err, layer.ErrUnavailable) {
		k.t.Errorf("node %d: %v", n.no, err)
	}
	for range n.Conns() {
		k.t.Errorf("node %d has connections after Shutdown", n.no)
	}
}

// member is the state of a connection.
type member struct {
	*chanx.Conn
	cluster *cluster
	peer    *peer
}

// anonymous is who dials without an identity.
var anonymous = chanx.AuthenticatorFunc(func(*http.Request) (chanx.Identity, error) { return chanx.Identity{}, nil })

func (k *cluster) consumer() *chanx.Consumer[member] {
	open := func(c *chanx.Conn, _ *http.Request) (*member, error) {
		k.dialing.conn = c
		return &member{c, k, k.dialing}, nil
	}
	c := chanx.NewConsumer(open, &chanx.ConsumerOptions{Authenticator: anonymous, AuthenticationMessage: chanx.Disabled})
	c.OnOpen((*member).opened)
	c.OnClose((*member).closed)
	chanx.OnEvent(c, (*member).ring)
	chanx.OnEvent(c, (*member).probe)
	chanx.Sends[rangMessage](c)
	chanx.Broadcasts[saidMessage](c)
	chanx.Broadcasts[wordMessage](c)
	return c
}

func (m *member) opened(context.Context) error {
	m.cluster.tell(func() { m.peer.opened = true })
	return nil
}

func (m *member) closed(_ context.Context, cause *chanx.CloseError) {
	m.cluster.tell(func() { m.peer.closed = append(m.peer.closed, cause.Code) })
}

// ring tells the client of the event.
func (m *member) ring(ctx context.Context, e ringEvent) error { return m.Send(ctx, rangMessage(e)) }

// probe tells the case alone.
func (m *member) probe(_ context.Context, e probeEvent) error {
	m.cluster.tell(func() { m.peer.probes = append(m.peer.probes, e.Text) })
	return nil
}

type (
	saidMessage struct {
		Text string `json:"text"`
	}
	rangMessage struct {
		Text string `json:"text"`
	}
	ringEvent struct {
		Text string `json:"text"`
	}
	probeEvent struct {
		Text string `json:"text"`
	}

	// wordMessage has names that camelCase changes.
	wordMessage struct {
		FirstWord string       `json:"first_word"`
		NextWords []wordDetail `json:"next_words"`
	}
	wordDetail struct {
		ByKey map[string]int `json:"by_key"`
	}
)

func (saidMessage) Action() string { return "said" }
func (rangMessage) Action() string { return "rang" }
func (wordMessage) Action() string { return "word" }
func (ringEvent) Event() string    { return "ring" }
func (probeEvent) Event() string   { return "probe" }

// dial connects as a user, "" for nobody in particular, who joins groups.
func (k *cluster) dial(node int, user string, groups ...string) *peer {
	k.t.Helper()
	name := fmt.Sprintf("%s@%d#%d", user, node, len(k.peers))
	p := &peer{cluster: k, told: &told{TB: k.t, doing: name + " dials"}, name: name, user: user, node: k.nodes[node], may: map[string]bool{}}
	o := &chanxtest.DialOptions{Timeout: k.Wait}
	if user != "" {
		o.Identity = &chanx.Identity{UserID: user}
	}
	k.dialing = p
	p.Conn = chanxtest.Dial(p.told, p.node, "/ws", o)
	k.peers = append(k.peers, p)
	if !k.within(k.Wait, func() bool { return p.opened }) {
		k.t.Fatalf("%s: OnOpen did not run within %v", p.name, k.Wait)
	}
	if err := p.conn.Join(k.t.Context(), groups...); err != nil && (!k.loses || !errors.Is(err, layer.ErrUnavailable)) {
		k.t.Errorf("%s: %v", p.name, err)
	}
	return p
}

// ok reports an error of a call that should have none.
func (k *cluster) ok(err error) {
	k.t.Helper()
	if err != nil {
		k.t.Error(err)
	}
}
