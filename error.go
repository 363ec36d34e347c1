package chanx

import (
	"context"
	"errors"
	"fmt"
	"log/slog"
	"net/http"
	"reflect"
	"slices"
	"strings"

	"github.com/chanx-go/chanx/internal/socket"
	"github.com/chanx-go/chanx/schema"
)

// FieldError is one error in a value: its type (a stable word such as "missing"), the path to it, made of strings and
// integers, and a text for people.
type FieldError = schema.FieldError

// ValidationError lists all errors in a value. Length 0 means success.
//
// A handler may return one made in code, for what tags cannot express. Its client receives it like the errors of a
// message that did not pass validation: each Loc, made of the declared names, is put below "payload", unless it begins
// with the name of a frame field; there are at most Limits.MaxErrors items, and texts are cut. It is logged at debug
// level, and counts neither as a failure nor for Limits.MaxInvalid. An empty one is an internal error.
type ValidationError = schema.ValidationError

// Error is an error for the client, who receives {"reason": Reason, "detail": Detail}. Any other error of a handler is
// logged, and the client learns only that there was one. Each text is cut to 1 KiB.
type Error struct {
	Reason string // a word for programs, such as "room_full"
	Detail string // a text for people

	// Cause may be nil. It is logged at debug level, and Unwrap returns it. The client never receives it, and it decides
	// nothing: a *CloseError as Cause closes no connection.
	Cause error `json:"-"`
}

// NewError returns an error that a handler returns to send it to the client. To add a cause, write
// &Error{Reason: reason, Detail: detail, Cause: err}.
func NewError(reason, detail string) *Error { return &Error{Reason: reason, Detail: detail} }

// Error is "reason: detail". It does not contain the cause.
func (e *Error) Error() string { return e.Reason + ": " + e.Detail }

// Unwrap returns Cause.
func (e *Error) Unwrap() error { return e.Cause }

// CloseError describes how a connection ended or should end. A *CloseError from a handler closes the connection with
// that code, after everything that was sent before. Code is one of RFC 6455 section 7.4: 1000 to 1003, 1007 to 1014 or
// 3000 to 4999 to send. OnClose may also receive 1005 (the peer sent no code) and 1006 (the transport was lost). Reason
// is cut to 123 bytes.
type CloseError struct {
	Code   int
	Reason string
}

// Error contains code and reason.
func (e *CloseError) Error() string {
	return fmt.Sprintf("chanx: connection closed: %d %s", e.Code, e.Reason)
}

var (
	// ErrClosed is returned by methods of a Conn or Server that is closed.
	ErrClosed = errors.New("chanx: closed")

	// ErrSlow is returned by a send to a client that does not keep up: its queue is full, and the connection is closed
	// with 1013.
	ErrSlow = errors.New("chanx: send queue full")
)

// RefusalError is the error that Refuse returns. Code that shares an Authenticator with chanx, such as an HTTP handler,
// finds it with errors.As and answers with its Status and Detail. Create one with Refuse only: a Status outside of 400
// to 599 counts as an internal error.
type RefusalError struct {
	Status int             // HTTP status
	Detail string          // a text for people
	Errors ValidationError // the parameters of the request that were refused, if any; see NewConsumerWith
}

// Error contains status and detail.
func (r *RefusalError) Error() string {
	return fmt.Sprintf("chanx: refused: %d %s", r.Status, r.Detail)
}

func (r *RefusalError) isValid() bool { return r.Status >= 400 && r.Status <= 599 }

// text is the body of a refusal that is sent as a plain HTTP status.
func (r *RefusalError) text() string {
	if len(r.Errors) == 0 {
		return r.Detail
	}
	return r.Detail + "\n" + r.Errors.Error()
}

