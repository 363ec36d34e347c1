//go:build linux

package main

import (
	"context"
	"errors"
	"fmt"
	"net/netip"
	"time"

	"github.com/chanx-go/chanx/bench/load"
	"github.com/chanx-go/chanx/bench/soak/host"
)

// crowdTalk has the messages of the consumer at host.CrowdPath.
var crowdTalk = load.Talk{
	Echo: load.Exchange{Send: `{"action":"echo","payload":{"text":"hello"}}`, Want: `{"action":"echo","payload":{"text":"hello"}}`},
	Say: load.Exchange{
		Send: `{"action":"chat","payload":{"text":"hello"}}`,
		Want: `{"action":"chat","payload":{"text":"hello"},"is_mine":false,"is_current":false}`,
		Own:  `{"action":"chat","payload":{"text":"hello"},"is_mine":false,"is_current":true}`,
	},
}

// deadGoroutine is the size in bytes of a goroutine's descriptor, which the Go runtime keeps in the heap for reuse.
const deadGoroutine = 500

// playCrowd opens many connections, lets them send and receive, and closes them, three times: with a reset in the first and
// last round, with a closing handshake in the second.
func playCrowd(ctx context.Context, r *report, s settings) (err error) {
	p, err := host.Start(host.Options{})
	if err != nil {
		return err
	}
	defer func() { err = errors.Join(err, p.Stop()) }()
	if _, err := gather(p, min(s.scale.crowd, 100), false); err != nil { // for what the server allocates once
		return err
	}
	before, err := baseline(p, s.scale.still)
	if err != nil {
		return err
	}
	r.printf("before:  %s", before)
	for round := range 3 {
		if ctx.Err() != nil {
			return nil
		}
		began := time.Now()
		there, err := gather(p, s.scale.crowd, round == 1)
		if err != nil {
			return err
		}
		r.printf("round %d: %s with %d connections; opened, used and closed in %.1f s", round+1, there, there.Connections,
			time.Since(began).Seconds())
		if there.Connections != s.scale.crowd {
			r.violation("crowd: the server counts %d connections of %d", there.Connections, s.scale.crowd)
		}
		after, err := awaitBaseline(p, before)
		if err != nil {
			return err
		}
		r.printf("after:   %s", after)
		if round == 0 { // the Go runtime and the allocator keep memory of so many connections for ever
			before.Heap += int64(s.scale.crowd) * deadGoroutine
			r.compare("crowd, first round", before, after, s.scale.figures)
			before = after
			continue
		}
		r.compare(fmt.Sprintf("crowd, round %d beside the first", round+1), before, after, s.scale.figures)
	}
	return r.printDrops(p)
}

// gather opens n connections, lets each send a message and one broadcast to all, and closes them. It returns the host's
// usage while they were open.
func gather(p *host.Process, n int, orderly bool) (there usage, err error) {
	addr, err := netip.ParseAddrPort(p.Plain().Addr)
	if err != nil {
		return there, err
	}
	l, err := load.Open([]netip.AddrPort{addr}, n, crowdTalk)
	if err != nil {
		return there, err
	}
	defer func() { err = errors.Join(err, l.Close()) }()
	if _, err := l.Echo(0, 1); err != nil {
		return there, err
	}
	if _, err := l.Say(0, 1); err != nil {
		return there, err
	}
	if there, err = readUsage(p); err != nil || !orderly {
		return there, err
	}
	return there, l.Leave()
}
