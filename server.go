package chanx

import (
	"context"
	"crypto/rand"
	"fmt"
	"log/slog"
	"maps"
	"net/http"
	"reflect"
	"runtime"
	"slices"
	"strings"
	"sync"
	"sync/atomic"
	"time"

	"github.com/chanx-go/chanx/internal/cluster"
	"github.com/chanx-go/chanx/internal/hub"
	"github.com/chanx-go/chanx/internal/probe"
	"github.com/chanx-go/chanx/internal/socket"
	"github.com/chanx-go/chanx/internal/throttle"
	"github.com/chanx-go/chanx/layer/memlayer"
	"github.com/chanx-go/chanx/schema"
)

// Server accepts connections and keeps their groups. With a shared layer it is a node of a cluster. Its methods may be
// called concurrently.
type Server struct {
	opts       ServerOptions
	limits     Limits
	names      names
	compiler   *schema.Compiler // with the server's unions
	node       *cluster.Node
	logger     *slog.Logger
	upgrader   *socket.Upgrader
	hub        *hub.Hub[*connSink, *delivery]
	nodeEvents nodeEvents
	events     eventQueues
	mux        *http.ServeMux
	nextShard  atomic.Uint32
	closed     atomic.Bool      // Shutdown has closed the layer
	observer   *guardedObserver // may be nil
	now        func() time.Time // the wall clock
	longCalls  [longCallShards]longCalls
	lines      *throttle.Log // throttles all lines above level debug

	notFound func() *mount // refuses handshakes at paths that no pattern matches

	mu       sync.Mutex
	mounts   []*mount
	conns    map[*Conn]struct{}
	places   int            // used places of MaxConnections
	users    map[string]int // number of connections by user, if limited
	draining bool
	empty    chan struct{} // closed when the last connection has gone while draining
	drops    map[DropReason]uint64
	refusals refusals              // the map is never changed
	unread   map[reflect.Type]bool // types whose unread rules have been logged

	onShutdown []func()
}

// NewServer returns a server. opts may be nil. A bad option panics.
func NewServer(opts *ServerOptions) *Server {
	s := &Server{
		mux: http.NewServeMux(), conns: map[*Conn]struct{}{}, users: map[string]int{}, drops: map[DropReason]uint64{},
		refusals: newRefusals(), empty: make(chan struct{}), unread: map[reflect.Type]bool{},
	}
	if opts != nil {
		s.opts = *opts
	}
	if d := s.opts.Discriminator; isEnvelopeMember(d) || strings.ContainsAny(d, "\"\\'") {
		panic(fmt.Sprintf("chanx: new server: ServerOptions.Discriminator %q: it cannot name the discriminator: choose another", d))
	}
	if b := s.opts.BrokerLoss; b != ReportBrokerLoss && b != TolerateBrokerLoss {
		panic(fmt.Sprintf("chanx: new server: ServerOptions.BrokerLoss %d: use chanx.ReportBrokerLoss or chanx.TolerateBrokerLoss", b))
	}
	s.limits = s.opts.Limits.withDefaults()
	s.names = newNames(s.opts.Discriminator, s.opts.Camelize)
	s.compiler = newServerCompiler(s.opts.Unions)
	s.now = func() time.Time { return time.Now().Round(0) }
	for i := range s.longCalls {
		s.longCalls[i].s = s
	}
	s.logger = s.opts.Logger
	if s.logger == nil {
		s.logger = slog.Default()
	}
	s.lines = throttle.New(s.logger)
	if o := s.opts.Observer; o != nil {
		s.observer = &guardedObserver{o: o, lines: s.lines}
	}
	s.upgrader = socket.NewUpgrader(s.opts.Compression.apply(s.limits.socket(&s.opts)))
	s.notFound = sync.OnceValue(func() *mount { return newMount(s, "", newNotFound()) })
	s.hub = hub.New[*connSink](runtime.GOMAXPROCS(0), (*delivery).weight, s.events.queued)
	s.events.limit = s.limits.EventQueue
	l, auth := s.opts.Layer, s.opts.LayerAuth
	s.opts.LayerAuth = LayerAuth{} // do not keep secrets where they may be printed
	if l == nil {
		l = memlayer.New()
	}
	if recorder, ok := l.(probe.Layer); ok {
		recorder.UseTypes(s.compileAny)
	}
	s.nodeEvents.init(s)
	s.node = s.openNode(rand.Text()[:12], l, auth)
	return s
}

func isEnvelopeMember(name string) bool {
	switch name {
	case "payload", "ref", "topic", "seq", "version", "trace", "is_mine", "is_current", "isMine", "isCurrent":
		return true
	}
	return false
}

