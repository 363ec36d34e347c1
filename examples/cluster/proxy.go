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
	dialTime = 2 * time.Second
	respite  = time.Second // when connections cannot be accepted
)

// proxy passes each TCP connection on to the node that has the fewest. It knows bytes only, so a WebSocket is to it as good as
// anything; a connection stays where it is for as long as it lives.
type proxy struct {
	screen  *screen
	linger  time.Duration   // for a client to end its side when the node has ended its own
	ctx     context.Context // of the connections
	end     context.CancelFunc
	passing sync.WaitGroup

	mu      sync.Mutex
	targets []*target
}

// target is where connections can go.
type target struct {
	address string
	count   int // of its connections; guarded by the proxy's mu
}

func newProxy(s *screen) *proxy {
	p := &proxy{screen: s, linger: 10 * time.Second}
	p.ctx, p.end = context.WithCancel(context.Background())
	return p
}

// add has connections go to an address, too.
func (p *proxy) add(address string) {
	p.mu.Lock()
	defer p.mu.Unlock()
	p.targets = append(p.targets, &target{address: address})
}

// remove has no more connections go there. Those that are there are left alone.
func (p *proxy) remove(address string) {
	p.mu.Lock()
	defer p.mu.Unlock()
	p.targets = slices.DeleteFunc(p.targets, func(t *target) bool { return t.address == address })
}

// serve accepts connections until ctx ends, and closes the listener. Those accepted go on until close.
func (p *proxy) serve(ctx context.Context, l net.Listener) {
	defer context.AfterFunc(ctx, func() { l.Close() })()
	for {
		client, err := l.Accept()
		switch {
		case err == nil:
			p.passing.Go(func() { p.pass(client) })
		case ctx.Err() != nil:
			return
		default: // there are too many open files, for example
			p.screen.say("proxy: %v\n", err)
			select {
			case <-time.After(respite):
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

// pass takes a connection to its end. One that no node accepts is closed.
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

// dial connects to the node with the fewest connections of those that accept one.
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
		p.release(t) // it has just died: the next one
		tried = append(tried, t)
	}
}

// take counts a connection of the target that has the fewest but those tried. It returns nil if there is none.
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

// join passes on bytes both ways until both sides have ended. A client may end its side and be answered still; when the node
// has ended its own, as it does by dying, the client has a moment to follow.
func (p *proxy) join(client, node *net.TCPConn) {
	answered := make(chan struct{})
	go func() {
		defer close(answered)
		flow(client, node)
		client.SetReadDeadline(time.Now().Add(p.linger)) // fails if it is closed, which is as good
	}()
	flow(node, client)
	<-answered
}

// flow passes on bytes and the end of them. An end that is out of order closes a connection, which ends the other way too.
func flow(to, from *net.TCPConn) {
	_, err := io.Copy(to, from)
	if err == nil {
		err = to.CloseWrite()
	}
	if err != nil {
		to.Close()
	}
}
