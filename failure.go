package chanx

import (
	"context"
	"errors"
	"log/slog"
	"reflect"

	"github.com/chanx-go/chanx/internal/socket"
)

// This file decides what the error of a handler means for the log, the counters and the client.

// maxTold is how much of a text of the application's a client is told, in bytes: it may repeat what the client has sent.
const maxTold = 1 << 10

// reason is the payload of an error that is not about the form of a message.
type reason struct {
	Reason string `json:"reason"`
	Detail string `json:"detail"`
}

// explain returns what the client is told of a handler's error. An error that it is not told is logged. ctx is the
// handler's.
func (c *Conn) explain(ctx context.Context, err error, action string) ErrorMessage {
	if why, ok := answerIn(err); ok {
		return ErrorMessage{why}
	}
	level := slog.LevelError
	if c.isExpected(ctx, err) {
		level = slog.LevelDebug
	}
	c.logFailure(level, err, action)
	return internalError
}

// answerIn is what the client is told of an error that is made for it.
func answerIn(err error) (why reason, ok bool) {
	if told, ok := errors.AsType[*Error](err); ok {
		return reason{cutBytes(told.Reason, maxTold), cutBytes(told.Detail, maxTold)}, true
	}
	if refused, ok := refusalIn(err); ok {
		return reason{refused.reason(), cutBytes(refused.Detail, maxTold)}, true
	}
	return reason{}, false
}

var internalError = ErrorMessage{reason{"internal", "Failed to process message"}}

func (c *Conn) logFailure(level slog.Level, err error, action string) {
	c.logError(level, "chanx: handler failed", action, err, "action", action)
}

// logUntold logs the error of a handler of which the client is told nothing, because the call was cancelled or took too
// long. An error that is made for the client is logged at debug level.
func (c *Conn) logUntold(err error, action string) {
	level := slog.LevelError
	if _, ok := answerIn(err); ok {
		level = slog.LevelDebug
	}
	c.logFailure(level, err, action)
}

// errorAttrs are what the log is told of an error: of a panic its stack too.
func errorAttrs(err error) []any {
	if p, ok := errors.AsType[*panicError](err); ok {
		return []any{"error", err, "stack", string(p.stack)}
	}
	return []any{"error", err}
}

// fail counts a call whose handler has begun and failed, once.
func (k *Call) fail() {
	if k.begun && !k.counted {
		k.counted = true
		k.handled.failed.Add(1)
	}
}

// isExpected reports whether err says no more than that the handler's context has ended, or that this connection has.
// Clients come and go while handlers run: neither is a mistake of the program. ErrClosed and ErrSlow may also come from
// another connection or from a closed Server, so they are expected only if this connection has ended.
func (c *Conn) isExpected(ctx context.Context, err error) bool {
	var few [6]error
	own := few[:0]
	for _, x := range [...]context.Context{ctx, c.ctx} {
		if ended := x.Err(); ended != nil {
			own = append(own, ended, context.Cause(x))
		}
	}
	if c.hasGone() {
		own = append(own, ErrClosed, ErrSlow)
	}
	return consistsOf(err, own...)
}

// hasGone reports whether nothing reaches the client any more. That may be known before the connection's context ends.
func (c *Conn) hasGone() bool {
	wire := c.transport()
	return c.ctx.Err() != nil || wire != nil && errors.Is(wire.WriteFrames(nil, true), socket.ErrClosed)
}

// consistsOf reports whether err is one of the others, wraps one, or joins several errors each of which does. Unlike
// errors.Is it is false for errors.Join(context.Canceled, errors.New("disk full")).
func consistsOf(err error, others ...error) bool {
	for _, o := range others {
		if isSame(err, o) {
			return true
		}
	}
	switch x := err.(type) {
	case interface{ Unwrap() []error }:
		parts := x.Unwrap()
		for _, part := range parts {
			if part != nil && !consistsOf(part, others...) {
				return false
			}
		}
		return len(parts) > 0
	case interface{ Unwrap() error }:
		inner := x.Unwrap()
		return inner != nil && consistsOf(inner, others...)
	}
	return false
}

// isSame is errors.Is without a look at what the errors wrap. It also compares errors of types that cannot be compared
// with ==, such as ValidationError.
func isSame(err, target error) bool {
	if x, ok := err.(interface{ Is(error) bool }); ok && x.Is(target) {
		return true
	}
	if v := reflect.ValueOf(err); v.IsValid() && !v.Comparable() {
		return reflect.DeepEqual(err, target)
	}
	return err == target
}
