package chanx

import (
	"context"
	"fmt"
	"log/slog"
	"runtime/debug"

	"github.com/chanx-go/chanx/internal/throttle"
)

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