// newID returns the id of a connection: its node, then a random text that cannot be guessed.
func (s *Server) newID() string { return s.node.ID + "." + rand.Text() }

// Handle serves connections at a pattern with a consumer. The pattern is one of net/http's, without a method. Handle
// panics if the pattern is bad or taken, if names of the consumer collide under Camelize, or if there is no union for an
// interface-typed field. If the server itself is mounted on a ServeMux that also has patterns like "GET /", mount it as
// "GET /ws/": net/http refuses patterns that conflict.
func (s *Server) Handle(pattern string, consumer Endpoint) {
	s.mount(s.mux, pattern, consumer)
}

// Handler returns a handler that serves only the pattern, to be mounted on another router. It matches the path itself,
// so that its wildcards have values; the router must leave the path unchanged.
func (s *Server) Handler(pattern string, consumer Endpoint) http.Handler {
	mux := http.NewServeMux()
	s.mount(mux, pattern, consumer)
	return router{s, mux}
}

// mount registers a consumer. Its callers must be called by the program directly, because panics name that place.
func (s *Server) mount(mux *http.ServeMux, pattern string, consumer Endpoint) *mount {
	if strings.ContainsAny(pattern, " \t") {
		panic(fmt.Sprintf("chanx: handle %q: a WebSocket opens with GET always: leave the method out", pattern))
	}
	if consumer == nil {
		panic(fmt.Sprintf("chanx: handle %q: the consumer is nil", pattern))
	}
	m := newMount(s, pattern, consumer.endpoint())
	m.place = callerPlace(2)
	s.register(mux, m)
	s.mu.Lock()
	s.mounts = append(s.mounts[:len(s.mounts):len(s.mounts)], m)
	s.mu.Unlock()
	s.warnUnread(m)
	return m
}

// warnUnread logs each type of a mount that has rules for another validation library, once for each type and server.
func (s *Server) warnUnread(m *mount) {
	tags := map[reflect.Type][]string{}
	for _, t := range m.types() {
		for _, u := range t.UnreadRules() {
			if tag := u.Field + " " + u.Tag; !slices.Contains(tags[u.Type], tag) {
				tags[u.Type] = append(tags[u.Type], tag)
			}
		}
	}
	for t, list := range tags {
		s.mu.Lock()
		logged := s.unread[t]
		s.unread[t] = true
		s.mu.Unlock()
		if !logged {
			s.logger.Warn("chanx: rules for another validation library are not checked: write them in chanx's tags or in a method Validate() error",
				"pattern", m.pattern, "type", t.String(), "tags", list)
		}
	}
}

// mounted returns the mounts. The returned slice is never changed.
func (s *Server) mounted() []*mount {
	s.mu.Lock()
	defer s.mu.Unlock()
	return s.mounts
}

// ServeHTTP opens connections at the patterns given to Handle. A handshake at any other path is refused with 404, as if
// by a consumer: the client receives the reason and close code 4404, or HTTP status 404 if ServerOptions.RefuseWithHTTP
// is set. That includes paths that net/http would redirect, such as /ws for the pattern /ws/, because browsers do not
// follow redirects of a handshake.
func (s *Server) ServeHTTP(w http.ResponseWriter, r *http.Request) { router{s, s.mux}.ServeHTTP(w, r) }

// admit adds a connection, unless there are too many or the server is shutting down.
func (s *Server) admit(c *Conn) bool {
	s.mu.Lock()
	defer s.mu.Unlock()
	if s.draining || s.places >= s.limits.MaxConnections || s.isClosingTooMany() {
		return false
	}
	s.conns[c] = struct{}{}
	s.places++
	c.placed = true
	return true
}

const (
	// minLeaving and maxRefusing bound the sockets that hold no place of MaxConnections, because their connections are
	// closing or refused: each may stay for CloseTimeout. In between, MaxConnections is the bound.
	minLeaving, maxRefusing = 16, 1000

	// minOnClose bounds the connections that hold no place and whose OnClose has not returned, if MaxConnections is less.
	minOnClose = 1000
)

// isClosingTooMany reports whether too many connections without a place are closing. The caller holds mu.
func (s *Server) isClosingTooMany() bool {
	limit := s.limits.MaxConnections
	return int(s.upgrader.Stats().Closing) >= max(limit, minLeaving) || len(s.conns)-s.places >= max(limit, minOnClose)
}

// maxRefusing is how many refused connections at a time receive the reason in a close frame. Others get a plain HTTP
// status.
func (s *Server) maxRefusing() int { return min(max(s.limits.MaxConnections, minLeaving), maxRefusing) }

