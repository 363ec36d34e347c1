package chanx

import (
	"bytes"
	"encoding/json"
	"errors"
	"fmt"
	"reflect"
	"runtime"
	"slices"
	"strings"
	"unicode/utf8"
)

// Message is a typed value that travels between client and server. It is the payload itself; Action is its
// discriminator, a constant of the type, in both directions. A message is a value: a struct, a named scalar, slice or
// map, never a pointer.
type Message interface{ Action() string }

// Event is a typed value that travels between servers and to the handlers of connections; clients never see it.
type Event interface{ Event() string }

// Ping asks whether the connection is alive; it is answered with Pong unless the consumer registers it.
type Ping struct{}

// Pong answers Ping.
type Pong struct{}

// ErrorMessage tells the client what went wrong: a list of [FieldError] for input that did not pass validation, else an
// object, such as the reason and detail of an [Error].
type ErrorMessage struct{ Payload any }

// AuthenticationMessage tells the client how its connection was received: 200 and "OK", or why it was refused, with an
// HTTP status and its text. Data is {"detail": text}.
type AuthenticationMessage struct {
	StatusCode int                  `json:"status_code"`
	StatusText string               `json:"status_text"`
	Data       AuthenticationDetail `json:"data"`
}

// AuthenticationDetail is the data of an AuthenticationMessage.
type AuthenticationDetail struct {
	Detail string `json:"detail"`
}

// CompleteMessage is the last frame for a client's message, where completions are on or the message carried a ref.
type CompleteMessage struct{}

// GroupCompleteMessage follows each group message, where completions are on.
type GroupCompleteMessage struct{}

// EventCompleteMessage follows each handled event, where completions are on.
type EventCompleteMessage struct{}

// Action is "ping".
func (Ping) Action() string { return "ping" }

// Action is "pong".
func (Pong) Action() string { return "pong" }

// Action is "error".
func (ErrorMessage) Action() string { return "error" }

// Action is "authentication".
func (AuthenticationMessage) Action() string { return "authentication" }

// Action is "complete".
func (CompleteMessage) Action() string { return "complete" }

// Action is "group_complete".
func (GroupCompleteMessage) Action() string { return "group_complete" }

// Action is "event_complete".
func (EventCompleteMessage) Action() string { return "event_complete" }

// MarshalJSON writes the payload alone.
func (m ErrorMessage) MarshalJSON() ([]byte, error) {
	var b bytes.Buffer
	enc := json.NewEncoder(&b)
	enc.SetEscapeHTML(false) // this is no HTML
	if err := enc.Encode(m.Payload); err != nil {
		return nil, err
	}
	return bytes.TrimSuffix(b.Bytes(), []byte("\n")), nil
}

// Raw is a message without a declared type, for gateways that pass on what they do not know. It is sent like any other
// and needs no declaration. Payload is one JSON value; empty means that the frame has no payload.
type Raw struct {
	Name    string
	Payload json.RawMessage
}

// Action is Name.
func (r Raw) Action() string { return r.Name }

func (r Raw) check() error {
	if r.Name == "" {
		return errors.New("chanx: send Raw: its Name is empty")
	}
	if len(r.Payload) > 0 && !(json.Valid(r.Payload) && utf8.Valid(r.Payload)) {
		return fmt.Errorf("chanx: send Raw %q: its Payload is not JSON in UTF-8", r.Name)
	}
	return nil
}

// libraryMessages may be sent by every consumer.
var libraryMessages = []Message{
	Pong{}, ErrorMessage{}, AuthenticationMessage{}, CompleteMessage{}, GroupCompleteMessage{}, EventCompleteMessage{}, Ping{},
}

var libraryActions = func() map[string]bool {
	all := map[string]bool{}
	for _, m := range libraryMessages {
		all[m.Action()] = true
	}
	return all
}()

func isLibraryAction(action string) bool { return libraryActions[action] }

// isReserved reports whether only the library may send or receive an action. A consumer may handle ping itself.
func isReserved(action string) bool {
	return strings.HasPrefix(action, "chanx.") || isLibraryAction(action) && action != Ping{}.Action()
}

// isLibraryType reports whether t is a message of the library.
func isLibraryType(t reflect.Type) bool {
	return slices.ContainsFunc(libraryMessages, func(m Message) bool { return reflect.TypeOf(m) == t })
}

// checkMessage panics if t cannot be a message. outgoing says that it is one that the server sends.
func checkMessage(t reflect.Type, action string, outgoing bool) {
	checkValue(t, "message", "Action")
	if action == "" {
		panic(fmt.Sprintf("chanx: register message %s: its action is empty: return a constant from Action", t))
	}
	if isReserved(action) && !(outgoing && isLibraryType(t)) {
		panic(fmt.Sprintf("chanx: register message %s: action %q is the library's own: rename it", t, action))
	}
}

// checkEventName reports a name that an event cannot have.
func checkEventName(t reflect.Type, name string) error {
	switch {
	case name == "":
		return fmt.Errorf("event %s: its name is empty: return a constant from Event", t)
	case isReserved(name):
		return fmt.Errorf("event %s: name %q is the library's own: rename it", t, name)
	}
	return nil
}

// checkSent reports a pointer that is sent in place of the value that it points to. what is message or event, method the
// one that makes it one.
func checkSent(verb, what, method string, v any) error {
	t := reflect.TypeOf(v)
	if t == nil {
		return fmt.Errorf("chanx: %s %s: it is nil", verb, what)
	}
	if t.Kind() != reflect.Pointer {
		return nil
	}
	mend := fmt.Sprintf("%s %s", verb, t.Elem())
	if _, ok := t.Elem().MethodByName(method); !ok {
		mend = fmt.Sprintf("give %s a value receiver and %s", method, mend)
	}
	return fmt.Errorf("chanx: %s %s: it is a pointer, and %ss are values: %s", verb, t, what, mend)
}

// checkValue panics if t is a pointer, an interface, or has the method only because it embeds a type that has it.
func checkValue(t reflect.Type, what, method string) {
	switch t.Kind() {
	case reflect.Pointer:
		panic(fmt.Sprintf("chanx: register %s %s: it is a pointer: give %s a value receiver and register %s", what, t, method, t.Elem()))
	case reflect.Interface:
		panic(fmt.Sprintf("chanx: register %s %s: it is an interface: register each concrete type, or a union with OnUnion", what, t))
	}
	if promoted(t, method) {
		panic(fmt.Sprintf("chanx: register %s %s: its %s is that of an embedded type: declare func (%s) %s() string", what, t, method, t.Name(), method))
	}
}

// promoted reports whether a struct has the method from an embedded field: the compiler then generates it.
func promoted(t reflect.Type, method string) bool {
	if t.Kind() != reflect.Struct {
		return false
	}
	embeds := false
	for f := range t.Fields() {
		if f.Anonymous {
			_, has := f.Type.MethodByName(method)
			embeds = embeds || has
		}
	}
	if !embeds {
		return false
	}
	m, _ := t.MethodByName(method)
	pc := m.Func.Pointer()
	file, _ := runtime.FuncForPC(pc).FileLine(pc)
	return file == "<autogenerated>"
}
