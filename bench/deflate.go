//go:build linux

package main

import (
	"errors"
	"fmt"
	"time"

	"github.com/chanx-go/chanx/bench/load"
	"github.com/chanx-go/chanx/bench/measure"
	"github.com/chanx-go/chanx/bench/serve"
)

// deflatedSize is the size of a message that is worth compressing.
const deflatedSize = 1000

// deflate is a fan-out of larger messages with compression. Each server is compared with itself without.
func (s scale) deflate(conns int) measure.Workload {
	return measure.Workload{
		Name: "deflate", Unit: cpuUnit,
		Title:   fmt.Sprintf("fan-out of %d B to %s, deflated, a delivery; ratio: to the same without", deflatedSize, thousands(s.conns(conns))),
		Servers: names(func(s *serve.Server) bool { return s.Deflates }),
		Start: func(server string) (measure.Subject, error) {
			plain, err := start(server, s.options("deflate-plain", server))
			if err != nil {
				return nil, err
			}
			opts := s.options("deflate", server)
			opts.Deflate = true
			deflated, err := start(server, opts)
			if err != nil {
				return nil, errors.Join(err, plain.Stop())
			}
			say := func(l *load.Load, d time.Duration) (int, error) { return l.Say(d, 1) }
			return pair{
				worker{team: plain, scale: s, conns: s.conns(conns), size: deflatedSize, do: say},
				worker{team: deflated, scale: s, conns: s.conns(conns), size: deflatedSize, do: say},
			}, nil
		},
	}
}

// pair is a server with and without compression; the second is the baseline.
type pair struct{ base, other worker }

// Measure runs the same work on both.
func (p pair) Measure() (measure.Figure, error) {
	b, err := p.base.Measure()
	if err != nil {
		return b, err
	}
	f, err := p.other.Measure()
	f.Base = b.Value
	return f, err
}

// Stop ends both.
func (p pair) Stop() error { return errors.Join(p.base.Stop(), p.other.Stop()) }
