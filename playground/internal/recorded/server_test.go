package recorded_test

import (
	"testing"

	"github.com/chanx-go/chanx"
	"github.com/chanx-go/chanx/internal/chat"
)

// newServer is what recorded_test.go leaves to its user. That file is an export of the page: the page's own tests write
// it, and here it is compiled and run.
func newServer(*testing.T) *chanx.Server {
	srv := chanx.NewServer(nil)
	srv.Handle("/ws/rooms/{room}", chat.New())
	return srv
}
