package chanx

import (
	"context"
	"errors"
	"fmt"
	"log/slog"
	"runtime/debug"

	"github.com/chanx-go/chanx/internal/socket"
)

// Call is one message or event on its way to its handler. Its fields are for reading.
type Call struct {
	Conn    *Conn
	Action  string  // of the message; of an event its name
	Ref     string  // that the client gave, or ""
	Message Message // nil for an event
	Event   Event   // nil for a message

	task         *task
	reply        bool               // the handler answers with a message
	value        any                // pointer to the message or event
	no           uint64             // of the message among those of its connection, from 1
	headers      []header           // of an event: what the Observer of its sender has set
	ended        bool               // the terminal frame has been sent
	err          error              // of the handler, once ended
	cancel       *cancellation      // of the client; nil without a ref
	done         context.CancelFunc // ends the time-out; nil without one
	releaseQueue func()             // lets the queue go on beside the call; nil if it waits

	handled        *handledCell
	begun, counted bool // by handled: the call, and its failure
}

// Handler handles a call. It returns after the call's terminal frame (the reply, error or complete of a message) has
// been sent, with the error that the handler of the application returned, or that it made of a panic.
type Handler func(ctx context.Context, c *Call) error

// Middleware wraps the handlers of a consumer, around messages that passed validation and around events. What it does
// before and after calling next happens in the goroutine of the handler. Without calling next, the error that it returns
// is told to the client as a handler's would be; nil counts as success. next may be called once.
//
// The context lives until the outermost middleware has returned, so a transaction may be committed behind next. Only the
// client's cancel before the terminal frame, the time-out of the handler, which covers the middleware too, and the end of
// the connection end it earlier. When next has returned the client has its answer: a further error, or a panic, is
// logged and counted as a failure of the call, and the client is not told. What must be done before the answer belongs
// into the handler.
type Middleware func(next Handler) Handler

// Use adds middleware; what is added first is outermost.
func (c *Consumer[S]) Use(all ...Middleware) {
	c.end.register()
	for _, m := range all {
		if m == nil {
			panic(fmt.Sprintf("chanx: use middleware of consumer %s: it is nil: leave it out", c.end.opts.Name))
		}
	}
	c.end.middleware = append(c.end.middleware, all...)
}

// wrap makes one handler of the middleware and what it is around.
func wrap(all []Middleware, h Handler) Handler {
	for i := len(all) - 1; i >= 0; i-- {
		h = all[i](h)
	}
	return h
}

// serve runs a call through the middleware and sees to its end.
func (c *Conn) serve(ctx context.Context, k *Call) {
	k.begun = true
	watch := k.handled.begin(k.task.isParallel())
	end := func(err error) {
		watch.stop()
		if !k.ended {
			c.conclude(ctx, k, nil, err)
		} else if err != nil {
			c.failLate(ctx, k, err)
		}
		k.release()
	}
	end(c.guardTo(end, func() error { return c.mount.handler(ctx, k) }))
}

// failLate counts and logs what middleware has returned after the terminal frame, unless it is the handler's own error:
// of that the client, the counters and the log have been told. The client is told nothing more.
func (c *Conn) failLate(ctx context.Context, k *Call, err error) {
	if k.err != nil && consistsOf(err, k.err) || c.isExpected(ctx, err) {
		return
	}
	k.fail()
	c.logFailure(slog.LevelError, err, k.Action)
}

// release ends the call's context.
func (k *Call) release() {
	if k.cancel != nil {
		k.cancel.stop()
	}
	if k.done != nil {
		k.done()
	}
}

// run is the innermost handler.
func run(ctx context.Context, k *Call) error {
	c := k.Conn
	if k.ended {
		return errors.New("chanx: call next: it has been called already: call it once")
	}
	if k.task.stream != nil {
		return c.stream(ctx, k)
	}
	var reply Message
	err := c.guard(func() (err error) {
		reply, err = k.task.run(c, ctx, k.value)
		return err
	})
	c.conclude(ctx, k, reply, err)
	return err
}

// guard runs code of the application and makes an error of its panic. If that ends the goroutine (runtime.Goexit, as the
// FailNow of a test does), nothing behind guard runs but what is deferred: see guardTo.
func (c *Conn) guard(run func() error) error { return c.guardTo(func(error) {}, run) }

var errGoexit = errors.New("chanx: handler failed: it ended its goroutine, as runtime.Goexit and the FailNow of a test do: return an error")

// guardTo is guard; if the goroutine ends it calls exited, with errExited, on the way out.
func (c *Conn) guardTo(exited func(error), run func() error) error { return guardTo(exited, run) }

func guardTo(exited func(error), run func() error) (err error) {
	returned := false
	defer func() {
		if returned {
			return
		}
		if v := recover(); v != nil {
			err = &panicError{v, debug.Stack()}
		} else {
			exited(errGoexit)
		}
	}()
	if err = run(); err != nil {
		err = checkError(err)
	}
	returned = true
	return err
}

