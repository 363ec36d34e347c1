package natslayer

import (
	"errors"
	"fmt"
	"maps"
	"slices"
	"strconv"
	"strings"
	"time"

	"github.com/nats-io/nats.go"

	"github.com/chanx-go/chanx/layer"
)

// These times matter only when a cluster has problems. Otherwise a round takes one round trip to the farthest server.
const (
	greetingTime    = 150 * time.Millisecond // how long to listen for other servers after connecting to a cluster
	maxGreetingTime = 2 * time.Second        // the limit while servers are missing that were known before the loss
	helloPause      = 50 * time.Millisecond  // between hellos while greeting
	queryPause      = 250 * time.Millisecond // until a server that has not answered is queried again
	answerTimeout   = 5 * time.Second        // until a server that has not answered is removed
	heartbeat       = 30 * time.Second       // between later hellos
	sweepPause      = time.Second            // between rounds that only find servers without layers
)

// These bound what others can make a layer remember and send. The ids of servers and layers have 56 and 26 bytes.
const (
	maxServers = 512
	maxNamed   = 5 // servers in an error
	maxToken   = 64
	maxReply   = maxPrefix + 4*(maxToken+1) + len(".sync.to")
)

// earlyHellos are sent this long after joining, for servers that the first hellos could not reach.
var earlyHellos = []time.Duration{time.Second, 5 * time.Second}

// cluster watches the connection to NATS and keeps in contact with the layers on other servers of the cluster. One
// goroutine runs it.
//
// NATS answers a client's flush when the client's own server knows a subscription. The other servers learn of it over the
// routes between servers, in one order with all other messages of the account. So if a connection first subscribes and
// then sends a query, the answer proves that the server it came from knows the subscription. A round queries one layer on
// each other server that has any, and this layer itself through its own server. When a round ends, all subscriptions made
// before it began are in effect.
//
// A layer learns from hellos which other servers have layers. It sends hellos when it has connected, and layers that
// receive one answer. It is up only after it has listened for a while and a round has ended: the answers also prove that
// its own server knows all earlier subscriptions on other servers.
//
// The subjects, below the prefix (subjects of the application never have a second token there):
//
//	sync.hello                       to all layers: the sender's server and whether it is up; while joining, a reply subject
//	sync.at.<server>                 to one layer on a server, which answers: the sender's server
//	sync.to.<layer>.<server>.<round> the answer, or the server's "no responders"
//
// These messages are not signed: everybody who may publish there can forge them. So names are checked before they become
// part of a subject, and memory is bounded. The package comment lists what forged messages can do.
type cluster struct {
	l        *Layer
	nc       *nats.Conn
	statuses chan nats.Status
	base     string // "<prefix>.sync."
	redialer redialer

	checked   bool // checkConnection has run
	connected bool
	epoch     uint64 // nats.go's count of reconnections when it joined
	server    string // the id of the server that it is connected to
	at        *nats.Subscription
	always    []*nats.Subscription // on the other two subjects

	others       map[string]bool // other servers that have layers
	unresponsive map[string]bool // servers removed from others because they did not answer
	expected     int             // size of others before the connection was lost
	full         bool            // others had no room for a server
	swept        time.Time       // when a round was last begun because of that

	greeting  bool
	began     time.Time // when it joined
	nextHello time.Time
	hellos    int // since greeting ended
	round     *round
	rounds    uint64
}

// round is a query to all servers.
type round struct {
	no      string
	through uint64          // number of the last topic that it covers
	waiting map[string]bool // servers that have not answered
	began   time.Time
	queried time.Time // when the query was last sent
}

func newCluster(l *Layer, nc *nats.Conn) *cluster {
	c := &cluster{l: l, base: l.opts.Prefix + ".sync.", others: map[string]bool{}, unresponsive: map[string]bool{}}
	c.redialer.results = make(chan result)
	c.use(nc)
	return c
}

// use makes the layer use a connection.
func (c *cluster) use(nc *nats.Conn) {
	c.l.watchErrors(nc)
	c.l.conn.Store(nc)
	c.nc, c.statuses, c.at, c.server, c.always = nc, nc.StatusChanged(), nil, "", nil
	for _, subject := range []string{c.base + "hello", c.base + "to." + c.l.id + ".>"} {
		if sub, err := nc.Subscribe(subject, c.filter); err == nil { // else the connection is closed, as checkConnection will see
			c.always = append(c.always, sub)
		}
	}
}

// filter passes on messages that may come from a layer. It is called by nats.go, before a message takes up room in the
// channel.
func (c *cluster) filter(m *nats.Msg) {
	if len(m.Data) > 1+maxToken || len(m.Reply) > maxReply || len(m.Subject) > maxReply {
		return
	}
	select {
	case c.l.control <- m:
	default: // queries and hellos are repeated
	}
}

