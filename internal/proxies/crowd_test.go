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

// clients is how many there are in a crowd.
const clients = 30

// crowd is clients that connect through a proxy, each again whenever its connection has ended.
type crowd struct {
	t       *testing.T
	address string // path of the proxy's socket
	roots   *x509.CertPool
	ended   <-chan struct{} // of the proxy
	moved   chan struct{}   // has one element after a client has moved

	mu      sync.Mutex
	at      [clients]string // the name of the node that each client has reached, or ""
	refused error           // of the last client to whom it happened
}

// rollOver replaces one node after the other. Each client that loses its connection finds the other node.
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
		t.Errorf("a new client is at %+v, want the node with the fewest connections and the client's address: %+v", got, want)
	}
	a2.stop()
	c.await("b2")
}

// keep has one client connected until ctx ends.
func (c *crowd) keep(ctx context.Context, i int) {
	for ctx.Err() == nil {
		ws, got, err := c.enter(ctx)
		if err == nil {
			c.set(i, got.Node)
			_, _, err = ws.Read(ctx)
			c.set(i, "")
			_ = ws.CloseNow() // it has ended
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

// enter opens a WebSocket as a page of the same host does, and reads what it has reached. An error without a close code is a
// refusal.
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
		_ = ws.CloseNow() // it has ended
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

// await returns when each client is connected to one of these nodes. Until then none may be refused, for at least one node
// is healthy.
func (c *crowd) await(nodes ...string) {
	c.t.Helper()
	late := time.After(patience)
	for {
		here, err := c.count(nodes)
		if err != nil {
			c.t.Fatalf("%d of %d clients are at %q, and one is refused: %v", here, clients, nodes, err)
		}
		if here == clients {
			return
		}
		select {
		case <-c.moved:
		case <-c.ended:
			c.t.Fatal("the proxy has ended")
		case <-late:
			c.t.Fatalf("%d of %d clients are at %q after %v", here, clients, nodes, patience)
		}
	}
}

// count returns how many clients are at some nodes, and why any of all was refused.
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
