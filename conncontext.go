package chanx

import (
	"context"
	"errors"
	"log/slog"
	"net/http"
	"time"

	"github.com/chanx-go/chanx/internal/socket"
)

// initContext calls ConsumerOptions.Context and makes the connection's context of what it returns. A context that has
// ended, or ends with the request, would end every handler before it begins: it is an error. Nobody else knows the
// connection yet.
func (c *Conn) initContext(r *http.Request) (given context.Context, err error) {
	own, cancel := context.WithCancel(r.Context())
	given = c.mount.opts.Context((*connRoot)(c), r.WithContext(own))
	cancel() // as the request's context ends soon: what is derived from it ends now
	if err := checkContext(given, c); err != nil {
		return nil, err
	}
	c.ctx, c.cancel = context.WithCancel(given)
	return given, nil
}

// watchContext checks the context of ConsumerOptions.Context again, which may have ended in a goroutine of its own, and
// from then on closes the connection when it ends.
func (c *Conn) watchContext(given context.Context) error {
	err := checkContext(given, c)
	if err == nil && given.Done() != nil {
		context.AfterFunc(given, c.contextEnded)
	}
	return err
}

func checkContext(ctx context.Context, c *Conn) error {
	const mend = ": derive it from the first argument of ConsumerOptions.Context, as context.WithValue(ctx, key, value) does, " +
		"not from the request's context, and do not cancel it"
	switch {
	case ctx == nil:
		return errors.New("chanx: open connection: ConsumerOptions.Context returned nil" + mend)
	case connOf(ctx) != c:
		return errors.New("chanx: open connection: the context of ConsumerOptions.Context is not derived from its first argument" + mend)
	case ctx.Err() != nil:
		return errors.New("chanx: open connection: the context of ConsumerOptions.Context has ended" + mend)
	}
	return nil
}

// contextEnded is called when the context of ConsumerOptions.Context has ended. The handlers of a connection that is open
// could do nothing any more.
func (c *Conn) contextEnded() {
	c.mu.Lock()
	wire, over := c.wire, c.ended || c.left
	c.mu.Unlock()
	if over || wire != nil && errors.Is(wire.WriteFrames(nil, true), socket.ErrClosed) {
		return
	}
	c.logError(slog.LevelError, "chanx: connection failed", "context", checkContext(c.ctx, c))
	c.logUnsent(c.disconnect(socket.CloseInternal, "internal error"))
}

// queueContext is the context of a handler in the connection's queue, where it differs from the connection's. What is sent
// with it may wait for the end of the batch.
type queueContext struct {
	context.Context
	conn *Conn
}

// connRoot is the parent of a connection's context, and the connection itself, so that every context that a handler is given,
// or derives, leads back to it.
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

// connOf is the connection whose context ctx is, or is derived from; nil if there is none.
func connOf(ctx context.Context) *Conn {
	c, _ := ctx.Value(connKey{}).(*Conn)
	return c
}

func inQueue(ctx context.Context, c *Conn) context.Context {
	if ctx == c.ctx {
		return ctx
	}
	return &queueContext{ctx, c}
}

// mayCork reports whether ctx is that of the handler which runs in the connection's queue, as it was given to it. One that
// is derived from it, or that of another goroutine, is not: then nothing may wait.
func mayCork(ctx context.Context, c *Conn) bool {
	if ctx == c.ctx {
		return true
	}
	o, is := ctx.(*queueContext)
	return is && o.conn == c
}