func (c *cluster) loop() {
	timer := time.NewTimer(0)
	defer timer.Stop()
	defer c.leave()
	for {
		c.checkConnection()
		now := time.Now()
		c.advance(now)
		timer.Reset(c.next(now).Sub(now))
		select {
		case <-c.statuses:
		case r := <-c.redialer.results:
			c.redialed(r)
		case m := <-c.l.control:
			c.receive(m)
		case <-c.l.kick:
		case <-timer.C:
		case <-c.l.stop:
			return
		}
	}
}

// leave ends the cluster's subscriptions. The connection may stay open.
func (c *cluster) leave() {
	unsubscribe(append(c.always, c.at))
	c.nc.RemoveStatusListener(c.statuses)
}

// checkConnection notices a lost, restored or closed connection.
func (c *cluster) checkConnection() {
	if c.l.writeFailed.Swap(false) && c.nc.IsConnected() {
		_ = c.nc.ForceReconnect() // it fails only if the connection is closed, which is noticed next
	}
	connected, epoch := c.nc.IsConnected(), c.nc.Stats().Reconnects
	c.planRedial()
	if c.checked && connected == c.connected && (!connected || epoch == c.epoch) {
		return
	}
	if c.connected || !connected {
		c.l.state.setDown(c.loss())
		c.l.table.detach()
	}
	c.checked, c.connected, c.epoch = true, connected, epoch
	if connected {
		c.join(time.Now())
	}
}

func (c *cluster) loss() error {
	switch err := c.nc.LastError(); {
	case err != nil:
		return err
	case !c.checked:
		return errNotYet
	default:
		return errLost
	}
}

var (
	errNotYet = errors.New("no server has been reached yet")
	errLost   = errors.New("the connection to the broker is lost")
)

func (c *cluster) join(now time.Time) {
	c.l.state.clearDenied() // before attach: the server may refuse again at once
	c.l.table.attach(c.nc)
	if server := c.nc.ConnectedServerId(); server != c.server {
		_ = c.at.Unsubscribe() // it fails if the connection is closed, as checkConnection will see, or if at is nil
		c.server = server
		c.at, _ = c.nc.QueueSubscribe(c.base+"at."+server, "layers", c.filter) // likewise
	}
	delete(c.others, c.server)
	c.expected = len(c.others)
	clear(c.others)
	clear(c.unresponsive)
	c.round, c.greeting, c.began, c.nextHello, c.hellos = nil, true, now, now, 0
}

// advance does what is due.
func (c *cluster) advance(now time.Time) {
	if !c.connected {
		c.redial(now)
		return
	}
	if !now.Before(c.nextHello) {
		c.hello(now)
	}
	if c.greeting && c.greetingDone(now) {
		c.greeting = false
	}
	switch {
	case c.greeting:
	case c.round != nil:
		c.continueRound(now)
	case c.l.state.wantsRound(&c.l.table):
		c.startRound(now)
	case c.full && now.Sub(c.swept) >= sweepPause:
		c.swept = now
		c.startRound(now)
	}
}

func (c *cluster) greetingDone(now time.Time) bool {
	if c.nc.ConnectedClusterName() == "" && c.expected == 0 {
		return true // a single server
	}
	since := now.Sub(c.began)
	return since >= greetingTime && (len(c.others) >= c.expected || since >= maxGreetingTime)
}

// next returns when to call advance if nothing happens before.
func (c *cluster) next(now time.Time) time.Time {
	switch {
	case !c.connected && !c.redialer.due.IsZero():
		return c.redialer.due
	case !c.connected:
		return now.Add(heartbeat)
	case c.full && c.round == nil:
		return c.swept.Add(sweepPause)
	case c.round != nil && c.nextHello.After(now.Add(queryPause)):
		return now.Add(queryPause)
	default:
		return c.nextHello
	}
}

// hello sends a hello. It has a reply subject until all layers have probably answered.
func (c *cluster) hello(now time.Time) {
	reply := c.base + "to." + c.l.id
	switch {
	case c.greeting:
		c.nextHello = now.Add(helloPause)
	case c.hellos < len(earlyHellos):
		c.nextHello = c.began.Add(earlyHellos[c.hellos])
		c.hellos++
	default:
		c.nextHello = now.Add(heartbeat)
		if c.hellos > len(earlyHellos) {
			reply = ""
		}
		c.hellos = len(earlyHellos) + 1
	}
	c.send(c.base+"hello", reply, c.presence())
}

// presence is the data of hellos, queries and answers: "+" if the layer is up, else "-", and the id of its server.
func (c *cluster) presence() string {
	if c.l.state.isUp() {
		return "+" + c.server
	}
	return "-" + c.server
}

func (c *cluster) send(subject, reply, text string) {
	// It fails only if the connection is lost, which checkConnection notices; then a new round starts.
	_ = c.nc.PublishMsg(&nats.Msg{Subject: subject, Reply: reply, Data: []byte(text)})
}

