package chanxtest

import (
	"net/http"

	"github.com/chanx-go/chanx"
)

// Bearer returns the handshake header "Authorization: Bearer " followed by the token.
func Bearer(token string) http.Header { return http.Header{"Authorization": {"Bearer " + token}} }

// Cookies returns a handshake header with these cookies, such as the ones that a login has set:
// Cookies(recorder.Result().Cookies()...).
func Cookies(cookies ...*http.Cookie) http.Header {
	r := http.Request{Header: http.Header{}}
	for _, c := range cookies {
		r.AddCookie(c)
	}
	return r.Header
}

// ExpectAuthenticated expects that the next message reports successful authentication. It is the first message if the
// consumer has an Authenticator or switches the message on.
func (c *Conn) ExpectAuthenticated() {
	c.t.Helper()
	c.expectStatus(http.StatusOK)
}

// ExpectRefused expects that the server refused the connection with an HTTP status: the next message is an
// authentication message with that status, and the connection is closed with code 4000 plus the status, or 1011 for
// status 500. It returns the message's detail. If the server has RefuseWithHTTP, use DialRefused.
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
