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

// These times are for clusters in trouble: in one that is well, a round takes as long as the way to the farthest server
// and back.
const (
	greetingTime  = 150 * time.Millisecond // how long to listen for other servers after connecting to a cluster
	gatheringTime = 2 * time.Second        // the same at most, when more servers were known before the connection was lost
	helloPause    = 50 * time.Millisecond  // between hellos meanwhile
	askPause      = 250 * time.Millisecond // until a server that has not answered is asked again
	patience      = 5 * time.Second        // until it is given up
	heartbeat     = 30 * time.Second       // between hellos later
	sweepPause    = time.Second            // between rounds that only find out who is not there
)

// These bound what others make a layer remember and send. The ids of servers and layers have 56 and 26 bytes.
const (
	maxServers = 512
	maxNamed   = 5 // in an error
	maxToken   = 64
	maxReply   = maxPrefix + 4*(maxToken+1) + len(".sync.to")
)

// earlyHellos are sent after joining, for those to whom the first did not find the way.
var earlyHellos = []time.Duration{time.Second, 5 * time.Second}

// cluster keeps a layer in touch with NATS and with the layers on other servers of a cluster. One goroutine runs it.
//
// NATS answers a client's flush when the client's own server knows of a subscription. That the other servers know is
// another matter: it travels over the routes between servers, in one order with all else of the account. So an answer
// to a question that was asked by the same connection after the subscription proves that the server from which the
// answer came knows of it. A round asks one layer on each other server that has any; and, by way of the own server, the
// layer itself. All subscriptions made before a round began are in effect when it ends.
//
// Which other servers have layers is learnt from hellos. A layer says hello when it has been connected, and whoever hears
// it answers. It is up only when it has listened for a while and a round has ended: the answers prove, the other way
// round, that its server knows of all that has been subscribed elsewhere before.
//
// The subjects, below the prefix, where no subject of the layer has a second token:
//
//	sync.hello                       to all: the sender's server and whether it is up; with a reply subject while it joins
//	sync.at.<server>                 to one layer on a server, which answers: the sender's server
//	sync.to.<layer>.<server>.<round> the answer, or the server's own word that nobody is there
//
// Anybody who may publish there can forge what is said; nothing of it is signed. So what a message names is checked before it
// becomes a part of a subject, what is remembered has a limit, and the worst that a forger can do is in the package's comment.
type cluster struct {
	l        *Layer
	nc       *nats.Conn
	statuses chan nats.Status
	base     string // "<prefix>.sync."
	redialer redialer

	looked    bool // at all
	connected bool
	epoch     uint64 // nats.go's count of reconnections when it joined
	own       string // the id of the server
	at        *nats.Subscription
	always    []*nats.Subscription // on the other two subjects

	others   map[string]bool // servers with layers, but for the own
	silent   map[string]bool // those that have been given up
	expected int             // how many there were before the connection was lost
	crowded  bool            // more may be there than are remembered
	swept    time.Time       // when a round was last begun because of that

	greeting  bool
	began     time.Time // when it joined
	nextHello time.Time
	hellos    int // since it is up
	round     *round
	rounds    uint64
}

// round is a question to all servers.
type round struct {
	no      string
	through uint64 // the last subscription that it covers
	waiting map[string]bool
	began   time.Time
	asked   time.Time
}

func newCluster(l *Layer, nc *nats.Conn) *cluster {
	c := &cluster{l: l, base: l.opts.Prefix + ".sync.", others: map[string]bool{}, silent: map[string]bool{}}
	c.redialer.results = make(chan result)
	c.use(nc)
	return c
}

// use has the layer work by a connection.
func (c *cluster) use(nc *nats.Conn) {
	c.l.watchErrors(nc)
	c.l.conn.Store(nc)
	c.nc, c.statuses, c.at, c.own, c.always = nc, nc.StatusChanged(), nil, "", nil
	for _, subject := range []string{c.base + "hello", c.base + "to." + c.l.me + ".>"} {
		if sub, err := nc.Subscribe(subject, c.sift); err == nil { // else it has been closed, which look sees
			c.always = append(c.always, sub)
		}
	}
}

