//go:build linux

package main

import (
	"fmt"
	"slices"
)

// The causes that excuse a missed delivery.
const (
	causeRefused     = "the call had failed"
	causeKilled      = "the sender's node was killed"
	causeConnection  = "the receiver's connection was lost"
	causeReceiver    = "the receiver's node was down"
	causeSender      = "the sender's node was down"
	causeReceiverGap = "the receiver's node reported a gap while it was up"
	causeSenderGap   = "the sender's node reported a gap while it was up"
)

// judge compares a record with the guarantees.
type judge struct {
	*record
	verdict
	windows map[string][]window
	byName  map[string][]*receiver // by the name of a target
	sent    map[id]*sending
	heard   map[*receiver]*hearing
}

// hearing is what a receiver has received: everything, and the last number of each stream.
type hearing struct {
	all  map[id]bool
	last map[stream]int
}

// stream identifies messages that must arrive in order.
type stream struct {
	from  string
	event bool
	by    string
}

// verdict is the judge's result.
type verdict struct {
	broken    []string // violated guarantees
	unknown   int      // calls of unknown outcome
	refused   int      // calls that failed with layer.ErrUnavailable
	due       int      // expected deliveries
	delivered int
	missed    map[string]int   // by cause
	reach     map[string]int64 // by cause: the longest time from sending a missed one until the cause was reported
	delays    []int64          // from the call to the receipt, sorted
	slowest   slowest
}

// slowest is the receipt with the longest delay.
type slowest struct {
	receipt
	to *receiver
}

// judged judges a record. It does not keep the record.
func judged(r *record) verdict {
	j := &judge{
		record: r, windows: map[string][]window{}, byName: map[string][]*receiver{}, sent: map[id]*sending{},
		heard: map[*receiver]*hearing{}, verdict: verdict{missed: map[string]int{}, reach: map[string]int64{}},
	}
	for node, all := range r.statuses {
		j.windows[node] = windows(all)
	}
	for _, s := range r.sendings {
		j.sent[s.id()] = s
	}
	for _, r := range r.receivers {
		for _, name := range append([]string{r.user}, r.groups...) {
			j.byName[name] = append(j.byName[name], r)
		}
		j.hear(r)
	}
	for _, s := range r.sendings {
		j.judgeCall(s)
		j.judgeDeliveries(s)
	}
	slices.Sort(j.delays)
	return j.verdict
}

func (j *judge) breaks(format string, args ...any) {
	j.broken = append(j.broken, fmt.Sprintf(format, args...))
}

// hear checks that one receiver got everything in order, once, and nothing else.
func (j *judge) hear(r *receiver) {
	h := &hearing{all: map[id]bool{}, last: map[stream]int{}}
	j.heard[r] = h
	for _, got := range r.got {
		s := stream{got.from, got.event, got.by}
		sender := j.sent[got.id]
		switch {
		case got.by == "":
			j.breaks("%s got %v, which was for others", r.name, got.id)
		case sender == nil && j.killed[got.from] == 0: // a killed node could not report its last calls
			j.breaks("%s got %v, which nobody has sent", r.name, got.id)
		case h.all[got.id]:
			j.breaks("%s got %v twice", r.name, got.id)
		case got.no < h.last[s]:
			j.breaks("%s got %v by %s behind number %d", r.name, got.id, got.by, h.last[s])
		}
		h.all[got.id] = true
		h.last[s] = max(h.last[s], got.no)
		j.delays = append(j.delays, got.at-got.sent)
		if slow := j.slowest; slow.to == nil || got.at-got.sent > slow.at-slow.sent {
			j.slowest = slowest{got, r}
		}
	}
	j.delivered += len(r.got)
}

func (d id) String() string {
	if d.event {
		return fmt.Sprintf("event %d of %s", d.no, d.from)
	}
	return fmt.Sprintf("message %d of %s", d.no, d.from)
}

// judgeCall checks that a call failed with layer.ErrUnavailable if and only if the layer was down.
func (j *judge) judgeCall(s *sending) {
	switch {
	case s.Unknown:
		j.unknown++
	case s.Error == "":
		for _, w := range j.windows[s.Node] {
			if w.down && s.At > w.from && s.Done < w.to-lag {
				j.breaks("%v succeeded on %s %s before the layer was up", s.id(), s.Node, seconds(w.to-s.Done))
			}
		}
	case s.Error != unavailable:
		j.breaks("%v failed on %s: %s", s.id(), s.Node, s.Error)
	default:
		j.refused++
		if !slices.ContainsFunc(j.windows[s.Node], func(w window) bool { return w.down && w.covers(s) }) {
			j.breaks("%v failed on %s as if the layer were down, which it was not", s.id(), s.Node)
		}
	}
}

// judgeDeliveries checks that every receiver that was connected all the time got a sending.
func (j *judge) judgeDeliveries(s *sending) {
	if s.Unknown {
		return
	}
	for i, name := range s.To {
		for _, r := range j.byName[name] {
			if r.by(s.To[i:]) != r.by(s.To) || r.ready == 0 || s.At < r.ready || r.ended > 0 && s.At > r.ended {
				continue // it is counted for another target, or was not connected
			}
			j.due++
			if j.heard[r].all[s.id()] {
				continue
			}
			cause, reach := j.excuse(s, r)
			if cause == "" {
				j.breaks("%s on %s missed %v, sent on %s at %s to %v, and nobody knows why", r.name, r.node, s.id(), s.Node, seconds(s.At-j.began), s.To)
				continue
			}
			j.missed[cause]++
			j.reach[cause] = max(j.reach[cause], reach)
		}
	}
}

// excuse returns the cause that excuses a missed delivery, if there is one: of several causes the nearest.
func (j *judge) excuse(s *sending, r *receiver) (cause string, reach int64) {
	consider := func(why string, reported int64) {
		if before := max(0, reported-s.At); cause == "" || before < reach {
			cause, reach = why, before
		}
	}
	if r.node != s.Node { // on the sender's node the layer is not involved
		if s.Error != "" {
			consider(causeRefused, 0)
		}
		j.excuseNode(s, r.node, causeReceiver, causeReceiverGap, consider)
		j.excuseNode(s, s.Node, causeSender, causeSenderGap, consider)
		if at := j.killed[s.Node]; at > 0 && s.Done >= at-lead {
			consider(causeKilled, at)
		}
	}
	if r.ended > 0 && s.Done >= r.ended-lead && j.heard[r].last[stream{s.From, s.Event, r.by(s.To)}] < s.No {
		consider(causeConnection, r.ended) // what comes last is lost, and never what lies between
	}
	return cause, reach
}

func (j *judge) excuseNode(s *sending, node, down, gap string, consider func(string, int64)) {
	for _, w := range j.windows[node] {
		switch {
		case !w.gap || !w.covers(s):
		case w.down:
			consider(down, w.from)
		default:
			consider(gap, w.to)
		}
	}
}
