package decode

import "encoding/json"

// Way is one of the compared ways. Its functions must not be called concurrently.
type Way struct {
	Name string
	Does string // what it does with a message
	Uses string // the path of its module; empty: the standard library

	// Decode decodes a frame. The error of a way that validates lists all violations.
	Decode func(frame []byte) (*Chat, error)
	// Encode writes a frame, which is valid until the next call.
	Encode func(*Chat) ([]byte, error)
}

// All lists the ways in the order of the table. The first is the baseline.
var All = []*Way{Alone, chanxWay, byHand}

// Alone decodes without validation.
var Alone = &Way{
	Name: "encoding/json", Does: "one json.Unmarshal of the frame into a struct: nothing is checked, and the action is not looked at",
	Decode: func(frame []byte) (*Chat, error) {
		var f wholeFrame
		err := json.Unmarshal(frame, &f)
		return &f.Payload, err
	},
	Encode: func(m *Chat) ([]byte, error) { return json.Marshal(wholeFrame{action, *m}) },
}

type wholeFrame struct {
	Action  string `json:"action"`
	Payload Chat   `json:"payload"`
}
