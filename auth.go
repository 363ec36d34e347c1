package chanx

import (
	"net/http"
	"time"
)

// Identity is who is at the other end of a connection. The zero value is an anonymous client.
type Identity struct {
	UserID  string    // "" is anonymous
	Expires time.Time // the connection closes with 4401 then; zero is never
	Claims  any       // the application's
}

// Authenticator finds out who sent a request, before the connection is accepted. It is called from many goroutines.
type Authenticator interface {
	// Authenticate returns the identity, or an error that refuses the connection: one of Refuse is told to the client,
	// another is logged and answered as an internal error.
	Authenticate(*http.Request) (Identity, error)
}

// AuthenticatorFunc is a function as an Authenticator.
type AuthenticatorFunc func(*http.Request) (Identity, error)

// Authenticate calls f.
func (f AuthenticatorFunc) Authenticate(r *http.Request) (Identity, error) { return f(r) }
