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

// The consumers that decide about who connects.

// tapeDoors are ways to connect, as tapeWays.
var tapeDoors = map[string]tapeWay{
	"open":     {handle: tapeWho("anonymous")},
	"required": {handle: tapeWho(""), open: tapeAllows(tapeIsUser)},
	"required-silent": {
		handle: tapeWho(""), open: tapeSilent,
		options: chanx.ConsumerOptions{Authenticator: tapeUser{unknown: http.StatusForbidden}},
	},
	"required-quiet": {
		handle: tapeWho(""), open: tapeAllows(tapeIsUser),
		options: chanx.ConsumerOptions{AuthenticationMessage: chanx.Disabled},
	},
	"framework-defaults": {handle: tapeWho("anonymous"), options: chanx.ConsumerOptions{Authenticator: tapeNobody}},
	"no-permission":      {handle: tapeWho(""), open: tapeAllows(func(string) bool { return false })},
	"denied-detail":      {handle: tapeWho(""), open: tapeClosed},
	"crash-permission":   {handle: tapeWho(""), open: tapeFails},
	"combined":           {handle: tapeWho(""), open: tapeAllows(func(user string) bool { return user != "" && user != "alice" })},
	"either":             {handle: tapeWho(""), open: tapeAllows(func(user string) bool { return user == "alice" })},
	"room/":              {handle: tapeWho(""), open: (*tape).forMembers},
	"room-open/":         {handle: tapeWho("anonymous"), open: (*tape).byID},
	"room-name/":         {handle: tapeWho("anonymous"), open: (*tape).byName},
	"room-text/":         {handle: tapeWho("anonymous"), open: (*tape).byText},
	"room-manager/":      {handle: tapeWho("anonymous"), open: orFails((*tape).byID)},
	"room-noparam":       {handle: tapeWho(""), open: tapeFails},
	"param-noqueryset/":  {handle: tapeWho(""), open: tapeFails},
	"custom":             {handle: tapeWho("none"), options: chanx.ConsumerOptions{Authenticator: tapeMode}},
	"hooks":              {handle: tapeGreets},
}

// tapeUser is the authentication that was recorded: by a header, with its refusal of whom it does not know.
type tapeUser struct{ unknown int } // 0 is 401

// Authenticate takes the name of the header.
func (u tapeUser) Authenticate(r *http.Request) (chanx.Identity, error) {
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

// tapePermission decides about a user; "" is anonymous.
type tapePermission func(user string) bool

const tapeDenied = "You do not have permission to perform this action."

func tapeIsUser(user string) bool { return user != "" }

// tapeAllows is an open that asks for a permission.
func tapeAllows(may tapePermission) func(*tape, *http.Request) error {
	return func(t *tape, _ *http.Request) error { return t.needs(may, http.StatusUnauthorized, tapeDenied) }
}

// needs refuses whom the permission does not admit: anonymous ones with a status that asks them to say who they are.
func (t *tape) needs(may tapePermission, anonymous int, detail string) error {
	switch user := t.Identity().UserID; {
	case may(user):
		return nil
	case user == "":
		return chanx.Refuse(anonymous, "Authentication credentials were not provided.")
	default:
		return chanx.Refuse(http.StatusForbidden, detail)
	}
}

// tapeSilent asks nobody to say who they are.
func tapeSilent(t *tape, _ *http.Request) error {
	return t.needs(tapeIsUser, http.StatusForbidden, tapeDenied)
}

func tapeClosed(*tape, *http.Request) error { return chanx.Refuse(http.StatusForbidden, "closed") }

func tapeFails(*tape, *http.Request) error { return errTape }

var tapeMembers = map[string][]string{"alpha": {"alice", "bob"}, "beta": {"carol"}}

// byID finds a room by its number.
func (t *tape) byID(r *http.Request) error {
	id, err := chanx.PathValue[int](r, "pk")
	if err != nil {
		return err
	}
	if id < 1 || id > len(tapeMembers) {
		return chanx.Refuse(http.StatusNotFound, "No Group matches the given query.")
	}
	t.room = []string{"alpha", "beta"}[id-1]
	return nil
}

func (t *tape) byName(r *http.Request) error {
	if t.room = r.PathValue("pk"); tapeMembers[t.room] == nil {
		return chanx.Refuse(http.StatusNotFound, "No Group matches the given query.")
	}
	return nil
}

// byText finds a room by a text that should be its number.
func (t *tape) byText(r *http.Request) error {
	if _, err := strconv.Atoi(r.PathValue("pk")); err != nil {
		return chanx.Refuse(http.StatusNotFound, "Not found.")
	}
	return t.byID(r)
}

// forMembers finds a room for those who are its members.
func (t *tape) forMembers(r *http.Request) error {
	if err := t.needs(tapeIsUser, http.StatusUnauthorized, tapeDenied); err != nil {
		return err
	}
	if err := t.byID(r); err != nil {
		return err
	}
	isMember := func(user string) bool { return slices.Contains(tapeMembers[t.room], user) }
	return t.needs(isMember, http.StatusUnauthorized, "You are not a member of this room.")
}

// orFails makes an error of a refusal that its consumer did not think of.
func orFails(open func(*tape, *http.Request) error) func(*tape, *http.Request) error {
	return func(t *tape, r *http.Request) error {
		if open(t, r) != nil {
			return errTape
		}
		return nil
	}
}

// tapeNobody knows nobody.
var tapeNobody = chanx.AuthenticatorFunc(func(*http.Request) (chanx.Identity, error) { return chanx.Identity{}, nil })

// tapeMode is an authenticator that does as the query says.
var tapeMode = chanx.AuthenticatorFunc(func(r *http.Request) (chanx.Identity, error) {
	switch r.URL.Query().Get("mode") {
	case "refuse":
		return chanx.Identity{}, chanx.Refuse(http.StatusTeapot, "short and stout")
	case "raise":
		return chanx.Identity{}, errTape
	}
	return chanx.Identity{}, nil
})

// tapeWho answers a ping with who it comes from, and from which room.
func tapeWho(anonymous string) func(tapeConsumer) {
	return func(c tapeConsumer) {
		chanx.OnRequest(c, func(t *tape, _ context.Context, _ chanx.Ping) (tapeNotification, error) {
			return tapeNotification{"user": cmp.Or(t.Identity().UserID, anonymous), "obj": cmp.Or(t.room, "none")}, nil
		})
	}
}

func tapeGreets(c tapeConsumer) { chanx.Sends[tapeNotification](c) }

// hook does what the query says when a connection opens.
func (t *tape) hook(ctx context.Context) error {
	switch t.query.Get("hook") {
	case "groups", "post":
		return errTape
	case "badgroup":
		return t.Join(ctx, "bad name!")
	case "close":
		return &chanx.CloseError{Code: 4001}
	case "greet":
		return errors.Join(t.Send(ctx, tapeNotification{"text": "one"}), t.Send(ctx, tapeNotification{"text": "two"}))
	}
	return nil
}
