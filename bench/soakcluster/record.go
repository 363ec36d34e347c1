//go:build linux

package main

import (
	"slices"
	"time"
)

// record is what happened. Times are those of now.
type record struct {
	began     int64 // of the run, which reports count from
	sendings  []*sending
	receivers []*receiver
	statuses  map[string][]status // by node, as it told them
	killed    map[string]int64    // nodes
}

// sending is a call of Broadcast or Emit.
type sending struct {
	mark
	Node    string // a process: one that is started again has another name
	Done    int64  // when the call ended
	Error   string
	Unknown bool // what became of it: whoever asked for it lost its connection
}

// receiver is one connection of a client.
type receiver struct {
	name, node, user string
	groups           []string
	ready            int64 // when it knew that it was a member; 0: never
	ended            int64 // when it was lost or left; 0: it lasted
	got              []receipt
}

// receipt is a message or an event that a receiver got.
type receipt struct {
	id
	by       string // the first of the targets that it is one of; "" is none
	sent, at int64
}

// id is what distinguishes all that is sent.
type id struct {
	from  string
	event bool
	no    int
}

func (m *mark) id() id { return id{m.From, m.Event, m.No} }

// by is the target by which the receiver gets a message.
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
	down     bool // else the layer was up all the time
	gap      bool // what was lost was told
}

const never = int64(1) << 62

// windows are those between two statuses: the first says when it began, the second whether there was a gap.
func windows(statuses []status) (all []window) {
	last, down := int64(0), false
	for _, s := range statuses {
		if down && !s.Up { // a second word of the same loss is not its beginning
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

// lead is how long before a node notices a loss it may have begun; lag, how long after the layer is up again a node may need to
// tell. On a machine that is not overloaded both are some milliseconds, which the report shows.
const lead, lag = int64(5 * time.Second / time.Microsecond), int64(2 * time.Second / time.Microsecond)

// covers reports whether what was sent may have been lost in the window.
func (w window) covers(s *sending) bool {
	from := w.from
	if w.down {
		from -= lead
	}
	return s.Done >= from && s.At <= w.to
}
