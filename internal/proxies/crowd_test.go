package proxies_test

import (
	"context"
	"crypto/tls"
	"crypto/x509"
	"encoding/json"
	"net"
	"net/http"
	"slices"
	"sync"
	"testing"
	"time"

	"github.com/coder/websocket"
)

// clients is the number of clients in a crowd.
const clients = 30

// crowd is a number of clients that connect through a proxy, and reconnect whenever their connection has ended.
type crowd struct {
	t       *testing.T
	address string // path of the proxy's socket
	roots   *x509.CertPool
	ended   <-chan struct{} // closed when the proxy has ended
	moved   chan struct{}   // holds a token when at or refused has changed

	mu      sync.Mutex
	at      [clients]string // the name of the node that each client is connected to, or ""
	refused error           // why the last refused client was refused
}

// rollOver replaces one node after the other. Each client that loses its connection reconnects to the other node.
func rollOver(t *testing.T, c *crowd, nodes [2]*node) {
	t.Helper()
	ctx, cancel := context.WithCancel(t.Context())
	var all sync.WaitGroup
	defer all.Wait()
	defer cancel()
	for i := range clients {
		all.Go(func() { c.keep(ctx, i) })
	}
	c.await("a1", "b1")

	nodes[0].stop()
	c.await("b1")
	a2 := startNode(t, nodes[0].path, "a2")
	nodes[1].stop()
	c.await("a2")
	b2 := startNode(t, nodes[1].path, "b2")

	ws, got, err := c.enter(ctx)
	if err != nil {
		t.Fatalf("after the rollover: %v", err)
	}
	defer ws.CloseNow()
	if want := (here{b2.name, "unix:"}); got != want {
		t.Errorf("a new client got %+v, want the node with the fewest connections and the client's address: %+v", got, want)
	}
	a2.stop()
	c.await("b2")
}

// keep keeps one client connected until ctx ends.
func (c *crowd) keep(ctx context.Context, i int) {
	for ctx.Err() == nil {
		ws, got, err := c.enter(ctx)
		if err == nil {
			c.set(i, got.Node)
			_, _, err = ws.Read(ctx)
			c.set(i, "")
			_ = ws.CloseNow() // it has been closed already
		}
		if ctx.Err() != nil || websocket.CloseStatus(err) == websocket.StatusGoingAway {
			continue
		}
		c.refuse(err)
		select {
		case <-ctx.Done():
		case <-time.After(time.Second):
		}
	}
}

// enter opens a WebSocket like a page of the same host, and reads the first message. An error without a close code means that
// the client was refused.
func (c *crowd) enter(ctx context.Context) (*websocket.Conn, here, error) {
	transport := &http.Transport{
		DialContext: func(ctx context.Context, _, _ string) (net.Conn, error) {
			return new(net.Dialer).DialContext(ctx, "unix", c.address)
		},
		TLSClientConfig:   &tls.Config{RootCAs: c.roots},
		DisableKeepAlives: true,
	}
	ws, _, err := websocket.Dial(ctx, "wss://"+host+"/ws", &websocket.DialOptions{
		HTTPClient: &http.Client{Transport: transport},
		HTTPHeader: http.Header{"Origin": {"https://" + host}},
	})
	if err != nil {
		return nil, here{}, err
	}
	_, text, err := ws.Read(ctx)
	if err != nil {
		_ = ws.CloseNow() // it has been closed already
		return nil, here{}, err
	}
	var frame struct{ Payload here }
	return ws, frame.Payload, json.Unmarshal(text, &frame)
}

func (c *crowd) set(i int, node string) {
	c.mu.Lock()
	defer c.mu.Unlock()
	c.at[i] = node
	c.wake()
}

func (c *crowd) refuse(err error) {
	c.mu.Lock()
	defer c.mu.Unlock()
	c.refused = err
	c.wake()
}

func (c *crowd) wake() {
	select {
	case c.moved <- struct{}{}:
	default:
	}
}

// await returns when each client is connected to one of these nodes. Until then no client may be refused, because at least one
// node is healthy.
func (c *crowd) await(nodes ...string) {
	c.t.Helper()
	late := time.After(testTimeout)
	for {
		here, err := c.count(nodes)
		if err != nil {
			c.t.Fatalf("%d of %d clients are connected to %q, and one was refused: %v", here, clients, nodes, err)
		}
		if here == clients {
			return
		}
		select {
		case <-c.moved:
		case <-c.ended:
			c.t.Fatal("the proxy has ended")
		case <-late:
			c.t.Fatalf("%d of %d clients are connected to %q after %v", here, clients, nodes, testTimeout)
		}
	}
}

// count returns how many clients are connected to these nodes, and why any client was refused.
func (c *crowd) count(nodes []string) (n int, refused error) {
	c.mu.Lock()
	defer c.mu.Unlock()
	for _, node := range c.at {
		if slices.Contains(nodes, node) {
			n++
		}
	}
	return n, c.refused
}
