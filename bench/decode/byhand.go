package decode

import (
	"encoding/json"
	"errors"
	"fmt"
	"reflect"
	"regexp"

	"github.com/go-playground/validator/v10"
)

// byHand is the code that a Go team would write without chanx.
var byHand = &Way{
	Name: "by hand", Does: "encoding/json for the envelope, again for the payload that its action names, then go-playground/validator",
	Uses: "github.com/go-playground/validator/v10", Decode: byHandDecode,
	Encode: func(m *Chat) ([]byte, error) { return json.Marshal(reply{action, m}) },
}

type envelope struct {
	Action  string          `json:"action"`
	Payload json.RawMessage `json:"payload"`
}

type reply struct {
	Action  string `json:"action"`
	Payload any    `json:"payload"`
}

var validate = newValidator()

// newValidator registers the pattern, for which validator has no tag, and reports the JSON names of fields.
func newValidator() *validator.Validate {
	v := validator.New(validator.WithRequiredStructEnabled())
	v.RegisterTagNameFunc(func(f reflect.StructField) string { return f.Tag.Get("json") })
	room := regexp.MustCompile("^[a-z0-9_-]+$")
	if err := v.RegisterValidation("room", func(f validator.FieldLevel) bool { return room.MatchString(f.Field().String()) }); err != nil {
		panic(fmt.Errorf("decode: register the pattern: %w", err))
	}
	return v
}

func byHandDecode(frame []byte) (*Chat, error) {
	var e envelope
	if err := json.Unmarshal(frame, &e); err != nil {
		return nil, err
	}
	if e.Action != action {
		return nil, fmt.Errorf("unknown action %q", e.Action)
	}
	m := new(Chat)
	err := json.Unmarshal(e.Payload, m)
	return m, errors.Join(err, validate.Struct(m)) // decoded fields are checked even after an error
}
