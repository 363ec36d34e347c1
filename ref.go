package chanx

import (
	"context"
	"slices"
	"sync"
)

// cancelAction is the client's message that cancels another one. Its ref is the other's.
const cancelAction = "chanx.cancel"

// refs are the messages of a connection that carry a ref and are being handled, and the cancels of those that wait. Its
// lock is taken under the transport's: nothing is called under it.
type refs struct {
	mu      sync.Mutex
	running []*Call
	cancels *[]earlyCancel // nil: none has come
	begun   uint64         // messages given to Message

	current   *string // what the queue's handler is called; nil: nothing, or it runs beside the queue
	handlerNo uint32  // its number among those of the queue
}

// earlyCancel cancels messages with a ref that have arrived before it and have not begun.
type earlyCancel struct {
	ref  string
	last uint64 // number of the last message ahead of it
}

// maxCancels bounds what a client can have waiting; there are never more messages to cancel than the inbox holds.
const maxCancels = 256

// cancellation is the client's way to end a call.
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

// cancel ends the message with a ref. One that has not come to begin is among those ahead of the cancel, and is
// remembered, if there is room. It need not be waiting: the transport may have given it to Message, which has not come so
// far.
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

// countForgotten counts the cancels that there was no room for. They come under the transport's lock, where no Observer may
// be told.
func (c *Conn) countLostCancels() {
	if c.lostCancels.Load() > 0 {
		c.mount.srv.dropped(c, dropLostCancels, int(c.lostCancels.Swap(0)))
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

// next numbers the message that begins now. what is the name of its handler in the queue, or nil.
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

// handle notes what runs in the queue now and is no message.
func (r *refs) setHandler(what *string) {
	r.mu.Lock()
	defer r.mu.Unlock()
	r.current = what
	r.handlerNo++
}

// handling is what runs in the queue, or has run last, and its number.
func (r *refs) currentHandler() (what *string, no uint32) {
	r.mu.Lock()
	defer r.mu.Unlock()
	return r.current, r.handlerNo
}

// begin makes a call with a ref one that can be cancelled. It fails if the ref is in use, or has been cancelled already.
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

// end frees the ref of a call. Its context lives on.
func (r *refs) end(k *Call) {
	if k.cancel == nil {
		return
	}
	r.mu.Lock()
	r.running = slices.DeleteFunc(r.running, func(o *Call) bool { return o == k })
	r.mu.Unlock()
}
