package proxies_test

import (
	"context"
	"errors"
	"log/slog"
	"net"
	"net/http"
	"sync"
	"testing"
	"time"

	"github.com/chanx-go/chanx"
)

// here is the first message to a client. It names the node that the client has reached.
type here struct {
	Node   string `json:"node"`
	Client string `json:"client"` // X-Forwarded-For
}

func (here) Action() string { return "here" }

// visit is the state of one connection.
type visit struct {
	*chanx.Conn
	here
}

func (v *visit) opened(ctx context.Context) error { return v.Send(ctx, v.here) }

// node is a server that is later replaced by another one at the same path.
type node struct {
	t    *testing.T
	path string // of its socket: unlike a port, no other process takes it while no node listens
	name string
	chat *chanx.Server
	http *http.Server

	served chan error // the result of Serve
	once   sync.Once  // guards stop
}

func startNode(t *testing.T, path, name string) *node {
	t.Helper()
	l, err := net.Listen("unix", path)
	if err != nil {
		t.Fatal(err)
	}
	consumer := chanx.NewConsumer(func(c *chanx.Conn, r *http.Request) (*visit, error) {
		return &visit{c, here{name, r.Header.Get("X-Forwarded-For")}}, nil
	}, nil)
	consumer.OnOpen((*visit).opened)
	chanx.Sends[here](consumer)
	chat := chanx.NewServer(&chanx.ServerOptions{Logger: slog.New(slog.DiscardHandler)})
	chat.Handle("/ws", consumer)
	n := &node{t: t, path: path, name: name, chat: chat, http: &http.Server{Handler: chat}, served: make(chan error, 1)}
	go func() { n.served <- n.http.Serve(l) }()
	t.Cleanup(n.stop)
	return n
}

// stop shuts down a node like a deployment: connections are closed with 1001, and requests are answered with 503 until the
// node stops listening. Further calls do nothing.
func (n *node) stop() {
	n.once.Do(func() {
		ctx, cancel := context.WithTimeout(context.Background(), testTimeout)
		defer cancel()
		if err := errors.Join(n.chat.Shutdown(ctx), n.http.Shutdown(ctx)); err != nil {
			n.t.Errorf("node %s: %v", n.name, err)
		}
		if err := <-n.served; !errors.Is(err, http.ErrServerClosed) {
			n.t.Errorf("node %s: %v", n.name, err)
		}
	})
}

// testTimeout is how long a test waits for something before it fails.
const testTimeout = time.Minute
