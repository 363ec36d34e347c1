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
	// incomingSize is how many publications may wait for pump. Queueing them for the links takes almost no time, so a full
	// channel means that the process gets no processor time.
	incomingSize = 1 << 16
	controlSize  = 1 << 12
)

var _ layer.Layer = (*Layer)(nil)

// Layer is a channel layer over NATS. Its methods may be called concurrently.
type Layer struct {
	conn    atomic.Pointer[nats.Conn] // replaced when nats.go has closed it for good
	url     string                    // for Connect; empty if the layer was made by New
	opts    Options
	id      string // unique to this layer
	table   table
	dropped atomic.Uint64

	control chan *nats.Msg // messages of other layers
	kick    chan struct{}  // wakes the cluster's loop
	stop    chan struct{}
	running sync.WaitGroup
	closing sync.Once

	writeFailed atomic.Bool // nats.go failed to write and may have dropped data

	state state
}

// Connect makes a connection to NATS, which [Layer.Close] closes. The URL names a server, such as
// "nats://user:password@host:4222" or "tls://host:4222", or several, separated by commas; the layer finds the other servers
// of the cluster through these. Connect returns when the layer can be used. It tries each server once. It returns an error if
// no server can be reached, if the broker refuses, or if the context ends before, unless Options.StartWithoutBroker is
// set. No error quotes a URL. Later losses of the connection are not errors: the layer recovers by itself until it is closed.
//
// By default the layer tries to reconnect every 250 to 750 ms. When nats.go closes the connection for good, as it does for
// some errors of the server, the layer makes a new one, after a pause that grows from 250 ms to 10 s if that happens
// repeatedly. A silent server counts as lost after 4 to 6 s. Nil options are fine. A bad Options.Prefix panics.
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

// New makes a layer on a connection that the caller keeps: [Layer.Close] does not close it. New does not wait for the broker.
// Until the connection is made and the other nodes are found, calls of links wait or links are down.
//
// The layer wraps the connection's handlers of errors and disconnections. Do not set other ones later, or the layer cannot
// report what NATS refuses or drops. Make the connection with
//
//   - nats.ReconnectBufSize(-1), or what is published just before a loss is noticed arrives late;
//   - nats.MaxReconnects(-1) and nats.IgnoreAuthErrorAbort(), or the layer stays down when nats.go gives up;
//   - nats.PingInterval(2*time.Second) and nats.FlusherTimeout(3*time.Second), or nats.go needs six minutes to notice that a
//     server is silent.
//
// The layer cannot replace a connection that nats.go closes for good, for example because of "Maximum Payload Violation" or a
// server error that nats.go does not know. From then on the layer is down. (A layer of [Connect] makes a new connection.)
// Nil options are fine. A bad Options.Prefix panics, and so does a connection that is nil or has nats.NoEcho.
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
		url: url, opts: opts, id: rand.Text(),
		table:   table{incoming: make(chan *nats.Msg, incomingSize), topics: map[string]*topic{}},
		control: make(chan *nats.Msg, controlSize),
		kick:    make(chan struct{}, 1),
		stop:    make(chan struct{}),
	}
	l.state = state{links: map[*link]struct{}{}, changed: make(chan struct{}), handled: nc.LastError()}
	l.running.Go(newCluster(l, nc).loop)
	l.running.Go(l.pump)
	return l
}

// owns reports whether the layer made its connection itself. Then it also closes and replaces it.
func (l *Layer) owns() bool { return l.url != "" }

// pump queues arriving publications for their links. It never blocks on a link.
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

// wake makes the cluster's loop check its state.
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

// Dropped is how many publications have been dropped so far, because they exceeded Options.PendingMessages or PendingBytes
// of a link, or because the process was stalled for so long that nats.go dropped them. Each time the links report a gap.
func (l *Layer) Dropped() uint64 { return l.dropped.Load() }

var errLayerClosed = errors.New("the layer has been closed")

// Close stops the layer, and closes the connection if Connect made it. Links that are still open report that they are down.
// Further calls do nothing.
func (l *Layer) Close() {
	l.closing.Do(func() {
		close(l.stop)
		l.running.Wait()
		l.state.setDown(errLayerClosed)
		if l.owns() {
			l.conn.Load().Close()
		}
		l.table.clear()
	})
}
