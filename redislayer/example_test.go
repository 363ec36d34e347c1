package redislayer_test

import (
	"context"
	"log"
	"net/http"

	"github.com/chanx-go/chanx"
	"github.com/chanx-go/chanx/redislayer"
)

// A server that is one of several.
func Example() {
	l, err := redislayer.Connect(context.Background(), "redis://:secret@redis:6379", nil)
	if err != nil {
		log.Fatal(err)
	}
	defer l.Close() // after Server.Shutdown

	srv := chanx.NewServer(&chanx.ServerOptions{Layer: l})
	http.Handle("/ws/", srv)
}
