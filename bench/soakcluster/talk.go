//go:build linux

package main

import (
	"fmt"
	"math/rand/v2"
	"time"
)

// burst is the number of sendings without a pause.
const burst = 4

func group(i int) string { return fmt.Sprint(groupPrefix, i) }
func user(i int) string  { return fmt.Sprint(userPrefix, i) }

// talk generates the messages and events of one sender.
type talk struct {
	from             string
	rnd              *rand.Rand
	groups, users    int
	messages, events int // numbers of the last ones
}

func newTalk(from string, seed uint64, groups, users int) *talk {
	return &talk{from: from, rnd: rand.New(rand.NewPCG(seed, 1)), groups: groups, users: users}
}

// next returns a message or an event with random targets.
func (t *talk) next() mark {
	g := group(t.rnd.IntN(t.groups))
	to := []string{g}
	switch t.rnd.IntN(10) {
	case 0:
		if other := group(t.rnd.IntN(t.groups)); other != g {
			to = append(to, other)
		}
	case 1:
		to = append(to, user(t.rnd.IntN(t.users)))
	case 2:
		to = []string{user(t.rnd.IntN(t.users))}
	}
	return t.number(t.rnd.IntN(3) == 0, to...)
}

func (t *talk) number(event bool, to ...string) mark {
	count := &t.messages
	if event {
		count = &t.events
	}
	*count++
	return mark{From: t.from, Event: event, No: *count, To: to}
}

// pause returns a random time between bursts for a rate a second.
func (t *talk) pause(rate float64) time.Duration {
	return time.Duration(t.rnd.ExpFloat64() * burst / rate * float64(time.Second))
}
