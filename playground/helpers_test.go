package playground_test

import (
	"context"
	"iter"
	"net/http"
	"strings"
	"time"

	"github.com/chanx-go/chanx"
	"github.com/chanx-go/chanx/internal/chat"
)

func newChat() *chanx.Server {
	srv := chanx.NewServer(nil)
	srv.Handle("/ws/rooms/{room}", chat.New())
	return srv
}

// The messages of a warehouse: every kind of field that a form must offer.
type (
	Shape interface{ shape() }
	Box   struct {
		Width  float64 `json:"width" exclusiveMinimum:"0" doc:"In centimetres"`
		Height float64 `json:"height" exclusiveMinimum:"0"`
	}
	Tube struct {
		Radius int `json:"radius" minimum:"1" maximum:"100"`
	}
	Part struct {
		Name     string `json:"name" minLength:"1"`
		Children []Part `json:"children,omitempty" maxItems:"8" doc:"What it contains"`
	}
	Level string
	Line  struct {
		SKU   string `json:"sku" pattern:"^[A-Z]{3}-[0-9]+$" example:"ABC-12"`
		Count int    `json:"count" minimum:"1" maximum:"99" default:"1"`
	}
	Wrap struct {
		Colour string `json:"colour" enum:"red,green,blue,gold,silver"`
		Ribbon bool   `json:"ribbon"`
	}
	Order struct {
		ID      string            `json:"id" format:"uuid" doc:"Your number of the order"`
		Email   string            `json:"email" format:"email" example:"ann@example.com"`
		Note    *string           `json:"note" maxLength:"2000" doc:"For the people who pack it"`
		Level   Level             `json:"level" default:"normal"`
		Due     time.Time         `json:"due"`
		Pause   time.Duration     `json:"pause,omitempty"`
		Lines   []Line            `json:"lines" minItems:"1" maxItems:"20"`
		Shape   Shape             `json:"shape"`
		Wrap    *Wrap             `json:"wrap,omitempty"`
		Tree    *Part             `json:"tree,omitempty"`
		Labels  map[string]string `json:"labels,omitempty" maxProperties:"5"`
		Blob    []byte            `json:"blob,omitempty"`
		Extra   any               `json:"extra,omitempty" doc:"Whatever you like"`
		Weight  float64           `json:"weight" minimum:"0" multipleOf:"0.5"`
		Old     string            `json:"old_field,omitempty" deprecated:"true"`
		Express bool              `json:"express"`
		Trace   string            `json:"trace_id" frame:"true" default:"none" doc:"Where it comes from"`
	}
	Accepted struct {
		Number int64     `json:"number"`
		At     time.Time `json:"at"`
	}
	Watch struct {
		Every int `json:"every" minimum:"20" maximum:"5000" default:"100" doc:"Milliseconds between two ticks"`
	}
	Tick struct {
		N int `json:"n"`
	}
	Stock struct {
		SKU  string `json:"sku"`
		Left int    `json:"left" minimum:"0"`
	}
	Nudge  struct{}
	Lie    struct{}
	Report struct {
		Characters int `json:"characters" maximum:"2000000"`
	}
	Text  struct{ Text string }
	Flood struct {
		Count int `json:"count" maximum:"20000"`
	}
)

func (Box) shape()              {}
func (Tube) shape()             {}
func (Level) Enum() []Level     { return []Level{"low", "normal", "high"} }
func (Order) Action() string    { return "order.place" }
func (Accepted) Action() string { return "order.accepted" }
func (Watch) Action() string    { return "stock.watch" }
func (Tick) Action() string     { return "stock.tick" }
func (Stock) Action() string    { return "stock.changed" }
func (Nudge) Action() string    { return "stock.nudge" }
func (Lie) Action() string      { return "stock.lie" }
func (Report) Action() string   { return "report" }
func (Text) Action() string     { return "report.text" }
func (Flood) Action() string    { return "flood" }

// Entry is what a client gives to enter the warehouse.
type Entry struct {
	Warehouse string   `path:"warehouse" pattern:"^[a-z]+$" maxLength:"20" doc:"Where the goods are"`
	Lang      string   `query:"lang" enum:"en,de"`
	Since     int      `query:"since" default:"0" minimum:"0" doc:"The first order to show"`
	Tags      []string `query:"tag" maxItems:"3"`
}

