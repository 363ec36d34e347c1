package redislayer

import (
	"context"
	"crypto/tls"
	"errors"
	"fmt"
	"net"
	"slices"
	"strings"
	"sync"

	"github.com/redis/rueidis"
)

// attachment is a set of connections between two losses of the broker: a client that publishes, and one or more streams that
// receive publications, each with an outbox. When one connection fails, the whole attachment fails. It is not repaired: the
// link makes a new one. So no publication is repeated, and every loss has a known beginning and end.
type attachment struct {
	client  rueidis.Client
	prefix  string // of channels
	sharded bool
	streams []*stream
	owners  []*stream                 // by slot, if sharded
	nodes   map[string]rueidis.Client // by address, if sharded

	redact func(error) error // removes passwords
	lost   chan error        // holds why accepted publications have been lost, until a status reports it

	cancel context.CancelFunc // closes every connection
	tasks  sync.WaitGroup

	failing sync.Once
	done    chan struct{} // closed when the attachment has failed
	err     error         // why; may be read once done is closed
}

// listener receives the events of an attachment's streams. Calls for one subject never overlap.
type listener interface {
	message(subject string, data []byte)
	subscribed(subject string)
	unsubscribed(subject string) (asked bool)
}

// stream is a connection with subscriptions to channels. Publications to these channels go to the same node.
type stream struct {
	rueidis.DedicatedClient
	ended  <-chan error
	outbox *outbox
}

// connect makes an attachment. When the context ends, connect returns or the attachment fails.
func connect(ctx context.Context, cfg *config, l listener) (*attachment, error) {
	ctx, cancel := context.WithCancel(ctx)
	a := &attachment{cancel: cancel, redact: cfg.redact, done: make(chan struct{}), lost: make(chan error, 1)}
	client, err := rueidis.NewClient(withContext(ctx, cfg.option))
	if err != nil {
		cancel()
		return nil, cfg.redact(err)
	}
	a.client = client
	if err := a.start(ctx, cfg, l); err != nil {
		a.fail(err)
		a.close()
		return nil, cfg.redact(err)
	}
	return a, nil
}

func (a *attachment) start(ctx context.Context, cfg *config, l listener) error {
	a.sharded = a.client.Mode() == rueidis.ClientModeCluster && !cfg.classic
	a.prefix = channelPrefix(cfg.prefix, a.sharded)
	var err error
	switch {
	case a.sharded:
		err = a.streamToEachShard(ctx, l)
	case a.client.Mode() == rueidis.ClientModeCluster:
		err = a.streamToOneNode(ctx, l)
	default:
		// There is one node. With sentinels it is the current primary; when another replaces it, the attachment fails.
		for _, node := range a.client.Nodes() {
			a.stream(node, l)
		}
	}
	if err != nil {
		return err
	}
	return a.probe()
}

// probe subscribes to the empty subject, which no link uses. It checks that the streams work and that the user has permission.
func (a *attachment) probe() error {
	err := a.change([]string{""}, nil)
	if err != nil && a.sharded && strings.Contains(err.Error(), "unknown command") {
		return fmt.Errorf("%w; a cluster older than Redis 7 needs Options.Classic", err)
	}
	if err != nil {
		return err
	}
	return a.change(nil, []string{""})
}

// stream makes a stream to a node. If that fails, the first use of the stream fails.
func (a *attachment) stream(node rueidis.Client, l listener) *stream {
	c, _ := node.Dedicate()
	st := &stream{DedicatedClient: c, outbox: newOutbox(a)}
	st.ended = c.SetPubSubHooks(rueidis.PubSubHooks{
		OnMessage: func(m rueidis.PubSubMessage) {
			if subject, ok := a.subject(m.Channel); ok {
				l.message(subject, []byte(m.Message))
			}
		},
		OnSubscription: func(p rueidis.PubSubSubscription) { a.confirmed(p, l) },
	})
	a.streams = append(a.streams, st)
	a.tasks.Go(func() { a.fail(<-st.ended) })
	a.tasks.Go((&sender{outbox: st.outbox, node: node, moved: map[uint16]rueidis.Client{}}).run)
	return st
}

var errMoved = errors.New("a slot has moved to another node of the cluster")

// confirmed handles the beginning and end of a subscription. Redis ends a subscription unasked when its slot has moved away.
func (a *attachment) confirmed(p rueidis.PubSubSubscription, l listener) {
	subject, ok := a.subject(p.Channel)
	if !ok {
		return
	}
	switch p.Kind {
	case "subscribe", "ssubscribe":
		l.subscribed(subject)
	case "unsubscribe", "sunsubscribe":
		if !l.unsubscribed(subject) {
			a.fail(errMoved)
		}
	}
}

// maxChanges is how many subscriptions a stream sends at a time.
const maxChanges = 1000

