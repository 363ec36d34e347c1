package chanx

import (
	"context"
	"errors"
	"fmt"
	"log/slog"
	"reflect"
	"runtime/debug"

	"github.com/chanx-go/chanx/internal/cluster"
	"github.com/chanx-go/chanx/internal/socket"
)

// Call is one message or event on its way to its handler. Its fields are read-only.
type Call struct {
	Conn    *Conn
	Action  string  // of the message, or the event's name
	Ref     string  // given by the client, or ""
	Message Message // nil for an event
	Event   Event   // nil for a message

	task         *task
	reply        bool               // the handler answers with a message
	value        any                // pointer to the message or event
	own          *handlerContext    // for the handler, if it runs in the queue
	no           uint64             // number of the message in its connection, from 1
	headers      cluster.Headers    // of an event: set by the Observer of its sender
	ended        bool               // the final frame has been sent
	err          error              // the handler's error, once ended
	cancel       *cancellation      // by the client; nil without a ref
	done         context.CancelFunc // ends the timeout; nil without one
	releaseQueue func()             // lets the queue continue beside the call; nil if it waits

	handled        *handledCell
	begun, counted bool // whether handled has counted the call, and its failure
}

// Handler handles a call. It returns after the call's final frame (the reply, error or complete of a message) has
// been sent. It returns the error of the application's handler, or an error made of its panic.
type Handler func(ctx context.Context, c *Call) error

// Middleware wraps the handlers of a consumer: for messages that passed validation, and for events. Code before and
// after next runs in the handler's goroutine. next may be called once. If middleware does not call next, its error is
// sent to the client like a handler's error, and nil counts as success.
//
// The context lives until the outermost middleware has returned, so a transaction may be committed after next. It ends
// earlier only if the client cancels the call before the final frame, if the handler's timeout expires, which covers
// the middleware too, or if the connection ends. After next has returned, the client has its answer: a further error,
// or a panic, is logged and counted as a failure of the call, but not sent. Work that must be done before the answer
// belongs in the handler.
type Middleware func(next Handler) Handler

// Use adds middleware. The first one added is the outermost.
func (c *Consumer[S]) Use(all ...Middleware) {
	c.end.register()
	for _, m := range all {
		if m == nil {
			panic(fmt.Sprintf("chanx: use middleware of consumer %s: it is nil: leave it out", c.end.opts.Name))
		}
	}
	c.end.middleware = append(c.end.middleware, all...)
}

// wrap returns h wrapped in all middleware.
func wrap(all []Middleware, h Handler) Handler {
	for i := len(all) - 1; i >= 0; i-- {
		h = all[i](h)
	}
	return h
}

// serve runs a call through the middleware and finishes it.
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
	if attempt(func() error { return c.mount.handler(ctx, k) }, end) {
		end(nil)
	}
}

// failLate counts and logs an error that middleware returned after the final frame, unless it is the handler's own
// error, which has been counted, logged and sent already. Nothing more is sent to the client.
func (c *Conn) failLate(ctx context.Context, k *Call, err error) {
	if k.err != nil && consistsOf(err, k.err) || c.isExpected(ctx, err) {
		return
	}
	k.fail()
	c.logFailure(slog.LevelError, err, k.Action)
}

// release ends the call's context.
func (k *Call) release() {
	k.own.end()
	if k.cancel != nil {
		k.cancel.stop()
	}
	if k.done != nil {
		k.done()
	}
}

// run is the innermost handler: it calls the application's handler.
func run(ctx context.Context, k *Call) error {
	c := k.Conn
	if k.ended {
		return errors.New("chanx: call next: it has been called already: call it once")
	}
	if k.task.stream != nil {
		return c.stream(ctx, k)
	}
	var reply Message
	err := guard(func() (err error) {
		reply, err = k.task.run(c, ctx, k.value)
		return err
	})
	c.conclude(ctx, k, reply, err)
	return err
}

// guard runs code of the application and turns a panic into an error. If the code ends the goroutine, guard does not
// return, and the attempt around it notices.
func guard(run func() error) (err error) {
	attempt(run, func(failure error) { err = failure })
	return err
}

// attempt runs code of the application and reports whether it has succeeded. If not, attempt calls failed, with the error
// that run returned, one made of its panic, or errGoexit if it has ended the goroutine (runtime.Goexit, as FailNow of a
// test does). In the last case only failed and other deferred functions still run, and attempt does not return.
func attempt(run func() error, failed func(error)) (ok bool) {
	err := errGoexit // unless run returns or panics
	defer func() {
		if err == nil {
			return
		}
		if v := recover(); v != nil {
			err = &panicError{v, debug.Stack()}
		}
		failed(err)
	}()
	err = checkError(run())
	return err == nil
}

var errGoexit = errors.New("chanx: handler failed: it ended its goroutine, as runtime.Goexit and the FailNow of a test do: return an error")

