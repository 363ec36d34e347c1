package chanx_test

import (
	"context"
	"fmt"
	"net/http"

	"github.com/chanx-go/chanx"
)

// Command is Step or Turn: the unexported method keeps other types out.
type Command interface {
	chanx.Message
	isCommand()
}

type (
	Step struct {
		Metres int `json:"metres"`
	}
	Turn struct {
		Degrees int `json:"degrees"`
	}
	Position struct {
		Metres  int `json:"metres"`
		Degrees int `json:"degrees"`
	}
)

func (Step) Action() string     { return "step" }
func (Turn) Action() string     { return "turn" }
func (Position) Action() string { return "position" }
func (Step) isCommand()         {}
func (Turn) isCommand()         {}

// Robot is the state of one connection.
type Robot struct {
	*chanx.Conn
	at Position
}

func openRobot(c *chanx.Conn, _ *http.Request) (*Robot, error) { return &Robot{Conn: c}, nil }

func (r *Robot) command(ctx context.Context, m Command) error {
	switch m := m.(type) {
	case Step:
		r.at.Metres += m.Metres
	case Turn:
		r.at.Degrees += m.Degrees
	}
	return r.Send(ctx, r.at)
}

// One handler for several messages, with a switch over their types.
func ExampleOnUnion() {
	robot := chanx.NewConsumer(openRobot, nil)
	chanx.OnUnion(robot, (*Robot).command, chanx.Case[Step](), chanx.Case[Turn]())
	chanx.Sends[Position](robot)
	srv := chanx.NewServer(nil)
	srv.Handle("/robot", robot)

	client := dial(srv, "/robot")
	defer client.Close(1000, "")
	client.SendText(`{"action":"step","payload":{"metres":3}}`)
	fmt.Println(client.Next())
	client.SendText(`{"action":"turn","payload":{"degrees":90}}`)
	fmt.Println(client.Next())
	// Output:
	// {"action":"position","payload":{"metres":3,"degrees":0}}
	// {"action":"position","payload":{"metres":3,"degrees":90}}
}
