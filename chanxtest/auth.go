package chanxtest

import (
	"net/http"

	"github.com/chanx-go/chanx"
)

// Bearer is the header of a handshake with a token: "Authorization: Bearer" and the token.
func Bearer(token string) http.Header { return http.Header{"Authorization": {"Bearer " + token}} }

// Cookies is the header of a handshake with cookies, such as those that a login has answered with:
// Cookies(recorder.Result().Cookies()...).
func Cookies(cookies ...*http.Cookie) http.Header {
	r := http.Request{Header: http.Header{}}
	for _, c := range cookies {
		r.AddCookie(c)
	}
	return r.Header
}

// ExpectAuthenticated expects that the next message tells of a successful authentication. It comes first, where the
// consumer has an Authenticator or switches the message on.
func (c *Conn) ExpectAuthenticated() {
	c.t.Helper()
	c.expectStatus(http.StatusOK)
}

// ExpectRefused expects that the connection was refused with an HTTP status: it gets an authentication message with that
// status, and is closed with 4000 and the status, or with 1011 for 500. It returns the message's detail. Where the server
// has RefuseWithHTTP, use DialRefused.
func (c *Conn) ExpectRefused(status int) (detail string) {
	c.t.Helper()
	detail = c.expectStatus(status)
	code := 4000 + status
	if status == http.StatusInternalServerError {
		code = 1011
	}
	c.ExpectClosed(code)
	return detail
}

func (c *Conn) expectStatus(status int) (detail string) {
	c.t.Helper()
	m := Receive[chanx.AuthenticationMessage](c).Message
	if m.StatusCode != status {
		c.t.Fatalf("chanxtest: the connection was answered with %d %s: %s, want status %d", m.StatusCode, m.StatusText, m.Data.Detail, status)
	}
	return m.Data.Detail
}
