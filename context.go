package chanx

import (
	"context"
	"errors"
	"fmt"
	"sync"
	"time"

	"github.com/chanx-go/chanx/layer"
)

// ownContext is the context of a handler in the connection's queue, where it differs from the connection's. What is sent
// with it may wait for the end of the batch.
type ownContext struct {
	context.Context
	conn *Conn
}

// origin is the parent of a connection's context, and the connection itself, so that every context that a handler is given,
// or derives, leads back to it.
type origin Conn

type originKey struct{}

func (*origin) Deadline() (time.Time, bool) { return time.Time{}, false }
func (*origin) Done() <-chan struct{}       { return nil }
func (*origin) Err() error                  { return nil }

func (o *origin) Value(key any) any {
	if key == (originKey{}) {
		return (*Conn)(o)
	}
	return nil
}

// connOf is the connection whose context ctx is, or is derived from; nil if there is none.
func connOf(ctx context.Context) *Conn {
	c, _ := ctx.Value(originKey{}).(*Conn)
	return c
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

// patience is a context that ends after some time, or with another one. Most calls that get it return at once and do not
// ask when it ends: until one asks, there is no timer, the time has not begun, and the other context does not know of it,
// which would keep a list.
type patience struct {
	context.Context // the other one
	time            time.Duration

	mu      sync.Mutex
	timed   context.Context // nil until somebody asks
	cancel  context.CancelFunc
	ignored bool
}

func withPatience(ctx context.Context, d time.Duration) *patience {
	return &patience{Context: ctx, time: d}
}

func (p *patience) begin() context.Context {
	p.mu.Lock()
	defer p.mu.Unlock()
	if p.timed == nil {
		p.timed, p.cancel = context.WithTimeout(p.Context, p.time)
		if p.ignored {
			p.cancel()
		}
	}
	return p.timed
}

func (p *patience) Deadline() (time.Time, bool) { return p.begin().Deadline() }
func (p *patience) Done() <-chan struct{}       { return p.begin().Done() }

func (p *patience) Err() error {
	p.mu.Lock()
	defer p.mu.Unlock()
	if p.timed != nil {
		return p.timed.Err()
	}
	return p.Context.Err()
}

// explain tells the error of a layer that has not answered in time from one of the other context.
func (p *patience) explain(err error) error {
	if !errors.Is(err, context.DeadlineExceeded) || p.Context.Err() != nil || errors.Is(err, layer.ErrUnavailable) {
		return err
	}
	return fmt.Errorf("%w: no answer within %v: %w", layer.ErrUnavailable, p.time, err)
}

// end is to be called when the call has returned.
func (p *patience) end() {
	p.mu.Lock()
	defer p.mu.Unlock()
	if p.ignored = true; p.cancel != nil {
		p.cancel()
	}
}
