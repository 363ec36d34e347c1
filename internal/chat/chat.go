package chat

import (
	"context"
	"iter"
	"net/http"
	"strings"

	"github.com/chanx-go/chanx"
)

// ChatPayload is what is said; two messages share it.
type ChatPayload struct {
	Content    string  `json:"content" minLength:"1" maxLength:"2000"`
	SenderName string  `json:"sender_name" default:"Anonymous"`
	Timestamp  *string `json:"timestamp" format:"date-time"`
}

// ChatMessage is sent by a client to its room.
type ChatMessage struct{ ChatPayload } // embedding keeps ChatPayload's methods; a named type would drop them

// ChatGroupMessage is what everyone in the room receives.
type ChatGroupMessage struct{ ChatPayload }

// NotificationMessage is a system notification.
type NotificationMessage map[string]string

// Question is answered with one Answer, AskMessage with a stream of Tokens.
type (
	Question struct {
		Text string `json:"text"`
	}
	Answer     struct{ Text string }
	AskMessage struct{ Prompt string }
	Token      struct{ Text string }
)

// NotifyEvent reaches connections through the channel layer.
type NotifyEvent struct {
	Content string `json:"content"`
	Level   string `json:"level" default:"info"`
}

func (ChatMessage) Action() string         { return "chat" }
func (ChatGroupMessage) Action() string    { return "chat_group" }
func (NotificationMessage) Action() string { return "notification" }
func (Question) Action() string            { return "question" }
func (Answer) Action() string              { return "answer" }
func (AskMessage) Action() string          { return "ask" }
func (Token) Action() string               { return "token" }
func (NotifyEvent) Event() string          { return "notify" }

// Room is the state of one connection. Its handlers run one at a time.
type Room struct {
	*chanx.Conn
	name string
}

func New() *chanx.Consumer[Room] {
	room := chanx.NewConsumer(open, nil) // *ConsumerOptions, nil is fine
	room.OnOpen((*Room).opened)
	chanx.On(room, (*Room).chat)             // no reply
	chanx.OnRequest(room, (*Room).question)  // exactly one typed reply
	chanx.OnStream(room, (*Room).ask)        // many typed replies, cancellable
	chanx.OnEvent(room, (*Room).notify)      // from the channel layer
	chanx.Broadcasts[ChatGroupMessage](room) // sent to groups: carries is_mine, is_current
	chanx.Sends[NotificationMessage](room)   // sent outside a reply
	return room
}

// open runs before the upgrade is answered: load, authorise, refuse.
func open(c *chanx.Conn, r *http.Request) (*Room, error) {
	if r.PathValue("room") == "staff" && c.Identity().UserID == "" {
		return nil, chanx.Refuse(http.StatusForbidden, "members only")
	}
	return &Room{Conn: c, name: r.PathValue("room")}, nil
}

func (r *Room) opened(ctx context.Context) error { return r.Join(ctx, "room_"+r.name) }

func (r *Room) chat(ctx context.Context, m ChatMessage) error {
	return r.Broadcast(ctx, ChatGroupMessage(m), chanx.To("room_"+r.name)) // itself included
}

func (r *Room) question(ctx context.Context, m Question) (Answer, error) {
	if m.Text == "" {
		return Answer{}, chanx.NewError("empty", "ask something") // told to the client
	}
	return Answer{Text: strings.ToUpper(m.Text)}, nil
}

func (r *Room) ask(ctx context.Context, m AskMessage) iter.Seq2[Token, error] {
	return func(yield func(Token, error) bool) {
		for _, word := range strings.Fields(m.Prompt) {
			if !yield(Token{Text: word}, nil) {
				return
			}
		}
	}
}

func (r *Room) notify(ctx context.Context, e NotifyEvent) error {
	return r.Send(ctx, NotificationMessage{"text": strings.ToUpper(e.Level) + ": " + e.Content})
}
