package main

import (
	"context"
	"errors"
	"io"
	"net"
	"slices"
	"sync"
	"time"
)

const (
	dialTime    = 2 * time.Second
	acceptPause = time.Second // the pause after a failed accept
)

// proxy forwards each TCP connection to the node with the fewest connections. It forwards bytes only, so it works for
// WebSockets; a connection stays on its node until it ends.
type proxy struct {
	screen  *screen
	linger  time.Duration   // for a client to close its side after the node has closed its own
	ctx     context.Context // ends all connections
	end     context.CancelFunc
	passing sync.WaitGroup

	mu      sync.Mutex
	targets []*target
}

// target is a node that accepts connections.
type target struct {
	address string
	count   int // its connections; guarded by the proxy's mu
}

func newProxy(s *screen) *proxy {
	p := &proxy{screen: s, linger: 10 * time.Second}
	p.ctx, p.end = context.WithCancel(context.Background())
	return p
}

// add adds a target.
func (p *proxy) add(address string) {
	p.mu.Lock()
	defer p.mu.Unlock()
	p.targets = append(p.targets, &target{address: address})
}

// remove removes a target. Its connections stay open.
func (p *proxy) remove(address string) {
	p.mu.Lock()
	defer p.mu.Unlock()
	p.targets = slices.DeleteFunc(p.targets, func(t *target) bool { return t.address == address })
}

// serve accepts connections until ctx ends, then closes the listener. Accepted connections stay open until close.
func (p *proxy) serve(ctx context.Context, l net.Listener) {
	defer context.AfterFunc(ctx, func() { l.Close() })()
	for {
		client, err := l.Accept()
		switch {
		case err == nil:
			p.passing.Go(func() { p.pass(client) })
		case ctx.Err() != nil:
			return
		default: // for example, too many open files
			p.screen.say("proxy: %v\n", err)
			select {
			case <-time.After(acceptPause):
			case <-ctx.Done():
			}
		}
	}
}

// close ends all connections, and waits for them.
func (p *proxy) close() {
	p.end()
	p.passing.Wait()
}

// pass forwards a connection until it ends. It closes one that no node accepts.
func (p *proxy) pass(client net.Conn) {
	defer client.Close()
	defer context.AfterFunc(p.ctx, func() { client.Close() })()
	t, node, err := p.dial()
	if err != nil {
		p.screen.say("proxy: %v\n", err)
		return
	}
	defer p.release(t)
	defer node.Close()
	defer context.AfterFunc(p.ctx, func() { node.Close() })()
	p.join(client.(*net.TCPConn), node.(*net.TCPConn))
}

// dial connects to the node with the fewest connections among those that accept.
func (p *proxy) dial() (*target, net.Conn, error) {
	var tried []*target
	dialer := net.Dialer{Timeout: dialTime}
	for {
		t := p.take(tried)
		if t == nil {
			return nil, nil, errors.New("no node accepts a connection")
		}
		node, err := dialer.DialContext(p.ctx, "tcp", t.address)
		if err == nil {
			return t, node, nil
		}
		p.release(t) // the node has just died: try the next one
		tried = append(tried, t)
	}
}

// take adds a connection to the target with the fewest connections, except those tried. It returns nil if none is left.
func (p *proxy) take(tried []*target) *target {
	p.mu.Lock()
	defer p.mu.Unlock()
	var fewest *target
	for _, t := range p.targets {
		if !slices.Contains(tried, t) && (fewest == nil || t.count < fewest.count) {
			fewest = t
		}
	}
	if fewest != nil {
		fewest.count++
	}
	return fewest
}

func (p *proxy) release(t *target) {
	p.mu.Lock()
	defer p.mu.Unlock()
	t.count--
}

// join forwards bytes both ways until both sides have closed. A client may close its side and still get an answer. When the
// node has closed its side, for example by dying, the client has a short time to do the same.
func (p *proxy) join(client, node *net.TCPConn) {
	answered := make(chan struct{})
	go func() {
		defer close(answered)
		flow(client, node)
		client.SetReadDeadline(time.Now().Add(p.linger)) // fails only if the connection is already closed
	}()
	flow(node, client)
	<-answered
}

// flow forwards bytes and the end of the stream. An error closes the connection, which ends the other direction too.
func flow(to, from *net.TCPConn) {
	_, err := io.Copy(to, from)
	if err == nil {
		err = to.CloseWrite()
	}
	if err != nil {
		to.Close()
	}
}