func (s *Server) forget(c *Conn) {
	s.mu.Lock()
	delete(s.conns, c)
	s.signalEmpty()
	isLast := s.draining && len(s.conns) == 0
	s.mu.Unlock()
	if isLast {
		s.lines.Flush() // Shutdown may have returned
	}
}

// signalEmpty closes s.empty if the last connection has gone while draining. The caller holds mu.
func (s *Server) signalEmpty() {
	if s.draining && len(s.conns) == 0 {
		select {
		case <-s.empty:
		default:
			close(s.empty)
		}
	}
}

func (s *Server) isDraining() bool {
	s.mu.Lock()
	defer s.mu.Unlock()
	return s.draining
}

func (s *Server) isClosed() bool { return s.closed.Load() }

const (
	shuttingDown = "server is shutting down"

	drainAtOnce = 1000        // connections that Shutdown closes at once
	drainSpread = time.Second // time over which it spreads more connections
)

// Shutdown stops the server. New connections are refused with 503, and messages that were broadcast before are
// delivered. Then connections end, up to 1,000 at once, more spread over one second. Of each, streams and concurrent
// handlers finish first, and messages are still handled meanwhile. Then the running handler finishes, waiting messages
// are discarded and counted, the connection is closed with 1001, and OnClose runs. Shutdown returns when all
// connections are gone and the layer is closed.
//
// If ctx ends before, Shutdown closes the remaining connections and returns ctx's error with a list of the handlers
// that still run: at most ten, the oldest first. After Shutdown the server cannot be used again.
//
// http.Server.Shutdown does not know these connections, because they are hijacked. Call this method first and
// http.Server.Shutdown after it; the other order works too. Streams are handlers: use RegisterOnShutdown to end those
// that would run for ever.
func (s *Server) Shutdown(ctx context.Context) error {
	defer s.lines.Flush()
	all := s.drain()
	s.hub.Flush(ctx)
	err := s.closeAll(ctx, all)
	if err == nil {
		err = s.waitEmpty(ctx)
	}
	if err != nil {
		err = fmt.Errorf("chanx: shut down: %w%s", err, s.stillRunning())
		for _, c := range all {
			if wire := c.transport(); wire != nil {
				_ = wire.Close(socket.CloseGoingAway, shuttingDown) // fails if it is closing already
				wire.Abort()
			}
		}
	}
	if nodesErr := s.nodeEvents.close(ctx); nodesErr != nil && err == nil {
		err = fmt.Errorf("chanx: shut down: %w", nodesErr)
	}
	if s.closed.Swap(true) {
		return err
	}
	for i := range s.longCalls {
		s.longCalls[i].stop()
	}
	ctx, cancel := context.WithTimeout(context.WithoutCancel(ctx), s.limits.PublishTimeout)
	defer cancel()
	if closeErr := s.node.Close(ctx); closeErr != nil {
		return fmt.Errorf("chanx: shut down: close layer: %w", closeErr)
	}
	return err
}

// RegisterOnShutdown adds a function that Shutdown calls in its own goroutine, without waiting for it: to end streams
// and handlers that would run for long.
func (s *Server) RegisterOnShutdown(f func()) {
	s.mu.Lock()
	defer s.mu.Unlock()
	if s.draining {
		go f()
		return
	}
	s.onShutdown = append(s.onShutdown, f)
}

func (s *Server) drain() []*Conn {
	s.mu.Lock()
	s.draining = true
	s.signalEmpty()
	for _, f := range s.onShutdown {
		go f()
	}
	s.onShutdown = nil
	s.mu.Unlock()
	return s.snapshot()
}

func (s *Server) snapshot() []*Conn {
	s.mu.Lock()
	defer s.mu.Unlock()
	return slices.Collect(maps.Keys(s.conns))
}

// waitEmpty waits for the accepted connections, then for refused ones whose close frame is being sent.
func (s *Server) waitEmpty(ctx context.Context) error {
	select {
	case <-s.empty:
		return s.upgrader.Wait(ctx)
	case <-ctx.Done():
		return ctx.Err()
	}
}

func (s *Server) closeAll(ctx context.Context, all []*Conn) error {
	pause := drainSpread * drainAtOnce / time.Duration(max(len(all), 1))
	for i, c := range all {
		if i > 0 && i%drainAtOnce == 0 {
			select {
			case <-time.After(pause):
			case <-ctx.Done():
				return ctx.Err()
			}
		}
		if wire := c.transport(); wire != nil { // else begin sees that the server is draining
			c.parallel.whenIdle(func() { c.logUnsent(wireError(wire.CloseAfter(socket.CloseGoingAway, shuttingDown))) })
		}
	}
	return nil
}
