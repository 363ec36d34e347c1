package chanxtest

import (
	"encoding/json"
	"errors"
	"fmt"
	"reflect"

	"github.com/chanx-go/chanx"
)

// check returns an error if a frame does not match what the consumer declares for its action. An undeclared action was
// sent with Raw, and its payload may be anything.
func (c *Conn) check(f received) error {
	if f.err != nil {
		return f.err
	}
	t, group := c.consumer.Outgoing(f.Message.Name)
	switch {
	case f.Message.Name == "":
		return errors.New("it has no action")
	case len(f.fields) > 0 && !c.mayHaveFields(t):
		return fmt.Errorf("it has unknown members: %s", f.fields[1:])
	case t == nil:
		return nil
	case group && !f.Grouped:
		return errors.New("it is declared with Broadcasts, but has no is_mine and is_current")
	case t == reflect.TypeFor[chanx.ErrorMessage]():
		return checkError(f.Message.Payload)
	case c.writesOnly(t):
		return nil
	}
	return c.message(f.Frame, reflect.New(t))
}

// mayHaveFields reports whether the frame's fields are checked later, against type t.
func (c *Conn) mayHaveFields(t reflect.Type) bool { return t != nil && !c.writesOnly(t) }

// writesOnly reports whether a type, or one inside it, defines how it is encoded but not how it is decoded.
func (c *Conn) writesOnly(t reflect.Type) bool {
	p := reflect.PointerTo(t)
	if p.Implements(reflect.TypeFor[json.Marshaler]()) && !p.Implements(reflect.TypeFor[json.Unmarshaler]()) {
		return true
	}
	typ, _, err := c.codec(t)
	return err == nil && typ.CheckReadable() != nil
}

// checkError checks that an error's payload has one of its two forms.
func checkError(payload []byte) error {
	var items chanx.ValidationError
	var object map[string]any
	if json.Unmarshal(payload, &items) == nil && len(items) > 0 || json.Unmarshal(payload, &object) == nil && object != nil {
		return nil
	}
	return errors.New("the payload of an error is a list of items or an object")
}
