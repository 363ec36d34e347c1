package chanx

import (
	"bytes"
	"encoding/json"
	"errors"
	"fmt"
	"reflect"
	"slices"
	"strings"
	"unicode/utf8"
)

// Message is a typed value that travels between client and server. It is the payload itself. Action returns its
// discriminator, a constant of the type, in both directions. A message is a value: a struct, a named scalar, slice or
// map, never a pointer.
type Message interface{ Action() string }

// Event is a typed value for handlers of connections (OnEvent) and of servers (OnNode), on this node and on others.
// Clients never receive it.
type Event interface{ Event() string }

// Ping asks whether the connection is alive. The library answers with Pong, unless the consumer registers a handler for
// Ping. It waits for its turn behind other messages: for a heartbeat clients send chanx.ping, which does not.
type Ping struct{}

// Pong answers Ping.
type Pong struct{}

// ErrorMessage is sent to the client when something failed. Payload is a list of [FieldError] for input that did not
// pass validation, or that a handler refused with a ValidationError, else an object, such as the reason and detail of an [Error].
type ErrorMessage struct{ Payload any }

// AuthenticationMessage is sent to the client when its connection was accepted, with 200 and "OK", or refused, with an
// HTTP status and its text. Data is {"detail": text},
// with "errors" if parameters of the request were refused.
type AuthenticationMessage struct {
	StatusCode int                  `json:"status_code"`
	StatusText string               `json:"status_text"`
	Data       AuthenticationDetail `json:"data"`
}

// AuthenticationDetail is the data of an AuthenticationMessage. Errors lists the parameters of the request that were
// refused, if the consumer was made by NewConsumerWith.
type AuthenticationDetail struct {
	Detail string          `json:"detail"`
	Errors ValidationError `json:"errors,omitempty"`
}

// CompleteMessage follows everything that a client's message caused, if completions are on. It is the final frame of a
// message with a ref that has no reply and no error.
type CompleteMessage struct{}

// GroupCompleteMessage follows each group message, if completions are on.
type GroupCompleteMessage struct{}

// EventCompleteMessage follows each handled event, if completions are on.
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

// MarshalJSON encodes only the payload.
func (m ErrorMessage) MarshalJSON() ([]byte, error) {
	var b bytes.Buffer
	enc := json.NewEncoder(&b)
	enc.SetEscapeHTML(false) // the output is not HTML
	if err := enc.Encode(m.Payload); err != nil {
		return nil, err
	}
	return bytes.TrimSuffix(b.Bytes(), []byte("\n")), nil
}

// Raw is a message without a declared type, for gateways that pass on messages they do not know. It is sent like any
// other message but needs no declaration. Payload is one JSON value; if it is empty, the frame has no payload.
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
	Pong{},
	ErrorMessage{},
	AuthenticationMessage{},
	CompleteMessage{},
	GroupCompleteMessage{},
	EventCompleteMessage{},
	Ping{},
	chanxPong{},
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

// isLibraryType reports whether t is a library message.
func isLibraryType(t reflect.Type) bool {
	return slices.ContainsFunc(libraryMessages, func(m Message) bool { return reflect.TypeOf(m) == t })
}
