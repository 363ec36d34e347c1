package chanx

import (
	"context"
	"errors"
	"fmt"
	"log/slog"
	"reflect"
	"sync"
	"time"

	"github.com/chanx-go/chanx/internal/cluster"
	"github.com/chanx-go/chanx/internal/throttle"
	"github.com/chanx-go/chanx/schema"
)

// OnNode registers a handler of event E for the server itself, not for a connection: to remove something from a cache,
// or to count who is present. The handler runs once on each node where it is registered and that Emit with the target
// [Nodes] reaches, the emitting node included. OnEvent for the same event handles it for connections and is independent
// of OnNode.
//
// The handlers of a server run one at a time, in their own goroutine. Events that one connection emits, or one
// goroutine that calls Server.Emit, arrive in that order; between emitters the order is not defined. Delivery is at
// most once, as for all events, and LayerAuth covers it. The context carries no values. It ends after
// Limits.HandlerTimeout, or with the context of Shutdown. Until then Shutdown waits for queued events.
//
// Up to 1,024 events, and 64 MiB, wait for a server. While the queue is full, Emit on the same server waits for up to a
// second. Beyond that an event is dropped, counted and logged. So is an event that is not valid for E. An error, a
// panic, or the end of the goroutine is logged and counted in Stats.NodeEvents. Of the methods of an Observer only
// Publish and Drop are called.
//
// OnNode may be called at any time, concurrently with everything else. It waits until the channel layer has subscribed,
// for up to Limits.PublishTimeout; if the layer is down it subscribes later. It panics if E is a pointer, has no name
// or cannot be an event, and if the server has a handler of that name.
func OnNode[E Event](s *Server, h func(ctx context.Context, e E) error) {
	t := reflect.TypeFor[E]()
	if h == nil {
		panic(fmt.Sprintf("chanx: register node event %s: its handler is nil", t))
	}
	checkValue(t, "node event", "Event")
	s.nodeEvents.register(&nodeHandler{
		name: reflect.Zero(t).Interface().(Event).Event(), make: func() any { return new(E) },
		run: func(ctx context.Context, v any) error { return h(ctx, *v.(*E)) },
	}, t)
}

// Nodes is the target for handlers registered with OnNode, on every node. It is a target of Emit only. It may be
// combined with other targets, which reach connections.
func Nodes() Target { return target{nodes: true} }

// nodeHandler is an event and its handler on a node.
type nodeHandler struct {
	name    string
	typ     *schema.Type
	codec   *schema.Codec
	make    func() any
	run     func(ctx context.Context, v any) error
	handled handledCounter
}

const (
	maxNodeEvents     = 1024
	maxNodeEventBytes = 64 << 20
	maxNodeEventWait  = time.Second // how long Emit waits for room
)

// nodeEvents is the queue of events for a server. Its worker goroutine exists only while events are queued.
type nodeEvents struct {
	srv    *Server
	ctx    context.Context // context of handlers
	cancel context.CancelFunc

	mu       sync.Mutex
	handlers map[string]*nodeHandler
	queue    []*delivery
	bytes    int
	working  bool
	closed   bool
	changed  chan struct{} // closed when there is more room, or no event left; nil while no goroutine waits
}

func (n *nodeEvents) init(s *Server) {
	n.srv, n.handlers = s, map[string]*nodeHandler{}
	n.ctx, n.cancel = context.WithCancel(context.Background())
}

func (n *nodeEvents) register(h *nodeHandler, t reflect.Type) {
	fail := func(err error) { panic(fmt.Sprintf("chanx: register node event %s: %v", t, err)) }
	if err := checkEventName(t, h.name); err != nil {
		panic("chanx: register node " + err.Error())
	}
	var err error
	if h.typ, err = n.srv.compileAny(t); err == nil {
		err = checkEvent(h.typ)
	}
	if err == nil {
		h.codec, err = h.typ.Codec(schema.AsDeclared)
	}
	if err != nil {
		fail(err)
	}
	h.handled = make(handledCounter, 1)
	n.mu.Lock()
	if other := n.handlers[h.name]; other != nil {
		n.mu.Unlock()
		fail(fmt.Errorf("the server has a handler of %q already, for %s: make one of both", h.name, other.typ.GoType()))
	}
	n.handlers[h.name] = h
	isFirst := len(n.handlers) == 1 && !n.closed
	n.mu.Unlock()
	if !isFirst {
		return
	}
	n.srv.node.Subscriptions.Count(cluster.EveryNode, 1)
	if err := n.srv.syncSubscriptions(n.ctx, "subscribe to", cluster.EveryNode); err != nil && !errors.Is(err, ErrClosed) {
		n.srv.logSyncError(err)
	}
}

// push queues an event if a handler is registered. With mayWait it waits for room.
func (n *nodeEvents) push(ctx context.Context, d *delivery, mayWait bool) {
	switch why := n.add(ctx, d, mayWait); why {
	case "":
	case DropEventsUndeclared:
		n.srv.skippedByNode(why)
	default:
		n.srv.lostNodeEvents(why, 1)
	}
}

