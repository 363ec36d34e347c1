package chanx

import (
	"context"
	"errors"
	"fmt"
	"sync"
	"time"

	"github.com/chanx-go/chanx/layer"
)

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
