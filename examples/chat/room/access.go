package room

import (
	"regexp"
	"slices"

	"github.com/chanx-go/chanx/examples/chat/login"
)

// MaxName is the maximum length of a room's name in characters.
const MaxName = 40

var validName = regexp.MustCompile(`^[a-z0-9]([a-z0-9-]*[a-z0-9])?$`)

// ValidName reports whether name can be a room: lower-case letters and digits, with hyphens between them.
// Every such room exists; its history starts with the first post.
func ValidName(name string) bool { return len(name) <= MaxName && validName.MatchString(name) }

// Members lists, by members-only room, the names of those who may enter. Every other room is open to all.
type Members map[string][]string

// Admit reports whether a user may enter a room, read it and notify it. The user id is login.Fold of the name.
func (m Members) Admit(userID, room string) bool {
	members, closed := m[room]
	return !closed || slices.ContainsFunc(members, func(name string) bool { return login.Fold(name) == userID })
}
