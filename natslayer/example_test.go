package natslayer_test

import (
	"context"
	"log"
	"net/http"

	"github.com/nats-io/nats.go"

	"github.com/chanx-go/chanx"
	"github.com/chanx-go/chanx/natslayer"
)

// A server that is one of several.
func Example() {
	l, err := natslayer.Connect(context.Background(), "nats://a:4222,nats://b:4222", &natslayer.Options{
		NATS: []nats.Option{nats.UserCredentials("chanx.creds")},
	})
	if err != nil {
		log.Fatal(err)
	}
	defer l.Close() // after Server.Shutdown

	srv := chanx.NewServer(&chanx.ServerOptions{Layer: l})
	http.Handle("/ws/", srv)
}
