package chanx_test

import (
	"encoding/json"
	"fmt"
	"math/rand/v2"
	"slices"
	"strconv"
	"strings"
	"sync"
	"testing"
	"testing/synctest"
	"time"

	"github.com/chanx-go/chanx/internal/faultlayer"
)

// A world is a cluster with random actions, and an oracle that predicts which messages must, may and must not arrive. The
// oracle knows only the calls, the members at the time of each call, and the injected faults. It shares no code with what
// it tests, except that it calls Groups of each connection.
const (
	worldNodes = 3
	worldPeers = 8
	maxDelay   = 20 * time.Millisecond // of a publication, from link to link
	maxWait    = 5 * time.Millisecond  // of a Subscribe or Unsubscribe
	settleTime = 4 * maxWait           // of a subscription that waits for others of its subject
)

type world struct {
	k   *cluster
	rnd *rand.Rand // of the test's goroutine

	last    time.Time // of the last snapshot
	history map[*peer][]place
	acts    []*act
	outages [worldNodes][]outage
	wrong   []string

	here, far int // arrivals that were predicted exactly, on the sender's node and on others

	mu      sync.Mutex
	waits   *rand.Rand
	slow    bool
	dropped map[string]bool // by node and number of the act
	gaps    [worldNodes]int // the expected number of gaps of each node
}

// place is the state of a peer from a point in time on: the targets that match it, which are its id, its user and its
// groups; nil if it is closed.
type place struct {
	since time.Time // the earliest possible time
	in    []string
}

// outage is a time without the broker.
type outage struct{ from, to time.Time }

// act is something that was sent to targets.
type act struct {
	no         int
	kind       string // said, ring, join, leave, close
	from       *peer  // nil: by the server of the node
	node       int
	exceptSelf bool
	targets    []string // "g/…", "u/…", "c/…", "a/"
	group      string   // of join and leave
	at         time.Time
	places     map[*peer]int // the number of places each peer had at that time
	failed     bool
}

func (a *act) String() string {
	by := fmt.Sprintf("node %d", a.node)
	if a.from != nil {
		by = a.from.name
	}
	return fmt.Sprintf("act %d: %s %s by %s at %v to %s", a.no, a.kind, a.group, by, a.at.Format(".000000"), strings.Join(a.targets, " "))
}

func newWorld(seed uint64) *world {
	return &world{
		rnd: rand.New(rand.NewPCG(seed, 2)), waits: rand.New(rand.NewPCG(seed, 3)),
		history: map[*peer][]place{}, dropped: map[string]bool{},
	}
}

func (w *world) complain(format string, args ...any) {
	w.wrong = append(w.wrong, fmt.Sprintf(format, args...))
}

// call makes subscriptions slow.
func (w *world) call(c faultlayer.Call) (time.Duration, error) {
	w.mu.Lock()
	defer w.mu.Unlock()
	if !w.slow || c.Op == faultlayer.Publish || w.waits.IntN(2) == 0 {
		return 0, nil
	}
	return time.Duration(w.waits.Int64N(int64(maxWait))), nil
}

// noting wraps a fate so that the oracle learns which deliveries were lost.
func (w *world) noting(fate func(faultlayer.Delivery) faultlayer.Fate) func(faultlayer.Delivery) faultlayer.Fate {
	return func(d faultlayer.Delivery) faultlayer.Fate {
		f := fate(d)
		if f.Drop {
			w.mu.Lock()
			defer w.mu.Unlock()
			w.dropped[fmt.Sprintf("%d %s", d.To, numberIn(string(d.Data)))] = true
			w.gaps[d.To]++
		}
		return f
	}
}

// numberIn finds the number of an act in what is published of it: "#7.".
func numberIn(data string) string {
	_, behind, _ := strings.Cut(data, "#")
	no, _, _ := strings.Cut(behind, ".")
	return no
}

// snapshot waits until all goroutines are blocked and records the place of each peer.
func (w *world) snapshot() {
	synctest.Wait()
	for _, p := range w.k.peers {
		var in []string
		if p.conn.Context().Err() == nil {
			in = targetsOf(p, p.conn.Groups()...)
		}
		places := w.history[p]
		if len(places) == 0 || !slices.Equal(places[len(places)-1].in, in) {
			w.history[p] = append(places, place{w.last, in})
		}
	}
	w.last = time.Now()
}

