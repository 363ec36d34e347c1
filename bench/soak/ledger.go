//go:build linux

package main

import (
	"encoding/json"
	"fmt"
	"maps"
	"slices"
	"strconv"
	"sync"
	"time"

	"github.com/chanx-go/chanx/bench/soak/host"
)

// kind is the kind of a client's message.
type kind string

const (
	asks     kind = "ask"
	counts   kind = "count"
	says     kind = "say"
	nudges   kind = "nudge"
	enters   kind = "enter"
	exits    kind = "exit"
	mistakes kind = "mistake"
	pings    kind = "ping"
)

// due is a message whose final frame has not arrived.
type due struct {
	kind      kind
	n         int // the number of an ask or a say; the length of a count
	group     string
	got       int  // items of a count
	cancelled bool // chanx.cancel was sent
}

// ledger records what one client must receive. The goroutine that writes and the one that reads share it.
type ledger struct {
	name string // of the client; its remarks contain it

	mu       sync.Mutex
	refs     int
	due      map[string]*due
	answered chan struct{}     // has an element when nothing is due
	enters   map[string]int    // how often a group was entered
	moves    map[string]string // the ref of the last enter or exit, by group
	inside   map[string]bool   // groups whose members receive this client's remarks
	lines    map[line]*heard   // the remarks received so far
	said     map[string]int    // the number of the client's own last remark received, by group
	frames   int
}

// line identifies the remarks of one sender to one group with one action.
type line struct {
	action, group, from string
}

type heard struct{ last, gaps int }

func newLedger(name string) *ledger {
	return &ledger{
		name: name, due: map[string]*due{}, answered: make(chan struct{}, 1), enters: map[string]int{}, moves: map[string]string{}, inside: map[string]bool{},
		lines: map[line]*heard{}, said: map[string]int{},
	}
}

// expect records a message that is about to be sent, and returns its ref.
func (l *ledger) expect(d due) (ref string) {
	l.mu.Lock()
	defer l.mu.Unlock()
	l.refs++
	ref = strconv.Itoa(l.refs)
	l.due[ref] = &d
	switch d.kind {
	case enters:
		l.enters[d.group]++
		l.moves[d.group] = ref
	case exits:
		delete(l.inside, d.group)
		l.moves[d.group] = ref
	}
	return ref
}

// cancel picks a message that can be cancelled.
func (l *ledger) cancel() (ref string, ok bool) {
	l.mu.Lock()
	defer l.mu.Unlock()
	for ref, d := range l.due {
		if (d.kind == asks || d.kind == counts) && !d.cancelled {
			d.cancelled = true
			return ref, true
		}
	}
	return "", false
}

// waiting returns the number of messages of a kind that are due.
func (l *ledger) waiting(k kind) (n int) {
	l.mu.Lock()
	defer l.mu.Unlock()
	for _, d := range l.due {
		if d.kind == k {
			n++
		}
	}
	return n
}

// awaitAnswers waits until nothing is due.
func (l *ledger) awaitAnswers(gone <-chan struct{}, timeout time.Duration) error {
	late := time.After(timeout)
	for {
		if l.nothingDue() {
			return nil
		}
		select {
		case <-l.answered:
		case <-gone: // the reader returns the reason
			return nil
		case <-late:
			return fmt.Errorf("the server is silent: after %s there is no answer to %s", timeout, l.open())
		}
	}
}

func (l *ledger) nothingDue() bool { return l.pending() == 0 }

// pending returns the number of messages that are due.
func (l *ledger) pending() int {
	l.mu.Lock()
	defer l.mu.Unlock()
	return len(l.due)
}

// open lists the messages that are due.
func (l *ledger) open() string {
	l.mu.Lock()
	defer l.mu.Unlock()
	var all []string
	for _, ref := range slices.Sorted(maps.Keys(l.due)) {
		all = append(all, fmt.Sprintf("%s %s %+v", l.due[ref].kind, ref, *l.due[ref]))
	}
	return fmt.Sprint(all)
}

// envelope is a frame of the server.
type envelope struct {
	Action    string          `json:"action"`
	Payload   json.RawMessage `json:"payload"`
	Ref       string          `json:"ref"`
	IsMine    *bool           `json:"is_mine"`
	IsCurrent *bool           `json:"is_current"`
}

