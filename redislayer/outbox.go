package redislayer

import (
	"context"
	"sync"

	"github.com/redis/rueidis"

	"github.com/chanx-go/chanx/layer"
)

const (
	// maxAccepted and maxAcceptedBytes bound what an outbox holds: publications that wait, and those that Redis has not
	// answered yet. One that is larger than all gets in alone.
	maxAccepted, maxAcceptedBytes = 1 << 10, 8 << 20

	// maxBatch and maxBatchBytes bound what is sent together, so that others can be accepted while it is under way.
	maxBatch, maxBatchBytes = maxAccepted / 4, maxAcceptedBytes / 4

	// maxRefused bounds what is remembered: a subject that is forgotten is refused again.
	maxRefused = 1 << 10
)

// outbox holds what the link has accepted for a node, until Redis has answered. One goroutine sends all that waits, and sends
// again when that is answered, so that the order is that of acceptance, and what comes meanwhile leaves in one write.
type outbox struct {
	a *attachment

	wake  chan struct{} // holds a token when something waits
	turn  chan struct{} // held by the caller that is next to find room
	room  chan struct{} // holds a token when there may be some
	shut  chan struct{} // closed when nothing is accepted any more
	empty chan struct{} // closed when, after that, all is answered

	mu       sync.Mutex
	closed   bool
	line     int                 // callers that wait for room
	waiting  []publication       // not sent yet
	count    int                 // accepted, and not answered yet
	bytes    int                 // of these
	refusing bool                // the last answer was an error that passes: it may be the next one too
	refused  map[string]struct{} // subjects whose last publication was
}

// publication is one that waits in an outbox, or is under way.
type publication struct {
	subject string
	size    int
	command rueidis.Completed
	answer  chan error // has room for it; nil if nobody waits
}

func newOutbox(a *attachment) *outbox {
	return &outbox{
		a: a, refused: map[string]struct{}{},
		wake: make(chan struct{}, 1), turn: make(chan struct{}, 1), room: make(chan struct{}, 1),
		shut: make(chan struct{}), empty: make(chan struct{}),
	}
}

// put accepts a publication, if need be after others have made room. It does not ask when the context ends before it has to.
func (o *outbox) put(ctx context.Context, p *publication) error {
	if accepted, err := o.accept(p, false); accepted || err != nil {
		return err
	}
	defer o.leaveLine()
	if err := o.wait(ctx, o.turn, nil); err != nil {
		return err
	}
	defer func() { <-o.turn }()
	for {
		if accepted, err := o.accept(p, true); accepted || err != nil {
			return err
		}
		if err := o.wait(ctx, nil, o.room); err != nil {
			return err
		}
	}
}

// wait sends to one or receives from the other.
func (o *outbox) wait(ctx context.Context, to chan<- struct{}, from <-chan struct{}) error {
	select {
	case to <- struct{}{}:
		return nil
	case <-from:
		return nil
	case <-ctx.Done():
		return ctx.Err()
	case <-o.a.done:
		return unavailable(o.a.err)
	case <-o.shut:
		return layer.ErrClosed
	}
}

// accept reports whether there was room. If not, a caller that is not next is now in line: later ones do not overtake it.
func (o *outbox) accept(p *publication, next bool) (bool, error) {
	if err := o.a.failure(); err != nil {
		return false, unavailable(err)
	}
	o.mu.Lock()
	defer o.mu.Unlock()
	switch {
	case o.closed:
		return false, layer.ErrClosed
	case !next && (o.line > 0 || !o.fits(p)):
		o.line++
		return false, nil
	case !o.fits(p):
		return false, nil
	}
	if _, refused := o.refused[p.subject]; refused || o.refusing {
		p.answer = make(chan error, 1)
	}
	o.waiting = append(o.waiting, *p)
	o.count++
	o.bytes += p.size
	signal(o.wake)
	return true, nil
}

func (o *outbox) fits(p *publication) bool {
	return o.count == 0 || o.count < maxAccepted && p.size <= maxAcceptedBytes-o.bytes
}

func (o *outbox) leaveLine() {
	o.mu.Lock()
	defer o.mu.Unlock()
	o.line--
}

// await waits for the answer to an accepted publication.
func (o *outbox) await(ctx context.Context, p *publication) error {
	select {
	case err := <-p.answer:
		return err
	case <-ctx.Done():
		return ctx.Err()
	case <-o.a.done:
	}
	select {
	case err := <-p.answer:
		return err
	default:
		return unavailable(o.a.err)
	}
}

// settle takes out what Redis has answered. What it has refused and nobody waits for is lost.
func (o *outbox) settle(p *publication, answer error) {
	o.mu.Lock()
	defer o.mu.Unlock()
	o.count--
	o.bytes -= p.size
	signal(o.room)
	o.remember(p.subject, answer)
	if answer != nil && passes(answer) {
		answer = unavailable(answer)
	}
	switch {
	case p.answer != nil:
		p.answer <- answer
	case answer != nil:
		o.a.lose(p.subject, answer)
	}
	if o.closed && o.count == 0 {
		close(o.empty)
	}
}

// remember notes for whom the next publication should wait. The caller holds mu.
func (o *outbox) remember(subject string, answer error) {
	if answer == nil {
		o.refusing = false
		if len(o.refused) > 0 {
			delete(o.refused, subject)
		}
		return
	}
	o.refusing = passes(answer)
	if len(o.refused) >= maxRefused {
		clear(o.refused)
	}
	o.refused[subject] = struct{}{}
}

// close has it accept nothing any more.
func (o *outbox) close() {
	o.mu.Lock()
	defer o.mu.Unlock()
	o.closed = true
	close(o.shut)
	if o.count == 0 {
		close(o.empty)
	}
}

// take moves what is to be sent together into a slice that is done with.
func (o *outbox) take(batch []publication) []publication {
	o.mu.Lock()
	defer o.mu.Unlock()
	n, bytes := 0, 0
	for n < min(len(o.waiting), maxBatch) && (n == 0 || o.waiting[n].size <= maxBatchBytes-bytes) {
		bytes += o.waiting[n].size
		n++
	}
	batch = append(batch[:0], o.waiting[:n]...)
	left := copy(o.waiting, o.waiting[n:])
	clear(o.waiting[left:])
	o.waiting = o.waiting[:left]
	return batch
}

// unanswered is how many publications it has accepted of which nobody knows whether Redis had them.
func (o *outbox) unanswered() int {
	o.mu.Lock()
	defer o.mu.Unlock()
	return o.count
}

// signal puts a token where none is.
func signal(c chan struct{}) {
	select {
	case c <- struct{}{}:
	default:
	}
}
