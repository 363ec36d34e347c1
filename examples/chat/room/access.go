package room

import (
	"regexp"
	"slices"
)

// MaxName is how many characters the name of a room may have.
const MaxName = 40

var validName = regexp.MustCompile(`^[a-z0-9]([a-z0-9-]*[a-z0-9])?$`)

// ValidName reports whether name can be a room: lower-case letters and digits, with hyphens between.
// Every such room exists, and has a history once somebody has said something there.
func ValidName(name string) bool { return len(name) <= MaxName && validName.MatchString(name) }

// Members lists, by members-only room, who may enter. Every other room is open to all.
type Members map[string][]string

// Admit reports whether a user may enter a room, read it and notify it.
func (m Members) Admit(user, room string) bool {
	members, closed := m[room]
	return !closed || slices.Contains(members, user)
}
