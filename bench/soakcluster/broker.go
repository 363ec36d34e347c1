//go:build linux

package main

import (
	"context"
	"errors"
	"fmt"
	"math/rand/v2"
	"net"
	"strconv"
	"time"

	"github.com/nats-io/nats.go"

	"github.com/chanx-go/chanx/layer"
	"github.com/chanx-go/chanx/natslayer"
	"github.com/chanx-go/chanx/redislayer"
)

// patience is how long anything may take that should come true. Only a run that fails waits for so long.
const patience = 60 * time.Second

// brokers are the processes of a channel layer: a cluster, or one.
type brokers interface {
	start(i int) error    // returns when it serves; those that form a cluster are told apart by i
	form() error          // returns when all of them know each other
	kill(i int)           // as a power cut does
	stop() error          // ends those that run
	urls(node int) string // how a node reaches them
}

func newBrokers(kind string, n int) (brokers, error) {
	ports := freePorts(2 * n)
	switch kind {
	case "nats":
		return &natsBrokers{clients: ports[:n], routes: ports[n:], running: make([]*process, n), formed: make([]chan struct{}, n)}, nil
	case "redis":
		return newRedisBrokers(ports[:n])
	}
	return nil, fmt.Errorf("there is no layer %q: it is nats or redis", kind)
}

// broker is a node's way to the brokers.
type broker interface {
	layer.Layer
	Close()
}

func connect(ctx context.Context, kind, url string) (broker, error) {
	if kind == "redis" {
		return redislayer.Connect(ctx, url, nil)
	}
	// The first URL is the node's own broker, so that each broker has one.
	return natslayer.Connect(ctx, url, &natslayer.Options{NATS: []nats.Option{nats.DontRandomize()}})
}

// The ports are below those that systems give to clients, and none that other tests take, so that a broker that is started
// again finds its own free. A node of a Redis cluster also listens at its port plus 10,000.
const firstPort, lastPort, busOffset = 12000, 18000, 10000

func freePorts(n int) (ports []int) {
	taken := map[int]bool{}
	for len(ports) < n {
		port := firstPort + rand.N(lastPort-firstPort)
		if !taken[port] && canListen(port) && canListen(port+busOffset) {
			ports = append(ports, port)
			taken[port] = true
		}
	}
	return ports
}

func canListen(port int) bool {
	l, err := net.Listen("tcp", address(port))
	if err != nil {
		return false
	}
	_ = l.Close()
	return true
}

func address(port int) string { return net.JoinHostPort("127.0.0.1", strconv.Itoa(port)) }

// await asks until it is so.
func await(what string, is func() bool) error {
	tick := time.NewTicker(10 * time.Millisecond)
	defer tick.Stop()
	timeout := time.After(patience)
	for !is() {
		select {
		case <-tick.C:
		case <-timeout:
			return fmt.Errorf("waited %v in vain until %s", patience, what)
		}
	}
	return nil
}

// startAll starts n brokers.
func startAll(b brokers, n int) error {
	var errs []error
	for i := range n {
		if err := b.start(i); err != nil {
			errs = append(errs, fmt.Errorf("start broker %d: %w", i, err))
		}
	}
	if err := errors.Join(errs...); err != nil {
		return err
	}
	return b.form()
}
