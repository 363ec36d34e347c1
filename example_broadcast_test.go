package chanx_test

import (
	"fmt"
	"net/http"
	"net/http/httptest"

	"github.com/chanx-go/chanx"
)

// Headline is sent to all readers.
type Headline struct {
	Text string `json:"text"`
}

func (Headline) Action() string { return "headline" }

// Reader is the state of one connection.
type Reader struct{ *chanx.Conn }

func openReader(c *chanx.Conn, _ *http.Request) (*Reader, error) { return &Reader{c}, nil }

// A broadcast from an HTTP handler. With ServerOptions.Layer it reaches the connections of all nodes.
func ExampleServer_Broadcast() {
	reader := chanx.NewConsumer(openReader, &chanx.ConsumerOptions{Groups: []string{"news"}})
	chanx.Broadcasts[Headline](reader)
	srv := chanx.NewServer(nil)
	srv.Handle("/news", reader)
	publish := http.HandlerFunc(func(w http.ResponseWriter, r *http.Request) {
		if err := srv.Broadcast(r.Context(), Headline{r.FormValue("text")}, chanx.To("news")); err != nil {
			http.Error(w, "try again", http.StatusServiceUnavailable)
		}
	})

	client := dial(srv, "/news")
	defer client.Close(1000, "")
	client.ExpectNothing() // it has joined its group
	publish.ServeHTTP(httptest.NewRecorder(), httptest.NewRequest(http.MethodPost, "/publish?text=Rain", nil))
	fmt.Println(client.Next())
	// Output: {"action":"headline","payload":{"text":"Rain"},"is_mine":false,"is_current":false}
}
