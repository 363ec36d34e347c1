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

// cluster is several servers, each on a layer of its own. Cases can call methods of every connection. Unless they say
// otherwise, the methods must be called by the test's own goroutine.
type cluster struct {
	*suite
	watch
	server  func(node int, o *chanx.ServerOptions) // changes the options of a node; may be nil
	nodes   []*node                                // including those that were shut down
	peers   []*peer                                // likewise
	dialing *peer                                  // the peer whose open function runs next
	drops   bool                                   // nodes may drop messages and log warnings
	marks   int
}

// node is a server, its layer and its log.
type node struct {
	*chanx.Server
	no       int
	layer    layer.Layer
	consumer *chanx.Consumer[member]
	log      *logRecorder
	gone     bool
}

// withNodes runs a check on a new cluster, and shuts it down.
func (s *suite) withNodes(nodes int, check func(k *cluster)) { s.withOptions(nodes, nil, check) }

// withOptions is like withNodes, but a function changes the options of the servers.
func (s *suite) withOptions(nodes int, server func(node int, o *chanx.ServerOptions), check func(k *cluster)) {
	s.t.Helper()
	k := &cluster{suite: s, watch: newWatch(), server: server, drops: s.loses}
	for range nodes {
		k.start()
	}
	check(k)
	k.expectNothingElse("at the end")
	k.finish()
}

// start opens a node.
func (k *cluster) start() *node {
	k.t.Helper()
	n := &node{no: len(k.nodes), layer: k.open(k.t), consumer: k.consumer(), log: &logRecorder{watch: &k.watch}}
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
	k.t.Cleanup(func() { _ = n.Shutdown(ended()) }) // in case the test has failed before its end
	return n
}

// ended returns a context that has ended.
func ended() context.Context {
	ctx, cancel := context.WithCancel(context.Background())
	cancel()
	return ctx
}

// running returns the nodes that have not been shut down.
func (k *cluster) running() []*node {
	return slices.DeleteFunc(slices.Clone(k.nodes), func(n *node) bool { return n.gone })
}

// finish shuts down the running nodes, and checks that no node has dropped anything or logged a warning or an error.
func (k *cluster) finish() {
	k.t.Helper()
	for _, n := range k.running() {
		k.end(n)
		drops := n.Stats().Drops
		if !k.drops && len(drops) > 0 {
			k.t.Errorf("nothing is dropped: node %d counted %v", n.no, drops)
		}
		for _, line := range n.log.all() {
			if strings.HasPrefix(line, "ERROR") || !k.drops && strings.HasPrefix(line, "WARN") {
				k.t.Errorf("no warnings or errors are logged: node %d logged %q", n.no, line)
			}
		}
	}
}

// end shuts down a node gracefully.
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

// anonymous accepts clients without an identity.
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
	m.cluster.update(func() { m.peer.opened = true })
	return nil
}

func (m *member) closed(_ context.Context, cause *chanx.CloseError) {
	m.cluster.update(func() { m.peer.closed = append(m.peer.closed, cause.Code) })
}

// ring sends the event to the client.
func (m *member) ring(ctx context.Context, e ringEvent) error { return m.Send(ctx, rangMessage(e)) }

// probe records the event, and sends nothing to the client.
func (m *member) probe(_ context.Context, e probeEvent) error {
	m.cluster.update(func() { m.peer.probes = append(m.peer.probes, e.Text) })
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

	// wordMessage has member names that camelCase changes.
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

// dial connects as a user, or anonymously if user is "", and joins groups.
func (k *cluster) dial(node int, user string, groups ...string) *peer {
	k.t.Helper()
	name := fmt.Sprintf("%s@%d#%d", user, node, len(k.peers))
	p := &peer{cluster: k, tb: &stepTB{TB: k.t, step: name + " dials"}, name: name, user: user, node: k.nodes[node], mayArrive: map[string]bool{}}
	o := &chanxtest.DialOptions{Timeout: k.Wait}
	if user != "" {
		o.Identity = &chanx.Identity{UserID: user}
	}
	k.dialing = p
	p.Conn = chanxtest.Dial(p.tb, p.node, "/ws", o)
	k.peers = append(k.peers, p)
	if !k.within(k.Wait, func() bool { return p.opened }) {
		k.t.Fatalf("%s: OnOpen did not run within %v", p.name, k.Wait)
	}
	if err := p.conn.Join(k.t.Context(), groups...); err != nil && (!k.loses || !errors.Is(err, layer.ErrUnavailable)) {
		k.t.Errorf("%s: %v", p.name, err)
	}
	return p
}

// ok reports an error of a call that should succeed.
func (k *cluster) ok(err error) {
	k.t.Helper()
	if err != nil {
		k.t.Error(err)
	}
}
