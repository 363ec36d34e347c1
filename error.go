package chanx

import (
	"context"
	"errors"
	"fmt"
	"log/slog"
	"net/http"
	"reflect"
	"strings"

	"github.com/chanx-go/chanx/internal/socket"
	"github.com/chanx-go/chanx/schema"
)

// FieldError is one thing that is wrong with a value: its type (a stable word such as "missing"), the path to it, of
// strings and integers, and a text for people.
type FieldError = schema.FieldError

// ValidationError is all that is wrong with a value. Length 0 is success.
type ValidationError = schema.ValidationError

// Error is an error that the client is told: {"reason": Reason, "detail": Detail}. Any other error of a handler is
// logged, and the client learns only that there was one. Of each text the client is told 1 KiB; the rest is cut off.
type Error struct {
	Reason string // a word for programs, such as "room_full"
	Detail string // a text for people
}

// Error is "reason: detail".
func (e *Error) Error() string { return e.Reason + ": " + e.Detail }

// Errorf returns an *Error: from a handler, it is sent to the client.
func Errorf(reason, format string, args ...any) error {
	return &Error{Reason: reason, Detail: fmt.Sprintf(format, args...)}
}

// CloseError says how a connection ended or is to end. From a handler, a *CloseError closes the connection with that
// code, after everything that was sent before. Code is one of RFC 6455 section 7.4: 1000 to 1003, 1007 to 1014 or 3000
// to 4999 to send; an OnClose may also see 1005 (the peer gave none) and 1006 (the transport was lost). Reason is cut to
// 123 bytes.
type CloseError struct {
	Code   int
	Reason string
}

// Error names code and reason.
func (e *CloseError) Error() string {
	return fmt.Sprintf("chanx: connection closed: %d %s", e.Code, e.Reason)
}

var (
	// ErrClosed is the error of a Conn's and a Server's methods once it is closed.
	ErrClosed = errors.New("chanx: closed")

	// ErrSlow is the error of a send to a client that does not keep up: its queue is full and it is disconnected (1013).
	ErrSlow = errors.New("chanx: send queue full")
)

// RefusalError is the error of Refuse. Code that shares an Authenticator with chanx, such as an HTTP handler, finds it with
// errors.As and answers with its Status and Detail. Make one with Refuse: a Status that is not one of 400 to 599 is an
// internal error.
type RefusalError struct {
	Status int    // of HTTP
	Detail string // a text for people
}

// Error names status and detail.
func (r *RefusalError) Error() string {
	return fmt.Sprintf("chanx: refused: %d %s", r.Status, r.Detail)
}

func (r *RefusalError) isValid() bool { return r.Status >= 400 && r.Status <= 599 }

// Refuse returns a *RefusalError with an HTTP status, 400 to 599, and a detail that the client is told. Another status
// panics.
//
// From an Authenticator or a consumer's open it refuses the connection: close 4000 plus the status, or the plain HTTP
// status with ServerOptions.RefuseWithHTTP. From the handler of a message or event the client is told an error and the
// connection stays open; the reason is the status text in lower case with underscores: Refuse(403, "members only") is
// {"reason": "forbidden", "detail": "members only"}. From OnOpen it is told like that, then the connection is closed with
// 4000 plus the status. The log is told of none of them.
func Refuse(status int, detail string) error {
	r := &RefusalError{status, detail}
	if !r.isValid() {
		panic(fmt.Sprintf("chanx: refuse connection: status %d is not one of 400 to 599", status))
	}
	return r
}

// refusalIn finds a refusal in what err wraps, unless its status cannot be told.
func refusalIn(err error) (r *RefusalError, ok bool) {
	r, ok = errors.AsType[*RefusalError](err)
	return r, ok && r.isValid()
}

// reason is the word for programs of a refusal that a handler returns: that of 403 is "forbidden".
func (r *RefusalError) reason() string {
	text := http.StatusText(r.Status)
	if text == "" {
		return fmt.Sprint("status_", r.Status)
	}
	text = strings.NewReplacer(" ", "_", "-", "_", "'", "").Replace(text)
	return strings.ToLower(text)
}

func (r *RefusalError) closeCode() int { return 4000 + r.Status }

// asRefusal makes of an opening's error what the client is told: only a refusal tells why.
func asRefusal(err error) (r *RefusalError, closeCode int) {
	if r, ok := refusalIn(err); ok {
		return r, r.closeCode()
	}
	return &RefusalError{http.StatusInternalServerError, serverError}, socket.CloseInternal
}

// serverError is what a client is told of an error that is none of its business.
const serverError = "Internal server error"

// maxTold is how much of a text of the application's a client is told, in bytes: it may repeat what the client has sent.
const maxDetailBytes = 1 << 10

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
		return reason{cutBytes(told.Reason, maxDetailBytes), cutBytes(told.Detail, maxDetailBytes)}, true
	}
	if refused, ok := refusalIn(err); ok {
		return reason{refused.reason(), cutBytes(refused.Detail, maxDetailBytes)}, true
	}
	return reason{}, false
}

var internalError = ErrorMessage{reason{"internal", "Failed to process message"}}

func (c *Conn) logFailure(level slog.Level, err error, action string) {
	c.logError(level, "chanx: handler failed", action, err, "action", action)
}

// logUntold logs the error of a handler of which the client is told nothing, because the call was cancelled or took too
// long. An error that is made for the client is logged at debug level.
func (c *Conn) logReplaced(err error, action string) {
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
