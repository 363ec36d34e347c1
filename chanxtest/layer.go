package chanxtest

import (
	"errors"
	"sync"

	"github.com/chanx-go/chanx/internal/faultlayer"
	"github.com/chanx-go/chanx/layer"
	"github.com/chanx-go/chanx/layer/memlayer"
)

// Layer is a channel layer whose broker a test can take down, to test how an application behaves without it. Give the
// same Layer to all servers of a test, as ServerOptions.Layer. Its methods may be called concurrently.
type Layer struct {
	faults *faultlayer.Layer

	mu    sync.Mutex
	links int
	down  bool
}

// NewLayer wraps a layer; do not also give the inner layer to a server. Nil means a layer in memory. The broker starts
// up.
func NewLayer(inner layer.Layer) *Layer {
	if inner == nil {
		inner = memlayer.New()
	}
	return &Layer{faults: faultlayer.New(inner, faultlayer.Faults{})}
}

// Open attaches a server. chanx.NewServer calls it.
func (l *Layer) Open(r layer.Receiver) layer.Link {
	l.mu.Lock()
	defer l.mu.Unlock()
	link := l.faults.Open(r)
	if l.down {
		l.faults.Down(l.links, errLayerDown)
	}
	l.links++
	return link
}

var errLayerDown = errors.New("chanxtest: the test has taken the layer down")

// Down disconnects the broker from all servers, including servers made later. Broadcast, Emit, Join and the like then
// return an error that wraps layer.ErrUnavailable, but connections of the same server still get what is sent. Servers
// log the loss.
func (l *Layer) Down() {
	l.each(func() bool { was := l.down; l.down = true; return !was }, func(no int) { l.faults.Down(no, errLayerDown) })
}

// Up reconnects the broker. Servers are subscribed again to all their groups, and get a gap notice, because
// publications of other servers were lost meanwhile. Without a Down before, it does nothing.
func (l *Layer) Up() {
	l.each(func() bool { was := l.down; l.down = false; return was }, l.faults.Up)
}

// Gap sends all servers a gap notice: publications may have been lost, as after a short loss of the broker's
// connection. No publication is actually lost. While the broker is down it does nothing.
func (l *Layer) Gap() {
	l.each(func() bool { return !l.down }, l.faults.Gap)
}

// each calls do for each link if applies returns true.
func (l *Layer) each(applies func() bool, do func(no int)) {
	l.mu.Lock()
	defer l.mu.Unlock()
	if !applies() {
		return
	}
	for no := range l.links {
		do(no)
	}
}
