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

// session is a link's life between two losses of the broker: a client that publishes, and one or more streams that bring
// publications. When one of its connections fails, all of it has failed; nothing is mended, and the link makes another
// session. So a publication is never repeated, and whoever is subscribed knows since when.
type session struct {
	client    rueidis.Client
	publisher rueidis.Client // client, or a part of it
	prefix    string         // of channels
	sharded   bool
	streams   []*stream
	owners    []*stream // of slots, if sharded

	underWay chan struct{} // holds a token for each publication

	cancel context.CancelFunc // closes every connection
	tasks  sync.WaitGroup

	fails sync.Once
	done  chan struct{} // closed when it has failed
	err   error         // why; to be read when done is closed
}

// listener is told by the streams of a session what happens on subjects. Calls for one subject never overlap.
type listener interface {
	message(subject string, data []byte)
	subscribed(subject string)
	unsubscribed(subject string) (asked bool)
}

// stream is a connection that is subscribed to channels.
type stream struct {
	rueidis.DedicatedClient
	gone <-chan error
}

// connect makes a session. The context bounds it and what it lives for: when it ends, the session fails.
func connect(ctx context.Context, cfg *config, l listener) (*session, error) {
	ctx, cancel := context.WithCancel(ctx)
	s := &session{cancel: cancel, done: make(chan struct{}), underWay: make(chan struct{}, maxUnderWay)}
	client, err := rueidis.NewClient(bound(ctx, cfg.option))
	if err != nil {
		cancel()
		return nil, err
	}
	s.client, s.publisher = client, client
	if err := s.start(ctx, cfg, l); err != nil {
		s.fail(err)
		s.close()
		return nil, err
	}
	return s, nil
}

func (s *session) start(ctx context.Context, cfg *config, l listener) error {
	s.sharded = s.client.Mode() == rueidis.ClientModeCluster && !cfg.classic
	s.prefix = channelPrefix(cfg.prefix, s.sharded)
	var err error
	switch {
	case s.sharded:
		err = s.streamsOfShards(ctx, l)
	case s.client.Mode() == rueidis.ClientModeCluster:
		err = s.streamOfHome(ctx, l)
	default:
		for _, node := range s.client.Nodes() { // one; with sentinels, the primary of this moment: when it is another the session fails
			s.publisher = node
			s.stream(node, l)
		}
	}
	if err != nil {
		return err
	}
	return s.probe()
}

// probe subscribes to the empty subject, which is nobody's. It shows that the streams work, and that the user may.
func (s *session) probe() error {
	err := s.change([]string{""}, nil)
	if err != nil && s.sharded && strings.Contains(err.Error(), "unknown command") {
		return fmt.Errorf("%w; a cluster older than Redis 7 needs Options.Classic", err)
	}
	if err != nil {
		return err
	}
	return s.change(nil, []string{""})
}

// stream makes one to a node. That it could not be made is seen by its first use.
func (s *session) stream(node rueidis.Client, l listener) *stream {
	c, _ := node.Dedicate()
	st := &stream{DedicatedClient: c}
	st.gone = c.SetPubSubHooks(rueidis.PubSubHooks{
		OnMessage: func(m rueidis.PubSubMessage) {
			if subject, ok := s.subject(m.Channel); ok {
				l.message(subject, []byte(m.Message))
			}
		},
		OnSubscription: func(p rueidis.PubSubSubscription) { s.confirmed(p, l) },
	})
	s.streams = append(s.streams, st)
	s.tasks.Go(func() { s.fail(<-st.gone) })
	return st
}

var errMoved = errors.New("a slot has moved to another node of the cluster")

// confirmed sees what subscriptions have begun and ended. One that ends unasked is that of a slot which has moved away.
func (s *session) confirmed(p rueidis.PubSubSubscription, l listener) {
	subject, ok := s.subject(p.Channel)
	if !ok {
		return
	}
	switch p.Kind {
	case "subscribe", "ssubscribe":
		l.subscribed(subject)
	case "unsubscribe", "sunsubscribe":
		if !l.unsubscribed(subject) {
			s.fail(errMoved)
		}
	}
}

// maxChanges is how many subscriptions are under way at a time on a stream.
const maxChanges = 1000

// change subscribes and unsubscribes subjects and returns when Redis has confirmed all. After an error the session has failed.
func (s *session) change(subscribe, unsubscribe []string) error {
	changes := map[*stream][]rueidis.Completed{}
	add := func(subjects []string, command func(string) rueidis.Completed) {
		for _, subject := range subjects {
			c := command(s.channel(subject))
			st := s.streamFor(c)
			changes[st] = append(changes[st], c)
		}
	}
	add(subscribe, s.subscribeCommand)
	add(unsubscribe, s.unsubscribeCommand)
	var all sync.WaitGroup
	for st, commands := range changes {
		all.Go(func() {
			if err := st.run(commands); err != nil {
				s.fail(err)
			}
		})
	}
	all.Wait()
	select {
	case <-s.done:
		return s.err
	default:
		return nil
	}
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

func (s *session) streamFor(c rueidis.Completed) *stream {
	if s.sharded {
		return s.owners[c.Slot()]
	}
	return s.streams[0]
}

// Commands of one channel each: rueidis takes the first confirmation of a command for its reply.

func (s *session) subscribeCommand(channel string) rueidis.Completed {
	if s.sharded {
		return s.client.B().Ssubscribe().Channel(channel).Build()
	}
	return s.client.B().Subscribe().Channel(channel).Build()
}

func (s *session) unsubscribeCommand(channel string) rueidis.Completed {
	if s.sharded {
		return s.client.B().Sunsubscribe().Channel(channel).Build()
	}
	return s.client.B().Unsubscribe().Channel(channel).Build()
}

// fail ends the session for those who use it; close frees what it has.
func (s *session) fail(err error) {
	s.fails.Do(func() {
		if err == nil {
			err = net.ErrClosed
		}
		s.err = err
		close(s.done)
	})
}

// close ends all connections and returns when no listener is called any more.
func (s *session) close() {
	s.fail(net.ErrClosed)
	s.cancel()
	s.client.Close()
	s.tasks.Wait()
	for _, st := range s.streams {
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