// sift passes on what may be from a layer. nats.go calls it, so that nothing else takes up room in the channel.
func (c *cluster) sift(m *nats.Msg) {
	if len(m.Data) > 1+maxToken || len(m.Reply) > maxReply || len(m.Subject) > maxReply {
		return
	}
	select {
	case c.l.control <- m:
	default: // it will be asked again, or say hello again
	}
}

func (c *cluster) loop() {
	timer := time.NewTimer(0)
	defer timer.Stop()
	defer c.leave()
	for {
		c.look()
		now := time.Now()
		c.advance(now)
		timer.Reset(c.next(now).Sub(now))
		select {
		case <-c.statuses:
		case r := <-c.redialer.results:
			c.redialed(r)
		case m := <-c.l.control:
			c.hear(m)
		case <-c.l.kick:
		case <-timer.C:
		case <-c.l.stop:
			return
		}
	}
}

// leave ends the cluster's subscriptions, on a connection that may go on.
func (c *cluster) leave() {
	unsubscribe(append(c.always, c.at))
	c.nc.RemoveStatusListener(c.statuses)
}

// look compares what nats.go says with what the cluster knows.
func (c *cluster) look() {
	if c.l.writeFailed.Swap(false) && c.nc.IsConnected() {
		_ = c.nc.ForceReconnect() // the error is that it has been closed, which is seen next
	}
	connected, epoch := c.nc.IsConnected(), c.nc.Stats().Reconnects
	c.planRedial()
	if c.looked && connected == c.connected && (!connected || epoch == c.epoch) {
		return
	}
	if c.connected || !connected {
		c.l.state.lose(c.loss())
		c.l.table.detach()
	}
	c.looked, c.connected, c.epoch = true, connected, epoch
	if connected {
		c.join(time.Now())
	}
}

