package chanx_test

import (
	"context"
	"fmt"
	"net/http"

	"github.com/chanx-go/chanx"
)

// Visitor is the state of one connection: the fields that its handlers need.
type Visitor struct {
	*chanx.Conn
	language string
}

// openVisitor runs once for each connection, before any message is handled.
func openVisitor(c *chanx.Conn, r *http.Request) (*Visitor, error) {
	return &Visitor{Conn: c, language: r.URL.Query().Get("lang")}, nil
}

// The life of a connection: open, OnOpen, its messages and events, OnClose.
func ExampleNewConsumer() {
	closed := make(chan struct{})
	visitor := chanx.NewConsumer(openVisitor, &chanx.ConsumerOptions{Groups: []string{"visitors"}})
	visitor.OnOpen(func(v *Visitor, _ context.Context) error {
		fmt.Println("open:", v.language, v.Groups())
		return nil
	})
	visitor.OnClose(func(v *Visitor, _ context.Context, cause *chanx.CloseError) {
		fmt.Println("closed:", cause.Code, cause.Reason)
		close(closed)
	})
	srv := chanx.NewServer(nil)
	srv.Handle("/visit", visitor)

	client := dial(srv, "/visit?lang=en")
	client.Close(1000, "bye")
	<-closed
	// Output:
	// open: en [visitors]
	// closed: 1000 bye
}
