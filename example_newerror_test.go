package chanx_test

import (
	"context"
	"database/sql"
	"fmt"
	"net/http"

	"github.com/chanx-go/chanx"
)

// Book is a request for a table in a restaurant.
type (
	Book struct {
		Seats int `json:"seats" minimum:"1"`
	}
	Booked struct {
		Table int `json:"table"`
	}
)

func (Book) Action() string   { return "book" }
func (Booked) Action() string { return "booked" }

// Host is the state of one connection.
type Host struct{ *chanx.Conn }

func openHost(c *chanx.Conn, _ *http.Request) (*Host, error) { return &Host{c}, nil }

func (h *Host) book(_ context.Context, m Book) (Booked, error) {
	if m.Seats > 8 {
		return Booked{}, chanx.NewError("too_large", "our largest table has 8 seats")
	}
	return Booked{}, fmt.Errorf("find a table: %w", sql.ErrConnDone)
}

// The client is sent an error made with NewError. Any other error is logged, and its text is not sent.
func ExampleNewError() {
	host := chanx.NewConsumer(openHost, nil)
	chanx.OnRequest(host, (*Host).book, chanx.Fails("too_large", "no table has that many seats"))
	srv := chanx.NewServer(&chanx.ServerOptions{Logger: quiet})
	srv.Handle("/host", host)

	client := dial(srv, "/host")
	defer client.Close(1000, "")
	client.SendText(`{"action":"book","payload":{"seats":9},"ref":"1"}`)
	fmt.Println(client.Next())
	client.SendText(`{"action":"book","payload":{"seats":2},"ref":"2"}`)
	fmt.Println(client.Next())
	// Output:
	// {"action":"error","payload":{"reason":"too_large","detail":"our largest table has 8 seats"},"ref":"1"}
	// {"action":"error","payload":{"reason":"internal","detail":"Failed to process message"},"ref":"2"}
}
