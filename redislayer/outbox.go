package redislayer

import (
	"context"
	"sync"

	"github.com/redis/rueidis"

	"github.com/chanx-go/chanx/layer"
)

const (
	// maxAccepted and maxAcceptedBytes bound what an outbox holds: publications that have not been sent or that Redis has
	// not answered. A publication larger than that is accepted only into an empty outbox.
	maxAccepted, maxAcceptedBytes = 1 << 10, 8 << 20

	// maxBatch and maxBatchBytes bound a batch, so that there is room for new publications while it is in transit.
	maxBatch, maxBatchBytes = maxAccepted / 4, maxAcceptedBytes / 4

	// maxRefused bounds outbox.refused. If a subject is removed, Redis refuses it again.
	maxRefused = 1 << 10
)

// outbox holds the publications that a link has accepted for a node, until Redis has answered. One goroutine sends them in
// batches, each after Redis has answered the one before. So they leave in the order of acceptance, and those accepted
// meanwhile leave in one write.
type outbox struct {
	a *attachment

	wake  chan struct{} // holds a token when there are publications to send
	turn  chan struct{} // held by the caller that is first in line for room
	room  chan struct{} // holds a token when there may be room
	shut  chan struct{} // closed when the outbox no longer accepts publications
	empty chan struct{} // closed when, after that, all have been answered

	mu       sync.Mutex
	closed   bool
	inLine   int                 // callers that wait for room
	waiting  []publication       // not sent yet
	count    int                 // accepted, and not answered yet
	bytes    int                 // the size of these
	refusing bool                // the last answer was a temporary error, which may affect the next publication too
	refused  map[string]struct{} // subjects whose last publication was refused
}

// publication is a publication in an outbox.
type publication struct {
	subject string
	size    int
	command rueidis.Completed
	answer  chan error // has room for one; nil if no caller waits for the answer
}

func newOutbox(a *attachment) *outbox {
	return &outbox{
		a: a, refused: map[string]struct{}{},
		wake: make(chan struct{}, 1), turn: make(chan struct{}, 1), room: make(chan struct{}, 1),
		shut: make(chan struct{}), empty: make(chan struct{}),
	}
}

// put accepts a publication. It waits if the outbox is full, and only then looks at the context.
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

// wait returns when it has sent to one channel or received from the other.
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

// accept adds p if there is room, and reports whether there was. If not, it adds the caller to the line, unless the caller is
// already first in it. Later callers do not overtake the line.
func (o *outbox) accept(p *publication, first bool) (bool, error) {
	if err := o.a.failure(); err != nil {
		return false, unavailable(err)
	}
	o.mu.Lock()
	defer o.mu.Unlock()
	switch {
	case o.closed:
		return false, layer.ErrClosed
	case !first && (o.inLine > 0 || !o.fits(p)):
		o.inLine++
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
	o.inLine--
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

// complete removes a publication that Redis has answered. If Redis has refused it and no caller waits, it is lost.
func (o *outbox) complete(p *publication, answer error) {
	o.mu.Lock()
	defer o.mu.Unlock()
	o.count--
	o.bytes -= p.size
	signal(o.room)
	o.noteAnswer(p.subject, answer)
	if answer != nil && isTemporary(answer) {
		answer = unavailable(answer)
	}
	switch {
	case p.answer != nil:
		p.answer <- answer
	case answer != nil:
		o.a.reportLost(p.subject, answer)
	}
	if o.closed && o.count == 0 {
		close(o.empty)
	}
}

// noteAnswer records whether the next publications must wait for their answers. The caller holds mu.
func (o *outbox) noteAnswer(subject string, answer error) {
	if answer == nil {
		o.refusing = false
		if len(o.refused) > 0 {
			delete(o.refused, subject)
		}
		return
	}
	o.refusing = isTemporary(answer)
	if len(o.refused) >= maxRefused {
		clear(o.refused)
	}
	o.refused[subject] = struct{}{}
}

// close makes the outbox accept no more publications.
func (o *outbox) close() {
	o.mu.Lock()
	defer o.mu.Unlock()
	o.closed = true
	close(o.shut)
	if o.count == 0 {
		close(o.empty)
	}
}

// take moves the next publications to send into batch, whose old contents are no longer needed.
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

// unanswered is how many accepted publications have no answer: Redis may or may not have delivered them.
func (o *outbox) unanswered() int {
	o.mu.Lock()
	defer o.mu.Unlock()
	return o.count
}

// signal puts a token into c unless it holds one.
func signal(c chan struct{}) {
	select {
	case c <- struct{}{}:
	default:
	}
}
