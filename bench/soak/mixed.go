//go:build linux

package main

import (
	"context"
	"errors"
	"fmt"
	"io"
	"maps"
	"math/rand/v2"
	"os"
	"slices"
	"strings"
	"sync"
	"syscall"
	"time"

	"github.com/chanx-go/chanx/bench/soak/host"
)

// cast sums up what the actors of one run have done.
type cast struct {
	mu      sync.Mutex
	lives   map[ending]int
	tooSlow int
	sent    int
	heard   int
}

// playMixed runs all actors twice: once to warm the server up, and once to compare its usage before and after.
func playMixed(ctx context.Context, r *report, s settings) (err error) {
	p, err := host.Start(host.Options{PingInterval: time.Second})
	if err != nil {
		return err
	}
	defer func() { err = errors.Join(err, p.Stop()) }()
	playCast(ctx, r, s, p, s.length/8)
	before, err := baseline(p, s.scale.still)
	if err != nil {
		return err
	}
	r.printf("before: %s", before)
	c := playCast(ctx, r, s, p, s.length)
	r.printf("%s", c)
	after, err := awaitBaseline(p, before)
	if err != nil {
		return err
	}
	r.printf("after:  %s", after)
	r.printf("drops: %s", drops(after.Drops))
	r.compare("mixed", before, after, s.scale.figures)
	return nil
}

// playCast keeps the same number of clients connected for d: a new one starts when one ends.
func playCast(ctx context.Context, r *report, s settings, p *host.Process, d time.Duration) *cast {
	ctx, cancel := context.WithTimeout(ctx, d)
	defer cancel()
	c := &cast{lives: map[ending]int{}}
	var all sync.WaitGroup
	for i := range s.scale.actors {
		all.Go(func() {
			random := rand.New(rand.NewPCG(s.seed, uint64(i)))
			for life := 0; ctx.Err() == nil; life++ {
				door := p.Doors[(i+life)%len(p.Doors)]
				a, err := perform(ctx, random, fmt.Sprintf("%d.%d", i, life), door, p)
				c.add(a, err)
				if err != nil && !errors.Is(err, errTooSlow) {
					r.violation("mixed: client %d.%d (TLS %t, deflate %t): %v", i, life, door.TLS, door.Deflate, err)
				}
			}
		})
	}
	all.Wait()
	return c
}

func (c *cast) add(a *actor, err error) {
	c.mu.Lock()
	defer c.mu.Unlock()
	c.lives[a.ending]++
	c.sent += a.ledger.refs
	c.heard += a.ledger.frames
	if errors.Is(err, errTooSlow) {
		c.tooSlow++
	}
}

func (c *cast) String() string {
	c.mu.Lock()
	defer c.mu.Unlock()
	n := 0
	var list []string
	for _, e := range slices.Sorted(maps.Keys(c.lives)) {
		n += c.lives[e]
		list = append(list, fmt.Sprintf("%d %s", c.lives[e], e))
	}
	return fmt.Sprintf("%d clients (%s; %d were too slow), %d messages sent, %d frames heard and checked", n, strings.Join(list, "; "), c.tooSlow,
		c.sent, c.heard)
}

func isTimeout(err error) bool { return errors.Is(err, os.ErrDeadlineExceeded) }

func isReset(err error) bool {
	return errors.Is(err, syscall.ECONNRESET) || errors.Is(err, syscall.EPIPE) || errors.Is(err, io.ErrClosedPipe)
}
