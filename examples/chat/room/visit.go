// Package room is the WebSocket part of the chat: its messages and its consumer.
package room

import (
	"context"
	"errors"
	"log/slog"
	"net/http"
	"time"

	"github.com/chanx-go/chanx"
	"github.com/chanx-go/chanx/examples/chat/login"
	"github.com/chanx-go/chanx/examples/chat/store"
	"github.com/chanx-go/chanx/layer"
)

// HistorySize is the number of posts that a visitor gets on entering.
const HistorySize = 50

// closeLoggedOut is the close code after which a client needs a new login; chanx uses it for expired ones too.
const closeLoggedOut = 4000 + http.StatusUnauthorized

// Options are common to all visits.
type Options struct {
	Store   *store.Store
	Members Members
	Logins  chanx.Authenticator // such as login.Cookies: its Claims are a login.Login
	Logger  *slog.Logger
	Node    string // the name of this server, shown to visitors; empty: nothing is shown
}

// Visit is the state of one connection: a user in a room. Its handlers run one at a time.
type Visit struct {
	*chanx.Conn
	Options
	room    string
	present bool // the room has got a UserJoinedMessage
}

// New returns the consumer of a route with the wildcard {room}.
func New(opts Options) *chanx.Consumer[Visit] {
	visit := chanx.NewConsumerWith(opts.open, &chanx.ConsumerOptions{
		Name: "room", Doc: "A chat room with history.", Authenticator: opts.Logins,
		Docs: []chanx.Docs{Docs},
	})
	visit.OnOpen((*Visit).entered)
	visit.OnClose((*Visit).left)
	chanx.On(visit, (*Visit).chat)
	chanx.On(visit, (*Visit).typing)
	chanx.OnEvent(visit, (*Visit).notify)
	chanx.OnEvent(visit, (*Visit).loggedOut)
	chanx.Sends[NodeMessage](visit)
	chanx.Sends[HistoryMessage](visit)
	chanx.Sends[NotificationMessage](visit)
	chanx.Broadcasts[ChatGroupMessage](visit)
	chanx.Broadcasts[UserJoinedMessage](visit)
	chanx.Broadcasts[UserLeftMessage](visit)
	chanx.Broadcasts[UserTypingMessage](visit)
	return visit
}

// Group is the name of the group that everyone in a room belongs to.
func Group(room string) string { return "room_" + room }

func (o Options) open(c *chanx.Conn, _ *http.Request, e Entry) (*Visit, error) {
	if !o.Members.Admit(c.Identity().UserID, e.Room) {
		return nil, chanx.Refuse(http.StatusForbidden, "members only")
	}
	return &Visit{Conn: c, Options: o, room: e.Room}, nil
}

// entered joins before it reads the history, so that no post is missed between the two. A post of that moment may arrive
// twice; clients recognise it by its id.
func (v *Visit) entered(ctx context.Context) error {
	if v.Node != "" {
		if err := v.Send(ctx, NodeMessage{v.Node}); err != nil {
			return err
		}
	}
	if err := v.ignoreUnavailable(ctx, v.Join(ctx, Group(v.room))); err != nil {
		return err
	}
	past, err := v.Store.Last(ctx, v.room, HistorySize)
	if err != nil {
		return err
	}
	if err := v.Send(ctx, v.history(past)); err != nil {
		return err
	}
	v.present = true
	return v.ignoreUnavailable(ctx, v.Broadcast(ctx, UserJoinedMessage{v.presence()}, chanx.To(Group(v.room))))
}

func (v *Visit) left(ctx context.Context, cause *chanx.CloseError) {
	v.Logger.InfoContext(ctx, "left", "room", v.room, "user", v.name(), "code", cause.Code)
	if !v.present {
		return // the room has not got a UserJoinedMessage
	}
	if err := v.Broadcast(ctx, UserLeftMessage{v.presence()}, chanx.To(Group(v.room))); err != nil {
		v.Logger.WarnContext(ctx, "departure not announced", "room", v.room, "user", v.name(), "error", err)
	}
}

// chat stores before it broadcasts, so later visitors see every post that present visitors saw.
func (v *Visit) chat(ctx context.Context, m ChatMessage) error {
	kept, err := v.Store.Add(ctx, store.Message{Room: v.room, Sender: v.name(), Content: m.Content, SentAt: time.Now()})
	if err != nil {
		return err
	}
	return v.ignoreUnavailable(ctx, v.Broadcast(ctx, ChatGroupMessage{post(kept)}, chanx.To(Group(v.room))))
}

// ignoreUnavailable returns err, but nil if only other nodes cannot be reached: visitors on this node have the post, and the others find
// it in the history.
func (v *Visit) ignoreUnavailable(ctx context.Context, err error) error {
	if !errors.Is(err, layer.ErrUnavailable) {
		return err
	}
	v.Logger.WarnContext(ctx, "other nodes not informed", "room", v.room, "user", v.name(), "error", err)
	return nil
}

func (v *Visit) typing(ctx context.Context, _ TypingMessage) error {
	return v.Broadcast(ctx, UserTypingMessage{v.name()}, chanx.To(Group(v.room)), chanx.ExceptSelf())
}

func (v *Visit) notify(ctx context.Context, e NotifyEvent) error {
	return v.Send(ctx, NotificationMessage(e))
}

// loggedOut closes the connection if it was opened with the login that has ended. Other logins of the user stay.
func (v *Visit) loggedOut(_ context.Context, e LogoutEvent) error {
	if login.Of(v.Identity()).ID != e.Login {
		return nil
	}
	return &chanx.CloseError{Code: closeLoggedOut, Reason: "logged out"}
}

func (v *Visit) name() string { return login.Of(v.Identity()).Name }

func (v *Visit) presence() Presence {
	return Presence{Username: v.name(), RoomName: v.room, Timestamp: time.Now().UTC()}
}

func (v *Visit) history(past []store.Message) HistoryMessage {
	posts := make(HistoryMessage, 0, len(past))
	for _, m := range past {
		posts = append(posts, PastPost{Post: post(m), IsMine: login.Fold(m.Sender) == v.Identity().UserID})
	}
	return posts
}

func post(m store.Message) Post {
	return Post{ID: m.ID, SenderName: m.Sender, Content: m.Content, Timestamp: m.SentAt}
}