// targetsOf returns the targets that match a peer in these groups.
func targetsOf(p *peer, groups ...string) []string {
	in := []string{"a/", "c/" + p.conn.ID()}
	if p.user != "" {
		in = append(in, "u/"+p.user)
	}
	for _, g := range groups {
		in = append(in, "g/"+g)
	}
	slices.Sort(in)
	return in
}

// placesDuring returns the places that a peer may have had when the act reached it: one, unless the peer joined or left
// during the act. since is the time from which on the peer matched the same targets of the act.
func (w *world) placesDuring(a *act, p *peer) (places []place, since time.Time) {
	all, known := w.history[p], a.places[p]
	if known == 0 {
		all, known = append([]place{{}}, all...), 1 // it was not connected yet
	}
	last := known
	for p.node != a.node && last < len(all) && !all[last].since.After(a.at.Add(maxDelay)) {
		last++
	}
	first := known - 1
	for first > 0 && slices.Equal(a.matches(all[first-1]), a.matches(all[first])) {
		first--
	}
	return all[known-1 : last], all[first].since
}

// matches returns the indexes of the targets that match a place.
func (a *act) matches(p place) (all []int) {
	for i, t := range a.targets {
		if slices.Contains(p.in, t) {
			all = append(all, i)
		}
	}
	return all
}

// stirred reports whether a server sent a Join or Leave of a group at about the time of an act. Then a peer may have been
// a member only between two snapshots.
func (w *world) stirred(a *act, target string) bool {
	return slices.ContainsFunc(w.acts, func(b *act) bool {
		return b.group != "" && target == "g/"+b.group && b.at.Sub(a.at).Abs() <= maxDelay+maxWait
	})
}

// predict returns how often an act must and may reach a peer, and by which target if that is certain.
func (w *world) predict(a *act, p *peer) (least, most int, by string) {
	if a.exceptSelf && a.from == p {
		return 0, 0, ""
	}
	places, since := w.placesDuring(a, p)
	met, moved := map[int]bool{}, false
	for i, t := range a.targets {
		if p.node != a.node && w.stirred(a, t) {
			met[i], moved = true, true
		}
	}
	for _, place := range places {
		matches := a.matches(place)
		moved = moved || !slices.Equal(matches, a.matches(places[0]))
		for _, i := range matches {
			met[i] = true
		}
	}
	if len(met) == 0 || moved {
		return 0, len(met), ""
	}
	by = a.targets[a.matches(places[0])[0]]
	switch {
	case p.node == a.node:
		return 1, 1, by
	case a.failed, w.lost(a, p), since.After(a.at.Add(-settleTime)):
		return 0, 1, by
	}
	return 1, 1, by
}

// lost reports whether a fault explains that the act did not reach a peer of another node.
func (w *world) lost(a *act, p *peer) bool {
	return w.dropped[fmt.Sprintf("%d %d", p.node, a.no)] || slices.ContainsFunc(w.outages[p.node], func(o outage) bool {
		return !o.from.After(a.at.Add(maxDelay)) && !o.to.Before(a.at)
	})
}

// arrival is a frame that a peer got of an act.
type arrival struct {
	no            int
	kind          string
	mine, current bool
}

func (w *world) arrivals(p *peer) (all []arrival) {
	for _, frame := range p.Pending() {
		var f struct {
			Action  string
			Payload struct{ Text, Answer string }
			IsMine  bool `json:"is_mine"`
			Current bool `json:"is_current"`
		}
		if err := json.Unmarshal([]byte(frame), &f); err != nil {
			w.complain("%s got %s: %v", p.name, frame, err)
		}
		a := arrival{kind: "said", mine: f.IsMine, current: f.Current}
		if f.Action == "answer" {
			a.kind = "ring"
		}
		no, err := strconv.Atoi(numberIn(f.Payload.Text + f.Payload.Answer))
		if err != nil || no >= len(w.acts) || w.acts[no].kind != a.kind {
			w.complain("%s got %s, which nobody sent", p.name, frame)
			continue
		}
		a.no = no
		all = append(all, a)
	}
	return all
}

