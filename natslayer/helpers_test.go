package natslayer_test

import (
	"errors"
	"fmt"
	"net"
	"net/url"
	"slices"
	"sync"
	"sync/atomic"
	"testing"
	"time"

	"github.com/nats-io/nats-server/v2/server"
	"github.com/nats-io/nats.go"

	"github.com/chanx-go/chanx/layer"
	"github.com/chanx-go/chanx/natslayer"
)

// testTimeout is how long a test waits for something before it fails.
const testTimeout = 20 * time.Second

// brokers are NATS servers that can be stopped and started again on the same ports; several form a cluster.
type brokers struct {
	options []*server.Options
	cutOff  atomic.Bool // Dial fails

	mu      sync.Mutex
	running []*server.Server // nil where one is stopped
}

// startBrokers starts n servers. The function edit may change their options.
func startBrokers(tb testing.TB, n int, edit func(*server.Options)) *brokers {
	tb.Helper()
	b := &brokers{running: make([]*server.Server, n)}
	ports := freePorts(tb, 2*n)
	var routes []*url.URL
	for i := range n {
		routes = append(routes, &url.URL{Scheme: "nats-route", Host: fmt.Sprintf("127.0.0.1:%d", ports[n+i])})
	}
	for i := range n {
		o := &server.Options{ServerName: fmt.Sprint("n", i), Host: "127.0.0.1", Port: ports[i], NoLog: true, NoSigs: true}
		if n > 1 {
			o.Cluster = server.ClusterOpts{Name: "test", Host: "127.0.0.1", Port: ports[n+i]}
			o.Routes = routes
		}
		if edit != nil {
			edit(o)
		}
		b.options = append(b.options, o)
	}
	b.startAll(tb)
	tb.Cleanup(b.stopAll)
	return b
}

// givenPorts holds the ports that freePorts has returned, because their users may not listen yet.
var givenPorts sync.Map

func freePorts(tb testing.TB, n int) (ports []int) {
	tb.Helper()
	for len(ports) < n {
		l, err := net.Listen("tcp", "127.0.0.1:0")
		if err != nil {
			tb.Fatal(err)
		}
		defer l.Close()
		port := l.Addr().(*net.TCPAddr).Port
		if _, given := givenPorts.LoadOrStore(port, true); !given {
			ports = append(ports, port)
		}
	}
	return ports
}

func (b *brokers) start(tb testing.TB, i int) *server.Server {
	tb.Helper()
	s, err := server.NewServer(b.options[i].Clone())
	if err != nil {
		tb.Fatal(err)
	}
	s.Start()
	b.mu.Lock()
	defer b.mu.Unlock()
	b.running[i] = s
	return s
}

func (b *brokers) startAll(tb testing.TB) {
	tb.Helper()
	for i := range b.options {
		b.start(tb, i)
	}
	for i, s := range b.running {
		if !s.ReadyForConnections(testTimeout) {
			tb.Fatalf("server %d is not ready after %v", i, testTimeout)
		}
	}
	b.awaitRoutes(tb)
}

// routesPerPeer is how many connections two servers make to each other: three share the accounts, one is for the system
// account. An account's subscriptions are forwarded once its connection exists.
const routesPerPeer = server.DEFAULT_ROUTE_POOL_SIZE + 1

// awaitRoutes waits until each server knows all others.
func (b *brokers) awaitRoutes(tb testing.TB) {
	tb.Helper()
	eventually(tb, "the cluster to form", func() bool {
		for _, s := range b.running {
			peers := map[string]int{}
			routes, err := s.Routez(nil)
			if err != nil {
				tb.Fatal(err)
			}
			for _, r := range routes.Routes {
				peers[r.RemoteID]++
			}
			for _, n := range peers {
				if n != routesPerPeer {
					return false
				}
			}
			if len(peers) != len(b.running)-1 {
				return false
			}
		}
		return true
	})
}

// Dial is for nats.SetCustomDialer. It keeps clients from moving to the next server while the servers of a cluster are stopped
// one by one.
func (b *brokers) Dial(network, address string) (net.Conn, error) {
	if b.cutOff.Load() {
		return nil, errors.New("cut off by the test")
	}
	return net.Dial(network, address)
}