// Refuse returns a *RefusalError with an HTTP status from 400 to 599 and a detail for the client. Any other status
// panics.
//
// From an Authenticator or a consumer's open it refuses the connection: the client receives close code 4000 plus the
// status, or the plain HTTP status with ServerOptions.RefuseWithHTTP. From the handler of a message or event it is sent
// as an error message, and the connection stays open; the reason is the status text in lower case with underscores:
// Refuse(403, "members only") is {"reason": "forbidden", "detail": "members only"}. From OnOpen it is sent in the same
// way, then the connection is closed with 4000 plus the status. Refusals are not logged.
func Refuse(status int, detail string) error {
	r := &RefusalError{Status: status, Detail: detail}
	if !r.isValid() {
		panic(fmt.Sprintf("chanx: refuse connection: status %d is not one of 400 to 599", status))
	}
	return r
}

// reason is the reason of the error message for a refusal, for example "forbidden" for 403.
func (r *RefusalError) reason() string {
	text := http.StatusText(r.Status)
	if text == "" {
		return fmt.Sprint("status_", r.Status)
	}
	text = strings.NewReplacer(" ", "_", "-", "_", "'", "").Replace(text)
	return strings.ToLower(text)
}

func (r *RefusalError) closeCode() int { return 4000 + r.Status }

// asRefusal returns the refusal and close code for an error of the opening. The client learns the text of a refusal
// only.
func asRefusal(err error) (r *RefusalError, closeCode int) {
	if r, ok := outermost(err).(*RefusalError); ok {
		return r, r.closeCode()
	}
	return &RefusalError{Status: http.StatusInternalServerError, Detail: serverError}, socket.CloseInternal
}

// serverError is the text for a client whose connection fails because of an internal error.
const serverError = "Internal server error"

// maxDetailBytes bounds a text of the application that is sent to a client: it may repeat what the client has sent.
const maxDetailBytes = 1 << 10

// reason is the payload of an error message that is not about validation.
type reason struct {
	Reason string `json:"reason"`
	Detail string `json:"detail"`
}

// isForClient reports whether err itself, not an error inside it, is one that decides what the client is told.
func isForClient(err error) bool {
	switch err.(type) {
	case *Error, *CloseError, *RefusalError, ValidationError:
		return true
	}
	return false
}

// outermost returns the error that decides what the client is told: the first in the tree of err for which isForClient
// is true, from the outside in, and depth first where several are joined. It returns nil if there is none.
func outermost(err error) error {
	if isForClient(err) {
		return err
	}
	switch x := err.(type) {
	case interface{ Unwrap() error }:
		return outermost(x.Unwrap())
	case interface{ Unwrap() []error }:
		for _, part := range x.Unwrap() {
			if found := outermost(part); found != nil {
				return found
			}
		}
	}
	return nil
}

// explain returns the error message for a handler's error, and logs what the client does not learn. ctx is the
// handler's. in is the message that it handles, or nil if it handles none.
func (c *Conn) explain(ctx context.Context, err error, action string, in *mountedIncoming) ErrorMessage {
	c.logHidden(ctx, err, action)
	switch e := outermost(err).(type) {
	case *Error:
		return ErrorMessage{reason{cutBytes(e.Reason, maxDetailBytes), cutBytes(e.Detail, maxDetailBytes)}}
	case *RefusalError:
		return ErrorMessage{reason{e.reason(), cutBytes(e.Detail, maxDetailBytes)}}
	case ValidationError:
		if in == nil {
			return ErrorMessage{e.Bound(c.mount.limits)}
		}
		return ErrorMessage{in.codec.Locate(e, "payload", c.mount.limits)}
	}
	return internalError
}

var internalError = ErrorMessage{reason{"internal", "Failed to process message"}}

// logHidden logs a handler's error, unless it is of a kind that is not logged and the client learns all of it.
func (c *Conn) logHidden(ctx context.Context, err error, action string) {
	hidden := false
	switch e := outermost(err).(type) {
	case *Error:
		hidden = e.Cause != nil
	case nil, ValidationError:
		hidden = true
	}
	if level := c.levelOf(ctx, err); level == slog.LevelError || hidden {
		c.logFailure(level, err, action)
	}
}