// judge compares all arrivals with the predictions.
func (w *world) judge() {
	for _, p := range w.k.peers {
		got := w.arrivals(p)
		count := map[int]int{}
		latest := map[string]int{} // by sender, kind and target
		for _, r := range got {
			a := w.acts[r.no]
			count[r.no]++
			if mine := a.from != nil && a.from.user != "" && a.from.user == p.user; r.kind == "said" && (r.mine != mine || r.current != (a.from == p)) {
				w.complain("%s got flags %v %v of %v", p.name, r.mine, r.current, a)
			}
			if _, _, by := w.predict(a, p); by != "" {
				key := fmt.Sprint(a.node, a.from, a.kind, by)
				if r.no < latest[key] {
					w.complain("%s got act %d behind %d of the same sender and target: %v", p.name, r.no, latest[key], a)
				}
				latest[key] = r.no
			}
		}
		for _, a := range w.acts {
			w.judgeAct(a, p, count[a.no])
		}
	}
}

func (w *world) judgeAct(a *act, p *peer, count int) {
	least, most, _ := w.predict(a, p)
	switch a.kind {
	case "said", "ring":
		if count < least || count > most {
			places, _ := w.placesDuring(a, p)
			w.complain("%s got %d copies, want %d to %d, of %v; it was at %v", p.name, count, least, most, a, places)
		}
	case "join", "leave":
		if least == 1 && !w.hasEffect(a, p) {
			w.complain("%s did not obey %v; it was at %v", p.name, a, w.history[p])
		}
	case "close":
		if places := w.history[p]; least == 1 && places[len(places)-1].in != nil {
			w.complain("%s is still there after %v", p.name, a)
		}
	}
	switch {
	case least != most || count != most:
	case a.node == p.node:
		w.here += count
	default:
		w.far += count
	}
}

// hasEffect reports whether the peer joined or left as the act demands, unless another act may have interfered.
func (w *world) hasEffect(a *act, p *peer) bool {
	near := func(b *act) bool {
		return b != a && b.group == a.group && b.at.Sub(a.at).Abs() <= maxDelay+settleTime
	}
	if slices.ContainsFunc(w.acts, near) {
		return true
	}
	for _, place := range w.history[p][a.places[p]-1:] {
		if place.since.After(a.at.Add(maxDelay)) {
			return false
		}
		if place.in == nil || slices.Contains(place.in, "g/"+a.group) == (a.kind == "join") {
			return true
		}
	}
	return false
}

// TestClusterAgainstTheOracle runs random worlds for a second. A failure names its seed; -args -seed=… repeats that world.
func TestClusterAgainstTheOracle(t *testing.T) {
	odds := faultlayer.Odds{Drop: 0.02, Delay: 0.7, MaxDelay: maxDelay}
	worlds, here, far := 0, 0, 0
	for start := time.Now(); worlds == 0 || time.Since(start) < time.Second && !t.Failed(); worlds++ {
		seed := worldSeed()
		w := playWorld(t, seed, odds)
		here, far = here+w.here, far+w.far
		for _, text := range w.wrong[:min(len(w.wrong), 10)] {
			t.Errorf("seed %d: %s", seed, text)
		}
	}
	t.Logf("%d worlds; predicted exactly: %d arrivals on the sender's node, %d on others", worlds, here, far)
	if here < 100*worlds || far < 20*worlds {
		t.Error("the oracle is of little use: it predicted too few arrivals")
	}
}

// TestOracleDetectsALayerThatBreaksItsContract checks the oracle itself: it must report errors with such a layer.
func TestOracleDetectsALayerThatBreaksItsContract(t *testing.T) {
	for what, odds := range map[string]faultlayer.Odds{
		"behind":   {Overtake: 0.3, Delay: 0.7, MaxDelay: maxDelay},
		"2 copies": {Copy: 0.1},
	} {
		wrong := playWorld(t, 1, odds).wrong
		if !slices.ContainsFunc(wrong, func(s string) bool { return strings.Contains(s, what) }) {
			t.Errorf("nothing is %q; it found %q", what, wrong)
		}
	}
}
