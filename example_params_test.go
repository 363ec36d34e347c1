package chanx_test

import (
	"context"
	"fmt"
	"net/http"
	"net/http/httptest"

	"github.com/coder/websocket"

	"github.com/chanx-go/chanx"
)

// Entry is what a client gives to enter a room.
type Entry struct {
	Room  string   `path:"room" pattern:"^[a-z0-9-]+$" maxLength:"40" doc:"The room to enter"`
	Since int      `query:"since" default:"0" minimum:"0"`
	Lang  *string  `query:"lang" enum:"en,de"` // optional
	Tags  []string `query:"tag" maxItems:"10"` // the key may be repeated
}

// Clients give the parameters in the URL. They are checked like messages, before the connection is accepted.
func ExampleNewConsumerWith() {
	visit := chanx.NewConsumerWith(func(c *chanx.Conn, _ *http.Request, e Entry) (*Visit, error) {
		fmt.Println("enter", e.Room, "since", e.Since, "with tags", e.Tags)
		return &Visit{Conn: c, room: e.Room}, nil
	}, nil)
	srv := chanx.NewServer(nil)
	srv.Handle("/rooms/{room}", visit)

	fmt.Println(firstFrame(srv, "/rooms/lobby?since=7&tag=go&tag=news"))
	fmt.Println(firstFrame(srv, "/rooms/lobby?since=monday"))
	// Output:
	// enter lobby since 7 with tags [go news]
	// {"action":"authentication","payload":{"status_code":200,"status_text":"OK","data":{"detail":"OK"}}}
	// {"action":"authentication","payload":{"status_code":400,"status_text":"Bad Request","data":{"detail":"invalid parameters","errors":[{"type":"int_type","loc":["query","since"],"msg":"Input should be a valid integer"}]}}}
}

// firstFrame opens a connection and returns the first frame that it receives.
func firstFrame(h http.Handler, path string) string {
	web := httptest.NewServer(h)
	defer web.Close()
	c, _, err := websocket.Dial(context.Background(), web.URL+path, nil)
	if err != nil {
		return err.Error()
	}
	defer c.CloseNow()
	_, frame, err := c.Read(context.Background())
	if err != nil {
		return err.Error()
	}
	return string(frame)
}