func (c *cluster) loss() error {
	switch err := c.nc.LastError(); {
	case err != nil:
		return err
	case !c.looked:
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
	c.l.state.forgive() // before attach: the server may refuse again at once
	c.l.table.attach(c.nc)
	if own := c.nc.ConnectedServerId(); own != c.own {
		_ = c.at.Unsubscribe() // the error is that the connection has been closed, which look sees, or that there was none
		c.own = own
		c.at, _ = c.nc.QueueSubscribe(c.base+"at."+own, "layers", c.sift) // likewise
	}
	delete(c.others, c.own)
	c.expected = len(c.others)
	clear(c.others)
	clear(c.silent)
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
	if c.greeting && c.greeted(now) {
		c.greeting = false
	}
	switch {
	case c.greeting:
	case c.round != nil:
		c.pursue(now)
	case c.l.state.wantsRound(&c.l.table):
		c.ask(now)
	case c.crowded && now.Sub(c.swept) >= sweepPause:
		c.swept = now
		c.ask(now)
	}
}

func (c *cluster) greeted(now time.Time) bool {
	if c.nc.ConnectedClusterName() == "" && c.expected == 0 {
		return true // a server alone
	}
	since := now.Sub(c.began)
	return since >= greetingTime && (len(c.others) >= c.expected || since >= gatheringTime)
}

// next is when advance has something to do, if nothing happens before.
func (c *cluster) next(now time.Time) time.Time {
	switch {
	case !c.connected && !c.redialer.due.IsZero():
		return c.redialer.due
	case !c.connected:
		return now.Add(heartbeat)
	case c.crowded && c.round == nil:
		return c.swept.Add(sweepPause)
	case c.round != nil && c.nextHello.After(now.Add(askPause)):
		return now.Add(askPause)
	default:
		return c.nextHello
	}
}

// hello goes out with a reply subject until it is likely that all have answered.
func (c *cluster) hello(now time.Time) {
	reply := c.base + "to." + c.l.me
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

// presence is what layers tell of themselves: "+" if they are up, else "-", and the server.
func (c *cluster) presence() string {
	if c.l.state.isUp() {
		return "+" + c.own
	}
	return "-" + c.own
}

func (c *cluster) send(subject, reply, text string) {
	// The error is that the connection is lost, which look sees; then all is asked again.
	_ = c.nc.PublishMsg(&nats.Msg{Subject: subject, Reply: reply, Data: []byte(text)})
}

// ask begins a round.
func (c *cluster) ask(now time.Time) {
	c.rounds++
	c.crowded = false
	c.round = &round{
		no: strconv.FormatUint(c.rounds, 10), through: c.l.table.soFar(),
		waiting: maps.Clone(c.others), began: now,
	}
	c.round.waiting[c.own] = true
	c.askAgain(now)
}

func (c *cluster) askAgain(now time.Time) {
	c.round.asked = now
	for server := range c.round.waiting {
		c.askOne(server)
	}
}

func (c *cluster) askOne(server string) {
	reply := c.base + "to." + c.l.me + "." + server + "." + c.round.no
	if server == c.own {
		c.send(reply, "", "")
		return
	}
	c.send(c.base+"at."+server, reply, c.presence())
}

// pursue ends a round that has all answers, asks again, or gives up.
func (c *cluster) pursue(now time.Time) {
	r := c.round
	switch since := now.Sub(r.began); {
	case len(r.waiting) == 0 && c.l.dealtWithErrors(since > time.Second):
		c.round = nil
		if c.l.state.confirm(r.through, &c.l.table); c.l.state.isUp() {
			c.redialer.failed = 0
		}
		c.advance(now)
	case len(r.waiting) > 0 && since >= patience && !r.waiting[c.own]:
		c.giveUp()
		c.advance(now)
	case len(r.waiting) > 0 && now.Sub(r.asked) >= askPause:
		c.askAgain(now)
	}
}

// giveUp leaves servers out of later rounds until they are heard again: one process that hangs must not hold up
// everybody's subscriptions.
func (c *cluster) giveUp() {
	servers := slices.Sorted(maps.Keys(c.round.waiting))
	for _, server := range servers {
		delete(c.others, server)
		if len(c.silent) < maxServers {
			c.silent[server] = true
		}
	}
	c.l.state.fail(c.round.through, fmt.Errorf("%w: no node at %d servers (%s) has answered within %v: they may not know of it yet",
		layer.ErrUnavailable, len(servers), strings.Join(servers[:min(len(servers), maxNamed)], ", "), patience))
	c.round = nil
}

// hear takes what another layer says, or a server in its place.
func (c *cluster) hear(m *nats.Msg) {
	kind, rest, _ := strings.Cut(strings.TrimPrefix(m.Subject, c.base), ".")
	switch kind {
	case "hello":
		c.meet(string(m.Data))
		if c.isReply(m.Reply, 1) && c.connected && !strings.HasSuffix(string(m.Data), c.own) {
			c.send(m.Reply+"."+c.own+".hello", "", c.presence())
		}
	case "at":
		c.meet(string(m.Data))
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

// isReply reports whether a reply subject is one that layers use: "to.", and as many tokens. Whatever else stood there would
// have this layer publish to it.
func (c *cluster) isReply(subject string, tokens int) bool {
	rest, ok := strings.CutPrefix(subject, c.base+"to.")
	parts := strings.Split(rest, ".")
	return ok && len(parts) == tokens && !slices.ContainsFunc(parts, func(s string) bool { return !isToken(s) })
}

// isToken reports whether a text can be the id of a server or a layer, or the number of a round.
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
	if len(m.Data) == 0 { // NATS says that there are no responders; or it is our own
		delete(c.others, server)
	} else {
		c.meet(string(m.Data))
	}
	if c.round != nil && c.round.no == no {
		delete(c.round.waiting, server)
	}
}

// meet learns of a server. If a layer there has been up before we knew, or while we thought it gone, then what was
// published by one of us may not have found its way to the other.
func (c *cluster) meet(presence string) {
	if len(presence) < 2 || !isToken(presence[1:]) || presence[1:] == c.own || c.others[presence[1:]] {
		return
	}
	if len(c.others) >= maxServers {
		c.crowded = true // the next round finds out who is not there
		return
	}
	server := presence[1:]
	c.others[server] = true
	if c.silent[server] || presence[0] == '+' {
		c.l.state.gap() // tells nothing while we join
	}
	delete(c.silent, server)
	if c.round != nil {
		c.round.waiting[server] = true
		c.askOne(server)
	}
}
