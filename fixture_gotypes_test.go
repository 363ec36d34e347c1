package chanx_test

import (
	"context"
	"encoding/json"
	"errors"
	"fmt"
	"log/slog"
	"net/http"
	"net/netip"
	"strings"
	"time"

	"github.com/chanx-go/chanx"
)

// kinds is the state of a consumer with messages of every kind of Go type. It replies to most of them with the message
// itself.
type kinds struct{ *chanx.Conn }

func kindsScene(o chanx.ServerOptions) scene {
	return scene{new: func(l *slog.Logger) *chanx.Server {
		o.Logger = l
		return serve(&o, "/kinds", newKinds())
	}, act: kindsActs}
}

func newKinds() *chanx.Consumer[kinds] {
	c := chanx.NewConsumer(func(c *chanx.Conn, _ *http.Request) (*kinds, error) { return &kinds{c}, nil }, &chanx.ConsumerOptions{
		Groups: []string{"kinds"}, Authenticator: byHeader,
		Unions: []chanx.UnionType{chanx.Union[figure]("figure_kind", chanx.VariantOf[disc]("disc"), chanx.VariantOf[*block]("block"))},
	})
	echoes[tinyMessage](c)
	echoes[moodsMessage](c)
	echoes[pairsMessage](c)
	echoes[moodMessage](c)
	echoes[momentsMessage](c)
	echoes[ownMessage](c)
	echoes[pageMessage[string]](c)
	echoes[treeMessage](c)
	echoes[drawMessage](c)
	echoes[memoMessage](c)
	echoes[letterMessage](c)
	echoes[stampMessage](c)
	echoes[accountMessage](c)
	chanx.On(c, (*kinds).post)
	chanx.On(c, (*kinds).relay)
	chanx.On(c, (*kinds).fuse)
	chanx.OnRequest(c, (*kinds).charge)
	chanx.OnStream(c, (*kinds).burst)
	chanx.OnEvent(c, (*kinds).spark)
	chanx.Forward[bulletin](c)
	chanx.Broadcasts[letterMessage](c)
	chanx.Broadcasts[memoMessage](c)
	chanx.Broadcasts[chargeMessage](c)
	return c
}

// echoes registers a handler that replies with the message itself.
func echoes[M chanx.Message](c *chanx.Consumer[kinds]) {
	chanx.OnRequest(c, func(_ *kinds, _ context.Context, m M) (M, error) { return m, nil })
}

// Payloads that are not JSON objects, and types with an Enum method.
type (
	tinyMessage  int8
	moodsMessage []moodMessage
	pairsMessage map[uint8]float64
	moodMessage  string
	rank         int
)

func (tinyMessage) Action() string      { return "tiny" }
func (moodsMessage) Action() string     { return "moods" }
func (pairsMessage) Action() string     { return "pairs" }
func (moodMessage) Action() string      { return "mood" }
func (moodMessage) Enum() []moodMessage { return []moodMessage{"glad", "sad"} }
func (rank) Enum() []rank               { return []rank{1, 2, 3} }

// momentsMessage has types without a JSON type of their own, such as times.
type momentsMessage struct {
	At   time.Time       `json:"at" default:"2025-05-11T14:30:00Z"`
	Took time.Duration   `json:"took" default:"PT1M30S"`
	Data []byte          `json:"data" default:"aGk="`
	Any  any             `json:"any" default:"null"`
	Raw  json.RawMessage `json:"raw" default:"[1, 2]"`
	Rank rank            `json:"rank" default:"1" maximum:"2"`
}

func (momentsMessage) Action() string { return "moments" }

// ownMessage has fields whose types have JSON or text methods.
type ownMessage struct {
	From    netip.Addr `json:"from"`
	Spot    spot       `json:"spot" default:"[0,0]"`
	Degrees degrees    `json:"degrees" default:"0C"`
	ByPlace map[degrees]spot
}

// spot is encoded as [x,y].
type spot struct{ x, y int }

// degrees is encoded as a string such as "21C".
type degrees int

func (ownMessage) Action() string { return "own" }

func (s spot) MarshalJSON() ([]byte, error) { return json.Marshal([]int{s.x, s.y}) }

