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

// attachment is a link's life between two losses of the broker: a client that publishes, one or more streams that bring
// publications, and beside each an outbox. When one of its connections fails, all of it has failed; nothing is mended, and the
// link makes another attachment. So a publication is never repeated, and whoever is subscribed knows since when.
type attachment struct {
	client  rueidis.Client
	prefix  string // of channels
	sharded bool
	streams []*stream
	owners  []*stream                 // of slots, if sharded
	nodes   map[string]rueidis.Client // by address, if sharded

	hide func(error) error // takes passwords out
	lost chan error        // holds why accepted publications have been lost, if that has not been told

	cancel context.CancelFunc // closes every connection
	tasks  sync.WaitGroup

	fails sync.Once
	done  chan struct{} // closed when it has failed
	err   error         // why; to be read when done is closed
}

// listener is told by the streams of an attachment what happens on subjects. Calls for one subject never overlap.
type listener interface {
	message(subject string, data []byte)
	subscribed(subject string)
	unsubscribed(subject string) (asked bool)
}

// stream is a connection that is subscribed to channels. What is published in these goes to the same node.
type stream struct {
	rueidis.DedicatedClient
	gone   <-chan error
	outbox *outbox
}

// connect makes an attachment. The context bounds it and what it lives for: when it ends, the attachment fails.
func connect(ctx context.Context, cfg *config, l listener) (*attachment, error) {
	ctx, cancel := context.WithCancel(ctx)
	a := &attachment{cancel: cancel, hide: cfg.hide, done: make(chan struct{}), lost: make(chan error, 1)}
	client, err := rueidis.NewClient(bound(ctx, cfg.option))
	if err != nil {
		cancel()
		return nil, cfg.hide(err)
	}
	a.client = client
	if err := a.start(ctx, cfg, l); err != nil {
		a.fail(err)
		a.close()
		return nil, cfg.hide(err)
	}
	return a, nil
}

func (a *attachment) start(ctx context.Context, cfg *config, l listener) error {
	a.sharded = a.client.Mode() == rueidis.ClientModeCluster && !cfg.classic
	a.prefix = channelPrefix(cfg.prefix, a.sharded)
	var err error
	switch {
	case a.sharded:
		err = a.streamsOfShards(ctx, l)
	case a.client.Mode() == rueidis.ClientModeCluster:
		err = a.streamOfHome(ctx, l)
	default:
		// There is one node. With sentinels it is the primary of this moment; when another takes its place, the attachment fails.
		for _, node := range a.client.Nodes() {
			a.stream(node, l)
		}
	}
	if err != nil {
		return err
	}
	return a.probe()
}

// probe subscribes to the empty subject, which is nobody's. It shows that the streams work, and that the user may.
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

// stream makes one to a node. That it could not be made is seen by its first use.
func (a *attachment) stream(node rueidis.Client, l listener) *stream {
	c, _ := node.Dedicate()
	st := &stream{DedicatedClient: c, outbox: newOutbox(a)}
	st.gone = c.SetPubSubHooks(rueidis.PubSubHooks{
		OnMessage: func(m rueidis.PubSubMessage) {
			if subject, ok := a.subject(m.Channel); ok {
				l.message(subject, []byte(m.Message))
			}
		},
		OnSubscription: func(p rueidis.PubSubSubscription) { a.confirmed(p, l) },
	})
	a.streams = append(a.streams, st)
	a.tasks.Go(func() { a.fail(<-st.gone) })
	a.tasks.Go((&sender{outbox: st.outbox, node: node, moved: map[uint16]rueidis.Client{}}).run)
	return st
}

var errMoved = errors.New("a slot has moved to another node of the cluster")

// confirmed sees what subscriptions have begun and ended. One that ends unasked is that of a slot which has moved away.
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

// maxChanges is how many subscriptions are under way at a time on a stream.
const maxChanges = 1000

// change subscribes and unsubscribes subjects and returns when Redis has confirmed all. After an error the attachment has failed.
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

// run needs no context: the replies come, or the connection fails.
func (st *stream) run(commands []rueidis.Completed) error {
	for some := range slices.Chunk(commands, maxChanges) {
		for _, r := range st.DoMulti(context.Background(), some...) {
			if err := r.Error(); err != nil && !rueidis.IsRedisNil(err) { // the reply to a subscription is nothing
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

// Commands of one channel each: rueidis takes the first confirmation of a command for its reply.

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

// fail ends the attachment for those who use it; close frees what it has.
func (a *attachment) fail(err error) {
	a.fails.Do(func() {
		if err == nil {
			err = net.ErrClosed
		}
		a.err = a.hide(err)
		close(a.done)
	})
}

// failure is why it has failed, or nil.
func (a *attachment) failure() error {
	select {
	case <-a.done:
		return a.err
	default:
		return nil
	}
}

// lose has the link tell that Redis has refused what was accepted. One cause is told for all that are lost until then.
func (a *attachment) lose(subject string, cause error) {
	select {
	case a.lost <- fmt.Errorf("redislayer: publish %q: %w", subject, cause):
	default:
	}
}

// drain returns when all that was accepted is answered, the context has ended or the attachment failed. Nothing is accepted
// any more.
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

// untold is what has not been told of accepted publications that are lost, or may be. To be called when it has been closed.
func (a *attachment) untold() error {
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

// close ends all connections and returns when no listener is called any more.
func (a *attachment) close() {
	a.fail(net.ErrClosed)
	a.cancel()
	a.client.Close()
	a.tasks.Wait()
	for _, st := range a.streams {
		st.Close()
	}
}

// bound makes connections end with the context. The client's own Close would leave one that is just being dialled, and wait for
// a server that is silent.
func bound(ctx context.Context, o rueidis.ClientOption) rueidis.ClientOption {
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

// abort closes a connection without TLS's goodbye, which waits for a peer that does not read.
func abort(conn net.Conn) {
	if t, ok := conn.(*tls.Conn); ok {
		conn = t.NetConn()
	}
	_ = conn.Close() // closing it twice is an error, and fine
}
