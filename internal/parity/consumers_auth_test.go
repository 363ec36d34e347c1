package parity_test

import (
	"cmp"
	"context"
	"errors"
	"net/http"
	"slices"
	"strconv"

	"github.com/chanx-go/chanx"
)

// authEndpoints are the endpoints that authenticate and authorise. Their paths begin with auth/.
var authEndpoints = map[string]endpoint{
	"open":     {handle: registerIdentity("anonymous")},
	"required": {handle: registerIdentity(""), open: requires(isUser)},
	"required-silent": {
		handle: registerIdentity(""), open: require403,
		options: chanx.ConsumerOptions{Authenticator: headerAuthenticator{unknown: http.StatusForbidden}},
	},
	"required-quiet": {
		handle: registerIdentity(""), open: requires(isUser),
		options: chanx.ConsumerOptions{AuthenticationMessage: chanx.Disabled},
	},
	"framework-defaults": {handle: registerIdentity("anonymous"), options: chanx.ConsumerOptions{Authenticator: anonymousAuthenticator}},
	"no-permission":      {handle: registerIdentity(""), open: requires(func(string) bool { return false })},
	"denied-detail":      {handle: registerIdentity(""), open: refuseAll},
	"crash-permission":   {handle: registerIdentity(""), open: failOpen},
	"combined":           {handle: registerIdentity(""), open: requires(func(user string) bool { return user != "" && user != "alice" })},
	"either":             {handle: registerIdentity(""), open: requires(func(user string) bool { return user == "alice" })},
	"room/":              {handle: registerIdentity(""), open: (*state).openForMembers},
	"room-open/":         {handle: registerIdentity("anonymous"), open: (*state).openByID},
	"room-name/":         {handle: registerIdentity("anonymous"), open: (*state).openByName},
	"room-text/":         {handle: registerIdentity("anonymous"), open: (*state).openByText},
	"room-manager/":      {handle: registerIdentity("anonymous"), open: refusalsAsErrors((*state).openByID)},
	"room-noparam":       {handle: registerIdentity(""), open: failOpen},
	"param-noqueryset/":  {handle: registerIdentity(""), open: failOpen},
	"custom":             {handle: registerIdentity("none"), options: chanx.ConsumerOptions{Authenticator: queryAuthenticator}},
	"hooks":              {handle: registerGreeting},
}

// headerAuthenticator takes the user from a header, like the recorded application.
type headerAuthenticator struct {
	unknown int // status for an unknown user; 0 means 401
}

// Authenticate implements chanx.Authenticator.
func (u headerAuthenticator) Authenticate(r *http.Request) (chanx.Identity, error) {
	switch name := r.Header.Get("X-User"); name {
	case "nobody":
		if u.unknown == 0 {
			u.unknown = http.StatusUnauthorized
		}
		return chanx.Identity{}, chanx.Refuse(u.unknown, "Unknown user")
	case "crash":
		return chanx.Identity{}, errors.New("the user table is gone")
	default:
		return chanx.Identity{UserID: name}, nil
	}
}

// permission reports whether a user may connect; "" is anonymous.
type permission func(user string) bool

const deniedDetail = "You do not have permission to perform this action."

func isUser(user string) bool { return user != "" }

// requires returns an open function that checks a permission. An anonymous user without it gets 401.
func requires(may permission) func(*state, *http.Request) error {
	return func(s *state, _ *http.Request) error { return s.require(may, http.StatusUnauthorized, deniedDetail) }
}

// require refuses users without the permission: an anonymous user with the status anonymous, others with 403.
func (s *state) require(may permission, anonymous int, detail string) error {
	switch user := s.Identity().UserID; {
	case may(user):
		return nil
	case user == "":
		return chanx.Refuse(anonymous, "Authentication credentials were not provided.")
	default:
		return chanx.Refuse(http.StatusForbidden, detail)
	}
}

