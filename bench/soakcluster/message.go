//go:build linux

package main

import (
	"strings"

	"golang.org/x/sys/unix"

	"github.com/chanx-go/chanx"
)

// mark is part of every message and event. A sender, which is one connection or one process, numbers its messages from 1, and
// its events too. A receiver gets rising numbers from one sender by one target.
type mark struct {
	From  string   `json:"from"`
	Event bool     `json:"event"`
	No    int      `json:"no"`
	To    []string `json:"to"` // groups and users, in the order in which they were named
	At    int64    `json:"at"` // when the call began
}

// said and ring are the message and the event under test; rang is the message that a client gets for the event.
type (
	said struct{ mark }
	ring struct{ mark }
	rang struct{ mark }
)

// say is a client's request to broadcast or emit, outcome its result.
type (
	say struct {
		Event bool     `json:"event"`
		No    int      `json:"no"`
		To    []string `json:"to"`
	}
	outcome struct {
		mark
		Done  int64  `json:"done"`  // when the call ended
		Error string `json:"error"` // "": none
	}
)

// welcome confirms to a client that it is a member of its groups.
type welcome struct {
	Down bool `json:"down"` // the layer is down, so messages from other nodes do not arrive yet
}

func (said) Action() string    { return "said" }
func (ring) Event() string     { return "ring" }
func (rang) Action() string    { return "rang" }
func (say) Action() string     { return "say" }
func (outcome) Action() string { return "outcome" }
func (welcome) Action() string { return "welcome" }

// unavailable is the outcome's error for errors that wrap layer.ErrUnavailable.
const unavailable = "unavailable"

// The names of groups and users have different prefixes, so that both can be in one list.
const groupPrefix, userPrefix = "g", "u"

func targets(names []string) (all []chanx.Target) {
	for _, name := range names {
		if strings.HasPrefix(name, groupPrefix) {
			all = append(all, chanx.To(name))
		} else {
			all = append(all, chanx.ToUser(name))
		}
	}
	return all
}

// now returns the time of a clock that all processes of the machine share and that cannot be set, in microseconds.
func now() int64 {
	var t unix.Timespec
	if err := unix.ClockGettime(unix.CLOCK_MONOTONIC, &t); err != nil {
		panic("soakcluster: read clock: " + err.Error())
	}
	return t.Nano() / 1000
}