func (s *spot) UnmarshalJSON(b []byte) error {
	var xy []int
	if json.Unmarshal(b, &xy) != nil || len(xy) != 2 {
		return errors.New("a spot is [x,y]")
	}
	s.x, s.y = xy[0], xy[1]
	return nil
}

func (d degrees) MarshalText() ([]byte, error) { return fmt.Appendf(nil, "%dC", int(d)), nil }

func (d *degrees) UnmarshalText(b []byte) error {
	if _, err := fmt.Sscanf(string(b), "%dC", d); err != nil {
		return errors.New("degrees end with C")
	}
	return nil
}

// A generic message, and one that contains itself.
type (
	pageMessage[T any] struct {
		Items []T    `json:"items"`
		Next  string `json:"next,omitempty"`
	}
	treeMessage struct {
		Name     string                 `json:"name"`
		Children []treeMessage          `json:"children,omitempty"`
		Named    map[string]treeMessage `json:"named,omitempty"`
		Parent   *treeMessage           `json:"parent,omitzero"`
	}
)

func (pageMessage[T]) Action() string { return "page" }
func (treeMessage) Action() string    { return "tree" }

// drawMessage has unions.
type drawMessage struct {
	Main   figure            `json:"main_figure"`
	Others []figure          `json:"other_figures,omitempty"`
	ByName map[string]figure `json:"by_name,omitempty"`
	Extra  figure            `json:"extra,omitzero"`
}

type (
	figure interface{ figure() }
	disc   struct {
		RadiusCm float64 `json:"radius_cm" exclusiveMinimum:"0"`
	}
	block struct {
		SideLen int      `json:"side_len"`
		Inner   figure   `json:"inner,omitzero"`
		_       struct{} `additionalProperties:"false"`
	}
)

func (drawMessage) Action() string { return "draw" }
func (disc) figure()               {}
func (*block) figure()             {}

func (b *block) Validate() error {
	if b.SideLen < 0 {
		return errors.New("a side has no negative length")
	}
	return nil
}

// memoMessage has member names that Camelize changes, and map keys and values that it must not change.
type memoMessage struct {
	FullText string              `json:"full_text" minLength:"1" doc:"What it says."`
	SentBy   string              `json:"sent_by" default:"some_body"`
	SubItems []memoItem          `json:"sub_items" default:"[{\"item_name\":\"first_one\"}]"`
	ByKey    map[string]memoItem `json:"by_key,omitempty"`
	AnyThing any                 `json:"any_thing,omitempty"`
	Plain    string              `json:"plain" default:""`
	Trailing string              `json:"trailing_" default:""`
}

type memoItem struct {
	ItemName string   `json:"item_name" maxLength:"20"`
	_        struct{} `additionalProperties:"false"`
}

func (memoMessage) Action() string { return "memo_message" }

func (m memoMessage) Validate() error {
	if m.FullText == "bad" {
		return chanx.ValidationError{{Type: "value_error", Loc: []any{"sub_items", 0, "item_name"}, Msg: "it says nothing good"}}
	}
	return nil
}

// letterMessage has frame fields beside its payload; stampMessage has only frame fields.
type (
	letterMessage struct {
		Text string `json:"text" maxLength:"9"`
		routing
		ReplyTo *string  `json:"reply_to" frame:"true"`
		TagList []string `json:"tag_list,omitempty" frame:"true" maxItems:"2" maxLength:"3"`
		Copies  int      `json:"copies" frame:"true" default:"1" minimum:"1"`
	}
	routing struct {
		SentFrom string `json:"sent_from" frame:"true" minLength:"1"`
	}
	stampMessage struct {
		StampedAt time.Time `json:"stamped_at" frame:"true"`
	}
)

func (letterMessage) Action() string { return "letter" }
func (stampMessage) Action() string  { return "stamp" }

func (m *letterMessage) Validate() error {
	m.SentFrom = strings.ToLower(m.SentFrom)
	if m.Text == m.SentFrom {
		return chanx.ValidationError{
			{Type: "value_error", Loc: []any{"sent_from"}, Msg: "it is the text"},
			{Type: "value_error", Loc: []any{"text"}, Msg: "it is the sender"},
		}
	}
	return nil
}

