package chanx_test

import (
	"context"
	"fmt"
	"net/http"

	"github.com/chanx-go/chanx"
	"github.com/chanx-go/chanx/chanxtest"
)

// sessions are the users who are logged in, by the value of their cookie.
var sessions = map[string]string{"8c4f": "ann"}

func bySession(r *http.Request) (chanx.Identity, error) {
	if c, err := r.Cookie("session"); err == nil && sessions[c.Value] != "" {
		return chanx.Identity{UserID: sessions[c.Value]}, nil
	}
	return chanx.Identity{}, chanx.Refuse(http.StatusUnauthorized, "log in first")
}

// User is the state of one connection.
type User struct{ *chanx.Conn }

func openUser(c *chanx.Conn, _ *http.Request) (*User, error) {
	fmt.Println("open:", c.Identity().UserID)
	return &User{c}, nil
}

// Users are identified before open is called. See package jwtauth for tokens.
func ExampleAuthenticatorFunc() {
	srv := chanx.NewServer(nil)
	srv.Handle("/me", chanx.NewConsumer(openUser, &chanx.ConsumerOptions{Authenticator: chanx.AuthenticatorFunc(bySession)}))

	cookie := chanxtest.Cookies(&http.Cookie{Name: "session", Value: "8c4f"})
	ann := chanxtest.Dial(exampleT{}, srv, "/me", &chanxtest.DialOptions{Header: cookie})
	defer ann.Close(1000, "")
	ann.ExpectAuthenticated()
	if err := srv.Disconnect(context.Background(), 4000, "logged out", chanx.ToUser("ann")); err != nil {
		fmt.Println(err)
	}
	fmt.Println(ann.ExpectClosed(4000))

	anonymous := dial(srv, "/me")
	fmt.Println(anonymous.ExpectRefused(http.StatusUnauthorized))
	// Output:
	// open: ann
	// logged out
	// log in first
}
