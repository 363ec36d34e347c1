package chanx

import (
	"errors"
	"fmt"
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

// validator compiles types for Validate.
var validator = func() *schema.Compiler {
	c, err := schema.NewCompiler(nil)
	if err != nil {
		panic(err)
	}
	return c
}()

// Validate makes the checks that a received value passes on one made in code: the tags of its type and of nested
// types, then their Validate methods. The error is a ValidationError, or says that the type cannot be a message. It may
// be called concurrently; a type is compiled at its first use. Interface-typed fields need ConsumerOptions.Unions, and
// are checked by the consumer.
func Validate(v any) error {
	if v == nil {
		return errors.New("chanx: validate value: it is nil")
	}
	t := reflect.TypeOf(v)
	if t.Kind() == reflect.Pointer {
		t = t.Elem()
	}
	typ, err := validator.Compile(t)
	if err != nil {
		return fmt.Errorf("chanx: validate value: %w", err)
	}
	return typ.Validate(v)
}

// checkCloseCode reports a code that may not be sent.
func checkCloseCode(verb string, code int) error {
	if socket.Sendable(code) {
		return nil
	}
	return fmt.Errorf("chanx: %s: code %d may not be sent: use one of 1000 to 1003, 1007 to 1014 or 3000 to 4999", verb, code)
}
