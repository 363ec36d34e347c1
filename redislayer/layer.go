package redislayer

import (
	"context"
	"fmt"
	"sync"

	"github.com/chanx-go/chanx/layer"
)

// Layer is a channel layer over a Redis server or cluster. Each of its links has connections of its own. Its methods may be
// called concurrently.
type Layer struct {
	config *config

	mu     sync.Mutex
	closed bool
	links  map[*link]struct{}
}

var _ layer.Layer = (*Layer)(nil)

// Connect checks that the broker can be reached and used, and returns a layer. The URL is one of
//
//	redis://user:password@host:port/0
//	redis://host1:port?addr=host2:port&addr=host3:port      nodes of a cluster; one is enough to find the others
//	redis://host1:port?addr=host2:port&master_set=name      sentinels that monitor the primary of that name
//	unix:///path/to/socket
//
// with rediss instead of redis for TLS. User, password and database are optional, with or without the slash, and so is the
// port, by default 6379. The parameters db, dial_timeout, write_timeout, client_name and protocol are those of
// rueidis.ParseURL; skip_verify disables the verification of certificates. Connect detects whether the server belongs to a
// cluster.
//
// If the broker cannot be reached or refuses access, Connect fails at once or when the context ends, with an error that names
// the address. With [Options.StartWithoutBroker] only a malformed URL is an error. Nil options are fine.
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
	a, err := connect(ctx, cfg, noListener{})
	if err != nil {
		if ctx.Err() != nil {
			err = ctx.Err()
		}
		return nil, fmt.Errorf("redislayer: connect to %v: %w: %w", cfg, layer.ErrUnavailable, err)
	}
	a.close()
	return l, nil
}

// Open attaches a node with connections of its own. The methods of the link wait until its first attempt to connect has ended.
// The goroutines that read from Redis call the receiver, so a slow receiver delays reading.
func (l *Layer) Open(r layer.Receiver) layer.Link {
	if r.Receive == nil {
		panic("redislayer: open link: Receiver.Receive is nil")
	}
	k := newLink(l, r)
	l.mu.Lock()
	defer l.mu.Unlock()
	if l.closed {
		k.closed = true
		close(k.attempted)
		close(k.ended)
		return k
	}
	l.links[k] = struct{}{}
	go k.run()
	return k
}

// Close closes all open links, which takes up to five seconds if Redis does not answer publications. Links opened later are
// closed from the start.
func (l *Layer) Close() {
	l.mu.Lock()
	l.closed = true
	links := l.links
	l.links = nil
	l.mu.Unlock()
	var all sync.WaitGroup
	for k := range links {
		all.Go(func() {
			_ = k.Close(context.Background()) // layer.ErrClosed if the node closes it at the same time
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

// noListener is the listener of an attachment without a link.
type noListener struct{}

func (noListener) message(string, []byte)   {}
func (noListener) subscribed(string)        {}
func (noListener) unsubscribed(string) bool { return true }
