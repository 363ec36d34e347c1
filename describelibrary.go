package chanx

import (
	"encoding/json"
	"slices"

	"github.com/chanx-go/chanx/internal/socket"
)

// libraryDocs describe the library's messages, by action.
var libraryDocs = map[string]string{
	Ping{}.Action():                  "Asks whether the connection is alive.",
	Pong{}.Action():                  "Answers ping.",
	ErrorMessage{}.Action():          "Something failed. The payload is a list of errors if a message did not pass validation, else a reason and a text.",
	AuthenticationMessage{}.Action(): "The connection is accepted, with the status 200, or refused, with a status of 400 or more; then it is closed.",
	CompleteMessage{}.Action():       "Everything that a message of the client caused has been sent. It is the only answer to a message with a ref that has no reply, and the end of a stream.",
	GroupCompleteMessage{}.Action():  "A group message has been sent.",
	EventCompleteMessage{}.Action():  "An event has been handled.",
	pingAction:                       "Asks whether the connection is alive. Unlike ping it is answered while a handler runs, so clients use it for their heartbeat.",
	pongAction:                       "Answers chanx.ping.",
	cancelAction:                     "Cancels the message with this ref. It gets no answer of its own.",
}

func (s *MessageSpec) describeLibrary() {
	s.Library = true
	if s.Description == "" {
		s.Description = libraryDocs[s.Action]
	}
}

// controlSpecs describe the control frames. They are not registered types.
var controlSpecs = []MessageSpec{
	{
		Action: pingAction, Title: "ChanxPing", Description: libraryDocs[pingAction], Library: true,
		Handler: HandlerRequest, Reply: pongAction,
	},
	{Action: cancelAction, Title: "Cancel", Description: libraryDocs[cancelAction], Library: true, Handler: HandlerOn},
}

// libraryReasons are the reasons of errors that are not the application's.
func libraryReasons() []FailureSpec {
	internal := internalError.Payload.(reason)
	all := []FailureSpec{{internal.Reason, internal.Detail}}
	for _, e := range []*Error{errTimeout, errCancelled, errTooBusy, errRate, errDuplicate} {
		all = append(all, FailureSpec{e.Reason, e.Detail})
	}
	return all
}

// specError describes the error message: its type is any JSON.
func (m *mount) specError() MessageSpec {
	s := MessageSpec{
		Action: ErrorMessage{}.Action(), GoType: "chanx.ErrorMessage", Title: "ErrorMessage", Unasked: true,
		Payload: m.errorSchema(),
		Examples: []json.RawMessage{
			json.RawMessage(`[{"type":"missing","loc":["payload"],"msg":"Field required"}]`),
			json.RawMessage(`{"reason":"internal","detail":"Failed to process message"}`),
		},
	}
	s.describeLibrary()
	return s
}

// errorSchema describes the payload of errors. The known reasons are examples and not an enum: a handler may use
// others, and so may the next release, which deployed clients must understand.
func (m *mount) errorSchema() json.RawMessage {
	var reasons []string
	add := func(reason string) {
		if !slices.Contains(reasons, reason) {
			reasons = append(reasons, reason)
		}
	}
	for _, r := range libraryReasons() {
		add(r.Reason)
	}
	for _, in := range m.endpoint.incoming {
		for _, f := range in.failures {
			add(f.reason)
		}
	}
	examples, err := json.Marshal(reasons)
	if err != nil {
		panic("chanx: describe errors: " + err.Error())
	}
	return json.RawMessage(`{"anyOf":[{"description":"All errors of a message that did not pass validation.","type":"array","items":{"type":"object",` +
		`"properties":{"type":{"description":"A stable word, such as missing.","type":"string"},` +
		`"loc":{"description":"The path in the frame.","type":"array","items":{"type":["string","integer"]}},` +
		`"msg":{"description":"A text for people.","type":"string"}},"required":["type","loc","msg"]}},` +
		`{"title":"Failure","type":"object","properties":{"reason":{"description":"A word for programs. There may be others than the examples.","type":"string","examples":` +
		string(examples) + `},"detail":{"description":"A text for people.","type":"string"}},"required":["reason","detail"]}]}`)
}

// closeSpecs lists the close codes and what a client does then. docs/design.md has the same table.
var closeSpecs = []CloseSpec{
	{Code: socket.CloseNormal, Meaning: "Done.", Then: ThenStop},
	{Code: socket.CloseGoingAway, Meaning: "The server is shutting down.", Then: ThenRetry},
	{Code: socket.CloseProtocol, Meaning: "The client violated the protocol.", Then: ThenStop},
	{Code: socket.CloseNoStatus, Meaning: "The Close frame had no code.", Then: ThenRetry},
	{Code: socket.CloseAbnormal, Meaning: "The transport was lost.", Then: ThenRetry},
	{Code: socket.CloseInvalidUTF8, Meaning: "The client sent invalid UTF-8.", Then: ThenStop},
	{Code: socket.ClosePolicy, Meaning: "The client exceeded a limit.", Then: ThenStop},
	{Code: socket.CloseTooBig, Meaning: "The client sent too long a message.", Then: ThenStop},
	{Code: socket.CloseInternal, Meaning: "Internal error.", Then: ThenRetry},
	{Code: 1012, Meaning: "The server restarts.", Then: ThenRetry},
	{Code: socket.CloseTryLater, Meaning: "The server is overloaded, or the client is too slow.", Then: ThenRetry},
	{Code: closeExpired, Meaning: "The credentials are missing or have expired.", Then: ThenFresh},
	{Code: 4408, Meaning: "Refused: the server waited too long.", Then: ThenRetry},
	{Code: 4425, Meaning: "Refused: it is too early.", Then: ThenRetry},
	{Code: 4429, Meaning: "Refused: too many connections or requests.", Then: ThenRetry, After: 5},
	{Code: 4500, To: 4599, Meaning: "Refused with a status of 500 to 599.", Then: ThenRetry},
}
