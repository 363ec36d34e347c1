package chanx

import "net/http"

// Authenticator finds out who sent a request, before the connection is accepted. It is called from many goroutines.
//
// One that reads credentials from the subprotocols that a client offers may have a method Subprotocols() []string: names
// that stand for no protocol. If a client offers none of ServerOptions.Subprotocols, the first of these names that it offers
// is the answer, because a browser fails a connection if none of those it has offered is chosen.
type Authenticator interface {
	// Authenticate returns the identity, or an error that refuses the connection: one of Refuse is told to the client,
	// another is logged and answered as an internal error. An HTTP handler may use the same Authenticator: see RefusalError.
	Authenticate(*http.Request) (Identity, error)
}

// AuthenticatorFunc is a function as an Authenticator.
type AuthenticatorFunc func(*http.Request) (Identity, error)

// Authenticate calls f.
func (f AuthenticatorFunc) Authenticate(r *http.Request) (Identity, error) { return f(r) }
