package chanx_test

import (
	"context"
	"fmt"
	"iter"
	"net/http"

	"github.com/chanx-go/chanx"
)

// Countdown is a request. Each reply to it is a Tick.
type (
	Countdown struct {
		From int `json:"from" minimum:"0" maximum:"10"`
	}
	Tick struct {
		Left int `json:"left"`
	}
)

func (Countdown) Action() string { return "countdown" }
func (Tick) Action() string      { return "tick" }

// Rocket is the state of one connection.
type Rocket struct{ *chanx.Conn }

func openRocket(c *chanx.Conn, _ *http.Request) (*Rocket, error) { return &Rocket{c}, nil }

func (r *Rocket) countdown(_ context.Context, m Countdown) iter.Seq2[Tick, error] {
	return func(yield func(Tick, error) bool) {
		for left := m.From; left >= 0; left-- {
			if !yield(Tick{left}, nil) { // false when the client has cancelled the message or is gone
				return
			}
		}
	}
}

// A message with many replies.
func ExampleOnStream() {
	rocket := chanx.NewConsumer(openRocket, nil)
	chanx.OnStream(rocket, (*Rocket).countdown)
	srv := chanx.NewServer(nil)
	srv.Handle("/rocket", rocket)

	client := dial(srv, "/rocket")
	defer client.Close(1000, "")
	client.SendText(`{"action":"countdown","payload":{"from":2},"ref":"1"}`)
	for range 4 {
		fmt.Println(client.Next())
	}
	// Output:
	// {"action":"tick","payload":{"left":2},"ref":"1"}
	// {"action":"tick","payload":{"left":1},"ref":"1"}
	// {"action":"tick","payload":{"left":0},"ref":"1"}
	// {"action":"complete","ref":"1"}
}
