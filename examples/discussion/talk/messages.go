package talk

import (
	"strings"

	"github.com/chanx-go/chanx"
)

// DiscussionMessagePayload is something said in the discussion; three messages share it.
type DiscussionMessagePayload struct {
	Content string `json:"content" maxLength:"2000" pattern:"\\S" example:"Shall we meet on Friday?"`
	Raw     bool   `json:"raw" default:"false" doc:"content is passed on exactly as it was written, for code or verse"`
}

// Validate tidies what is not raw: white space at the ends goes, and within the text each run of it becomes one blank. It
// runs on what comes in, before a handler sees it.
func (p *DiscussionMessagePayload) Validate() error {
	if !p.Raw {
		p.Content = strings.Join(strings.Fields(p.Content), " ")
	}
	return nil
}

// NewDiscussionMessage is what a member says to the others.
type NewDiscussionMessage struct{ DiscussionMessagePayload }

// Ping is chanx.Ping, as a type that Incoming can have as a case: a sealed interface takes those of its own package.
type Ping chanx.Ping

// DiscussionMemberMessage is what the others receive of it.
type DiscussionMemberMessage struct{ DiscussionMessagePayload }

// ReplyMessage is what the server tells one member: their own message, as the others received it, or a notice.
type ReplyMessage struct{ DiscussionMessagePayload }

// NotifyEvent is told to everybody in the discussion, on whichever server they are, as a ReplyMessage.
type NotifyEvent struct {
	Content string `json:"content" maxLength:"500" pattern:"\\S" example:"The discussion closes at five."`
}

func (NewDiscussionMessage) Action() string    { return "new_message" }
func (Ping) Action() string                    { return chanx.Ping{}.Action() }
func (DiscussionMemberMessage) Action() string { return "member_message" }
func (ReplyMessage) Action() string            { return "reply" }
func (NotifyEvent) Event() string              { return "notify_people" }

// Incoming is everything that a member may send. It is sealed, so that go-check-sumtype can tell which case a switch
// over it lacks.
//
//sumtype:decl
type Incoming interface {
	chanx.Message
	incoming()
}

func (NewDiscussionMessage) incoming() {}
func (Ping) incoming()                 {}

// Event is everything that can be told to a discussion from outside it.
//
//sumtype:decl
type Event interface {
	chanx.Event
	toDiscussion()
}

func (NotifyEvent) toDiscussion() {}
