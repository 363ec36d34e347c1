package chanx_test

import (
	"errors"
	"flag"
	"fmt"
	"math/rand/v2"
	"slices"
	"strings"
	"testing"
	"time"

	"github.com/chanx-go/chanx"
	"github.com/chanx-go/chanx/internal/faultlayer"
	"github.com/chanx-go/chanx/layer"
)

var seedFlag = flag.Uint64("seed", 0, "the world that TestClusterAgainstTheOracle plays; 0 is another each time")

func worldSeed() uint64 {
	if *seedFlag != 0 {
		return *seedFlag
	}
	return rand.Uint64()
}

const worldSteps = 250

// playWorld performs random actions in a world with that seed and checks the result.
func playWorld(t *testing.T, seed uint64, odds faultlayer.Odds) *world {
	t.Helper()
	w := newWorld(seed)
	faults := faultlayer.Faults{Call: w.call, Deliver: w.noting(faultlayer.Random(rand.New(rand.NewPCG(seed, 1)), odds))}
	linger := []time.Duration{0, -1, maxWait, maxDelay}[seed%4]
	inCluster(t, clusterOptions{nodes: worldNodes, linger: linger, faults: faults}, func(t *testing.T, k *cluster) {
		w.k, w.last = k, time.Now()
		for range worldPeers {
			w.arrive()
		}
		w.slow = true
		for range worldSteps {
			w.step()
			if w.rnd.IntN(3) == 0 {
				pass(time.Duration(w.rnd.Int64N(int64(maxDelay))))
			}
			w.snapshot()
		}
		w.heal()
		w.judge()
	})
	return w
}

var (
	worldGroups = []string{"a", "b", "c"}
	worldUsers  = []string{"ann", "bob", "cat", ""}
)

func pick[T any](w *world, all []T) T { return all[w.rnd.IntN(len(all))] }

// present returns the peers that were connected at the last snapshot.
func (w *world) present() []*peer {
	return slices.DeleteFunc(slices.Clone(w.k.peers), func(p *peer) bool {
		places := w.history[p]
		return len(places) == 0 || places[len(places)-1].in == nil
	})
}

func (w *world) step() {
	here := w.present()
	if len(here) < worldPeers/2 {
		w.arrive()
		return
	}
	p, node := pick(w, here), w.rnd.IntN(worldNodes)
	switch n := w.rnd.IntN(100); {
	case n < 30:
		w.burst(w.say, p, p.node)
	case n < 45:
		w.burst(w.say, nil, node)
	case n < 52:
		w.burst(w.ring, p, p.node)
	case n < 60:
		w.burst(w.ring, nil, node)
	case n < 74:
		w.move(p)
	case n < 84:
		w.regroup(node)
	case n < 86:
		w.disconnect(node)
	case n < 88:
		p.Abort()
	case n < 94:
		if w.isCut(node) || w.rnd.IntN(4) == 0 {
			w.cut(node)
		}
	case len(here) < worldPeers:
		w.arrive()
	}
}

func (w *world) arrive() {
	before, group := time.Now(), pick(w, worldGroups)
	p := w.k.dial(w.rnd.IntN(worldNodes), pick(w, worldUsers), group)
	w.history[p] = []place{{before, targetsOf(p, group)}} // even if it has been closed since
	w.snapshot()
}

// aim chooses random targets and returns them as chanx.Targets and in the oracle's notation.
func (w *world) aim() (to []chanx.Target, targets []string) {
	for range 1 + w.rnd.IntN(3) {
		switch n := w.rnd.IntN(10); {
		case n < 6:
			g := pick(w, worldGroups)
			to, targets = append(to, chanx.To(g)), append(targets, "g/"+g)
		case n < 7:
			to, targets = append(to, chanx.ToUser("ann")), append(targets, "u/ann")
		case n < 9:
			p := pick(w, w.k.peers) // it may have been closed
			to, targets = append(to, chanx.ToConn(p.conn.ID())), append(targets, "c/"+p.conn.ID())
		default:
			to, targets = append(to, chanx.All()), append(targets, "a/")
		}
	}
	return to, targets
}

// act records an action that is about to be performed.
func (w *world) act(kind string, from *peer, node int, targets []string) *act {
	a := &act{no: len(w.acts), kind: kind, from: from, node: node, targets: targets, at: time.Now(), places: map[*peer]int{}}
	for _, p := range w.k.peers {
		a.places[p] = len(w.history[p])
	}
	w.acts = append(w.acts, a)
	return a
}

// checkError checks the error of an act: the layer's if the node is disconnected and a target may be on another node,
// otherwise none.
func (w *world) checkError(a *act, err error) {
	own := func(t string) bool {
		id, isConn := strings.CutPrefix(t, "c/")
		return isConn && slices.ContainsFunc(w.k.peers, func(p *peer) bool { return p.conn.ID() == id && p.node == a.node })
	}
	a.failed = err != nil
	publishes := slices.ContainsFunc(a.targets, func(t string) bool { return !own(t) })
	if a.failed != (w.isCut(a.node) && publishes) || a.failed && !errors.Is(err, layer.ErrUnavailable) {
		w.complain("error %v of %v", err, a)
	}
}

