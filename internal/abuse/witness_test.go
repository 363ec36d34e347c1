//go:build abuse

package abuse_test

import (
	"context"
	"errors"
	"maps"
	"sync"

	"github.com/chanx-go/chanx"
)

// witness is an Observer that counts.
type witness struct {
	chanx.NopObserver

	mu sync.Mutex
	tally
}

// tally is a snapshot of the counts.
type tally struct {
	opened  int
	closed  map[int]int              // by code
	dropped map[chanx.DropReason]int // by reason
	begun   map[string]int           // by action or event
	handled map[string]int           // by action or event
	invalid int                      // frames
	sent    map[string]int           // by action
}

func newWitness() *witness {
	return &witness{tally: tally{
		closed: map[int]int{}, dropped: map[chanx.DropReason]int{}, begun: map[string]int{}, handled: map[string]int{}, sent: map[string]int{},
	}}
}

func (w *witness) Open(*chanx.Conn) {
	w.mu.Lock()
	defer w.mu.Unlock()
	w.opened++
}

func (w *witness) Close(_ *chanx.Conn, cause *chanx.CloseError) {
	w.mu.Lock()
	defer w.mu.Unlock()
	w.closed[cause.Code]++
}

func (w *witness) Drop(_ *chanx.Conn, why chanx.DropReason, n int) {
	w.mu.Lock()
	defer w.mu.Unlock()
	w.dropped[why] += n
}

func (w *witness) Out(_ *chanx.Conn, action string, _ int) {
	w.mu.Lock()
	defer w.mu.Unlock()
	w.sent[action]++
}

func (w *witness) In(ctx context.Context, k *chanx.Call) (context.Context, func(error)) {
	w.mu.Lock()
	defer w.mu.Unlock()
	w.begun[k.Action]++
	return ctx, func(err error) {
		w.mu.Lock()
		defer w.mu.Unlock()
		if _, invalid := errors.AsType[chanx.ValidationError](err); invalid {
			w.invalid++
		} else {
			w.handled[k.Action]++
		}
	}
}

// sees returns the counts so far.
func (w *witness) sees() tally {
	w.mu.Lock()
	defer w.mu.Unlock()
	t := w.tally
	t.closed, t.dropped, t.sent = maps.Clone(t.closed), maps.Clone(t.dropped), maps.Clone(t.sent)
	t.begun, t.handled = maps.Clone(t.begun), maps.Clone(t.handled)
	return t
}

// ended is the number of connections that have ended.
func (t tally) ended() (n int) {
	for _, k := range t.closed {
		n += k
	}
	return n
}

// ends counts connections by close code. Connections that the server did not open are not counted.
type ends map[int]int

// since is what has ended since an earlier tally.
func (t tally) since(earlier tally) ends {
	e := ends{}
	for code, n := range t.closed {
		if n -= earlier.closed[code]; n != 0 {
			e[code] = n
		}
	}
	return e
}
