package otelchanx

import (
	"context"
	"errors"
	"strconv"

	"github.com/chanx-go/chanx"
)

// errorType maps errors to a small number of types. Like what the client is told, the type depends on the outermost
// error that is meant for the client.
func errorType(err error) string {
	if text, ok := toldType(err); ok {
		return text
	}
	switch {
	case errors.Is(err, context.DeadlineExceeded):
		return "timeout"
	case errors.Is(err, context.Canceled):
		return "cancelled"
	}
	return "internal"
}

// toldType returns the type of the first error that is meant for the client, from the outside in, and depth first where
// several are joined.
func toldType(err error) (text string, ok bool) {
	switch e := err.(type) {
	case *chanx.Error:
		return e.Reason, true
	case *chanx.RefusalError:
		return strconv.Itoa(e.Status), true
	case *chanx.CloseError:
		return strconv.Itoa(e.Code), true
	case chanx.ValidationError:
		return "validation", true
	case interface{ Unwrap() error }:
		return toldType(e.Unwrap())
	case interface{ Unwrap() []error }:
		for _, part := range e.Unwrap() {
			if text, ok = toldType(part); ok {
				return text, true
			}
		}
	}
	return "", false
}
