package chanx_test

import (
	"context"
	"fmt"
	"net/http"
	"net/http/httptest"

	"github.com/chanx-go/chanx"
)

// Uptime is a request for the time since the start.
type (
	Uptime      struct{}
	UptimeReply struct {
		Seconds int `json:"seconds"`
	}
)

func (Uptime) Action() string      { return "uptime" }
func (UptimeReply) Action() string { return "uptime" }

// Monitor is the state of one connection.
type Monitor struct{ *chanx.Conn }

func openMonitor(c *chanx.Conn, _ *http.Request) (*Monitor, error) { return &Monitor{c}, nil }

func (m *Monitor) uptime(context.Context, Uptime) (UptimeReply, error) { return UptimeReply{42}, nil }

// A Server is an http.Handler, so it stands beside the other handlers of a program.
func ExampleNewServer() {
	monitor := chanx.NewConsumer(openMonitor, nil)
	chanx.OnRequest(monitor, (*Monitor).uptime)
	srv := chanx.NewServer(&chanx.ServerOptions{
		Origins: []string{"https://app.example.com"}, // pages of other hosts that may connect
		Limits:  chanx.Limits{MaxConnections: 10_000},
	})
	srv.Handle("/ws/monitor", monitor)

	site := http.NewServeMux()
	site.Handle("/ws/", srv)
	site.HandleFunc("GET /{$}", func(w http.ResponseWriter, _ *http.Request) { fmt.Fprintln(w, "the page") })

	page := httptest.NewRecorder()
	site.ServeHTTP(page, httptest.NewRequest(http.MethodGet, "/", nil))
	fmt.Print(page.Body)
	client := dial(site, "/ws/monitor")
	defer client.Close(1000, "")
	client.SendText(`{"action":"uptime"}`)
	fmt.Println(client.Next())
	// Output:
	// the page
	// {"action":"uptime","payload":{"seconds":42}}
}
