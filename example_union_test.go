package chanx_test

import (
	"fmt"

	"github.com/chanx-go/chanx"
)

// Payment is what a bill was paid with.
type Payment interface{ payment() }

type Card struct {
	Digits string `json:"digits" pattern:"^[0-9]{4}$"`
}

type Voucher struct {
	Code string `json:"code" minLength:"1"`
}

func (Card) payment()    {}
func (Voucher) payment() {}

// Paid is a message with a union: {"bill":7,"with":{"kind":"card","digits":"4242"}}.
type Paid struct {
	Bill int     `json:"bill" minimum:"1"`
	With Payment `json:"with"`
}

func (Paid) Action() string { return "paid" }

func ExampleUnion() {
	srv := chanx.NewServer(&chanx.ServerOptions{Unions: []chanx.UnionType{
		chanx.Union[Payment]("kind", chanx.VariantOf[Card]("card"), chanx.VariantOf[Voucher]("voucher")),
	}})
	// Consumers of srv now receive and send Paid, and srv.Broadcast sends it.
	fmt.Println(srv.Validate(Paid{7, Card{"4242"}}))
	fmt.Println(srv.Validate(Paid{7, Card{"42"}}))
	// Output:
	// <nil>
	// with.digits: String should match pattern '^[0-9]{4}$'
}
