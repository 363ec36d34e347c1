package chanxtest

import (
	"errors"
	"sync"

	"github.com/chanx-go/chanx/internal/faultlayer"
	"github.com/chanx-go/chanx/layer"
	"github.com/chanx-go/chanx/layer/memlayer"
)

// Layer is a channel layer whose broker a test can take away: what an application does without one can be tested. Give the
// same Layer to all servers of a test, as ServerOptions.Layer. Its methods may be called concurrently.
type Layer struct {
	faults *faultlayer.Layer

	mu    sync.Mutex
	links int
	down  bool
}

// NewLayer wraps a layer, which no server must be given directly. Nil is a layer in memory. The broker is up.
func NewLayer(inner layer.Layer) *Layer {
	if inner == nil {
		inner = memlayer.New()
	}
	return &Layer{faults: faultlayer.New(inner, faultlayer.Faults{})}
}

// Open attaches a server; chanx.NewServer calls it.
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

// Down takes the broker away from all servers, those that are made later too. Broadcast, Emit, Join and the like then return
// an error that wraps layer.ErrUnavailable, and connections of the same server still get what is sent. Servers log the loss.
func (l *Layer) Down() {
	l.each(func() bool { was := l.down; l.down = true; return !was }, func(no int) { l.faults.Down(no, errLayerDown) })
}

// Up gives the broker back. Servers are subscribed again to all their groups, and are told of a gap, because what other servers
// published meanwhile is lost. Without Down before, it does nothing.
func (l *Layer) Up() {
	l.each(func() bool { was := l.down; l.down = false; return was }, l.faults.Up)
}

// Gap tells all servers that publications may have been lost, as a broker does after a short loss of the connection. It loses
// none. While the broker is down it does nothing.
func (l *Layer) Gap() {
	l.each(func() bool { return !l.down }, l.faults.Gap)
}

// each does something with each link if a change applies.
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
