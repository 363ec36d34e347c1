// Package talk is the WebSocket part of a discussion: its messages and its consumer.
package talk

import (
	"context"
	"net/http"

	"github.com/chanx-go/chanx"
)

// Group is the group that every member is in.
const Group = "discussion"

// Member is the state of one connection: a member of the discussion. Its handlers run one at a time.
type Member struct{ *chanx.Conn }

// New returns the discussion's consumer.
func New() *chanx.Consumer[Member] {
	member := chanx.NewConsumer(open, &chanx.ConsumerOptions{
		Name: "discussion", Doc: "Members say something to each other, and hear of what is notified.", Groups: []string{Group},
		Docs: []chanx.Docs{Docs},
	})
	chanx.OnUnion(member, (*Member).receive, chanx.Case[NewDiscussionMessage](), chanx.Case[Ping]())
	chanx.OnEvent(member, (*Member).notifyPeople)
	chanx.Broadcasts[DiscussionMemberMessage](member)
	chanx.Sends[ReplyMessage](member)
	return member
}

// Tell sends an event to all members of a discussion that is mounted on a server. It may be called concurrently. It returns
// an error if some nodes cannot be reached.
func Tell(ctx context.Context, discussion *chanx.Consumer[Member], e Event) error {
	return discussion.Emit(ctx, e, chanx.To(Group))
}

func open(c *chanx.Conn, _ *http.Request) (*Member, error) { return &Member{c}, nil }

// receive handles every message of a member.
func (m *Member) receive(ctx context.Context, in Incoming) error {
	switch in := in.(type) {
	case NewDiscussionMessage:
		if err := m.Broadcast(ctx, DiscussionMemberMessage(in), chanx.To(Group), chanx.ExceptSelf()); err != nil {
			return err
		}
		return m.Send(ctx, ReplyMessage(in))
	case Ping:
		return m.Send(ctx, chanx.Pong{}) // without this case, chanx would answer
	}
	return nil
}

func (m *Member) notifyPeople(ctx context.Context, e NotifyEvent) error {
	return m.Send(ctx, ReplyMessage{DiscussionMessagePayload{Content: e.Content}})
}
