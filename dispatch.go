package chanx

import (
	"context"
	"errors"
	"log/slog"
	"sync"

	"github.com/chanx-go/chanx/internal/socket"
)

// connSink is a Conn with the methods that its transport and the hub call.
type connSink Conn

// openItem is the first item of a connection's queue: it joins the static groups and runs OnOpen.
type openItem struct{}

// Message handles one message of the client.
func (l *connSink) Message(p []byte, binary bool) {
	c := (*Conn)(l)
	defer c.countLostCancels()
	if !c.withinRate() {
		c.refs.nextMessage(nil)
		c.rejectOverRate(p, binary)
		return
	}
	f, items, ok := c.read(p, binary)
	if !ok {
		return
	}
	no := c.refs.nextMessage(f.handler())
	switch {
	case items != nil:
		c.mount.srv.refusals.add(refusedInvalid)
		c.reject(f.ref, ErrorMessage{items})
		c.observeInvalid(items, no)
		c.countInvalid()
	case f.in == nil:
		c.control(f)
	default:
		c.message(f, no)
	}
}

// reject answers a message that no handler is given. It leaves the ref out if another message uses it.
func (c *Conn) reject(ref string, why ErrorMessage) {
	if c.refs.inUse(ref) {
		ref = ""
	}
	c.finish(ref, c.logUnsent(c.write(why, ref, true)), true)
}

// read decodes a message. Custom unmarshalling methods of its type run here. If one of them fails other than by an error,
// read answers the message, and ok is false.
func (c *Conn) read(p []byte, binary bool) (f frame, items ValidationError, ok bool) {
	if binary {
		return frame{ref: looseRef(p)}, invalidJSON("binary messages are not accepted"), true
	}
	ok = attempt(func() error {
		f, items = c.mount.read(p)
		return nil
	}, func(err error) {
		c.refs.nextMessage(nil)
		c.mount.srv.refusals.add(refusedInternal)
		c.reject(c.refOf(p), c.explain(c.ctx, err, "decode", nil))
	})
	return f, items, ok
}

func (c *Conn) refOf(p []byte) string {
	return c.mount.peek(p).ref
}

// calls pools Calls of messages that no code of the application can have kept. A new Call for each would be half of a
// message's garbage.
var calls = sync.Pool{New: func() any { return new(Call) }}

// message runs the handler of a message.
func (c *Conn) message(f frame, no uint64) {
	t := &f.in.task
	private := !c.mount.wrapped && !t.isParallel()
	k := calls.Get().(*Call) // the zero value: filling in fields is cheaper than copying a whole Call
	k.Conn, k.Action, k.Ref = c, f.in.action, f.ref
	k.task, k.reply, k.value, k.own, k.no = t, f.in.reply != nil && t.stream == nil, f.value, f.ctx, no
	k.handled = f.in.handled.of(c)
	if c.mount.wrapped {
		k.Message = f.in.message(f.value)
	}
	c.admit(c.ctx, k)
	if private {
		*k = Call{}
		calls.Put(k)
	}
}

// admit gives a call its context and runs it in the queue or beside it.
func (c *Conn) admit(ctx context.Context, k *Call) {
	if k.Ref != "" {
		var err error
		if ctx, err = c.refs.begin(ctx, k); err != nil {
			if errors.Is(err, errDuplicate) {
				k.Ref = "" // the ref belongs to the other call
			}
			c.refuseCall(ctx, k, err)
			return
		}
	}
	if k.task.isParallel() {
		c.spawn(ctx, k)
		return
	}
	c.serve(k.own.begin(k.limit(ctx), c), k)
}

// refuseCall ends a call without running its handler. It is called in the queue. The emitter of an event does not learn
// of it, so it is logged.
func (c *Conn) refuseCall(ctx context.Context, k *Call, err error) {
	c.mount.srv.refusals.addError(err)
	if k.task.isEvent {
		c.logError(slog.LevelWarn, "chanx: event refused", k.Action, err, "event", k.Action)
	}
	c.conclude(k.own.begin(ctx, c), k, nil, err)
	k.release()
}

// limit starts the handler's timeout.
func (k *Call) limit(ctx context.Context) context.Context {
	timeout := k.task.timeoutOr(k.Conn.mount.srv.limits.HandlerTimeout)
	if timeout == maxDuration {
		return ctx
	}
	ctx, k.done = context.WithTimeout(ctx, timeout)
	return ctx
}

