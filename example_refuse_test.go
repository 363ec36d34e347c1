package chanx_test

import (
	"fmt"
	"net/http"

	"github.com/chanx-go/chanx"
)

// Member is the state of one connection.
type Member struct{ *chanx.Conn }

func openMember(c *chanx.Conn, r *http.Request) (*Member, error) {
	if r.PathValue("club") == "secret" {
		return nil, chanx.Refuse(http.StatusForbidden, "members only")
	}
	return &Member{c}, nil
}

// A connection that open refuses. Browsers do not show the status of a refused handshake to a page, so the connection is
// accepted, told why, and closed with 4000 plus the status.
func ExampleRefuse() {
	srv := chanx.NewServer(nil)
	srv.Handle("/clubs/{club}", chanx.NewConsumer(openMember, &chanx.ConsumerOptions{AuthenticationMessage: chanx.Enabled}))

	client := dial(srv, "/clubs/secret")
	fmt.Println(client.Next())
	fmt.Println(client.ExpectClosed(4403))
	// Output:
	// {"action":"authentication","payload":{"status_code":403,"status_text":"Forbidden","data":{"detail":"members only"}}}
	// members only
}