// add implements push. It returns the reason if the event is dropped.
func (n *nodeEvents) add(ctx context.Context, d *delivery, mayWait bool) (dropped DropReason) {
	n.mu.Lock()
	defer n.mu.Unlock()
	switch {
	case len(n.handlers) == 0:
		return "" // this node handles no events
	case n.handlers[d.Action] == nil:
		return DropEventsUndeclared
	case mayWait:
		n.wait(ctx, maxNodeEventWait, func() bool { return !n.isFull() || n.closed })
	}
	switch {
	case n.closed:
		return DropEventsNodeUnhandled
	case n.isFull():
		return DropEventsNodeOverflow
	}
	n.queue = append(n.queue, d)
	n.bytes += max(d.wire, len(d.Payload))
	if !n.working {
		n.working = true
		go n.work()
	}
	return ""
}

func (n *nodeEvents) isFull() bool {
	return len(n.queue) >= maxNodeEvents || n.bytes >= maxNodeEventBytes
}

// wait returns when done reports true, the time is over or ctx ends. The caller holds mu.
func (n *nodeEvents) wait(ctx context.Context, most time.Duration, done func() bool) {
	if done() {
		return
	}
	late := time.NewTimer(most)
	defer late.Stop()
	for !done() {
		if n.changed == nil {
			n.changed = make(chan struct{})
		}
		changed, over := n.changed, false
		n.mu.Unlock()
		select {
		case <-changed:
		case <-late.C:
			over = true
		case <-ctx.Done():
			over = true
		}
		n.mu.Lock()
		if over {
			return
		}
	}
}

// work handles events until the queue is empty. A handler that ends the goroutine (runtime.Goexit) loses only its own
// event: another worker continues.
func (n *nodeEvents) work() {
	over := false
	defer func() {
		if !over {
			go n.work()
		}
	}()
	for {
		d, h := n.next()
		if d == nil {
			break
		}
		n.handle(d, h)
	}
	over = true
}

// next removes and returns the oldest event, or nil.
func (n *nodeEvents) next() (d *delivery, h *nodeHandler) {
	n.mu.Lock()
	defer n.mu.Unlock()
	if n.changed != nil {
		close(n.changed)
		n.changed = nil
	}
	if n.working = len(n.queue) > 0; !n.working {
		n.queue = nil
		return nil, nil
	}
	d = n.queue[0]
	n.queue[0] = nil
	n.queue = n.queue[1:]
	n.bytes -= max(d.wire, len(d.Payload))
	return d, n.handlers[d.Action]
}

func (n *nodeEvents) handle(d *delivery, h *nodeHandler) {
	s, v := n.srv, h.make()
	invalid := func(err error) {
		s.logError("chanx: event is not valid", h.name, err)
		s.lostNodeEvents(DropEventsInvalid, 1)
	}
	if !attempt(func() error { return h.codec.Unmarshal(d.Payload, v, s.limits.schema()) }, invalid) {
		return
	}
	ctx := n.ctx
	if s.limits.HandlerTimeout != maxDuration {
		var cancel context.CancelFunc
		ctx, cancel = context.WithTimeout(ctx, s.limits.HandlerTimeout)
		defer cancel()
	}
	watch := h.handled[0].begin(true)
	end := func(err error) {
		watch.stop()
		if err != nil {
			h.handled[0].failed.Add(1)
			s.logError("chanx: node event handler failed", h.name, err)
		}
	}
	if attempt(func() error { return h.run(ctx, v) }, end) {
		end(nil)
	}
}

// close refuses further events and waits for queued ones. If ctx ends first, it drops them and ends the context of the
// running handler.
func (n *nodeEvents) close(ctx context.Context) (err error) {
	defer n.cancel()
	n.mu.Lock()
	subscribed, left := !n.closed && len(n.handlers) > 0, 0
	n.closed = true
	n.wait(ctx, maxDuration, func() bool { return !n.working })
	if n.working {
		err, left = ctx.Err(), len(n.queue)
		n.queue, n.bytes = nil, 0
	}
	n.mu.Unlock()
	n.srv.lostNodeEvents(DropEventsNodeUnhandled, left)
	if subscribed {
		n.srv.node.Subscriptions.Count(cluster.EveryNode, -1)
		_ = n.srv.syncSubscriptions(ctx, "unsubscribe from", cluster.EveryNode) // ignore the error: the link is closed next
	}
	return err
}

func (n *nodeEvents) addTo(st *Stats) {
	n.mu.Lock()
	defer n.mu.Unlock()
	for name, h := range n.handlers {
		st.NodeEvents[name] = h.handled.addTo(HandledStats{})
	}
}

// lostNodeEvents counts and logs lost events of the server itself.
func (s *Server) lostNodeEvents(why DropReason, n int) {
	if n > 0 {
		s.countDrop(nil, why, n)
		s.logDrop(why, n)
	}
}

// logError logs an error of no connection. See Conn.logError.
func (s *Server) logError(text, event string, err error) {
	kind := s.lines.Variant(throttle.Kind{Text: text, Detail: event + throttle.Types(err)}, err.Error())
	s.lines.Log(context.Background(), slog.LevelError, kind, 1, append([]any{"event", event}, errorAttrs(err)...)...)
}
