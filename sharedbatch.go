package chanx

import (
	"slices"

	"github.com/chanx-go/chanx/internal/cluster"
	"github.com/chanx-go/chanx/internal/hub"
	"github.com/chanx-go/chanx/internal/socket"
)

// sharedBatch holds the frames that every uninvolved member of one consumer receives for a run of group messages,
// joined into one buffer. A member is involved if it or its user sent one of the messages. Most members of a large
// group are not, so their frames are prepared once.
type sharedBatch struct {
	mount  *mount
	frames []socket.Prepared // nil if each member must be handled separately
	joined []socket.Prepared
	sent   []tally
	next   *sharedBatch // batch for another consumer
}

// tally counts the frames of one type that each member receives.
type tally struct {
	counter      sentCounter
	count, bytes int
}

// maxUnshared is the largest number of members for which no shared batch is prepared.
const maxUnshared = 2

// sharedBatch returns the batch for c's consumer, or nil if each member must be handled separately.
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

// newSharedBatch prepares the batch for c's consumer. It has no frames if an Observer or the log needs each copy, or if
// a delivery is not a message or not for this consumer.
func newSharedBatch(c *Conn, ds []*delivery) *sharedBatch {
	m := c.mount
	a := &sharedBatch{mount: m}
	if m.observer != nil || m.logs {
		return a
	}
	fs := make([]socket.Prepared, 0, framesEach*len(ds))
	for _, d := range ds {
		if d.Kind != cluster.KindMessage {
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

func (a *sharedBatch) count(counter sentCounter, f socket.Prepared) {
	i := slices.IndexFunc(a.sent, func(t tally) bool { return &t.counter[0] == &counter[0] })
	if i < 0 {
		i = len(a.sent)
		a.sent = append(a.sent, tally{counter: counter})
	}
	a.sent[i].count++
	a.sent[i].bytes += f.Len()
}

// isInvolved reports whether the connection or its user sent one of the messages.
func (c *Conn) isInvolved(ds []*delivery) bool {
	for _, d := range ds {
		if d.from == c || d.FromUser != "" && d.FromUser == c.user {
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
