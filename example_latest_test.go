package chanx_test

import (
	"context"
	"errors"
	"net/http"

	"github.com/chanx-go/chanx"
)

// Price is sent whenever a price changes. Only the newest one of each symbol matters.
type Price struct {
	Symbol string `json:"symbol"`
	Cents  int    `json:"cents"`
}

// Watch asks for the prices.
type Watch struct{}

func (Price) Action() string { return "price" }
func (Watch) Action() string { return "watch" }

// Ticker is the state of one connection.
type Ticker struct{ *chanx.Conn }

func openTicker(c *chanx.Conn, _ *http.Request) (*Ticker, error) { return &Ticker{c}, nil }

func (t *Ticker) watch(ctx context.Context, _ Watch) error {
	return errors.Join(
		t.Send(ctx, Price{"AAA", 100}),
		t.Send(ctx, Price{"BBB", 70}),
		t.Send(ctx, Price{"AAA", 101}), // the first price of AAA still waits: it is replaced
	)
}

// A client that does not keep up gets the newest price of each symbol.
func ExampleLatest() {
	ticker := chanx.NewConsumer(openTicker, nil)
	chanx.On(ticker, (*Ticker).watch)
	chanx.Sends[Price](ticker, chanx.Latest(func(p Price) string { return p.Symbol }))
	srv := chanx.NewServer(nil)
	srv.Handle("/prices", ticker)

	// Of the three prices that watch sends, the client gets {"symbol":"BBB","cents":70} and {"symbol":"AAA","cents":101}.
	_ = http.ListenAndServe("localhost:8080", srv)
}