// sound is err, after it has been looked at as those will do who tell of it. It panics here if that cannot be done: a nil
// pointer of an error's type is the usual cause.
func checkError(err error) error {
	told, tells := errors.AsType[*Error](err)
	closing, closes := errors.AsType[*CloseError](err)
	refused, refuses := errors.AsType[*RefusalError](err)
	if tells && told == nil || closes && closing == nil || refuses && refused == nil {
		return fmt.Errorf("chanx: handler failed: its error is a nil pointer in a %T: return nil itself", err)
	}
	_ = err.Error()
	return err
}

type panicError struct {
	value any
	stack []byte
}

func (p *panicError) Error() string { return fmt.Sprintf("panic: %v", p.value) }

// conclude sends the terminal frame of a call and what completions add.
func (c *Conn) conclude(ctx context.Context, k *Call, reply Message, err error) {
	k.ended, k.err = true, err
	c.refs.end(k) // before the verdict: from here on a cancel comes too late
	cork := mayCork(ctx, c)
	err = c.recordResult(ctx, k)
	if closing, ok := errors.AsType[*CloseError](err); ok {
		c.closeBecause(closing)
		return
	}
	answered := false
	switch {
	case err != nil:
		answered = c.logUnsent(c.write(c.explain(ctx, err, k.Action), k.Ref, cork))
	case k.reply:
		answer := func(err error) {
			if answered = err == nil; answered {
				return
			}
			if !c.isExpected(ctx, err) {
				k.fail()
			}
			answered = c.logUnsent(c.write(c.explain(ctx, fmt.Errorf("chanx: reply to %q: %w", k.Action, err), k.Action), k.Ref, cork))
		}
		exited := func(err error) {
			answer(err)
			c.finishCall(k, answered, cork)
		}
		answer(c.guardTo(exited, func() error { return c.write(reply, k.Ref, cork) }))
	}
	c.finishCall(k, answered, cork)
}

// finishCall sends the completion of a call.
func (c *Conn) finishCall(k *Call, answered, cork bool) {
	if k.task.isEvent {
		c.complete(c.mount.eventComplete, cork)
		return
	}
	c.finish(k.Ref, answered, cork)
}

// Reasons of errors that the library tells.
var (
	errTimeout   = &Error{"timeout", "The handler took too long"}
	errCancelled = &Error{"cancelled", "Cancelled by the client"}
	errTooBusy   = &Error{"too_busy", "Too many handlers of this connection are running"}
	errRate      = &Error{"rate_limited", "Too many messages"}
	errDuplicate = &Error{"duplicate_ref", "The ref belongs to a message that is still being handled"}
)

// judge counts the handler's error as a failure, unless it is expected, and returns the error that the client is told.
func (c *Conn) recordResult(ctx context.Context, k *Call) (told error) {
	told, replaced := k.clientError(ctx)
	expected := k.err == nil || k.err == errCancelled || c.isExpected(ctx, k.err)
	if !expected || told == errTimeout {
		k.fail()
	}
	if replaced && !expected {
		c.logReplaced(k.err, k.Action)
	}
	return told
}

// verdict is the error that the client is told. It replaces the handler's if the client has cancelled the call or its
// time is over.
func (k *Call) clientError(ctx context.Context) (told error, replaced bool) {
	if _, closing := errors.AsType[*CloseError](k.err); closing {
		return k.err, false
	}
	switch {
	case k.cancel.wasCalled() && k.task.stream != nil:
		return nil, true
	case k.cancel.wasCalled():
		return errCancelled, true
	case k.err != nil && errors.Is(ctx.Err(), context.DeadlineExceeded):
		return errTimeout, true
	}
	return k.err, false
}

// told reports whether a terminal frame is on its way.
func (c *Conn) logUnsent(err error) bool {
	if err != nil && !errors.Is(err, ErrClosed) {
		c.logError(slog.LevelWarn, "chanx: client not told", "", err)
	}
	return err == nil
}

// finish sends the completion of a client's message: with its ref, unless the ref has had its one terminal frame.
func (c *Conn) finish(ref string, answered, cork bool) {
	if ref == "" || answered {
		c.complete(c.mount.complete, cork)
		return
	}
	c.logUnsent(c.write(CompleteMessage{}, ref, cork))
}

// complete sends a completion, where completions are on.
func (c *Conn) complete(f fixedFrame, cork bool) {
	if c.mount.completions {
		c.deliver([]socket.Frame{f.Frame}, cork)
		c.sent(f.out.counter, f.out.action, f.Len())
	}
}

// closeBecause closes with a code that a handler chose; one that may not be sent is the handler's mistake.
func (c *Conn) closeBecause(why *CloseError) {
	err := c.Close(why.Code, why.Reason)
	if err == nil || errors.Is(err, ErrClosed) {
		return
	}
	c.logError(slog.LevelError, "chanx: handler failed", "close", err)
	if err := c.Close(socket.CloseInternal, ""); err != nil {
		c.logError(slog.LevelError, "chanx: close failed", "", err)
	}
}

// fail counts a call whose handler has begun and failed, once.
func (k *Call) fail() {
	if k.begun && !k.counted {
		k.counted = true
		k.handled.failed.Add(1)
	}
}
