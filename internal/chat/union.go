package chat

import (
	"context"

	"github.com/chanx-go/chanx"
)

// Incoming is everything a client may send to a room.
//
//sumtype:decl
type Incoming interface {
	chanx.Message
	incoming()
}

func (ChatMessage) incoming()         {}
func (NotificationMessage) incoming() {}

// NewUnion returns the consumer whose one handler is receive.
func NewUnion() *chanx.Consumer[Room] {
	room := chanx.NewConsumer(open, &chanx.ConsumerOptions{Groups: []string{"announcements"}})
	chanx.OnUnion(room, (*Room).receive, chanx.Case[ChatMessage](), chanx.Case[NotificationMessage]())
	chanx.Broadcasts[ChatGroupMessage](room)
	return room
}

func (r *Room) receive(ctx context.Context, m Incoming) error {
	switch m := m.(type) { // go-check-sumtype reports a case that is missing
	case ChatMessage:
		return r.Broadcast(ctx, ChatGroupMessage(m), chanx.To("room_123", "announcements"), chanx.ExceptSelf())
	case NotificationMessage: // nothing to do: completion is still sent
	}
	return nil
}