// levelOf returns the level at which a handler's error is logged. It is debug if each part of err is meant for a client
// or reports only the end of ctx or of this connection.
func (c *Conn) levelOf(ctx context.Context, err error) slog.Level {
	if isForClient(err) {
		return slog.LevelDebug // clients can cause these again and again
	}
	ends := c.endErrors(ctx)
	if everyPart(err, func(part error) bool { return isForClient(part) || isOneOf(part, ends) }) {
		return slog.LevelDebug
	}
	return slog.LevelError
}

func (c *Conn) logFailure(level slog.Level, err error, action string) {
	c.logError(level, "chanx: handler failed", action, err, "action", action)
}

// errorAttrs are the log attributes of an error. Those of a panic include its stack.
func errorAttrs(err error) []any {
	attrs := []any{"error", err}
	if e, ok := outermost(err).(*Error); ok && e.Cause != nil {
		attrs = append(attrs, "cause", e.Cause)
	}
	if p, ok := errors.AsType[*panicError](err); ok {
		attrs = append(attrs, "stack", string(p.stack))
	}
	return attrs
}

// isExpected reports whether err says only that the handler's context, or this connection, has ended. Clients
// disconnect while handlers run, which is no fault of the program.
func (c *Conn) isExpected(ctx context.Context, err error) bool {
	return consistsOf(err, c.endErrors(ctx)...)
}

// isFailure reports whether a handler's error counts as a failure: all do, except those that are expected and those about
// input that is not valid.
func (c *Conn) isFailure(ctx context.Context, err error) bool {
	ends := c.endErrors(ctx)
	return !everyPart(err, func(part error) bool {
		_, invalid := part.(ValidationError)
		return invalid || isOneOf(part, ends)
	})
}

// endErrors returns the errors that say that ctx, or this connection, has ended. ErrClosed and ErrSlow may also come from
// another connection or from a closed Server, so they are among them only if this connection has ended.
func (c *Conn) endErrors(ctx context.Context) (all []error) {
	for _, x := range [...]context.Context{ctx, c.ctx} {
		if ended := x.Err(); ended != nil {
			all = append(all, ended, context.Cause(x))
		}
	}
	if c.hasGone() {
		all = append(all, ErrClosed, ErrSlow)
	}
	return all
}

// hasGone reports whether nothing can reach the client any more. That may be known before the connection's context
// ends.
func (c *Conn) hasGone() bool {
	wire := c.transport()
	return c.ctx.Err() != nil || wire != nil && errors.Is(wire.WritePrepared(nil, true), socket.ErrClosed)
}

// consistsOf reports whether err is one of the others, wraps one, or joins several errors each of which does. Unlike
// errors.Is it is false for errors.Join(context.Canceled, errors.New("disk full")).
func consistsOf(err error, others ...error) bool {
	return everyPart(err, func(part error) bool { return isOneOf(part, others) })
}

// everyPart reports whether is holds for err, for an error that it wraps, or for each of the errors that it joins. The
// cause of an *Error is not a part of it.
func everyPart(err error, is func(error) bool) bool {
	if is(err) {
		return true
	}
	switch x := err.(type) {
	case *Error:
		return false
	case interface{ Unwrap() []error }:
		parts := x.Unwrap()
		for _, part := range parts {
			if part != nil && !everyPart(part, is) {
				return false
			}
		}
		return len(parts) > 0
	case interface{ Unwrap() error }:
		inner := x.Unwrap()
		return inner != nil && everyPart(inner, is)
	}
	return false
}

func isOneOf(err error, others []error) bool {
	return slices.ContainsFunc(others, func(o error) bool { return isSame(err, o) })
}

// isSame is errors.Is without unwrapping. It also compares errors of types that are not comparable, such as
// ValidationError.
func isSame(err, target error) bool {
	if x, ok := err.(interface{ Is(error) bool }); ok && x.Is(target) {
		return true
	}
	if v := reflect.ValueOf(err); v.IsValid() && !v.Comparable() {
		return reflect.DeepEqual(err, target)
	}
	return err == target
}
