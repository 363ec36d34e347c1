package chanx

import "context"

// ownContext is the context of a handler in the connection's queue, where it differs from the connection's. What is sent
// with it may wait for the end of the batch.
type ownContext struct {
	context.Context
	conn *Conn
}

func own(ctx context.Context, c *Conn) context.Context {
	if ctx == c.ctx {
		return ctx
	}
	return &ownContext{ctx, c}
}

// corks reports whether ctx is that of the handler which runs in the connection's queue, as it was given to it. One that
// is derived from it, or that of another goroutine, is not: then nothing may wait.
func corks(ctx context.Context, c *Conn) bool {
	if ctx == c.ctx {
		return true
	}
	o, is := ctx.(*ownContext)
	return is && o.conn == c
}
