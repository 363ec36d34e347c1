package chanx_test

import (
	"context"
	"errors"
	"fmt"
	"net/http"

	"github.com/chanx-go/chanx"
)

// SignUp is a message whose handler refuses names that are taken.
type SignUp struct {
	Name string `json:"name" minLength:"1"`
}

func (SignUp) Action() string { return "sign_up" }

// Registry is the state of one connection.
type Registry struct{ *chanx.Conn }

func openRegistry(c *chanx.Conn, _ *http.Request) (*Registry, error) { return &Registry{c}, nil }

func (r *Registry) signUp(_ context.Context, m SignUp) error {
	switch m.Name {
	case "ann": // a check that no tag can express
		return chanx.ValidationError{{Type: "name_taken", Loc: []any{"name"}, Msg: "The name is taken"}}
	case "bob":
		err := errors.New("lock of table users: timeout")
		return &chanx.Error{Reason: "busy", Detail: "try again", Cause: err} // the client never sees the cause
	}
	return nil
}

// A handler may refuse a message like the tags of its type do: with a list of errors, each at a field.
func ExampleValidationError() {
	registry := chanx.NewConsumer(openRegistry, nil)
	chanx.On(registry, (*Registry).signUp)
	srv := chanx.NewServer(nil)
	srv.Handle("/registry", registry)

	client := dial(srv, "/registry")
	defer client.Close(1000, "")
	for _, name := range []string{"", "ann", "bob"} {
		client.SendText(`{"action":"sign_up","payload":{"name":"` + name + `"}}`)
		fmt.Println(client.Next())
	}
	// Output:
	// {"action":"error","payload":[{"type":"string_too_short","loc":["payload","name"],"msg":"String should have at least 1 character"}]}
	// {"action":"error","payload":[{"type":"name_taken","loc":["payload","name"],"msg":"The name is taken"}]}
	// {"action":"error","payload":{"reason":"busy","detail":"try again"}}
}
