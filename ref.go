package chanx

import (
	"context"
	"slices"
	"sync"
)

// refs tracks the messages of a connection that carry a ref and are being handled, and cancels of messages that wait.
// Its lock is taken while the transport's lock is held: no function is called under it.
type refs struct {
	mu      sync.Mutex
	running []*Call
	cancels *[]earlyCancel // nil if there was none
	begun   uint64         // number of messages that Message has begun

	current   *string // name of the handler in the queue; nil if none, or if it runs beside the queue
	handlerNo uint32  // number of that handler
}

// earlyCancel cancels messages with a ref that arrived before it and have not begun.
type earlyCancel struct {
	ref  string
	last uint64 // number of the last message ahead of it
}

// maxCancels bounds the cancels that wait for one connection. The inbox bounds the messages that they can cancel.
const maxCancels = 256

// cancellation lets the client cancel a call.
type cancellation struct {
	mu     sync.Mutex
	called bool
	stop   context.CancelFunc
}

func (c *cancellation) call() {
	c.mu.Lock()
	defer c.mu.Unlock()
	c.called = true
	c.stop()
}

func (c *cancellation) wasCalled() bool {
	if c == nil {
		return false
	}
	c.mu.Lock()
	defer c.mu.Unlock()
	return c.called
}

// cancel cancels the message with a ref. If that message has not begun, the cancel is remembered for the messages ahead
// of it, and cancel reports false if there is no room. Such a message need not be in the inbox any more: the transport
// may have passed it to Message, which has not reached begin yet.
func (r *refs) cancel(ref string, ahead uint64) (remembered bool) {
	r.mu.Lock()
	defer r.mu.Unlock()
	if k := r.find(ref); k != nil {
		k.cancel.call()
		return true
	}
	switch {
	case ahead < r.begun: // there is nothing to cancel
	case r.cancels == nil:
		r.cancels = &[]earlyCancel{{ref, ahead}}
	case len(*r.cancels) < maxCancels:
		*r.cancels = append(*r.cancels, earlyCancel{ref, ahead})
	default:
		return false
	}
	return true
}

// countLostCancels counts the cancels that there was no room for. They are received under the transport's lock, where
// no Observer may be called.
func (c *Conn) countLostCancels() {
	if c.lostCancels.Load() > 0 {
		c.mount.srv.dropped(c, DropCancelsOverflow, int(c.lostCancels.Swap(0)))
	}
}

func (r *refs) find(ref string) *Call {
	i := slices.IndexFunc(r.running, func(k *Call) bool { return k.Ref == ref })
	if i < 0 {
		return nil
	}
	return r.running[i]
}

func (r *refs) inUse(ref string) bool {
	r.mu.Lock()
	defer r.mu.Unlock()
	return r.find(ref) != nil
}

// nextMessage numbers the message that begins now. what is the name of its handler in the queue, or nil.
func (r *refs) nextMessage(what *string) uint64 {
	r.mu.Lock()
	defer r.mu.Unlock()
	r.begun++
	r.current = what
	r.handlerNo++
	if r.cancels != nil {
		*r.cancels = slices.DeleteFunc(*r.cancels, func(c earlyCancel) bool { return c.last < r.begun })
	}
	return r.begun
}

// setHandler records what runs in the queue now if it is not a message.
func (r *refs) setHandler(what *string) {
	r.mu.Lock()
	defer r.mu.Unlock()
	r.current = what
	r.handlerNo++
}

// currentHandler returns the name and the number of what runs in the queue, or has run last.
func (r *refs) currentHandler() (what *string, no uint32) {
	r.mu.Lock()
	defer r.mu.Unlock()
	return r.current, r.handlerNo
}

// begin registers a call with a ref, so that it can be cancelled. It fails if the ref is in use, or has been cancelled
// already.
func (r *refs) begin(ctx context.Context, k *Call) (context.Context, error) {
	ctx, stop := context.WithCancel(ctx)
	r.mu.Lock()
	defer r.mu.Unlock()
	if r.find(k.Ref) != nil {
		stop()
		return ctx, errDuplicate
	}
	k.cancel = &cancellation{stop: stop}
	r.running = append(r.running, k)
	if r.cancels != nil && slices.ContainsFunc(*r.cancels, func(c earlyCancel) bool { return c.ref == k.Ref && k.no <= c.last }) {
		k.cancel.call()
		return ctx, errCancelled
	}
	return ctx, nil
}

// end releases the ref of a call. The call's context does not end.
func (r *refs) end(k *Call) {
	if k.cancel == nil {
		return
	}
	r.mu.Lock()
	r.running = slices.DeleteFunc(r.running, func(o *Call) bool { return o == k })
	r.mu.Unlock()
}
