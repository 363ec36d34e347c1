package serve

import (
	"encoding/json"
	"fmt"

	"github.com/go-playground/validator/v10"
)

// byHand is the server that a Go team would write without chanx.
var byHand = &Server{
	Name: "by hand", Does: "gws, encoding/json and go-playground/validator, by hand: the checks of chanx's types",
	Uses: "github.com/go-playground/validator/v10", handler: gwsHandler(rewrite), talk: same,
}

type envelope struct {
	Action  string          `json:"action"`
	Payload json.RawMessage `json:"payload"`
}

type reply struct {
	Action  string `json:"action"`
	Payload any    `json:"payload"`
}

var validate = validator.New(validator.WithRequiredStructEnabled())

// rewrite decodes a message, checks it, and encodes it again.
func rewrite(p []byte) ([]byte, error) {
	var e envelope
	if err := json.Unmarshal(p, &e); err != nil {
		return nil, err
	}
	switch e.Action {
	case "echo", "chat":
	default:
		return nil, fmt.Errorf("unknown action %q", e.Action)
	}
	var v payload
	if err := json.Unmarshal(e.Payload, &v); err != nil {
		return nil, err
	}
	if err := validate.Struct(&v); err != nil {
		return nil, err
	}
	return json.Marshal(reply{e.Action, &v})
}
