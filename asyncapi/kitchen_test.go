package asyncapi_test

import (
	"context"
	"encoding/json"
	"iter"
	"net/http"
	"strings"
	"testing"
	"time"

	"github.com/chanx-go/chanx"
)

// Types of messages that together have each kind, tag and shape.
type (
	Kinds struct {
		Text    string          `json:"text_value" doc:"What is said: \"a < b\" & more." example:"hello"`
		Int     int             `json:"int"`
		Int8    int8            `json:"int8" minimum:"-5" maximum:"100"`
		Uint64  uint64          `json:"uint64"`
		Float   float64         `json:"float" exclusiveMinimum:"0" multipleOf:"0.5"`
		Quoted  int64           `json:"quoted,string"`
		Bool    bool            `json:"bool"`
		Bytes   []byte          `json:"bytes"`
		Time    time.Time       `json:"time"`
		Length  time.Duration   `json:"length"`
		Level   Level           `json:"level"`
		Number  json.Number     `json:"number"`
		Raw     json.RawMessage `json:"raw"`
		Any     any             `json:"any"`
		Old     *string         `json:"old" deprecated:"true"`
		Choice  string          `json:"choice" enum:"red,green"`
		Slug    string          `json:"slug" pattern:"^[a-z][a-z0-9-]{2,}$" maxLength:"9"`
		When    string          `json:"when" format:"date-time"`
		Mail    string          `json:"mail" format:"email"`
		Default string          `json:"default" default:"none"`
		Omitted string          `json:"omitted,omitempty"`
		Inline  struct {
			A int `json:"a"`
		} `json:"inline"`
	}

	Lists struct {
		_      struct{}       `additionalProperties:"false"`
		Few    []string       `json:"few" minItems:"1" maxItems:"2" minLength:"1"`
		Unique []int          `json:"unique" uniqueItems:"true"`
		Pair   [2]float64     `json:"pair"`
		Suits  []Suit         `json:"suits"`
		ByID   map[int]string `json:"by_id" maxProperties:"3"`
		BySuit map[Suit]bool  `json:"by_suit"`
	}

	// Tree contains itself.
	Tree struct {
		Name     string          `json:"name"`
		Children []Tree          `json:"children"`
		ByName   map[string]Tree `json:"by_name"`
		Parent   *Tree           `json:"parent"`
	}

	Shape  interface{ Area() float64 }
	Circle struct {
		Radius float64 `json:"radius" exclusiveMinimum:"0"`
	}
	Square struct {
		Side float64 `json:"side" default:"1"`
	}
	Drawing struct {
		Main   Shape   `json:"main_shape" doc:"What is in front."`
		Others []Shape `json:"others"`
		Circle Circle  `json:"circle"`
	}

	Page[T any] struct {
		Items []T  `json:"items"`
		More  bool `json:"more"`
	}
	Listing struct {
		Trees Page[Tree]   `json:"trees"`
		Texts Page[string] `json:"texts"`
	}

	// Traced has fields beside its payload.
	Traced struct {
		Text    string   `json:"text"`
		TraceID string   `json:"trace_id" frame:"true" default:"none" doc:"Where it comes from."`
		Layer   int      `json:"layer" frame:"true" minimum:"1"`
		Labels  []string `json:"labels,omitempty" frame:"true"`
	}

	Headers map[string]string
	Grade   int
	Knock   struct{}
	Ask     struct {
		Prompt string `json:"prompt" minLength:"1"`
	}
	Token struct{ Text string }
	Price struct {
		Symbol string  `json:"symbol"`
		Bid    float64 `json:"bid"`
	}
	Typing struct{}
	News   struct {
		Headline string `json:"headline"`
	}
	Secret struct { // an event: it is not in the document
		Key string `json:"key"`
	}

	Suit  string
	Level struct{ n int }
)

func (Kinds) Action() string   { return "kinds" }
func (Lists) Action() string   { return "lists" }
func (Tree) Action() string    { return "tree" }
func (Drawing) Action() string { return "drawing" }
func (Listing) Action() string { return "list/all items" } // a key of the document cannot have these characters
func (Traced) Action() string  { return "traced" }
func (Headers) Action() string { return "headers" }
func (Grade) Action() string   { return "grade" }
func (Knock) Action() string   { return "knock" }
func (Ask) Action() string     { return "ask" }
func (Token) Action() string   { return "token" }
func (Price) Action() string   { return "price" }
func (Typing) Action() string  { return "typing" }
func (News) Action() string    { return "news" }
func (News) Event() string     { return "news" }
func (Secret) Event() string   { return "secret" }

func (Suit) Enum() []Suit   { return []Suit{"hearts", "spades"} }
func (Grade) Enum() []Grade { return []Grade{1, 2, 3} }

func (l Level) MarshalText() ([]byte, error) { return []byte(strings.Repeat("*", l.n)), nil }
func (l *Level) UnmarshalText(text []byte) error {
	l.n = len(text)
	return nil
}