// Desk is the state of one connection.
type Desk struct{ *chanx.Conn }

func (d *Desk) order(_ context.Context, o Order) (Accepted, error) {
	if o.Express && o.Weight > 30 {
		return Accepted{}, chanx.NewError("too_heavy", "express parcels weigh at most 30 kg")
	}
	return Accepted{Number: 1<<53 + 1, At: time.Now()}, nil // a number that float64 cannot hold
}

func (d *Desk) watch(ctx context.Context, w Watch) iter.Seq2[Tick, error] {
	return func(yield func(Tick, error) bool) {
		clock := time.NewTicker(time.Duration(w.Every) * time.Millisecond)
		defer clock.Stop()
		for n := 1; ; n++ {
			select {
			case <-ctx.Done():
				return
			case <-clock.C:
			}
			if !yield(Tick{n}, nil) {
				return
			}
		}
	}
}

func (d *Desk) nudge(ctx context.Context, _ Nudge) error {
	return d.Broadcast(ctx, Stock{SKU: "ABC-1", Left: 3})
}

// lie sends what the document does not allow.
func (d *Desk) lie(ctx context.Context, _ Lie) error {
	return d.Send(ctx, Stock{SKU: "ABC-1", Left: -1})
}

func (d *Desk) report(_ context.Context, r Report) (Text, error) {
	const markup = "<img src=x onerror='window.broken=1'><script>window.broken=1</script> "
	return Text{strings.Repeat(markup, r.Characters/len(markup)+1)}, nil
}

func (d *Desk) flood(ctx context.Context, f Flood) error {
	for n := range f.Count {
		if err := d.Send(ctx, Stock{SKU: "ABC-1", Left: n}); err != nil {
			return err
		}
	}
	return nil
}

// byToken knows two tokens.
type byToken struct{}

func (byToken) Authenticate(r *http.Request) (chanx.Identity, error) {
	if t := r.URL.Query().Get("token"); t == "ann" || t == "bob" {
		return chanx.Identity{UserID: t}, nil
	}
	return chanx.Identity{}, chanx.Refuse(http.StatusUnauthorized, "this token is unknown")
}

func (byToken) SecuritySchemes() []map[string]any {
	return []map[string]any{{"type": "httpApiKey", "in": "query", "name": "token"}}
}

func (byToken) TokenRequired() bool { return true }

func enter(c *chanx.Conn, _ *http.Request, _ Entry) (*Desk, error) { return &Desk{c}, nil }

// newWarehouse returns a server that asks much of the page: renamed members, parameters, tokens, unions, recursion,
// streams, members beside the payload, long frames and many of them.
func newWarehouse() *chanx.Server {
	desk := chanx.NewConsumerWith(enter, &chanx.ConsumerOptions{
		Name: "orders", Doc: "Orders are placed and watched here. Everybody hears about the stock.",
		Authenticator: byToken{}, Groups: []string{"all"},
		Unions: []chanx.UnionType{chanx.Union[Shape]("kind", chanx.VariantOf[Box]("box"), chanx.VariantOf[Tube]("tube"))},
	})
	chanx.OnRequest(desk, (*Desk).order, chanx.Describe("Places an order, and answers with its number."),
		chanx.Fails("too_heavy", "an express parcel weighs more than 30 kg"))
	chanx.OnStream(desk, (*Desk).watch, chanx.Describe("Counts until you cancel it."))
	chanx.On(desk, (*Desk).nudge, chanx.Describe("Tells everybody about the stock."), chanx.Deprecated())
	chanx.On(desk, (*Desk).lie)
	chanx.OnRequest(desk, (*Desk).report)
	chanx.On(desk, (*Desk).flood)
	chanx.Broadcasts[Stock](desk)
	srv := chanx.NewServer(&chanx.ServerOptions{
		Discriminator: "type", Camelize: true, Subprotocols: []string{"warehouse.v1"},
		Limits: chanx.Limits{SendQueueBytes: 64 << 20},
	})
	srv.Handle("/api/orders/{warehouse}", desk)
	return srv
}
