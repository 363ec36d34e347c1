package chanx_test

import (
	"context"
	"fmt"
	"net/http"

	"github.com/chanx-go/chanx"
)

// Divide is a request, Quotient its reply.
type (
	Divide struct {
		A int `json:"a"`
		B int `json:"b"`
	}
	Quotient struct {
		Value int `json:"value"`
	}
)

func (Divide) Action() string   { return "divide" }
func (Quotient) Action() string { return "quotient" }

// Calculator is the state of one connection.
type Calculator struct{ *chanx.Conn }

func openCalculator(c *chanx.Conn, _ *http.Request) (*Calculator, error) { return &Calculator{c}, nil }

func (c *Calculator) divide(_ context.Context, m Divide) (Quotient, error) {
	if m.B == 0 {
		return Quotient{}, chanx.Refuse(http.StatusUnprocessableEntity, "b must not be 0")
	}
	return Quotient{m.A / m.B}, nil
}

// A message with one reply. The reply, or the error, carries the ref of the message.
func ExampleOnRequest() {
	calculator := chanx.NewConsumer(openCalculator, nil)
	chanx.OnRequest(calculator, (*Calculator).divide)
	srv := chanx.NewServer(nil)
	srv.Handle("/calculator", calculator)

	client := dial(srv, "/calculator")
	defer client.Close(1000, "")
	client.SendText(`{"action":"divide","payload":{"a":12,"b":4},"ref":"1"}`)
	fmt.Println(client.Next())
	client.SendText(`{"action":"divide","payload":{"a":12,"b":0},"ref":"2"}`)
	fmt.Println(client.Next())
	// Output:
	// {"action":"quotient","payload":{"value":3},"ref":"1"}
	// {"action":"error","payload":{"reason":"unprocessable_entity","detail":"b must not be 0"},"ref":"2"}
}