func (c Circle) Area() float64  { return 3 * c.Radius * c.Radius }
func (s *Square) Area() float64 { return s.Side * s.Side }

// cook is the state of a connection.
type cook struct{ *chanx.Conn }

// Order is what a client gives to enter the kitchen.
type Order struct {
	Table uint16   `path:"table" maximum:"40" doc:"Where to sit."`
	Since int      `query:"since" default:"0" minimum:"0" example:"7"`
	Lang  *string  `query:"lang" enum:"en,de" doc:"Of the menu."`
	Tags  []string `query:"tag" maxItems:"10" deprecated:"true"`
	Suit  Suit     `query:"suit"`
}

func openCook(c *chanx.Conn, _ *http.Request, _ Order) (*cook, error) { return &cook{c}, nil }

// echo answers a message with itself.
func echo[M chanx.Message](c *chanx.Consumer[cook], opts ...chanx.HandlerOption) {
	chanx.OnRequest(c, func(_ *cook, _ context.Context, m M) (M, error) { return m, nil }, opts...)
}

// newKitchen returns a consumer of every kind of message.
func newKitchen(opts chanx.ConsumerOptions) *chanx.Consumer[cook] {
	opts.Unions = []chanx.UnionType{chanx.Union[Shape]("shape_kind", chanx.VariantOf[Circle]("circle"), chanx.VariantOf[*Square]("square"))}
	c := chanx.NewConsumerWith(openCook, &opts)
	echo[Kinds](c, chanx.Describe("Shows each kind. It is the first message,\nand a long one.\n\nRead it twice."), chanx.Fails("full", "There is no room."))
	echo[Lists](c)
	echo[Tree](c, chanx.Deprecated())
	echo[Drawing](c, chanx.Fails("ugly", "It hurts."), chanx.Fails("full", "There is no wall."))
	echo[Listing](c)
	echo[Traced](c)
	echo[Headers](c)
	echo[Grade](c)
	chanx.On(c, func(*cook, context.Context, Knock) error { return nil }, chanx.Describe("Somebody is at the door."))
	chanx.OnStream(c, func(*cook, context.Context, Ask) iter.Seq2[Token, error] { return nil }, chanx.Fails("too_long", "The prompt is too long."))
	chanx.Broadcasts[Traced](c, chanx.Describe("Is an answer, and is broadcast too."))
	chanx.Broadcasts[Typing](c, chanx.Droppable())
	chanx.Sends[Price](c, chanx.Describe("The price of a symbol."), chanx.Latest(func(p Price) string { return p.Symbol }))
	chanx.Forward[News](c)
	chanx.OnEvent(c, func(*cook, context.Context, Secret) error { return nil })
	return c
}

// withSchemes is an Authenticator with a description.
type withSchemes struct{ chanx.AuthenticatorFunc }

func (withSchemes) SecuritySchemes() []map[string]any {
	return []map[string]any{
		{"type": "http", "scheme": "bearer", "bearerFormat": "JWT"},
		{"type": "httpApiKey", "in": "query", "name": "token"},
		{"type": "httpApiKey", "in": "header", "name": "Sec-WebSocket-Protocol", "description": "The token is offered as a subprotocol."},
	}
}

func (withSchemes) Subprotocols() []string { return []string{"bearer."} }

func (withSchemes) TokenRequired() bool { return true }

// kitchenServer serves the kitchen in several ways.
func kitchenServer(t testing.TB, camelize bool) *chanx.Server {
	t.Helper()
	opts := &chanx.ServerOptions{Subprotocols: []string{"v1"}, Limits: chanx.Limits{MaxInvalid: -1, MaxErrors: -1}}
	if camelize {
		opts.Camelize, opts.Discriminator, opts.Completions = true, "type", true
	}
	srv := newServer(t, opts)
	everybody := func(*http.Request) (chanx.Identity, error) { return chanx.Identity{UserID: "ann"}, nil }
	srv.Handle("/kitchen/{table}", newKitchen(chanx.ConsumerOptions{
		Name: "kitchen", Doc: "Everything is made here.", Authenticator: withSchemes{everybody}, Groups: []string{"all"},
	}))
	srv.Handle("example.com/files/{path...}", newLarder(nil))
	srv.Handle("/{$}", newLarder(&chanx.ConsumerOptions{Authenticator: chanx.AuthenticatorFunc(everybody)}))
	return srv
}

// newLarder returns a small consumer, to be mounted twice.
func newLarder(opts *chanx.ConsumerOptions) *chanx.Consumer[larder] {
	c := chanx.NewConsumer(func(c *chanx.Conn, _ *http.Request) (*larder, error) { return &larder{c}, nil }, opts)
	chanx.On(c, func(*larder, context.Context, Knock) error { return nil })
	return c
}

type larder struct{ *chanx.Conn }
