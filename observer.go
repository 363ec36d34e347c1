package chanx

import (
	"context"
	"fmt"
	"log/slog"
	"runtime/debug"
	"slices"

	"github.com/chanx-go/chanx/internal/throttle"
)

// Observer is told what happens on a server, for metrics and tracing. Its methods are called from many goroutines, some
// of them for every frame: they must not block. A panic of one is logged, and changes nothing else; to end
// the goroutine is no way to fail. Embed NopObserver to implement only some, and to stay an Observer when
// there are more.
type Observer interface {
	// Open is called for each connection whose handshake was answered and that was not refused, before OnOpen.
	Open(c *Conn)

	// Close is called for each of them when it has ended and OnClose has run.
	Close(c *Conn, cause *CloseError)

	// In is called before the middleware and the handler of each message and event, with the handler's context, and
	// returns the context to go on with and a function for the end, or nil. It gets the error of the handler. A frame that
	// did not pass validation has no Action, and its error is a ValidationError. A message that gets no handler for another
	// reason, such as "rate_limited" or "duplicate_ref", is not told.
	In(ctx context.Context, k *Call) (context.Context, func(error))

	// Out is called for each frame that goes into a connection's queue, with its size in bytes, uncompressed. One of a group message for
	// which there turns out to be no room is told to Drop too.
	Out(c *Conn, action string, bytes int)

	// Drop is called when something was discarded: what is a key of Stats.Drops, n is in its unit, and c is nil if it was of no
	// connection.
	Drop(c *Conn, what string, n int)

	// Publish is called before a broadcast, event or command is handed to the channel layer, and returns a function for
	// the end, or nil.
	Publish(ctx context.Context, p *Publication) func(error)
}

// Publication is what travels to other nodes, as an Observer sees it.
type Publication struct {
	Action  string // of the message, or the event's name, or the command
	IsEvent bool
	Targets int
	headers []header
}

// SetHeader adds something that In finds with Call.Header on the nodes that receive it: the context of a trace. There
// may be up to 64.
func (p *Publication) SetHeader(name, value string) {
	if len(p.headers) < maxHeaders {
		p.headers = append(p.headers, header{name, value})
	}
}

// Header is what an Observer's Publish has set on the node that emitted the event, or "".
func (k *Call) Header(name string) string {
	i := slices.IndexFunc(k.headers, func(h header) bool { return h.name == name })
	if i < 0 {
		return ""
	}
	return k.headers[i].value
}

// NopObserver does nothing.
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
func (NopObserver) Drop(*Conn, string, int) {}

// Publish does nothing.
func (NopObserver) Publish(context.Context, *Publication) func(error) { return nil }

var _ Observer = NopObserver{}

// observe is middleware that tells an Observer.
func observe(o *guardedObserver) Middleware {
	return func(next Handler) Handler {
		return func(ctx context.Context, k *Call) error {
			ctx, done := o.In(ctx, k)
			end := func(err error) { o.done("In", done, err) }
			err := k.Conn.guardTo(end, func() error { return next(ctx, k) })
			end(err)
			return err
		}
	}
}

// sent counts a frame that was put into the queue, and tells of it.
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

// refused tells an Observer of a frame that did not pass validation, and the log, at debug level, of the first error of
// an application's method whose text the client is not told.
func (c *Conn) observeInvalid(items ValidationError, no uint64) {
	for _, item := range items {
		if item.Cause != nil {
			c.debug("chanx: value refused", "message", no, "loc", item.Loc, "error", item.Cause)
			break
		}
	}
	if c.mount.observer == nil {
		return
	}
	_, done := c.mount.observer.In(c.ctx, &Call{Conn: c, no: no})
	c.mount.observer.done("In", done, items)
}

// guardedObserver is an Observer of the application whose panics are contained: it is called from places where one would
// end the process, or leave a connection half done.
type guardedObserver struct {
	o     Observer
	lines *throttle.Log
}

var _ Observer = (*guardedObserver)(nil)

// contain is to be deferred.
func (g *guardedObserver) contain(method string) {
	v := recover()
	if v == nil {
		return
	}
	kind := throttle.Kind{Text: "chanx: observer failed", Detail: method}
	if !g.lines.Skip(kind, 1) { // it may fail for every frame, and a stack takes long
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

// In returns a context to go on with in any case.
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

func (g *guardedObserver) Drop(c *Conn, what string, n int) {
	defer g.contain("Drop")
	g.o.Drop(c, what, n)
}

func (g *guardedObserver) Publish(ctx context.Context, p *Publication) (done func(error)) {
	defer g.contain("Publish")
	return g.o.Publish(ctx, p)
}

// done calls what In or Publish has returned.
func (g *guardedObserver) done(method string, done func(error), err error) {
	if done == nil {
		return
	}
	defer g.contain(method)
	done(err)
}
