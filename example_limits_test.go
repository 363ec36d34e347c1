package chanx_test

import (
	"fmt"
	"strings"
	"time"

	"github.com/chanx-go/chanx"
)

// Every limit has a default, which a field that is set replaces.
func ExampleLimits() {
	srv := chanx.NewServer(&chanx.ServerOptions{Limits: chanx.Limits{
		MaxConnections:        10_000,
		MaxConnectionsPerUser: 10,
		MaxMessageBytes:       4 << 10,
		HandlerTimeout:        5 * time.Second,
		Rate:                  chanx.Rate{PerSecond: 20, Burst: 50}, // messages of one client
	}})
	srv.Handle("/notes", chanx.NewConsumer(openNotebook, nil))

	client := dial(srv, "/notes")
	client.SendText(`{"action":"add_note","payload":{"text":"` + strings.Repeat("x", 5000) + `"}}`)
	client.ExpectClosed(1009) // message too big
	fmt.Println(client.Ended())
	// Output: chanx: connection closed: 1009 message too big
}
