package cluster

import (
	"context"
	"errors"
	"fmt"
	"sync"
	"time"

	"github.com/chanx-go/chanx/layer"
)

// lazyTimeout is context.WithTimeout whose timer starts at the first call of Done or Deadline. Most calls that are
// passed one return at once and use neither. Then there is no timer, and the parent context need not keep a list of
// children.
type lazyTimeout struct {
	context.Context // the parent
	timeout         time.Duration

	mu      sync.Mutex
	started context.Context // nil until the timer starts
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

// wrapError adds layer.ErrUnavailable to err if the timeout expired and not the parent's deadline.
func (p *lazyTimeout) wrapError(err error) error {
	if !errors.Is(err, context.DeadlineExceeded) || p.Context.Err() != nil || errors.Is(err, layer.ErrUnavailable) {
		return err
	}
	return fmt.Errorf("%w: no answer within %v: %w", layer.ErrUnavailable, p.timeout, err)
}

// stop releases the timer. It must be called when the call has returned.
func (p *lazyTimeout) stop() {
	p.mu.Lock()
	defer p.mu.Unlock()
	if p.ended = true; p.cancel != nil {
		p.cancel()
	}
}
