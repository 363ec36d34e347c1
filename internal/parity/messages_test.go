package parity_test

import (
	"errors"
	"strings"
)

// The messages and events of the recorded application.

type (
	chatPayload struct {
		Content    string  `json:"content"`
		SenderName string  `json:"sender_name" default:"Anonymous"`
		Timestamp  *string `json:"timestamp"`
	}
	chatMessage         struct{ chatPayload }
	chatGroupMessage    struct{ chatPayload }
	notificationMessage map[string]string
	roomMessage         struct {
		RoomID   string `json:"room_id"`
		IsMember *bool  `json:"is_member"`
	}
	customMessage struct {
		K     string `json:"k,omitempty"`
		A     []int  `json:"a,omitempty"`
		Extra string `json:"extra" frame:"true" default:""`
	}
	groupChatMessage  string
	discussionPayload struct {
		Content string `json:"content"`
		Raw     bool   `json:"raw" default:"false"`
	}
	newMessage    struct{ discussionPayload }
	memberMessage struct{ discussionPayload }
	forbidMessage string
	allowMessage  string
	startMessage  string
	beginMessage  string
	camelPayload  struct {
		UserName    string  `json:"user_name"`
		MessageText string  `json:"message_text" default:"none"`
		Line1       *string `json:"line_1"`
	}
	camelMessage      struct{ camelPayload }
	camelGroupMessage struct{ camelPayload }
	camelMapMessage   map[string]any
	camelOutMessage   []string
	notifyEvent       struct {
		Content string `json:"content"`
		Level   string `json:"level" default:"info"`
	}
	notifyPeopleEvent struct {
		Content string `json:"content"`
	}
)

func (chatMessage) Action() string         { return "chat" }
func (chatGroupMessage) Action() string    { return "chat_group" }
func (notificationMessage) Action() string { return "notification" }
func (roomMessage) Action() string         { return "room_message" }
func (customMessage) Action() string       { return "custom" }
func (groupChatMessage) Action() string    { return "group_chat" }
func (newMessage) Action() string          { return "new_message" }
func (memberMessage) Action() string       { return "member_message" }
func (forbidMessage) Action() string       { return "forbid" }
func (allowMessage) Action() string        { return "allow" }
func (startMessage) Action() string        { return "start" }
func (beginMessage) Action() string        { return "begin" }
func (camelMessage) Action() string        { return "camel_message" }
func (camelGroupMessage) Action() string   { return "camel_group" }
func (camelMapMessage) Action() string     { return "camel_map" }
func (camelOutMessage) Action() string     { return "camel_out" }
func (notifyEvent) Event() string          { return "notify" }
func (notifyPeopleEvent) Event() string    { return "notify_people" }

// Validate refuses messages to private rooms from clients that are not members.
func (m roomMessage) Validate() error {
	if strings.HasPrefix(m.RoomID, "private-") && (m.IsMember == nil || !*m.IsMember) {
		return errors.New("Cannot send messages to private rooms without membership")
	}
	return nil
}

// externalEvent is an event that the application emits outside a connection, with the recorded payload.
type externalEvent struct {
	name    string
	payload string
}

func (e externalEvent) Event() string                { return e.name }
func (e externalEvent) MarshalJSON() ([]byte, error) { return []byte(e.payload), nil }
