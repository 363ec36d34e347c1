package room

import "time"

// ChatMessage is what somebody says to their room.
type ChatMessage struct {
	Content string `json:"content" minLength:"1" maxLength:"2000" pattern:"\\S" example:"Hello!"`
}

// TypingMessage tells the room that its sender is writing. It is good for a few seconds; clients
// repeat it while the writing goes on.
type TypingMessage struct{}

// Post is something said in a room, as it is kept.
type Post struct {
	ID         int64     `json:"id" doc:"rises with every message; the same in history and chat_group"`
	SenderName string    `json:"sender_name"`
	Content    string    `json:"content"`
	Timestamp  time.Time `json:"timestamp"`
}

// NodeMessage tells which of several servers the connection is on. It comes once, on entering, from servers with a name.
type NodeMessage struct {
	Name string `json:"name"`
}

// ChatGroupMessage is what everyone in the room receives when somebody says something.
type ChatGroupMessage struct{ Post }

// HistoryMessage is what was said before: the latest posts, oldest first. It comes once, on entering.
type HistoryMessage []PastPost

// PastPost is a Post of the history. History is no group message, so each post says whose it is.
type PastPost struct {
	Post
	IsMine bool `json:"is_mine"`
}

// Presence is somebody's coming or going. It is told per connection: two tabs come and go twice.
type Presence struct {
	Username  string    `json:"username"`
	RoomName  string    `json:"room_name"`
	Timestamp time.Time `json:"timestamp"`
}

// UserJoinedMessage says that somebody entered the room.
type UserJoinedMessage struct{ Presence }

// UserLeftMessage says that somebody left the room.
type UserLeftMessage struct{ Presence }

// UserTypingMessage says that somebody else in the room is writing.
type UserTypingMessage struct {
	Username string `json:"username"`
}

// Notice is something told to a whole room from outside it.
type Notice struct {
	Content    string `json:"content" minLength:"1" maxLength:"500" pattern:"\\S"`
	Level      string `json:"level" enum:"info,warning" default:"info"`
	SenderName string `json:"sender_name"`
}

// NotifyEvent carries a Notice to the connections of a room, on whichever server they are.
type NotifyEvent struct{ Notice }

// LogoutEvent tells the connections of a user, on whichever server they are, that one of their logins has ended.
type LogoutEvent struct {
	Login string `json:"login" doc:"the ID of the login"`
}

// NotificationMessage shows a Notice to a client.
type NotificationMessage struct{ Notice }

// Action names the message on the wire, as do the methods below.
func (ChatMessage) Action() string { return "chat" }

// Action implements chanx.Message.
func (TypingMessage) Action() string { return "typing" }

// Action implements chanx.Message.
func (NodeMessage) Action() string { return "node" }

// Action implements chanx.Message.
func (ChatGroupMessage) Action() string { return "chat_group" }

// Action implements chanx.Message.
func (HistoryMessage) Action() string { return "history" }

// Action implements chanx.Message.
func (UserJoinedMessage) Action() string { return "user_joined" }

// Action implements chanx.Message.
func (UserLeftMessage) Action() string { return "user_left" }

// Action implements chanx.Message.
func (UserTypingMessage) Action() string { return "user_typing" }

// Action implements chanx.Message.
func (NotificationMessage) Action() string { return "notification" }

// Event names the event between servers.
func (NotifyEvent) Event() string { return "notify" }

// Event implements chanx.Event.
func (LogoutEvent) Event() string { return "logout" }
