package room

import "time"

// ChatMessage is a visitor's message to the room.
type ChatMessage struct {
	Content string `json:"content" minLength:"1" maxLength:"2000" pattern:"\\S" example:"Hello!"`
}

// TypingMessage reports that its sender is writing. It is valid for a few seconds; clients repeat it while the user
// types.
type TypingMessage struct{}

// Post is a message of a room as it is stored.
type Post struct {
	ID         int64     `json:"id" doc:"rises with every message; the same in history and chat_group"`
	SenderName string    `json:"sender_name"`
	Content    string    `json:"content"`
	Timestamp  time.Time `json:"timestamp"`
}

// NodeMessage names the server of the connection. Servers with a name send it once, on entering.
type NodeMessage struct {
	Name string `json:"name"`
}

// ChatGroupMessage is a new post, sent to everyone in the room.
type ChatGroupMessage struct{ Post }

// HistoryMessage has the latest posts, oldest first. It is sent once, on entering.
type HistoryMessage []PastPost

// PastPost is a Post of the history. The history is not a group message, so each post has the flag of its sender.
type PastPost struct {
	Post
	IsMine bool `json:"is_mine"`
}

// Presence describes a visitor who joins or leaves. It is sent for each connection: two tabs join and leave twice.
type Presence struct {
	Username  string    `json:"username"`
	RoomName  string    `json:"room_name"`
	Timestamp time.Time `json:"timestamp"`
}

// UserJoinedMessage reports that a visitor entered the room.
type UserJoinedMessage struct{ Presence }

// UserLeftMessage reports that a visitor left the room.
type UserLeftMessage struct{ Presence }

// UserTypingMessage reports that another visitor is writing.
type UserTypingMessage struct {
	Username string `json:"username"`
}

// Notice is a text sent to a whole room from outside it.
type Notice struct {
	Content    string `json:"content" minLength:"1" maxLength:"500" pattern:"\\S"`
	Level      string `json:"level" enum:"info,warning" default:"info"`
	SenderName string `json:"sender_name"`
}

// NotifyEvent carries a Notice to the connections of a room on all servers.
type NotifyEvent struct{ Notice }

// LogoutEvent tells the connections of a user, on all servers, that one of the user's logins has ended.
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