// burst sends several messages to the same targets without waiting in between.
func (w *world) burst(send func(*peer, int, []chanx.Target, []string), from *peer, node int) {
	to, targets := w.aim()
	for range 1 + w.rnd.IntN(4) {
		send(from, node, to, targets)
	}
}

func (w *world) say(from *peer, node int, to []chanx.Target, targets []string) {
	a := w.act("said", from, node, targets)
	m := saidMessage{fmt.Sprintf("#%d.", a.no)}
	if from == nil {
		w.checkError(a, w.k.nodes[node].Broadcast(w.k.t.Context(), m, to...))
		return
	}
	var opts []chanx.BroadcastOption
	for _, t := range to {
		opts = append(opts, t)
	}
	if a.exceptSelf = w.rnd.IntN(4) == 0; a.exceptSelf {
		opts = append(opts, chanx.ExceptSelf())
	}
	w.checkError(a, from.conn.Broadcast(w.k.t.Context(), m, opts...))
}

func (w *world) ring(from *peer, node int, to []chanx.Target, targets []string) {
	a := w.act("ring", from, node, targets)
	e := ringEvent{fmt.Sprintf("#%d.", a.no)}
	if from == nil {
		w.checkError(a, w.k.nodes[node].Emit(w.k.t.Context(), e, to...))
	} else {
		w.checkError(a, from.conn.Emit(w.k.t.Context(), e, to...))
	}
}

// move calls Join or Leave of a connection. Only a Join, and the Leave of a node's last member, call the layer.
func (w *world) move(p *peer) {
	g := pick(w, worldGroups)
	kind, do := "join", p.conn.Join
	if w.rnd.IntN(2) == 0 {
		kind, do = "leave", p.conn.Leave
	}
	a := w.act(kind, p, p.node, []string{"c/" + p.conn.ID()})
	a.group = g
	if err := do(w.k.t.Context(), g); err != nil != w.isCut(p.node) && (err != nil || kind == "join") || err != nil && !errors.Is(err, layer.ErrUnavailable) {
		w.complain("error %v of %v", err, a)
	}
}

// regroup calls Join or Leave of a server. The act's number is the name of a group to which nobody sends.
func (w *world) regroup(node int) {
	to, targets := w.aim()
	kind, do := "join", w.k.nodes[node].Join
	if w.rnd.IntN(2) == 0 {
		kind, do = "leave", w.k.nodes[node].Leave
	}
	a := w.act(kind, nil, node, targets[:1])
	a.group = pick(w, worldGroups)
	if err := do(w.k.t.Context(), to[0], a.group, fmt.Sprintf("#%d.", a.no)); err == nil || errors.Is(err, layer.ErrUnavailable) {
		a.failed = err != nil
	} else {
		w.complain("error %v of %v", err, a)
	}
}

func (w *world) disconnect(node int) {
	to, targets := w.aim()
	a := w.act("close", nil, node, targets)
	w.checkError(a, w.k.nodes[node].Disconnect(w.k.t.Context(), 4000, fmt.Sprintf("#%d.", a.no), to...))
}

func (w *world) isCut(node int) bool {
	all := w.outages[node]
	return len(all) > 0 && all[len(all)-1].to.IsZero()
}

// cut disconnects a node from the broker, or reconnects it.
func (w *world) cut(node int) {
	all := w.outages[node]
	if !w.isCut(node) {
		w.outages[node] = append(all, outage{from: time.Now()})
		w.k.layer.Down(node, errCut)
		return
	}
	w.k.layer.Up(node)
	w.gaps[node]++
	all[len(all)-1].to = time.Now()
}

// heal ends all faults and checks that each connection receives what is sent to its groups.
func (w *world) heal() {
	for node := range worldNodes {
		if w.isCut(node) {
			w.cut(node)
		}
	}
	pass(time.Second)
	w.snapshot()
	for _, g := range worldGroups {
		members := 0
		for _, s := range w.k.nodes {
			members += s.Count(g)
		}
		for _, p := range w.present() {
			if places := w.history[p]; slices.Contains(places[len(places)-1].in, "g/"+g) {
				members--
			}
		}
		if members != 0 {
			w.complain("the nodes count %d more in group %q than there are", members, g)
		}
	}
	pass(time.Second)
	w.slow = false
	for node := range worldNodes {
		for _, g := range worldGroups {
			a := w.act("said", nil, node, []string{"g/" + g})
			w.checkError(a, w.k.nodes[node].Broadcast(w.k.t.Context(), saidMessage{fmt.Sprintf("#%d.", a.no)}, chanx.To(g)))
		}
	}
	pass(time.Second)
	w.snapshot()
	for node, count := range w.k.counts {
		if n := count.of("gaps"); n != w.gaps[node] {
			w.complain("node %d counts %d gaps, want %d", node, n, w.gaps[node])
		}
	}
}
