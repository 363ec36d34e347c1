package chanxtest_test

import (
	"log/slog"
	"net/http"
	"net/http/httptest"
	"testing"
	"testing/synctest"
	"time"

	"github.com/chanx-go/chanx"
	"github.com/chanx-go/chanx/chanxtest"
)

func newDoor(o *chanx.ConsumerOptions) *chanx.Server {
	c := chanx.NewConsumer(open, o)
	s := chanx.NewServer(&chanx.ServerOptions{Logger: slog.New(slog.DiscardHandler)})
	s.Handle("/door", c)
	return s
}

func TestCredentialsOfEveryKind(t *testing.T) {
	login := httptest.NewRecorder()
	http.SetCookie(login, &http.Cookie{Name: "user", Value: "cookie monster", Path: "/"})
	tests := map[string]*chanxtest.DialOptions{
		"ann":            {Header: chanxtest.Bearer("ann")},
		"cookie monster": {Header: chanxtest.Cookies(login.Result().Cookies()...)},
		"zoe":            {Identity: &chanx.Identity{UserID: "zoe", Claims: "admin"}, Header: chanxtest.Bearer("thief")},
		"":               nil,
	}
	bubble(t, chanx.ServerOptions{}, func(t *testing.T, s *chanx.Server) {
		for user, o := range tests {
			if f := chanxtest.Request[youAre](chanxtest.Dial(t, s, "/ws", o), whoAmI{}); f.Message.User != user {
				t.Errorf("got %+v, want user %q", f.Message, user)
			} else if user == "zoe" && f.Message.Claims != "admin" {
				t.Errorf("claims %v", f.Message.Claims)
			}
		}
	})
}

func TestRefusals(t *testing.T) {
	bubble(t, chanx.ServerOptions{}, func(t *testing.T, s *chanx.Server) {
		tests := []struct {
			user   string
			status int
			detail string
		}{{"nobody", 403, "members only"}, {"thief", 401, "log in first"}, {"broken", 500, "Internal server error"}}
		for _, tt := range tests {
			c := chanxtest.Dial(t, s, "/ws", &chanxtest.DialOptions{Header: chanxtest.Bearer(tt.user)})
			if detail := c.ExpectRefused(tt.status); detail != tt.detail {
				t.Errorf("detail %q, want %q", detail, tt.detail)
			}
		}
		expectFailure(t, func(f *failing) { chanxtest.Dial(f, s, "/ws", as("nobody")).ExpectRefused(404) },
			"answered with 403 Forbidden: members only, want status 404")
		expectFailure(t, func(f *failing) { chanxtest.Dial(f, s, "/ws", as("nobody")).ExpectAuthenticated() }, "want status 200")
	})
}

func TestAuthenticatedComesFirst(t *testing.T) {
	synctest.Test(t, func(t *testing.T) {
		s := newDoor(&chanx.ConsumerOptions{Authenticator: byToken})
		c := chanxtest.Dial(t, s, "/door", as("ann"))
		c.ExpectAuthenticated()
		expectFailure(t, func(f *failing) {
			c := chanxtest.Dial(f, s, "/door", as("ann"))
			c.Send(chanx.Ping{})
			chanxtest.Receive[chanx.Pong](c)
		}, `want "pong"`, `"authentication"`)
		if err := s.Shutdown(t.Context()); err != nil {
			t.Error(err)
		}
	})
}

// An identity from the test obeys the same rules as any other.
func TestAnIdentityExpires(t *testing.T) {
	bubble(t, chanx.ServerOptions{}, func(t *testing.T, s *chanx.Server) {
		o := &chanxtest.DialOptions{
			Identity: &chanx.Identity{UserID: "ann", Expires: time.Now().Add(time.Hour)}, Timeout: 2 * time.Hour,
		}
		chanxtest.Dial(t, s, "/ws", o).ExpectClosed(4401)
		o.Identity.Expires = time.Now()
		chanxtest.Dial(t, s, "/ws", o).ExpectRefused(401)
	})
}

func TestAnIdentityWithoutAnAuthenticatorIsAMistake(t *testing.T) {
	synctest.Test(t, func(t *testing.T) {
		s := newDoor(nil)
		expectFailure(t, func(f *failing) { chanxtest.Dial(f, s, "/door", as("ann")) }, "the consumer has no Authenticator")
		if err := s.Shutdown(t.Context()); err != nil {
			t.Error(err)
		}
	})
}