// setDown stops or starts all servers.
func (b *brokers) setDown(tb testing.TB, down bool) {
	tb.Helper()
	if down {
		b.cutOff.Store(true)
		b.stopAll()
		return
	}
	b.startAll(tb)
	b.cutOff.Store(false)
}

func (b *brokers) stop(i int) {
	b.mu.Lock()
	s := b.running[i]
	b.running[i] = nil
	b.mu.Unlock()
	if s != nil {
		s.Shutdown()
		s.WaitForShutdown()
	}
}

func (b *brokers) stopAll() {
	for i := range b.options {
		b.stop(i)
	}
}

func (b *brokers) url(i int) string { return fmt.Sprintf("nats://127.0.0.1:%d", b.options[i].Port) }

// connect makes a layer connected to server i.
func (b *brokers) connect(tb testing.TB, i int, o *natslayer.Options) *natslayer.Layer {
	tb.Helper()
	l, err := natslayer.Connect(tb.Context(), b.url(i), o)
	if err != nil {
		tb.Fatal(err)
	}
	tb.Cleanup(l.Close)
	return l
}

// connectEach connects a layer to each server, one by one: on a busy machine layers that connect at once might not find each
// other at first. They use Dial and reconnect quickly.
func (b *brokers) connectEach(tb testing.TB) (layers []*natslayer.Layer) {
	tb.Helper()
	for i := range b.options {
		layers = append(layers, b.connect(tb, i, &natslayer.Options{NATS: []nats.Option{
			nats.SetCustomDialer(b),
			nats.ReconnectWait(10 * time.Millisecond), nats.ReconnectJitter(10*time.Millisecond, 10*time.Millisecond),
		}}))
	}
	return layers
}

// eventually calls ok until it returns true.
func eventually(tb testing.TB, what string, ok func() bool) {
	tb.Helper()
	timeout := time.After(testTimeout)
	tick := time.NewTicker(time.Millisecond)
	defer tick.Stop()
	for !ok() {
		select {
		case <-tick.C:
		case <-timeout:
			tb.Fatalf("waited %v for %s", testTimeout, what)
		}
	}
}

func must(tb testing.TB, err error) {
	tb.Helper()
	if err != nil {
		tb.Fatal(err)
	}
}

// node is a link and what its receiver has received.
type node struct {
	layer.Link
	mu       sync.Mutex
	got      []string // "subject:data"
	statuses []layer.Status
	hold     func() // called at the beginning of Receive unless it is nil
}

func open(tb testing.TB, l layer.Layer) *node { return openHeld(tb, l, nil) }

func openHeld(tb testing.TB, l layer.Layer, hold func()) *node {
	tb.Helper()
	n := &node{hold: hold}
	n.Link = l.Open(layer.Receiver{Receive: n.receive, Status: n.status})
	tb.Cleanup(func() { _ = n.Close(tb.Context()) }) // the test may have closed it
	return n
}

func (n *node) receive(subject string, data []byte) {
	if n.hold != nil {
		n.hold()
	}
	n.mu.Lock()
	defer n.mu.Unlock()
	n.got = append(n.got, subject+":"+string(data))
}

func (n *node) status(s layer.Status) {
	n.mu.Lock()
	defer n.mu.Unlock()
	n.statuses = append(n.statuses, s)
}

func (n *node) received() []string {
	n.mu.Lock()
	defer n.mu.Unlock()
	return slices.Clone(n.got)
}

func (n *node) allStatuses() []layer.Status {
	n.mu.Lock()
	defer n.mu.Unlock()
	return slices.Clone(n.statuses)
}

func (n *node) awaits(tb testing.TB, want string) {
	tb.Helper()
	eventually(tb, fmt.Sprintf("%.60q to arrive", want), func() bool {
		return slices.Contains(n.received(), want)
	})
}

// awaitsStatus waits for a matching status after the first `from`, and returns the number of statuses up to it.
func (n *node) awaitsStatus(tb testing.TB, from int, is func(layer.Status) bool) (upTo int) {
	tb.Helper()
	eventually(tb, "a status", func() bool {
		for i, s := range n.allStatuses() {
			if i >= from && is(s) {
				upTo = i + 1
				return true
			}
		}
		return false
	})
	return upTo
}

func isDown(s layer.Status) bool { return !s.Up }
func isGap(s layer.Status) bool  { return s.Up && s.Gap }
