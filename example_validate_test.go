package chanx_test

import (
	"errors"
	"fmt"

	"github.com/chanx-go/chanx"
)

// Meeting has a check that no tag can express.
type Meeting struct {
	Title string `json:"title" minLength:"3"`
	Begin int    `json:"begin" minimum:"0" maximum:"24"`
	End   int    `json:"end" minimum:"0" maximum:"24"`
}

// Validate is called after the tags have been checked, also for messages that clients send.
func (m Meeting) Validate() error {
	if m.End <= m.Begin {
		return errors.New("the meeting must end after it begins")
	}
	return nil
}

// The checks of messages, for values that come another way.
func ExampleValidate() {
	for _, m := range []Meeting{{"Retro", 10, 11}, {"", 10, 11}, {"Retro", 11, 10}} {
		fmt.Println(chanx.Validate(m))
	}
	// Output:
	// <nil>
	// title: String should have at least 3 characters
	// Value error, the meeting must end after it begins
}
