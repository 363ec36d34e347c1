package redislayer

import (
	"context"
	"fmt"
	"sync"

	"github.com/chanx-go/chanx/layer"
)

// Layer is the way to a Redis server or cluster. Each of its links has connections of its own. Its methods may be called
// concurrently.
type Layer struct {
	config *config

	mu     sync.Mutex
	closed bool
	links  map[*link]struct{}
}

var _ layer.Layer = (*Layer)(nil)

// Connect makes sure that the broker can be reached and used, and returns the layer. The URL is one of
//
//	redis://user:password@host:port/0
//	redis://host1:port?addr=host2:port&addr=host3:port      nodes of a cluster; one is enough to find the others
//	redis://host1:port?addr=host2:port&master_set=name      sentinels that watch over the primary of that name
//	unix:///path/to/socket
//
// with rediss in place of redis for TLS. User, password and database may be left out, with or without the slash, and so may the
// port, which is 6379. The
// parameters db, dial_timeout, write_timeout, client_name and protocol are those of rueidis.ParseURL; skip_verify switches
// off the check of certificates. Whether the server is one of a cluster is found out.
//
// The error of a broker that cannot be reached or does not let us in names its address; it comes at once or when the context
// ends. With [Options.StartWithoutBroker] only a URL that is not one is an error. Nil options are fine.
func Connect(ctx context.Context, url string, options *Options) (*Layer, error) {
	if options == nil {
		options = &Options{}
	}
	cfg, err := newConfig(url, *options)
	if err != nil {
		return nil, fmt.Errorf("redislayer: read URL: %w", err)
	}
	l := &Layer{config: cfg, links: map[*link]struct{}{}}
	if options.StartWithoutBroker {
		return l, nil
	}
	a, err := connect(ctx, cfg, deaf{})
	if err != nil {
		if ctx.Err() != nil {
			err = ctx.Err()
		}
		return nil, fmt.Errorf("redislayer: connect to %v: %w: %w", cfg, layer.ErrUnavailable, err)
	}
	a.close()
	return l, nil
}

// Open attaches a node, which gets connections of its own. It is up or down when the first attempt to connect has ended; until
// then its methods wait. The receiver is called by the goroutines that read from Redis: one that takes long is waited for.
func (l *Layer) Open(r layer.Receiver) layer.Link {
	if r.Receive == nil {
		panic("redislayer: open link: Receiver.Receive is nil")
	}
	k := newLink(l, r)
	l.mu.Lock()
	defer l.mu.Unlock()
	if l.closed {
		k.closed = true
		close(k.decided)
		close(k.ended)
		return k
	}
	l.links[k] = struct{}{}
	go k.run()
	return k
}

// Close closes the links that are open, which takes up to five seconds if Redis does not answer what was published. Those that
// are opened later are closed from the start.
func (l *Layer) Close() {
	l.mu.Lock()
	l.closed = true
	links := l.links
	l.links = nil
	l.mu.Unlock()
	var all sync.WaitGroup
	for k := range links {
		all.Go(func() {
			_ = k.Close(context.Background()) // layer.ErrClosed: somebody else is closing it
			<-k.ended
		})
	}
	all.Wait()
}

func (l *Layer) forget(k *link) {
	l.mu.Lock()
	defer l.mu.Unlock()
	delete(l.links, k)
}

// deaf is the listener of an attachment that has no link.
type deaf struct{}

func (deaf) message(string, []byte)   {}
func (deaf) subscribed(string)        {}
func (deaf) unsubscribed(string) bool { return true }
