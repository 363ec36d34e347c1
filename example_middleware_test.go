package chanx_test

import (
	"context"
	"fmt"
	"net/http"

	"github.com/chanx-go/chanx"
)

// DeleteAll is for administrators.
type DeleteAll struct{}

func (DeleteAll) Action() string { return "delete_all" }

// Editor is the state of one connection.
type Editor struct{ *chanx.Conn }

func openEditor(c *chanx.Conn, _ *http.Request) (*Editor, error) { return &Editor{c}, nil }

func (e *Editor) deleteAll(context.Context, DeleteAll) error { return nil }

// adminsOnly wraps every handler of a consumer.
func adminsOnly(next chanx.Handler) chanx.Handler {
	return func(ctx context.Context, call *chanx.Call) error {
		if call.Conn.Identity().Claims != "admin" {
			return chanx.Refuse(http.StatusForbidden, call.Action+" is for administrators")
		}
		return next(ctx, call)
	}
}

func ExampleMiddleware() {
	editor := chanx.NewConsumer(openEditor, nil)
	editor.Use(adminsOnly)
	chanx.On(editor, (*Editor).deleteAll)
	srv := chanx.NewServer(nil)
	srv.Handle("/editor", editor)

	client := dial(srv, "/editor")
	defer client.Close(1000, "")
	client.SendText(`{"action":"delete_all"}`)
	fmt.Println(client.Next())
	// Output: {"action":"error","payload":{"reason":"forbidden","detail":"delete_all is for administrators"}}
}