// change subscribes and unsubscribes subjects, and returns when Redis has confirmed all. After an error the attachment has
// failed.
func (a *attachment) change(subscribe, unsubscribe []string) error {
	changes := map[*stream][]rueidis.Completed{}
	add := func(subjects []string, command func(string) rueidis.Completed) {
		for _, subject := range subjects {
			c := command(a.channel(subject))
			st := a.streamFor(c)
			changes[st] = append(changes[st], c)
		}
	}
	add(subscribe, a.subscribeCommand)
	add(unsubscribe, a.unsubscribeCommand)
	var all sync.WaitGroup
	for st, commands := range changes {
		all.Go(func() {
			if err := st.run(commands); err != nil {
				a.fail(err)
			}
		})
	}
	all.Wait()
	return a.failure()
}

// run needs no context: either the replies arrive, or the connection fails.
func (st *stream) run(commands []rueidis.Completed) error {
	for some := range slices.Chunk(commands, maxChanges) {
		for _, r := range st.DoMulti(context.Background(), some...) {
			if err := r.Error(); err != nil && !rueidis.IsRedisNil(err) { // a subscription has a nil reply
				return err
			}
		}
	}
	return nil
}

func (a *attachment) streamFor(c rueidis.Completed) *stream {
	if a.sharded {
		return a.owners[c.Slot()]
	}
	return a.streams[0]
}

// Each command has one channel, because rueidis takes the first confirmation for the reply.

func (a *attachment) subscribeCommand(channel string) rueidis.Completed {
	if a.sharded {
		return a.client.B().Ssubscribe().Channel(channel).Build()
	}
	return a.client.B().Subscribe().Channel(channel).Build()
}

func (a *attachment) unsubscribeCommand(channel string) rueidis.Completed {
	if a.sharded {
		return a.client.B().Sunsubscribe().Channel(channel).Build()
	}
	return a.client.B().Unsubscribe().Channel(channel).Build()
}

// fail makes all users of the attachment stop; close releases its resources.
func (a *attachment) fail(err error) {
	a.failing.Do(func() {
		if err == nil {
			err = net.ErrClosed
		}
		a.err = a.redact(err)
		close(a.done)
	})
}

// failure returns why the attachment has failed, or nil.
func (a *attachment) failure() error {
	select {
	case <-a.done:
		return a.err
	default:
		return nil
	}
}

// reportLost makes the link report that Redis has refused an accepted publication. Publications lost before that status are
// reported with the first cause.
func (a *attachment) reportLost(subject string, cause error) {
	select {
	case a.lost <- fmt.Errorf("redislayer: publish %q: %w", subject, cause):
	default:
	}
}

// drain closes the outboxes, and returns when Redis has answered all accepted publications, the context has ended or the
// attachment has failed.
func (a *attachment) drain(ctx context.Context) {
	for _, st := range a.streams {
		st.outbox.close()
	}
	for _, st := range a.streams {
		select {
		case <-st.outbox.empty:
		case <-a.done:
		case <-ctx.Done():
		}
	}
}

// unreported returns why accepted publications are or may be lost, if no status has reported it. It is called after close.
func (a *attachment) unreported() error {
	count := 0
	for _, st := range a.streams {
		count += st.outbox.unanswered()
	}
	if count > 0 {
		return fmt.Errorf("redislayer: publish: Redis has not confirmed %d publications: %w", count, a.err)
	}
	select {
	case err := <-a.lost:
		return err
	default:
		return nil
	}
}

// close ends all connections. After it has returned, the listener is not called.
func (a *attachment) close() {
	a.fail(net.ErrClosed)
	a.cancel()
	a.client.Close()
	a.tasks.Wait()
	for _, st := range a.streams {
		st.Close()
	}
}

// withContext makes connections end with the context. The client's Close does not end a connection that is being dialled, and
// waits for a silent server.
func withContext(ctx context.Context, o rueidis.ClientOption) rueidis.ClientOption {
	dial := o.DialCtxFn
	if dial == nil {
		dial = dialTCP
	}
	o.InitAddress = slices.Clone(o.InitAddress) // rueidis may shuffle it
	o.DialCtxFn = func(dialing context.Context, address string, d *net.Dialer, t *tls.Config) (net.Conn, error) {
		dialing, cancel := context.WithCancel(dialing)
		defer cancel()
		defer context.AfterFunc(ctx, cancel)()
		conn, err := dial(dialing, address, d, t)
		if err != nil {
			return nil, fmt.Errorf("dial %s: %w", address, err)
		}
		context.AfterFunc(ctx, func() { abort(conn) })
		return conn, nil
	}
	return o
}

func dialTCP(ctx context.Context, address string, d *net.Dialer, t *tls.Config) (net.Conn, error) {
	if t == nil {
		return d.DialContext(ctx, "tcp", address)
	}
	return (&tls.Dialer{NetDialer: d, Config: t}).DialContext(ctx, "tcp", address)
}

// abort closes a connection without the TLS close_notify alert, which waits for a peer that does not read.
func abort(conn net.Conn) {
	if t, ok := conn.(*tls.Conn); ok {
		conn = t.NetConn()
	}
	_ = conn.Close() // it may be closed already
}