// checkError calls the methods of err that later code calls, inside the guard: a nil pointer of an error's type would
// panic there. It replaces an error from which no answer can be made.
func checkError(err error) error {
	if err == nil {
		return nil
	}
	reported := outermost(err)
	if v := reflect.ValueOf(reported); v.Kind() == reflect.Pointer && v.IsNil() {
		return fmt.Errorf("chanx: handler failed: its error is a nil pointer in a %T: return nil itself", err)
	}
	if r, ok := reported.(*RefusalError); ok && !r.isValid() {
		return fmt.Errorf("chanx: handler failed: its error is a RefusalError with status %d: make it with Refuse: %v", r.Status, err)
	}
	if items, ok := reported.(ValidationError); ok && len(items) == 0 {
		return fmt.Errorf("chanx: handler failed: its error is an empty ValidationError: return nil if nothing is wrong: %q", err)
	}
	_ = err.Error()
	if e, ok := reported.(*Error); ok && e.Cause != nil {
		_ = e.Cause.Error()
	}
	return err
}

type panicError struct {
	value any
	stack []byte
}

func (p *panicError) Error() string { return fmt.Sprintf("panic: %v", p.value) }

// conclude sends the final frame of a call and the completion, if completions are on.
func (c *Conn) conclude(ctx context.Context, k *Call, reply Message, err error) {
	k.ended, k.err = true, err
	c.refs.end(k) // before the result is read: from here on a cancel is too late
	cork := k.own.corks(c)
	switch err = c.recordResult(ctx, k); {
	case err != nil:
		c.answerError(ctx, k, err, cork)
	case k.reply:
		failed := func(err error) {
			if !c.isExpected(ctx, err) {
				k.fail()
			}
			c.answerError(ctx, k, fmt.Errorf("chanx: reply to %q: %w", k.Action, err), cork)
		}
		if attempt(func() error { return c.write(reply, k.Ref, cork) }, failed) {
			c.finishCall(k, true, cork)
		}
	default:
		c.finishCall(k, false, cork)
	}
}

// answerError ends a call with an error: it sends the error message and the completion, or closes the connection.
func (c *Conn) answerError(ctx context.Context, k *Call, err error, cork bool) {
	if closing, ok := outermost(err).(*CloseError); ok {
		c.logHidden(ctx, err, k.Action)
		c.closeBecause(closing)
		return
	}
	answered := c.logUnsent(c.write(c.explain(ctx, err, k.Action, k.incoming()), k.Ref, cork))
	c.finishCall(k, answered, cork)
}

// finishCall sends the completion of a message or an event.
func (c *Conn) finishCall(k *Call, answered, cork bool) {
	if k.task.isEvent {
		c.complete(c.mount.eventComplete, cork)
		return
	}
	c.finish(k.Ref, answered, cork)
}

// Errors that the library itself sends to clients.
var (
	errTimeout   = NewError("timeout", "The handler took too long")
	errCancelled = NewError("cancelled", "Cancelled by the client")
	errTooBusy   = NewError("too_busy", "Too many handlers of this connection are running")
	errRate      = NewError("rate_limited", "Too many messages")
	errDuplicate = NewError("duplicate_ref", "The ref belongs to a message that is still being handled")
)

// recordResult counts the handler's error if it is a failure, and returns the error to send to the client.
func (c *Conn) recordResult(ctx context.Context, k *Call) error {
	forClient, replaced := k.clientError(ctx)
	expected := k.err == nil || k.err == errCancelled || c.isExpected(ctx, k.err)
	if !expected && c.isFailure(ctx, k.err) || forClient == errTimeout {
		k.fail()
	}
	if replaced && !expected {
		c.logFailure(c.levelOf(ctx, k.err), k.err, k.Action)
	}
	return forClient
}

// clientError returns the error to send to the client. It replaces the handler's error if the client has cancelled the
// call or the timeout has expired.
func (k *Call) clientError(ctx context.Context) (forClient error, replaced bool) {
	if _, closing := outermost(k.err).(*CloseError); closing {
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

// logUnsent logs err, the result of a write, unless the connection is closed. It reports whether the frame was queued.
func (c *Conn) logUnsent(err error) bool {
	if err != nil && !errors.Is(err, ErrClosed) {
		c.logError(slog.LevelWarn, "chanx: message not sent to client", "", err)
	}
	return err == nil
}

// finish sends the completion of a client's message. It carries the ref, unless a final frame with the ref was sent
// already.
func (c *Conn) finish(ref string, answered, cork bool) {
	if ref == "" || answered {
		c.complete(c.mount.complete, cork)
		return
	}
	c.logUnsent(c.write(CompleteMessage{}, ref, cork))
}

// complete sends a completion, if completions are on.
func (c *Conn) complete(f fixedFrame, cork bool) {
	if c.mount.completions {
		c.deliver([]socket.Prepared{f.Prepared}, cork)
		c.sent(f.out.counter, f.out.action, f.Len())
	}
}

// closeBecause closes with a code that a handler chose. An invalid code is the handler's mistake: it is logged, and the
// connection closes with 1011.
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

// incoming returns the type of the call's message, or nil for an event.
func (k *Call) incoming() *mountedIncoming {
	in := k.Conn.mount.incoming[k.Action]
	if in == nil || &in.task != k.task { // an event of that name
		return nil
	}
	return in
}

// fail counts the call as failed, once, if its handler has begun.
func (k *Call) fail() {
	if k.begun && !k.counted {
		k.counted = true
		k.handled.failed.Add(1)
	}
}
