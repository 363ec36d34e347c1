package chanx_test

import (
	"context"
	"fmt"
	"net/http"

	"github.com/chanx-go/chanx"
)

// AddNote is sent by clients. Its tags are checked before the handler runs.
type AddNote struct {
	Text string `json:"text" minLength:"1"`
}

func (AddNote) Action() string { return "add_note" }

// Notebook is the state of one connection.
type Notebook struct {
	*chanx.Conn
	notes []string
}

func openNotebook(c *chanx.Conn, _ *http.Request) (*Notebook, error) { return &Notebook{Conn: c}, nil }

func (n *Notebook) add(_ context.Context, m AddNote) error {
	n.notes = append(n.notes, m.Text) // needs no lock: handlers of one connection run one at a time
	return nil
}

// A message without a reply. Because it has a ref, the client is sent complete, or the error.
func ExampleOn() {
	notebook := chanx.NewConsumer(openNotebook, nil)
	chanx.On(notebook, (*Notebook).add)
	srv := chanx.NewServer(nil)
	srv.Handle("/notes", notebook)

	client := dial(srv, "/notes")
	defer client.Close(1000, "")
	client.SendText(`{"action":"add_note","payload":{"text":"milk"},"ref":"1"}`)
	fmt.Println(client.Next())
	client.SendText(`{"action":"add_note","payload":{"text":""},"ref":"2"}`)
	fmt.Println(client.Next())
	// Output:
	// {"action":"complete","ref":"1"}
	// {"action":"error","payload":[{"type":"string_too_short","loc":["payload","text"],"msg":"String should have at least 1 character"}],"ref":"2"}
}
