package natslayer

import (
	"context"
	"crypto/rand"
	"errors"
	"fmt"
	"sync"
	"sync/atomic"

	"github.com/nats-io/nats.go"

	"github.com/chanx-go/chanx/layer"
)

const (
	// incomingSize is how much may wait until the layer has queued it for its links. It takes no time to do so: that it is
	// full means that the process does not run.
	incomingSize = 1 << 16
	controlSize  = 1 << 12
)

var _ layer.Layer = (*Layer)(nil)

// Layer is a way to NATS. Its methods may be called concurrently.
type Layer struct {
	conn    atomic.Pointer[nats.Conn] // replaced when nats.go has closed it for good
	url     string                    // of the connections that the layer makes; empty if it was given one
	opts    Options
	me      string // distinguishes layers
	table   table
	dropped atomic.Uint64

	control chan *nats.Msg // what layers say to each other
	kick    chan struct{}  // has the cluster look around
	stop    chan struct{}
	running sync.WaitGroup
	closing sync.Once

	writeFailed atomic.Bool // nats.go may have dropped what it could not write

	state state
}

// Connect makes a connection to NATS, which [Layer.Close] closes. The URL is that of a server, as
// "nats://user:password@host:4222" or "tls://host:4222", or several with commas between them; other servers of the cluster are
// found through these. It returns when the layer can be used. If no server can be reached, each is tried once, if the
// broker refuses, or if the context ends before, that is an error, unless Options.StartWithoutBroker is set. No error quotes
// a URL. Later losses of the connection are not errors: the layer comes back by itself, whatever the reason, until it is closed.
//
// Without other options the connection tries again every 250 to 750 ms when it is lost. When nats.go closes it for good, as
// it does for some errors of the server, the layer makes another one, after a pause that grows from 250 ms to 10 s while that
// happens again and again. A server that is silent counts as lost after 4 to 6 s. Nil options are fine. A bad Options.Prefix
// panics.
func Connect(ctx context.Context, url string, opts *Options) (*Layer, error) {
	with := opts.withDefaults()
	if err := checkURL(url); err != nil {
		return nil, fmt.Errorf("natslayer: connect to the broker: %w", err)
	}
	nc, err := dial(ctx, url, connectOptions(with, with.StartWithoutBroker))
	if err != nil {
		return nil, fmt.Errorf("natslayer: connect to the broker: %w", err)
	}
	l := start(nc, url, with)
	if with.StartWithoutBroker {
		return l, nil
	}
	if err := l.awaitUp(ctx); err != nil {
		l.Close()
		return nil, fmt.Errorf("natslayer: connect to the broker: %w", err)
	}
	return l, nil
}

// New makes a layer of a connection that stays yours: [Layer.Close] does not close it. Nothing waits: until the
// connection is made, and the other nodes know of it, calls of links wait too, or links are down.
//
// The layer adds to the connection's error handler, and calls the one it found; do not set another one later, or what
// NATS refuses or drops is not told. Make the connection with nats.ReconnectBufSize(-1), or what is published in the moment
// before a loss is noticed arrives late; with nats.MaxReconnects(-1) and nats.IgnoreAuthErrorAbort(), or the layer stays down
// when nats.go has given up; and with nats.PingInterval(2*time.Second) and nats.FlusherTimeout(3*time.Second), or it takes
// nats.go six minutes to notice that a server is silent.
//
// The layer cannot replace a connection that nats.go closes for good, as it does when the server says that a rule was broken
// ("Maximum Payload Violation"), or when it says something that nats.go does not know: from then on the layer is down.
// [Connect] makes a new connection then. Nil options are fine. A bad Options.Prefix panics, and so does a connection that is nil or has nats.NoEcho.
func New(nc *nats.Conn, opts *Options) *Layer {
	if nc == nil {
		panic("natslayer: new layer: the connection is nil")
	}
	if nc.Opts.NoEcho {
		panic("natslayer: new layer: the connection has nats.NoEcho: its links could not hear each other; make one without")
	}
	return start(nc, "", opts.withDefaults())
}

func start(nc *nats.Conn, url string, opts Options) *Layer {
	l := &Layer{
		url: url, opts: opts, me: rand.Text(),
		table:   table{incoming: make(chan *nats.Msg, incomingSize), topics: map[string]*topic{}},
		control: make(chan *nats.Msg, controlSize),
		kick:    make(chan struct{}, 1),
		stop:    make(chan struct{}),
	}
	l.state = state{links: map[*link]struct{}{}, changed: make(chan struct{}), seen: nc.LastError()}
	l.running.Go(newCluster(l, nc).loop)
	l.running.Go(l.pump)
	return l
}

// owns reports whether the layer has made its connection. Then it closes it, and makes another when nats.go has closed it.
func (l *Layer) owns() bool { return l.url != "" }

// pump queues what arrives for the links it is for. It waits for nobody.
func (l *Layer) pump() {
	for {
		select {
		case m := <-l.table.incoming:
			l.table.deliver(m)
		case <-l.stop:
			return
		}
	}
}

// wake has the cluster look around.
func (l *Layer) wake() {
	select {
	case l.kick <- struct{}{}:
	default:
	}
}

// Open attaches a node. The links of a layer share its connection.
func (l *Layer) Open(r layer.Receiver) layer.Link {
	if r.Receive == nil {
		panic("natslayer: open link: Receiver.Receive is nil")
	}
	k := &link{layer: l, receiver: r, topics: map[string]*topic{}, wake: make(chan struct{}, 1), ended: make(chan struct{})}
	l.state.open(k)
	go k.run()
	return k
}

func (l *Layer) forget(k *link) {
	l.state.close(k)
	l.table.removeAll(k)
}

// Dropped is how many publications have been dropped so far because they would have exceeded Options.PendingMessages or
// PendingBytes of a link, or because the process did not run for so long that nats.go had to. Each time is told to the
// links as a gap.
func (l *Layer) Dropped() uint64 { return l.dropped.Load() }

var errLayerClosed = errors.New("the layer has been closed")

// Close ends what the layer has begun, and the connection that Connect made. Links that are still open are told that they
// are down. It may be called again.
func (l *Layer) Close() {
	l.closing.Do(func() {
		close(l.stop)
		l.running.Wait()
		l.state.lose(errLayerClosed)
		if l.owns() {
			l.conn.Load().Close()
		}
		l.table.clear()
	})
}