// Event handles an item of the queue that is not a client's message.
func (l *connSink) Event(item any) {
	c := (*Conn)(l)
	defer c.countLostCancels()
	if d, ok := item.(*delivery); ok {
		c.mount.srv.events.taken(c)
		c.event(d)
		return
	}
	c.opened()
}

// opened joins the static groups and runs OnOpen.
func (c *Conn) opened() {
	c.refs.setHandler(&onOpenCall)
	var own handlerContext
	ctx := own.begin(c.ctx, c)
	defer own.end()
	attempt(func() error {
		if err := c.join(ctx, c.mount.srv.subscribeTime(ctx), c.mount.opts.Groups...); err != nil {
			c.logError(slog.LevelWarn, "chanx: join static groups", "", err) // an error of the layer does not affect the membership on this node
		}
		if c.mount.onOpen == nil {
			return nil
		}
		return c.mount.onOpen(c.state, ctx)
	}, c.openFailed)
}

func (c *Conn) openFailed(err error) {
	closing := &CloseError{socket.CloseInternal, "open failed"}
	switch e := outermost(err).(type) {
	case *CloseError:
		c.logHidden(c.ctx, err, "OnOpen")
		c.closeBecause(e)
		return
	case *RefusalError:
		closing = &CloseError{e.closeCode(), e.Detail}
	}
	c.logUnsent(c.write(c.explain(c.ctx, err, "OnOpen", nil), "", true))
	c.closeBecause(closing)
}

// event runs the handler of an event.
func (c *Conn) event(d *delivery) {
	h := c.mount.events[d.Action]
	if h == nil {
		c.mount.srv.skipped(c, DropEventsUndeclared)
		return
	}
	c.refs.setHandler(h.handler())
	value, own := h.make()
	k := &Call{Conn: c, Action: d.Action, task: &h.task, value: value, own: own, headers: d.Headers, handled: h.handled.of(c)}
	invalid := func(err error) {
		c.logError(slog.LevelError, "chanx: event is not valid", h.name, err, "event", h.name)
		c.mount.srv.dropped(c, DropEventsInvalid, 1)
	}
	if !attempt(func() error { return h.codec.Unmarshal(d.Payload, k.value, c.mount.limits) }, invalid) {
		return
	}
	if c.mount.wrapped {
		k.Event = h.event(k.value)
	}
	c.admit(c.ctx, k)
}

// StillRunning notes that the running handler has taken long.
func (l *connSink) StillRunning() { l.mount.srv.longCallsOf((*Conn)(l)).noteQueued((*Conn)(l)) }

// Lost ends the connection's context.
func (l *connSink) Lost() { l.cancel() }

// Closing frees the connection's place in the limits: the client may connect again as soon as it receives the Close
// frame.
func (l *connSink) Closing() { l.mount.srv.free((*Conn)(l)) }

// Dropped counts and logs what the transport discarded.
func (l *connSink) Dropped(what socket.Drop, n int) {
	l.mount.srv.dropped((*Conn)(l), socketDrops[what], n)
}

// Closed is called when no handler of the queue runs any more. It waits for streams and concurrent handlers, runs
// OnClose and removes the connection from all groups and registers.
func (l *connSink) Closed(code int, reason string) {
	c := (*Conn)(l)
	c.cancel()
	l.Closing() // if the handshake failed, the transport has not called it
	c.mu.Lock()
	c.ended = true
	arrived := c.wire != nil // else the handshake failed and Observer.Open was not called
	if c.expiry != nil {
		c.expiry.Stop()
	}
	c.mu.Unlock()
	c.mount.srv.longCallsOf(c).forget(c)
	c.parallel.wait()
	defer func() { // even if OnClose ends the goroutine
		c.countLostCancels()
		c.finishLeave(c.leaveAll())
		if o := c.mount.observer; o != nil && arrived {
			o.Close(c, &CloseError{code, reason})
		}
	}()
	if c.mount.onClose == nil {
		return
	}
	ctx, cancel := context.WithTimeout(context.WithoutCancel(c.ctx), c.mount.srv.limits.CloseTimeout)
	defer cancel()
	running := c.mount.srv.longCallsOf(c)
	defer running.end(running.begin(c, onCloseCall))
	attempt(func() error {
		c.mount.onClose(c.state, ctx, &CloseError{code, reason})
		return nil
	}, func(err error) { c.explain(ctx, err, "OnClose", nil) })
}