// take checks one frame of the server.
func (l *ledger) take(text []byte) error {
	var e envelope
	if err := json.Unmarshal(text, &e); err != nil {
		return fmt.Errorf("a frame is not JSON: %w: %.300q", err, text)
	}
	l.mu.Lock()
	defer l.mu.Unlock()
	l.frames++
	var err error
	switch e.Action {
	case "said", "relayed":
		err = l.remark(e)
	default:
		err = l.reply(e)
	}
	if err != nil {
		return fmt.Errorf("%w: %.300s", err, text)
	}
	if len(l.due) == 0 {
		select {
		case l.answered <- struct{}{}:
		default:
		}
	}
	return nil
}

// remark checks that no remark of a sender arrives twice or out of order, or is missing although the client was a member.
func (l *ledger) remark(e envelope) error {
	var r host.Remark
	if err := json.Unmarshal(e.Payload, &r); err != nil {
		return err
	}
	own := r.From == l.name
	said := e.Action == "said"
	if flagged := e.IsMine != nil && e.IsCurrent != nil; flagged != said || e.Ref != "" || said && (*e.IsMine || *e.IsCurrent != own) {
		return fmt.Errorf("a remark has wrong flags or a ref")
	}
	if own && said {
		l.said[r.Group] = r.N
	}
	k := line{e.Action, r.Group, r.From}
	h := l.lines[k]
	if h == nil {
		if l.enters[r.Group] == 0 {
			return fmt.Errorf("a remark to a group that was not entered")
		}
		l.lines[k] = &heard{last: r.N}
		return nil
	}
	switch {
	case r.N <= h.last:
		return fmt.Errorf("remark %d comes after %d", r.N, h.last)
	case r.N > h.last+1:
		h.gaps++
	}
	if gap := h.last + 1; h.gaps >= max(l.enters[r.Group], 1) {
		return fmt.Errorf("remarks %d to %d are missing, and the group was entered %d times", gap, r.N-1, l.enters[r.Group])
	}
	h.last = r.N
	return nil
}

// reply checks a frame that belongs to a message.
func (l *ledger) reply(e envelope) error {
	d := l.due[e.Ref]
	if d == nil {
		return fmt.Errorf("nothing waits for ref %q", e.Ref)
	}
	final, err := d.reply(e)
	if err != nil || !final {
		return err
	}
	if d.kind == says && l.inside[d.group] && l.said[d.group] != d.n {
		return fmt.Errorf("the own copy of remark %d did not come before it was complete", d.n)
	}
	if d.kind == enters && l.moves[d.group] == e.Ref { // otherwise a later exit is due
		l.inside[d.group] = true
	}
	delete(l.due, e.Ref)
	return nil
}

// reply reports whether the frame is the last one for its message.
func (d *due) reply(e envelope) (final bool, err error) {
	var p struct {
		N      *int
		Reason string
	}
	if e.Action != "error" || d.kind != mistakes { // the payload of a validation error is a list
		if err := json.Unmarshal(orObject(e.Payload), &p); err != nil {
			return false, err
		}
	}
	ok := false
	switch d.kind {
	case asks:
		ok = e.Action == "answer" && p.N != nil && *p.N == d.n || d.cancelled && e.Action == "error" && p.Reason == "cancelled"
	case counts:
		if e.Action == "item" && p.N != nil && *p.N == d.got && d.got < d.n {
			d.got++
			return false, nil
		}
		ok = e.Action == "complete" && (d.got == d.n || d.cancelled)
	case mistakes:
		var items []struct{ Type string }
		ok = e.Action == "error" && json.Unmarshal(e.Payload, &items) == nil && len(items) == 1 && items[0].Type == "int_type"
	case pings:
		ok = e.Action == "pong"
	default:
		ok = e.Action == "complete"
	}
	if !ok {
		return false, fmt.Errorf("it is no answer to %s %+v", d.kind, *d)
	}
	return true, nil
}

func orObject(p json.RawMessage) json.RawMessage {
	if len(p) == 0 {
		return json.RawMessage("{}")
	}
	return p
}
