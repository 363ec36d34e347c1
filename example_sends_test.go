package chanx_test

import (
	"context"
	"fmt"
	"net/http"

	"github.com/chanx-go/chanx"
)

// Welcome is sent to each new client.
type Welcome struct {
	Room string `json:"room"`
}

func (Welcome) Action() string { return "welcome" }

// Guest is the state of one connection.
type Guest struct {
	*chanx.Conn
	room string
}

func openGuest(c *chanx.Conn, r *http.Request) (*Guest, error) {
	return &Guest{c, r.PathValue("room")}, nil
}

// A message that is not a reply. Without the declaration, Send returns an error.
func ExampleSends() {
	guest := chanx.NewConsumer(openGuest, nil)
	guest.OnOpen(func(g *Guest, ctx context.Context) error { return g.Send(ctx, Welcome{g.room}) })
	chanx.Sends[Welcome](guest)
	srv := chanx.NewServer(nil)
	srv.Handle("/rooms/{room}", guest)

	client := dial(srv, "/rooms/lobby")
	defer client.Close(1000, "")
	fmt.Println(client.Next())
	// Output: {"action":"welcome","payload":{"room":"lobby"}}
}
