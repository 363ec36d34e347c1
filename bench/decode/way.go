package decode

import "encoding/json"

// Way is one of those that are compared. Its functions are for one goroutine.
type Way struct {
	Name string
	Does string // what it does with a message
	Uses string // the path of the module that it is about; empty: the standard library

	// Decode reads a frame. An error of a way that checks names all that is wrong.
	Decode func(frame []byte) (*Chat, error)
	// Encode writes a frame, which is valid until the next call.
	Encode func(*Chat) ([]byte, error)
}

// All are the ways in the order of the table. The first is what the others are compared with.
var All = []*Way{Alone, chanxWay, byHand}

// Alone checks nothing.
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
