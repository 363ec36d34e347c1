package chanx

import (
	"context"
	"fmt"
	"log/slog"
	"runtime/debug"
	"slices"

	"github.com/chanx-go/chanx/internal/cluster"
	"github.com/chanx-go/chanx/internal/throttle"
)

// Observer receives what happens on a server, for metrics and tracing. Its methods are called from many goroutines,
// some of them for every frame, so they must not block. A panic in one is logged and changes nothing else. A method
// must not end its goroutine. Embed NopObserver to implement only some methods, and to remain an Observer when methods
// are added.
type Observer interface {
	// Open is called for each connection whose handshake was answered and that was not refused, before OnOpen.
	Open(c *Conn)

	// Close is called for each of these connections when it has ended and OnClose has run.
	Close(c *Conn, cause *CloseError)

	// In is called before the middleware and the handler of each message and event, with the handler's context. It
	// returns the context to use from then on, and a function to call at the end with the handler's error, or nil. For
	// a frame that did not pass validation, the Call has no Action, and the error is a ValidationError. In is not
	// called for a message that is refused for another reason, such as "rate_limited" or "duplicate_ref".
	In(ctx context.Context, k *Call) (context.Context, func(error))

	// Out is called for each frame that is queued for a connection, with its size in bytes before compression. If there
	// turns out to be no room for the frame of a group message, Drop is called too.
	Out(c *Conn, action string, bytes int)

	// Drop is called when something was discarded. n counts in the unit of why, and c is nil if no single connection
	// lost it.
	Drop(c *Conn, why DropReason, n int)

	// Publish is called before a broadcast, event or command is passed to the channel layer. It returns a function to
	// call at the end, or nil.
	Publish(ctx context.Context, p *Publication) func(error)
}

// Publication is a broadcast, event or command for other nodes, as an Observer sees it.
type Publication struct {
	Action  string // of the message, or the event's name, or the command
	IsEvent bool
	Targets int
	headers cluster.Headers
}

// SetHeader adds a header, such as a trace context. In finds it with Call.Header on the nodes that receive an event.
// Headers beyond 64 are ignored.
func (p *Publication) SetHeader(name, value string) { p.headers.Add(name, value) }

// Header returns a header that an Observer's Publish has set on the node that emitted the event, or "".
func (k *Call) Header(name string) string { return k.headers.Get(name) }

// NopObserver is an Observer that does nothing.
type NopObserver struct{}

// Open does nothing.
func (NopObserver) Open(*Conn) {}

// Close does nothing.
func (NopObserver) Close(*Conn, *CloseError) {}

// In does nothing.
func (NopObserver) In(ctx context.Context, _ *Call) (context.Context, func(error)) { return ctx, nil }

// Out does nothing.
func (NopObserver) Out(*Conn, string, int) {}

// Drop does nothing.
func (NopObserver) Drop(*Conn, DropReason, int) {}

// Publish does nothing.
func (NopObserver) Publish(context.Context, *Publication) func(error) { return nil }

var _ Observer = NopObserver{}

// observe is middleware that calls an Observer.
func observe(o *guardedObserver) Middleware {
	return func(next Handler) Handler {
		return func(ctx context.Context, k *Call) error {
			ctx, done := o.In(ctx, k)
			var err error
			end := func(failure error) {
				err = failure
				o.done("In", done, err)
			}
			if attempt(func() error { return next(ctx, k) }, end) {
				end(nil)
			}
			return err
		}
	}
}

// sent counts and logs a frame that was queued, and calls the Observer.
func (c *Conn) sent(counter sentCounter, action string, bytes int) {
	counter.of(c).add(1, bytes)
	m := c.mount
	if m.observer != nil {
		m.observer.Out(c, action, bytes)
	}
	if m.logs && !slices.Contains(m.quiet, action) {
		c.logMessage("chanx: sent", "action", action, "bytes", bytes)
	}
}

// observeInvalid reports a frame that did not pass validation to the Observer, and logs its cause.
func (c *Conn) observeInvalid(items ValidationError, no uint64) {
	c.logCause(items, "message", no)
	if c.mount.observer == nil {
		return
	}
	_, done := c.mount.observer.In(c.ctx, &Call{Conn: c, no: no})
	c.mount.observer.done("In", done, items)
}

// logCause logs at debug level the first error of an application's method whose text is not sent to the client.
func (c *Conn) logCause(items ValidationError, attrs ...any) {
	i := slices.IndexFunc(items, func(item FieldError) bool { return item.Cause != nil })
	if i >= 0 {
		c.debug("chanx: value refused", append(attrs, "loc", items[i].Loc, "error", items[i].Cause)...)
	}
}

// guardedObserver recovers from panics of the application's Observer. Observers are called from places where a panic
// would end the process, or leave a connection half done.
type guardedObserver struct {
	o     Observer
	lines *throttle.Log
}

var _ Observer = (*guardedObserver)(nil)

// contain recovers from a panic. It must be deferred.
func (g *guardedObserver) contain(method string) {
	v := recover()
	if v == nil {
		return
	}
	kind := throttle.Kind{Text: "chanx: observer failed", Detail: method}
	if !g.lines.Skip(kind, 1) { // skipping early is cheap: an Observer may fail for every frame, and a stack trace is slow
		g.lines.Log(context.Background(), slog.LevelError, kind, 1,
			"method", method, "error", fmt.Sprintf("panic: %v", v), "stack", string(debug.Stack()))
	}
}

func (g *guardedObserver) Open(c *Conn) {
	defer g.contain("Open")
	g.o.Open(c)
}

func (g *guardedObserver) Close(c *Conn, cause *CloseError) {
	defer g.contain("Close")
	g.o.Close(c, cause)
}

// In always returns a context to use.
func (g *guardedObserver) In(ctx context.Context, k *Call) (_ context.Context, done func(error)) {
	next := ctx
	func() {
		defer g.contain("In")
		var given context.Context
		if given, done = g.o.In(ctx, k); given != nil {
			next = given
		}
	}()
	return next, done
}

func (g *guardedObserver) Out(c *Conn, action string, bytes int) {
	defer g.contain("Out")
	g.o.Out(c, action, bytes)
}

func (g *guardedObserver) Drop(c *Conn, why DropReason, n int) {
	defer g.contain("Drop")
	g.o.Drop(c, why, n)
}

func (g *guardedObserver) Publish(ctx context.Context, p *Publication) (done func(error)) {
	defer g.contain("Publish")
	return g.o.Publish(ctx, p)
}

// done calls the function that In or Publish has returned.
func (g *guardedObserver) done(method string, done func(error), err error) {
	if done == nil {
		return
	}
	defer g.contain(method)
	done(err)
}