// accountMessage contains types with a Validate method that checks and changes the value.
type (
	accountMessage struct {
		Owner  person            `json:"owner"`
		Mails  []mail            `json:"mails"`
		ByRole map[string]person `json:"by_role,omitempty"`
	}
	person struct {
		First string `json:"first" minLength:"1"`
		Last  string `json:"last" default:""`
	}
	mail string
)

func (accountMessage) Action() string { return "account" }

func (m accountMessage) Validate() error {
	if len(m.Mails) == 0 && m.Owner.First != "Nobody" {
		return errors.New("an account needs a mail address")
	}
	return nil
}

func (p *person) Validate() error {
	p.First = strings.ToUpper(p.First[:1]) + p.First[1:]
	if p.First == p.Last {
		return chanx.ValidationError{{Type: "value_error", Loc: []any{"last"}, Msg: "it is the first name"}, {Type: "value_error", Loc: []any{}, Msg: "one name is enough"}}
	}
	return nil
}

func (m *mail) Validate() error {
	if !strings.Contains(string(*m), "@") {
		return errors.New("there is no @")
	}
	*m = mail(strings.ToLower(string(*m)))
	return nil
}

// postMessage requests a broadcast of a letter, memo, … to all.
type postMessage struct {
	What string `json:"what"`
}

func (postMessage) Action() string { return "post" }

func (k *kinds) post(ctx context.Context, m postMessage) error {
	reply := "a_b"
	switch m.What {
	case "letter":
		return k.Broadcast(ctx, letterMessage{Text: "all", routing: routing{"here"}, ReplyTo: &reply, TagList: []string{"a_b"}, Copies: 2})
	case "bare letter":
		return k.Broadcast(ctx, letterMessage{routing: routing{"x"}, Copies: 1})
	case "sent letter":
		return k.Send(ctx, letterMessage{Text: "you", routing: routing{"here"}, Copies: 3})
	case "sent stamp":
		return k.Send(ctx, stampMessage{time.Date(2025, 5, 11, 14, 30, 0, 0, time.UTC)})
	default:
		return k.Broadcast(ctx, memoMessage{FullText: m.What, ByKey: map[string]memoItem{"a_key": {ItemName: "a_name"}}, AnyThing: map[string]any{"a_b": "c_d"}})
	}
}

// relayMessage requests that its content is passed on unchanged as Raw, by Send or by Broadcast to all.
type relayMessage struct {
	To      string          `json:"to" enum:"me,all"`
	Name    string          `json:"name"`
	Payload json.RawMessage `json:"payload,omitempty"`
	Cut     int             `json:"cut" default:"0" doc:"How many bytes are taken off the end."`
}

func (relayMessage) Action() string { return "relay" }

func (k *kinds) relay(ctx context.Context, m relayMessage) error {
	raw := chanx.Raw{Name: m.Name, Payload: m.Payload[:len(m.Payload)-m.Cut]}
	if m.To == "me" {
		return sendError(k.Send(ctx, raw))
	}
	return sendError(k.Broadcast(ctx, raw))
}

// sendError has the text of err sent to the client.
func sendError(err error) error {
	if err == nil {
		return nil
	}
	return chanx.NewError("refused", err.Error())
}

// bulletin is an event that is forwarded to clients unchanged.
type bulletin struct {
	HeadLine string `json:"head_line"`
	Items    []disc `json:"items"`
}

func (bulletin) Action() string { return "bulletin" }
func (bulletin) Event() string  { return "bulletin" }

func kindsActs(s *stage, words []string) {
	ctx := context.Background()
	switch words[0] {
	case "bulletin":
		must(s, s.srv.Emit(ctx, bulletin{strings.Join(words[1:], "_"), []disc{{1.5}}}, chanx.To("kinds")))
	case "letter":
		must(s, s.srv.Broadcast(ctx, letterMessage{Text: "out", routing: routing{"x"}, Copies: 1, TagList: []string{"x_y"}}, chanx.All()))
	case "memo":
		must(s, s.srv.Broadcast(ctx, memoMessage{FullText: "out"}, chanx.All()))
	case "spark":
		must(s, s.srv.Emit(ctx, sparkEvent{explosive{words[1]}}, chanx.To("kinds")))
	}
}
