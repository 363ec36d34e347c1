package chanx_test

import (
	"context"
	"fmt"
	"net/http"

	"github.com/chanx-go/chanx"
)

// Move is sent by one player, and Moved to all players of the game.
type (
	Move struct {
		To string `json:"to" pattern:"^[a-h][1-8]$"`
	}
	Moved struct {
		To string `json:"to"`
	}
)

func (Move) Action() string  { return "move" }
func (Moved) Action() string { return "moved" }

// Player is the state of one connection.
type Player struct {
	*chanx.Conn
	game string
}

func openPlayer(c *chanx.Conn, r *http.Request) (*Player, error) {
	p := &Player{c, r.PathValue("game")}
	return p, p.Join(r.Context(), p.game)
}

func (p *Player) move(ctx context.Context, m Move) error {
	return p.Broadcast(ctx, Moved(m), chanx.To(p.game))
}

// A message to all members of a group.
func ExampleBroadcasts() {
	player := chanx.NewConsumer(openPlayer, nil)
	chanx.On(player, (*Player).move)
	chanx.Broadcasts[Moved](player)
	srv := chanx.NewServer(nil)
	srv.Handle("/games/{game}", player)

	ann, bob := dial(srv, "/games/5"), dial(srv, "/games/5")
	defer ann.Close(1000, "")
	defer bob.Close(1000, "")
	bob.ExpectNothing() // bob has joined the group
	ann.SendText(`{"action":"move","payload":{"to":"e4"}}`)
	fmt.Println("ann:", ann.Next())
	fmt.Println("bob:", bob.Next())
	// Output:
	// ann: {"action":"moved","payload":{"to":"e4"},"is_mine":false,"is_current":true}
	// bob: {"action":"moved","payload":{"to":"e4"},"is_mine":false,"is_current":false}
}
