package chanx_test

import (
	"context"
	"fmt"
	"net/http"
	"time"

	"github.com/chanx-go/chanx"
)

// Shutdown lets handlers finish and closes every connection with 1001, so that clients connect again to another node.
// Shut the http.Server down too: it does not know connections that have been upgraded.
func ExampleServer_Shutdown() {
	srv := chanx.NewServer(nil)
	srv.Handle("/notes", chanx.NewConsumer(openNotebook, nil))
	web := &http.Server{Addr: "localhost:8080", Handler: srv, ReadHeaderTimeout: 5 * time.Second}

	client := dial(web.Handler, "/notes")
	ctx, cancel := context.WithTimeout(context.Background(), 10*time.Second)
	defer cancel()
	if err := srv.Shutdown(ctx); err != nil {
		fmt.Println("some handlers did not finish:", err)
	}
	if err := web.Shutdown(ctx); err != nil {
		fmt.Println(err)
	}
	client.ExpectClosed(1001)
	fmt.Println(client.Ended().Code)
	// Output: 1001
}
