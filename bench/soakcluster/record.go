//go:build linux

package main

import (
	"slices"
	"time"
)

// record is everything that happened in a run. Times are those of now.
type record struct {
	began     int64 // start of the run; printed times are relative to it
	sendings  []*sending
	receivers []*receiver
	statuses  map[string][]status // by node, in the order reported
	killed    map[string]int64    // time by node
}

// sending is a call of Broadcast or Emit.
type sending struct {
	mark
	Node    string // a process; a restarted one has another name
	Done    int64  // when the call ended
	Error   string
	Unknown bool // the outcome is unknown, because the requesting client lost its connection
}

// receiver is one connection of a client.
type receiver struct {
	name, node, user string
	groups           []string
	ready            int64 // when it got the confirmation of its membership; 0: never
	ended            int64 // when it was lost or left; 0: it is still open
	got              []receipt
}

// receipt is a message or an event that a receiver got.
type receipt struct {
	id
	by       string // the first target that matches the receiver; "" is none
	sent, at int64
}

// id identifies a message or event.
type id struct {
	from  string
	event bool
	no    int
}

func (m *mark) id() id { return id{m.From, m.Event, m.No} }

// by returns the target by which the receiver gets a message.
func (r *receiver) by(to []string) string {
	for _, name := range to {
		if name == r.user || slices.Contains(r.groups, name) {
			return name
		}
	}
	return ""
}

// window is a time in which calls may have failed, publications may have been lost, or both.
type window struct {
	from, to int64
	down     bool // the layer was down; otherwise it was up all the time
	gap      bool // a gap was reported
}

const never = int64(1) << 62

// windows returns the windows between two statuses: the first marks the beginning, the second reports whether there was a
// gap.
func windows(statuses []status) (all []window) {
	last, down := int64(0), false
	for _, s := range statuses {
		if down && !s.Up { // a repeated status does not begin a window
			continue
		}
		if down || s.Up && s.Gap {
			all = append(all, window{last, s.At, down, s.Gap})
		}
		last, down = s.At, !s.Up
	}
	if down {
		all = append(all, window{last, never, true, true})
	}
	return all
}

// lead is the maximum time from a loss until a node detects it; lag, the maximum time from the recovery of the layer until a
// node reports it. On a machine without overload both are some milliseconds, which the report shows.
const lead, lag = int64(5 * time.Second / time.Microsecond), int64(2 * time.Second / time.Microsecond)

// covers reports whether a sending may have been lost in the window.
func (w window) covers(s *sending) bool {
	from := w.from
	if w.down {
		from -= lead
	}
	return s.Done >= from && s.At <= w.to
}