// require403 requires a user, and refuses anonymous users with 403 instead of 401.
func require403(s *state, _ *http.Request) error {
	return s.require(isUser, http.StatusForbidden, deniedDetail)
}

func refuseAll(*state, *http.Request) error { return chanx.Refuse(http.StatusForbidden, "closed") }

func failOpen(*state, *http.Request) error { return errInternal }

var roomMembers = map[string][]string{"alpha": {"alice", "bob"}, "beta": {"carol"}}

// openByID looks a room up by its number.
func (s *state) openByID(r *http.Request) error {
	id, err := strconv.Atoi(r.PathValue("pk"))
	if err != nil {
		return chanx.Refuse(http.StatusNotFound, "pk must be a whole number of 64 bits")
	}
	if id < 1 || id > len(roomMembers) {
		return chanx.Refuse(http.StatusNotFound, "No Group matches the given query.")
	}
	s.room = []string{"alpha", "beta"}[id-1]
	return nil
}

func (s *state) openByName(r *http.Request) error {
	if s.room = r.PathValue("pk"); roomMembers[s.room] == nil {
		return chanx.Refuse(http.StatusNotFound, "No Group matches the given query.")
	}
	return nil
}

// openByText is openByID, but answers 404 with its own text if pk is not a number.
func (s *state) openByText(r *http.Request) error {
	if _, err := strconv.Atoi(r.PathValue("pk")); err != nil {
		return chanx.Refuse(http.StatusNotFound, "Not found.")
	}
	return s.openByID(r)
}

// openForMembers looks a room up and requires that the user is a member.
func (s *state) openForMembers(r *http.Request) error {
	if err := s.require(isUser, http.StatusUnauthorized, deniedDetail); err != nil {
		return err
	}
	if err := s.openByID(r); err != nil {
		return err
	}
	isMember := func(user string) bool { return slices.Contains(roomMembers[s.room], user) }
	return s.require(isMember, http.StatusUnauthorized, "You are not a member of this room.")
}

// refusalsAsErrors turns refusals of open into unexpected errors.
func refusalsAsErrors(open func(*state, *http.Request) error) func(*state, *http.Request) error {
	return func(s *state, r *http.Request) error {
		if open(s, r) != nil {
			return errInternal
		}
		return nil
	}
}

// anonymousAuthenticator leaves every user anonymous.
var anonymousAuthenticator = chanx.AuthenticatorFunc(func(*http.Request) (chanx.Identity, error) { return chanx.Identity{}, nil })

// queryAuthenticator refuses, fails or accepts, as the query says.
var queryAuthenticator = chanx.AuthenticatorFunc(func(r *http.Request) (chanx.Identity, error) {
	switch r.URL.Query().Get("mode") {
	case "refuse":
		return chanx.Identity{}, chanx.Refuse(http.StatusTeapot, "short and stout")
	case "raise":
		return chanx.Identity{}, errInternal
	}
	return chanx.Identity{}, nil
})

// registerIdentity answers ping with the user and the room of the connection. anonymous is the name of users without one.
func registerIdentity(anonymous string) func(consumer) {
	return func(c consumer) {
		chanx.OnRequest(c, func(s *state, _ context.Context, _ chanx.Ping) (notificationMessage, error) {
			return notificationMessage{"user": cmp.Or(s.Identity().UserID, anonymous), "obj": cmp.Or(s.room, "none")}, nil
		})
	}
}

// registerGreeting declares what hook sends.
func registerGreeting(c consumer) { chanx.Sends[notificationMessage](c) }

// hook runs when a connection opens; the query selects what it does.
func (s *state) hook(ctx context.Context) error {
	switch s.query.Get("hook") {
	case "groups", "post":
		return errInternal
	case "badgroup":
		return s.Join(ctx, "bad name!")
	case "close":
		return &chanx.CloseError{Code: 4001}
	case "greet":
		return errors.Join(s.Send(ctx, notificationMessage{"text": "one"}), s.Send(ctx, notificationMessage{"text": "two"}))
	}
	return nil
}
