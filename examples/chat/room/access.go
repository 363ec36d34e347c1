package room

import (
	"slices"

	"github.com/chanx-go/chanx"
	"github.com/chanx-go/chanx/examples/chat/login"
)

// Entry is what a client gives to enter a room. Every room with a valid name exists; its history starts with the first
// post.
type Entry struct {
	Room string `path:"room" pattern:"^[a-z0-9]([a-z0-9-]*[a-z0-9])?$" maxLength:"40" doc:"The room: lower-case letters and digits, with hyphens between them" example:"lobby"`
}

// MaxName is the maximum length of a room's name in characters.
const MaxName = 40

// ValidName reports whether name can be a room, for pages.
func ValidName(name string) bool { return chanx.Validate(Entry{name}) == nil }

// Members lists, by members-only room, the names of those who may enter. Every other room is open to all.
type Members map[string][]string

// Admit reports whether a user may enter a room, read it and notify it. The user id is login.Fold of the name.
func (m Members) Admit(userID, room string) bool {
	members, closed := m[room]
	return !closed || slices.ContainsFunc(members, func(name string) bool { return login.Fold(name) == userID })
}
