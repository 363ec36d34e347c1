package chanx_test

import (
	"context"
	"fmt"
	"net/http"
	"net/http/httptest"

	"github.com/coder/websocket"

	"github.com/chanx-go/chanx"
)

// Say is sent by a client, Said is what everyone in its room receives.
type Say struct {
	Text string `json:"text" minLength:"1" maxLength:"2000"`
}

type Said struct {
	Text string `json:"text"`
}

func (Say) Action() string  { return "say" }
func (Said) Action() string { return "said" }

// Visit is the state of one connection. Its handlers run one at a time.
type Visit struct {
	*chanx.Conn
	room string
}

func enter(c *chanx.Conn, r *http.Request) (*Visit, error) { // to refuse, return chanx.Refuse(403, "members only")
	return &Visit{Conn: c, room: r.PathValue("room")}, nil
}

func (v *Visit) entered(ctx context.Context) error { return v.Join(ctx, v.room) }

func (v *Visit) say(ctx context.Context, m Say) error { // m has passed validation
	return v.Broadcast(ctx, Said(m), chanx.To(v.room))
}

func newChat() *chanx.Server {
	visit := chanx.NewConsumer(enter, nil)
	visit.OnOpen((*Visit).entered)
	chanx.On(visit, (*Visit).say)
	chanx.Broadcasts[Said](visit)

	srv := chanx.NewServer(nil)
	srv.Handle("/rooms/{room}", visit)
	return srv // an http.Handler
}

func Example() {
	srv := newChat()
	web := httptest.NewServer(srv)
	defer web.Close()
	ctx := context.Background()
	c, _, err := websocket.Dial(ctx, web.URL+"/rooms/lobby", nil)
	if err != nil {
		fmt.Println(err)
		return
	}
	for _, frame := range []string{
		`{"action":"say","payload":{"text":"hi"}}`,
		`{"action":"say","payload":{"text":""},"ref":"7"}`,
		`{"action":"say","payload":{"text":"bye"},"ref":"8"}`,
	} {
		if err := c.Write(ctx, websocket.MessageText, []byte(frame)); err != nil {
			fmt.Println(err)
		}
	}
	for range 4 {
		_, frame, err := c.Read(ctx)
		if err != nil {
			fmt.Println(err)
		}
		fmt.Println(string(frame))
	}
	if err := c.Close(websocket.StatusNormalClosure, ""); err != nil {
		fmt.Println(err)
	}
	if err := srv.Shutdown(ctx); err != nil {
		fmt.Println(err)
	}
	// Output:
	// {"action":"said","payload":{"text":"hi"},"is_mine":false,"is_current":true}
	// {"action":"error","payload":[{"type":"string_too_short","loc":["payload","text"],"msg":"String should have at least 1 character"}],"ref":"7"}
	// {"action":"said","payload":{"text":"bye"},"is_mine":false,"is_current":true}
	// {"action":"complete","ref":"8"}
}
