// Package faultlayer gives a channel layer the faults of a broker and of the way to it, for tests.
//
// A [Layer] wraps another one; its links are numbered in the order in which they are opened. What happens to calls and
// to publications is decided by two functions of the test, [Faults]; [Random] makes one of them of a seeded source.
// A link is taken down and brought up by [Layer.Down] and [Layer.Up]. Waiting is done by timers, so that it costs
// nothing inside testing/synctest.
//
// Except where a field says that it breaks it, the contract of package layer is kept by whatever is chosen: an order
// among the publications of one link to one subject stays, and what is lost is told by a status with Gap set. Faults
// that break it show that a check which relies on it can fail.
package faultlayer

import (
	"math/rand/v2"
	"sync"
	"time"

	"github.com/chanx-go/chanx/layer"
)

// Op is a method of a link.
type Op string

// The methods that Faults.Call is asked about.
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

// Fate is what happens to a delivery. The zero value is that it arrives at once.
type Fate struct {
	// Drop loses it. The receiver is told of a gap.
	Drop bool

	// Delay is how much later it arrives. What the same link publishes later to the same subject arrives behind it.
	Delay time.Duration

	// Overtake lets it arrive before those that wait. It breaks the contract.
	Overtake bool

	// Copies is how many more of it arrive. One breaks the contract.
	Copies int
}

// Faults are what goes wrong. Both functions may be called concurrently and may be nil: then nothing does.
type Faults struct {
	// Call is asked at the begin of each call. The call waits that long, or until its context ends, and does nothing but
	// return the error, unless that is nil. A subscription that has failed is remembered until Up is called.
	Call func(Call) (wait time.Duration, err error)

	// Deliver is asked when a publication has reached its receiver's link, if that is up.
	Deliver func(Delivery) Fate
}

// Odds are the probabilities of fates, between 0 and 1.
type Odds struct {
	Drop     float64
	Delay    float64       // by more than nothing
	MaxDelay time.Duration // of a delay
	Overtake float64
	Copy     float64
}

// Random chooses fates by the source, which is not used by anybody else from now on.
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

// Layer has the faults. Its methods may be called concurrently, but not by a receiver.
type Layer struct {
	inner  layer.Layer
	faults Faults

	mu    sync.Mutex
	links []*link
}

// New wraps a layer. Every node must be opened on what it returns, none on the inner layer itself.
func New(inner layer.Layer, f Faults) *Layer { return &Layer{inner: inner, faults: f} }

// Open attaches a node. The link is up.
func (l *Layer) Open(r layer.Receiver) layer.Link { return l.open(r) }

func (l *Layer) open(r layer.Receiver) *link {
	k := newLink(l, r)
	l.mu.Lock()
	k.no = len(l.links)
	l.links = append(l.links, k)
	l.mu.Unlock()
	k.inner = l.inner.Open(layer.Receiver{Receive: k.arrive, Status: k.tell})
	return k
}

func (l *Layer) link(no int) *link {
	l.mu.Lock()
	defer l.mu.Unlock()
	return l.links[no]
}

// Down takes the broker away from a link: its calls fail, and what is on its way to it is lost. The status tells the
// cause.
func (l *Layer) Down(no int, cause error) { l.link(no).setDown(cause) }

// Up gives it back: subscriptions that were made meanwhile or have failed take effect, then the status tells of a gap.
func (l *Layer) Up(no int) { l.link(no).setUp() }

// Gap tells a link that is up of a gap, though nothing was lost.
func (l *Layer) Gap(no int) { l.link(no).gap() }

// Freeze has the broker answer nothing to a link: its calls wait until their context ends, or for Down or Up; what is on its way
// to it is lost. A real layer notices that by itself, and tells that it is down: the test calls Down for it.
func (l *Layer) Freeze(no int) { l.link(no).freeze() }

// Subscribed lists the subjects that a link is subscribed to, those that it remembers included, in order.
func (l *Layer) Subscribed(no int) []string { return l.link(no).subjects() }
