package talk

import (
	"strings"

	"github.com/chanx-go/chanx"
)

// DiscussionMessagePayload is a text in the discussion; three messages share it.
type DiscussionMessagePayload struct {
	Content string `json:"content" maxLength:"2000" pattern:"\\S" example:"Shall we meet on Friday?"`
	Raw     bool   `json:"raw" default:"false" doc:"content is passed on exactly as it was written, for code or verse"`
}

// Validate normalizes text that is not raw: it trims white space, and replaces each run of it within the text by one blank.
// It runs on received messages, before the handler.
func (p *DiscussionMessagePayload) Validate() error {
	if !p.Raw {
		p.Content = strings.Join(strings.Fields(p.Content), " ")
	}
	return nil
}

// NewDiscussionMessage is a member's message to the others.
type NewDiscussionMessage struct{ DiscussionMessagePayload }

// Ping is chanx.Ping as a type of this package, because only these can implement the sealed interface Incoming.
type Ping chanx.Ping

// DiscussionMemberMessage is sent to the others for a NewDiscussionMessage.
type DiscussionMemberMessage struct{ DiscussionMessagePayload }

// ReplyMessage is sent to one member: their own message, as the others received it, or a notice.
type ReplyMessage struct{ DiscussionMessagePayload }

// NotifyEvent reaches all members of the discussion on all servers, as a ReplyMessage.
type NotifyEvent struct {
	Content string `json:"content" maxLength:"500" pattern:"\\S" example:"The discussion closes at five."`
}

func (NewDiscussionMessage) Action() string    { return "new_message" }
func (Ping) Action() string                    { return chanx.Ping{}.Action() }
func (DiscussionMemberMessage) Action() string { return "member_message" }
func (ReplyMessage) Action() string            { return "reply" }
func (NotifyEvent) Event() string              { return "notify_people" }

// Incoming is every message that a member may send. It is sealed, so that go-check-sumtype can find a switch that lacks a
// case.
//
//sumtype:decl
type Incoming interface {
	chanx.Message
	incoming()
}

func (NewDiscussionMessage) incoming() {}
func (Ping) incoming()                 {}

// Event is every event that a discussion handles.
//
//sumtype:decl
type Event interface {
	chanx.Event
	toDiscussion()
}

func (NotifyEvent) toDiscussion() {}
