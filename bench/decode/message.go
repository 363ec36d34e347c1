package decode

import (
	"strings"
	"time"
)

const action = "chat"

// Chat is the payload of the message, with its constraints in the tags of chanx and of validator.
type Chat struct {
	Content    string    `json:"content" minLength:"1" maxLength:"2000" validate:"required,min=1,max=2000"`
	SenderName string    `json:"sender_name" maxLength:"64" validate:"required,max=64"`
	RoomID     string    `json:"room_id" pattern:"^[a-z0-9_-]+$" validate:"required,room"`
	Priority   int       `json:"priority" minimum:"0" maximum:"9" validate:"min=0,max=9"`
	Timestamp  time.Time `json:"timestamp" validate:"required"`
}

// Right is a frame that passes all checks.
var Right = []byte(`{"action":"chat","payload":{"content":"` + strings.Repeat("a bit of talk", 5) +
	`","sender_name":"Alice","room_id":"general","priority":3,"timestamp":"2025-05-11T14:30:00Z"}}`)

// Wrong is a frame in which all fields are invalid. The time stamp comes last, because encoding/json stops there.
var Wrong = []byte(`{"action":"chat","payload":{"content":"","sender_name":"` + strings.Repeat("Alice", 13) +
	`","room_id":"the general","priority":10,"timestamp":"today"}}`)
