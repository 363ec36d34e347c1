package main

import (
	"context"
	"errors"
	"fmt"
	"sync"
)

// keeper starts processes, and restarts them when they end.
type keeper struct {
	ctx    context.Context
	end    context.CancelFunc
	screen *screen
	wait   func(context.Context)

	keeping sync.WaitGroup
	mu      sync.Mutex
	errs    []error // of processes that did not end as they should
}

// newKeeper returns a keeper whose processes end with ctx, or by stop.
func newKeeper(ctx context.Context, s *screen, wait func(context.Context)) *keeper {
	k := &keeper{screen: s, wait: wait}
	k.ctx, k.end = context.WithCancel(ctx)
	return k
}

// start returns when the process is ready, or an error if it ends before. Later failures are not returned: keeper retries.
func (k *keeper) start(p *process) (*life, error) {
	l, err := p.start(k.ctx, k.screen)
	if err == nil {
		k.keeping.Go(func() { k.keep(l) })
	}
	return l, err
}

func (k *keeper) keep(l *life) {
	for l != nil {
		<-l.ended
		l.down(l.address)
		if k.ctx.Err() != nil {
			k.note(l.failure())
			return
		}
		k.screen.say("%s has ended: %v\n", l.name, l.cmd.ProcessState)
		l = k.again(l.process)
	}
}

// again retries until the process runs. It returns nil when the keeper ends.
func (k *keeper) again(p *process) *life {
	for {
		k.wait(k.ctx)
		if k.ctx.Err() != nil {
			return nil
		}
		l, err := p.start(k.ctx, k.screen)
		switch {
		case err == nil:
			k.screen.say("%s is back at %s, pid %d\n", l.name, l.address, l.pid())
			return l
		case k.ctx.Err() == nil:
			k.screen.say("%v\n", err)
		}
	}
}

func (k *keeper) note(err error) {
	k.mu.Lock()
	defer k.mu.Unlock()
	k.errs = append(k.errs, err)
}

// stop ends all processes and waits for them. It returns the errors of those that had to be killed or failed at the end.
func (k *keeper) stop() error {
	k.end()
	k.keeping.Wait()
	if err := errors.Join(k.errs...); err != nil {
		return fmt.Errorf("not ended in order: %w", err)
	}
	return nil
}
