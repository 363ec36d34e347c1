package chanx

import (
	"context"
	"errors"
	"fmt"
	"sync"
	"time"

	"github.com/chanx-go/chanx/layer"
)

// lazyTimeout is a context that ends after some time, or with another one. Most calls that get it return at once and do not
// ask when it ends: until one asks, there is no timer, the time has not begun, and the other context does not know of it,
// which would keep a list.
type lazyTimeout struct {
	context.Context // the other one
	timeout         time.Duration

	mu      sync.Mutex
	started context.Context // nil until somebody asks
	cancel  context.CancelFunc
	ended   bool
}

func newLazyTimeout(ctx context.Context, d time.Duration) *lazyTimeout {
	return &lazyTimeout{Context: ctx, timeout: d}
}

func (p *lazyTimeout) start() context.Context {
	p.mu.Lock()
	defer p.mu.Unlock()
	if p.started == nil {
		p.started, p.cancel = context.WithTimeout(p.Context, p.timeout)
		if p.ended {
			p.cancel()
		}
	}
	return p.started
}

func (p *lazyTimeout) Deadline() (time.Time, bool) { return p.start().Deadline() }
func (p *lazyTimeout) Done() <-chan struct{}       { return p.start().Done() }

func (p *lazyTimeout) Err() error {
	p.mu.Lock()
	defer p.mu.Unlock()
	if p.started != nil {
		return p.started.Err()
	}
	return p.Context.Err()
}

// explain tells the error of a layer that has not answered in time from one of the other context.
func (p *lazyTimeout) wrapError(err error) error {
	if !errors.Is(err, context.DeadlineExceeded) || p.Context.Err() != nil || errors.Is(err, layer.ErrUnavailable) {
		return err
	}
	return fmt.Errorf("%w: no answer within %v: %w", layer.ErrUnavailable, p.timeout, err)
}

// end is to be called when the call has returned.
func (p *lazyTimeout) stop() {
	p.mu.Lock()
	defer p.mu.Unlock()
	if p.ended = true; p.cancel != nil {
		p.cancel()
	}
}
