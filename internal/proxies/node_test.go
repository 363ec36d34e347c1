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

// here tells a client what its connection has reached.
type here struct {
	Node   string `json:"node"`
	Client string `json:"client"` // X-Forwarded-For
}

func (here) Action() string { return "here" }

// visit is one connection of a node.
type visit struct {
	*chanx.Conn
	here
}

func (v *visit) opened(ctx context.Context) error { return v.Send(ctx, v.here) }

// node is a server that is replaced: another one takes its place at the same path.
type node struct {
	t    *testing.T
	path string // of its socket: unlike a port, nobody else takes it while no node listens
	name string
	chat *chanx.Server
	http *http.Server

	served chan error // what Serve returns
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

// stop ends a node as a deployment does: connections are closed with 1001, and requests are answered 503 until it listens
// no longer. Further calls do nothing.
func (n *node) stop() {
	n.once.Do(func() {
		ctx, cancel := context.WithTimeout(context.Background(), patience)
		defer cancel()
		if err := errors.Join(n.chat.Shutdown(ctx), n.http.Shutdown(ctx)); err != nil {
			n.t.Errorf("node %s: %v", n.name, err)
		}
		if err := <-n.served; !errors.Is(err, http.ErrServerClosed) {
			n.t.Errorf("node %s: %v", n.name, err)
		}
	})
}

// patience is a net below a test that would hang.
const patience = time.Minute
