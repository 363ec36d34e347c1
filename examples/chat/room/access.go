package room

import (
	"regexp"
	"slices"

	"github.com/chanx-go/chanx/examples/chat/login"
)

// MaxName is how many characters the name of a room may have.
const MaxName = 40

var validName = regexp.MustCompile(`^[a-z0-9]([a-z0-9-]*[a-z0-9])?$`)

// ValidName reports whether name can be a room: lower-case letters and digits, with hyphens between.
// Every such room exists, and has a history once somebody has said something there.
func ValidName(name string) bool { return len(name) <= MaxName && validName.MatchString(name) }

// Members lists, by members-only room, the names of those who may enter. Every other room is open to all.
type Members map[string][]string

// Admit reports whether somebody may enter a room, read it and notify it. The user id is login.Fold of their name.
func (m Members) Admit(userID, room string) bool {
	members, closed := m[room]
	return !closed || slices.ContainsFunc(members, func(name string) bool { return login.Fold(name) == userID })
}
