package chanx

import (
	"context"
	"errors"
	"log/slog"
	"net/http"
	"sync/atomic"
	"time"

	"github.com/chanx-go/chanx/internal/socket"
)

// initContext calls ConsumerOptions.Context and derives the connection's context from the result. A context that has
// ended, or ends with the request, would end every handler before it begins, so it is an error. No other goroutine
// knows the connection yet.
func (c *Conn) initContext(r *http.Request) (given context.Context, err error) {
	own, cancel := context.WithCancel(r.Context())
	given = c.mount.opts.Context((*connRoot)(c), r.WithContext(own))
	cancel() // the request's context will end soon, so contexts derived from it must fail now
	if err := checkContext(given, c); err != nil {
		return nil, err
	}
	c.ctx, c.cancel = context.WithCancel(given)
	return given, nil
}

// watchContext checks the context of ConsumerOptions.Context again, because another goroutine may have cancelled it
// since. From then on it closes the connection when that context ends.
func (c *Conn) watchContext(given context.Context) error {
	err := checkContext(given, c)
	if err == nil && given.Done() != nil {
		context.AfterFunc(given, c.contextEnded)
	}
	return err
}

func checkContext(ctx context.Context, c *Conn) error {
	const fix = ": derive it from the first argument of ConsumerOptions.Context, as context.WithValue(ctx, key, value) does, " +
		"not from the request's context, and do not cancel it"
	switch {
	case ctx == nil:
		return errors.New("chanx: open connection: ConsumerOptions.Context returned nil" + fix)
	case connOf(ctx) != c:
		return errors.New("chanx: open connection: the context of ConsumerOptions.Context is not derived from its first argument" + fix)
	case ctx.Err() != nil:
		return errors.New("chanx: open connection: the context of ConsumerOptions.Context has ended" + fix)
	}
	return nil
}

// contextEnded is called when the context of ConsumerOptions.Context has ended. It closes an open connection, because
// its handlers could do nothing any more.
func (c *Conn) contextEnded() {
	c.mu.Lock()
	wire, over := c.wire, c.ended || c.left
	c.mu.Unlock()
	if over || wire != nil && errors.Is(wire.WritePrepared(nil, true), socket.ErrClosed) {
		return
	}
	c.logError(slog.LevelError, "chanx: connection failed", "context", checkContext(c.ctx, c))
	c.logUnsent(c.disconnect(socket.CloseInternal, "internal error"))
}

// connRoot is a Conn as the root of its context tree: connOf finds the connection in every context derived from it.
type connRoot Conn

type connKey struct{}

func (*connRoot) Deadline() (time.Time, bool) { return time.Time{}, false }

func (*connRoot) Done() <-chan struct{} { return nil }

func (*connRoot) Err() error { return nil }

func (o *connRoot) Value(key any) any {
	if key == (connKey{}) {
		return (*Conn)(o)
	}
	return nil
}

// connOf returns the connection whose context ctx is derived from, or nil.
func connOf(ctx context.Context) *Conn {
	c, _ := ctx.Value(connKey{}).(*Conn)
	return c
}

// handlerContext is the context of a handler in the connection's queue, until the handler ends. Every context derived
// from it finds it, so frames that are sent with such a context wait for the end of the batch too: the messages and
// events that a connection handles without a pause. A goroutine that the handler left behind may keep it: it is never
// used again.
type handlerContext struct {
	context.Context
	conn  *Conn // nil until the handler begins
	ended atomic.Bool
}

type handlerKey struct{}

// received is a decoded message or event with the context of its handler: they need only one allocation.
type received[M any] struct {
	value M
	ctx   handlerContext
}

func newReceived[M any]() (value any, _ *handlerContext) {
	r := new(received[M])
	return &r.value, &r.ctx
}

// begin starts the context of a handler of c. It is derived from ctx.
func (h *handlerContext) begin(ctx context.Context, c *Conn) context.Context {
	h.Context, h.conn = ctx, c
	return h
}

func (h *handlerContext) end() { h.ended.Store(true) }

// corks reports whether frames of the running handler of c may wait for the end of the batch.
func (h *handlerContext) corks(c *Conn) bool { return h.conn == c && !h.ended.Load() }

func (h *handlerContext) Value(key any) any {
	if key == (handlerKey{}) {
		return h
	}
	return h.Context.Value(key)
}

// mayCork reports whether frames that are sent to c with ctx may wait for the end of the batch: ctx is derived from the
// context of a handler that runs in the queue of c.
func mayCork(ctx context.Context, c *Conn) bool {
	if ctx == nil {
		return false
	}
	h, _ := ctx.Value(handlerKey{}).(*handlerContext)
	return h != nil && h.corks(c)
}