func (c *cluster) startRound(now time.Time) {
	c.rounds++
	c.full = false
	c.round = &round{
		no: strconv.FormatUint(c.rounds, 10), through: c.l.table.lastNo(),
		waiting: maps.Clone(c.others), began: now,
	}
	c.round.waiting[c.server] = true
	c.queryAll(now)
}

// queryAll queries the servers that have not answered.
func (c *cluster) queryAll(now time.Time) {
	c.round.queried = now
	for server := range c.round.waiting {
		c.query(server)
	}
}

func (c *cluster) query(server string) {
	reply := c.base + "to." + c.l.id + "." + server + "." + c.round.no
	if server == c.server {
		c.send(reply, "", "")
		return
	}
	c.send(c.base+"at."+server, reply, c.presence())
}

// continueRound ends a round that has all answers or has timed out, or repeats its query.
func (c *cluster) continueRound(now time.Time) {
	r := c.round
	switch since := now.Sub(r.began); {
	case len(r.waiting) == 0 && c.l.errorsHandled(since > time.Second):
		c.round = nil
		if c.l.state.confirm(r.through, &c.l.table); c.l.state.isUp() {
			c.redialer.failed = 0
		}
		c.advance(now)
	case len(r.waiting) > 0 && since >= answerTimeout && !r.waiting[c.server]:
		c.failRound()
		c.advance(now)
	case len(r.waiting) > 0 && now.Sub(r.queried) >= queryPause:
		c.queryAll(now)
	}
}

// failRound excludes the servers that have not answered from later rounds until they are heard again: one hanging process
// must not delay all subscriptions.
func (c *cluster) failRound() {
	servers := slices.Sorted(maps.Keys(c.round.waiting))
	for _, server := range servers {
		delete(c.others, server)
		if len(c.unresponsive) < maxServers {
			c.unresponsive[server] = true
		}
	}
	c.l.state.fail(c.round.through, fmt.Errorf("%w: no node at %d servers (%s) has answered within %v: they may not know of it yet",
		layer.ErrUnavailable, len(servers), strings.Join(servers[:min(len(servers), maxNamed)], ", "), answerTimeout))
	c.round = nil
}

// receive handles a message of another layer, or a server's "no responders".
func (c *cluster) receive(m *nats.Msg) {
	kind, rest, _ := strings.Cut(strings.TrimPrefix(m.Subject, c.base), ".")
	switch kind {
	case "hello":
		c.learn(string(m.Data))
		if c.isReply(m.Reply, 1) && c.connected && !strings.HasSuffix(string(m.Data), c.server) {
			c.send(m.Reply+"."+c.server+".hello", "", c.presence())
		}
	case "at":
		c.learn(string(m.Data))
		if c.isReply(m.Reply, 3) {
			c.send(m.Reply, "", c.presence())
		}
	case "to":
		tokens := strings.Split(rest, ".") // layer, server, round
		if len(tokens) == 3 {
			c.answer(m, tokens[1], tokens[2])
		}
	}
}

// isReply reports whether a reply subject is one that layers use: "to." and that many tokens. The layer publishes to no
// other reply subject.
func (c *cluster) isReply(subject string, tokens int) bool {
	rest, ok := strings.CutPrefix(subject, c.base+"to.")
	parts := strings.Split(rest, ".")
	return ok && len(parts) == tokens && !slices.ContainsFunc(parts, func(s string) bool { return !isToken(s) })
}

// isToken reports whether a string can be the id of a server or a layer, or the number of a round.
func isToken(s string) bool {
	if s == "" || len(s) > maxToken {
		return false
	}
	for i := range len(s) {
		if !plain(s[i]) {
			return false
		}
	}
	return true
}

func (c *cluster) answer(m *nats.Msg, server, no string) {
	if len(m.Data) == 0 { // "no responders", or this layer's query to itself
		delete(c.others, server)
	} else {
		c.learn(string(m.Data))
	}
	if c.round != nil && c.round.no == no {
		delete(c.round.waiting, server)
	}
}

// learn adds a server to those with layers. If a layer there was already up, or this layer had removed the server,
// publications between the two may have been lost.
func (c *cluster) learn(presence string) {
	if len(presence) < 2 || !isToken(presence[1:]) || presence[1:] == c.server || c.others[presence[1:]] {
		return
	}
	if len(c.others) >= maxServers {
		c.full = true // the next round removes servers without layers
		return
	}
	server := presence[1:]
	c.others[server] = true
	if c.unresponsive[server] || presence[0] == '+' {
		c.l.state.gap() // reports nothing while this layer joins
	}
	delete(c.unresponsive, server)
	if c.round != nil {
		c.round.waiting[server] = true
		c.query(server)
	}
}
