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

// waitLimit is the maximum time for anything that the soak waits for. Only a run that fails waits that long.
const waitLimit = 60 * time.Second

// brokers are the processes of a channel layer: a cluster, or one.
type brokers interface {
	start(i int) error    // returns when broker i serves
	form() error          // returns when all brokers know each other
	kill(i int)           // without a shutdown
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

// broker connects a node to the brokers.
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

// The ports are below those that systems assign to clients, and no other test uses them, so that a restarted broker can
// listen at its port again. A node of a Redis cluster also listens at its port plus 10,000.
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

// await calls is until it returns true.
func await(what string, is func() bool) error {
	tick := time.NewTicker(10 * time.Millisecond)
	defer tick.Stop()
	timeout := time.After(waitLimit)
	for !is() {
		select {
		case <-tick.C:
		case <-timeout:
			return fmt.Errorf("waited %v in vain until %s", waitLimit, what)
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
