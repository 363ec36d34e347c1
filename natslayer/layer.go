package natslayer

import (
	"context"
	"crypto/rand"
	"errors"
	"fmt"
	"strings"
	"sync"
	"sync/atomic"
	"time"

	"github.com/nats-io/nats.go"

	"github.com/chanx-go/chanx/layer"
)

const (
	// incomingSize is how much may wait until the layer has queued it for its links. It takes no time to do so: that it is
	// full means that the process does not run.
	incomingSize = 1 << 16
	controlSize  = 1 << 12

	// writeTimeout is how long a call may hang on a connection that takes no bytes.
	writeTimeout = 5 * time.Second
)

var _ layer.Layer = (*Layer)(nil)

// Layer is a way to NATS. Its methods may be called concurrently.
type Layer struct {
	nc      *nats.Conn
	owns    bool // the connection is closed with the layer
	opts    Options
	me      string // distinguishes layers
	table   table
	dropped atomic.Uint64

	control  chan *nats.Msg // what layers say to each other
	statuses chan nats.Status
	kick     chan struct{} // has the cluster look around
	stop     chan struct{}
	running  sync.WaitGroup
	closing  sync.Once

	state state
}

// Connect makes a connection to NATS, which [Layer.Close] closes. The URL is that of a server, as
// "nats://user:password@host:4222" or "tls://host:4222", or several with commas between them; other servers of the cluster are
// found through these. It returns when the layer can be used. If no server can be reached, each is tried once, if the
// broker refuses, or if the context ends before, that is an error, unless Options.StartWithoutBroker is set. Later losses
// of the connection are not: the layer comes back by itself.
//
// Without other options the connection tries again every 250 to 750 ms when it is lost. Nil options are fine. A bad
// Options.Prefix panics.
func Connect(ctx context.Context, url string, opts *Options) (*Layer, error) {
	with := opts.withDefaults()
	nc, err := dial(ctx, url, with)
	if err != nil {
		return nil, fmt.Errorf("natslayer: connect to the broker: %w", err)
	}
	l := start(nc, true, with)
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
// before a loss is noticed arrives late; with nats.MaxReconnects(-1), or the layer stays down when nats.go has given up.
// Nil options are fine. A bad Options.Prefix panics, and so does a connection that is nil or has nats.NoEcho.
func New(nc *nats.Conn, opts *Options) *Layer {
	if nc == nil {
		panic("natslayer: new layer: the connection is nil")
	}
	if nc.Opts.NoEcho {
		panic("natslayer: new layer: the connection has nats.NoEcho: its links could not hear each other; make one without")
	}
	return start(nc, false, opts.withDefaults())
}

// connectOptions are those of the connection that a layer makes for itself.
func connectOptions(opts Options) []nats.Option {
	options := append([]nats.Option{
		nats.Name("chanx"),
		nats.ReconnectWait(250 * time.Millisecond),
		nats.ReconnectJitter(500*time.Millisecond, 500*time.Millisecond),
		nats.FlusherTimeout(writeTimeout),
	}, opts.NATS...)
	return append(options, func(o *nats.Options) error {
		o.AllowReconnect, o.MaxReconnect, o.ReconnectBufSize, o.NoEcho = true, -1, -1, false
		o.RetryOnFailedConnect, o.IgnoreAuthErrorAbort = opts.StartWithoutBroker, true
		if o.AsyncErrorCB == nil {
			o.AsyncErrorCB = func(*nats.Conn, *nats.Subscription, error) {} // or nats.go prints what the layer tells
		}
		return nil
	})
}

// dial is nats.Connect bounded by a context.
func dial(ctx context.Context, url string, opts Options) (*nats.Conn, error) {
	if strings.TrimSpace(url) == "" {
		return nil, errors.New("the URL is empty: give one such as nats://localhost:4222")
	}
	if err := ctx.Err(); err != nil {
		return nil, err
	}
	type result struct {
		nc  *nats.Conn
		err error
	}
	made := make(chan result, 1)
	go func() {
		nc, err := nats.Connect(url, connectOptions(opts)...)
		if errors.Is(err, nats.ErrNoServers) {
			err = fmt.Errorf("%w: %w: is one running there? Options.StartWithoutBroker starts anyway", layer.ErrUnavailable, err)
		}
		made <- result{nc, err}
		if err == nil && ctx.Err() != nil {
			select {
			case <-made: // nobody has taken it
				nc.Close()
			default:
			}
		}
	}()
	select {
	case r := <-made:
		return r.nc, r.err
	case <-ctx.Done():
		select {
		case r := <-made:
			return r.nc, r.err
		default:
			return nil, ctx.Err()
		}
	}
}

func start(nc *nats.Conn, owns bool, opts Options) *Layer {
	l := &Layer{
		nc: nc, owns: owns, opts: opts, me: rand.Text(),
		table:   table{nc: nc, incoming: make(chan *nats.Msg, incomingSize), topics: map[string]*topic{}},
		control: make(chan *nats.Msg, controlSize),
		kick:    make(chan struct{}, 1),
		stop:    make(chan struct{}),
	}
	l.state = state{links: map[*link]struct{}{}, changed: make(chan struct{}), seen: nc.LastError()}
	l.watchErrors()
	l.statuses = nc.StatusChanged()
	l.running.Go(newCluster(l).loop)
	l.running.Go(l.pump)
	return l
}

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
		l.nc.RemoveStatusListener(l.statuses)
		l.state.lose(errLayerClosed)
		if l.owns {
			l.nc.Close()
		}
		l.table.clear()
	})
}
