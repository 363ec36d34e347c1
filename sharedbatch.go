package chanx

import (
	"slices"

	"github.com/chanx-go/chanx/internal/hub"
	"github.com/chanx-go/chanx/internal/socket"
)

// alike is what members of one consumer are sent of a run of group messages if none of these is of them or of their user.
// That is true of most members of a large group: so it is worked out once, and written as one frame.
type sharedBatch struct {
	mount  *mount
	frames []socket.Frame // nil: each member is looked at on its own
	joined []socket.Frame
	sent   []tally
	next   *sharedBatch // of another consumer
}

// tally is how much of something each is sent.
type tally struct {
	counter      sentCounter
	count, bytes int
}

// fewAlike is the number of members up to which each is looked at on its own.
const maxUnshared = 2

// alike returns what c is sent of the run unless it is concerned; nil if there is no such thing.
func (c *Conn) sharedBatch(run *hub.Run[*delivery]) *sharedBatch {
	if run.Members <= maxUnshared {
		return nil
	}
	first, _ := run.Memo.(*sharedBatch)
	a := first
	for a != nil && a.mount != c.mount {
		a = a.next
	}
	if a == nil {
		a = newSharedBatch(c, run.Items)
		a.next, run.Memo = first, a
	}
	if a.frames == nil {
		return nil
	}
	return a
}

// newAlike works out what members of c's consumer are sent. Where each copy is told of, each member is looked at.
func newSharedBatch(c *Conn, ds []*delivery) *sharedBatch {
	m := c.mount
	a := &sharedBatch{mount: m}
	if m.observer != nil || m.logs {
		return a
	}
	fs := make([]socket.Frame, 0, framesEach*len(ds))
	for _, d := range ds {
		if d.kind != kindMessage {
			return a
		}
		n := len(fs)
		var counter sentCounter
		if fs, counter = d.appendCopy(fs, c, flags{}); n == len(fs) {
			return a
		}
		a.count(counter, fs[n])
		if m.completions {
			a.count(m.groupComplete.out.counter, fs[n+1])
		}
	}
	a.frames, a.joined = fs, socket.Join(fs)
	return a
}

func (a *sharedBatch) count(counter sentCounter, f socket.Frame) {
	i := slices.IndexFunc(a.sent, func(t tally) bool { return &t.counter[0] == &counter[0] })
	if i < 0 {
		i = len(a.sent)
		a.sent = append(a.sent, tally{counter: counter})
	}
	a.sent[i].count++
	a.sent[i].bytes += f.Len()
}

// concerned reports whether one of the messages is of the connection or of its user.
func (c *Conn) isInvolved(ds []*delivery) bool {
	for _, d := range ds {
		if d.from == c || d.fromUser != "" && d.fromUser == c.user {
			return true
		}
	}
	return false
}

func (a *sharedBatch) deliver(c *Conn) {
	for _, t := range a.sent {
		t.counter.of(c).add(t.count, t.bytes)
	}
	c.deliverJoined(a.frames, a.joined, false)
}
