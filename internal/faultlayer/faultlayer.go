// Package faultlayer adds the faults of a broker and its connections to a channel layer, for tests.
//
// A [Layer] wraps another layer. Its links are numbered in the order in which they are opened. Two functions of the test,
// [Faults], decide what happens to calls and publications; [Random] makes one of them from a seeded source. [Layer.Down] and
// [Layer.Up] take a link down and bring it up. All waits use timers, so they take no time inside testing/synctest.
//
// Faults keep the contract of package layer, unless their documentation says otherwise: publications of one link to one
// subject stay in order, and losses are reported by a status with Gap. Faults that break the contract show that checks can
// fail.
package faultlayer

import (
	"math/rand/v2"
	"sync"
	"time"

	"github.com/chanx-go/chanx/layer"
)

// Op is a method of a link.
type Op string

// The methods for which Faults.Call is called.
const (
	Publish     Op = "publish"
	Subscribe   Op = "subscribe"
	Unsubscribe Op = "unsubscribe"
)

// Call is a call of a link's method.
type Call struct {
	Link    int
	Op      Op
	Subject string
	Data    []byte // of a publication; valid during Faults.Call
}

// Delivery is a publication on its way to one of its receivers.
type Delivery struct {
	From, To int // links
	Subject  string
	Data     []byte
}

// Fate is what happens to a delivery. With the zero value it arrives at once.
type Fate struct {
	// Drop loses the publication. The receiver gets a status with Gap.
	Drop bool

	// Delay is how much later the publication arrives. Later publications of the same link to the same subject arrive
	// after it.
	Delay time.Duration

	// Overtake makes the publication arrive before waiting ones. It breaks the contract.
	Overtake bool

	// Copies is how many additional copies arrive. Any copy breaks the contract.
	Copies int
}

// Faults decide what goes wrong. Both functions may be called concurrently and may be nil, which means no faults.
type Faults struct {
	// Call is called at the beginning of each method call. The method waits that long, or until its context ends. If err is
	// not nil, the method then returns it and does nothing else. A failed subscription is remembered, and takes effect when
	// Up is called.
	Call func(Call) (wait time.Duration, err error)

	// Deliver is called when a publication has reached a receiver's link that is up.
	Deliver func(Delivery) Fate
}

// Odds are the probabilities of fates, between 0 and 1.
type Odds struct {
	Drop     float64
	Delay    float64
	MaxDelay time.Duration // delays are between 1 ns and this
	Overtake float64
	Copy     float64
}

// Random chooses fates with the source, which nothing else may use from now on.
func Random(rnd *rand.Rand, o Odds) func(Delivery) Fate {
	var mu sync.Mutex
	return func(Delivery) (f Fate) {
		mu.Lock()
		defer mu.Unlock()
		f.Drop = rnd.Float64() < o.Drop
		if rnd.Float64() < o.Delay {
			f.Delay = 1 + time.Duration(rnd.Int64N(int64(o.MaxDelay)))
		}
		f.Overtake = rnd.Float64() < o.Overtake
		if rnd.Float64() < o.Copy {
			f.Copies = 1
		}
		return f
	}
}

// Layer is a layer with faults. Its methods may be called concurrently, but not by a receiver.
type Layer struct {
	inner  layer.Layer
	faults Faults

	mu    sync.Mutex
	links []*link
}

// New wraps a layer. Every link must be opened on the returned layer, none on the inner layer itself.
func New(inner layer.Layer, f Faults) *Layer { return &Layer{inner: inner, faults: f} }

// Open attaches a node. The link is up.
func (l *Layer) Open(r layer.Receiver) layer.Link { return l.open(r) }

func (l *Layer) open(r layer.Receiver) *link {
	k := newLink(l, r)
	l.mu.Lock()
	k.no = len(l.links)
	l.links = append(l.links, k)
	l.mu.Unlock()
	k.inner = l.inner.Open(layer.Receiver{Receive: k.arrive, Status: k.notify})
	return k
}

func (l *Layer) link(no int) *link {
	l.mu.Lock()
	defer l.mu.Unlock()
	return l.links[no]
}

// Down makes the broker unreachable for a link: its calls fail, and publications on their way to it are lost. The status has
// the cause.
func (l *Layer) Down(no int, cause error) { l.link(no).setDown(cause) }

// Up makes the broker reachable again: remembered subscriptions take effect, and then the link reports a gap.
func (l *Layer) Up(no int) { l.link(no).setUp() }

// Gap makes a link that is up report a gap, although nothing was lost.
func (l *Layer) Gap(no int) { l.link(no).gap() }

// Freeze makes the broker silent for a link: calls wait until their context ends or Down, Up or Close is called, and
// publications on their way to the link are lost. A real layer notices a silent broker by itself and reports that it is down;
// here the test calls Down.
func (l *Layer) Freeze(no int) { l.link(no).freeze() }

// Subscribed lists the subjects of a link, including those it only remembers, in sorted order.
func (l *Layer) Subscribed(no int) []string { return l.link(no).subjects() }
