package chanx_test

import (
	"context"
	"fmt"
	"net/http"

	"github.com/chanx-go/chanx"
)

// OrderShipped is an event: the program emits it. Shipment is what the client is sent.
type (
	OrderShipped struct {
		Order   int
		Carrier string // not for clients
	}
	Shipment struct {
		Order int `json:"order"`
	}
)

func (OrderShipped) Event() string { return "order_shipped" }
func (Shipment) Action() string    { return "shipment" }

// Account is the state of one connection.
type Account struct{ *chanx.Conn }

func openAccount(c *chanx.Conn, _ *http.Request) (*Account, error) { return &Account{c}, nil }

func (a *Account) shipped(ctx context.Context, e OrderShipped) error {
	return a.Send(ctx, Shipment{e.Order})
}

// An event that another part of the program, on any node, emits to connections.
func ExampleOnEvent() {
	account := chanx.NewConsumer(openAccount, nil)
	chanx.OnEvent(account, (*Account).shipped)
	chanx.Sends[Shipment](account)
	srv := chanx.NewServer(nil)
	srv.Handle("/account", account)

	client := dial(srv, "/account")
	defer client.Close(1000, "")
	client.ExpectNothing() // the connection is open
	if err := srv.Emit(context.Background(), OrderShipped{7, "DHL"}, chanx.All()); err != nil {
		fmt.Println(err)
	}
	fmt.Println(client.Next())
	// Output: {"action":"shipment","payload":{"order":7}}
}
