package chanx

import (
	"errors"
	"fmt"
	"net/http"
	"time"
)

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

// Identity is who is at the other end of a connection. The zero value is an anonymous client.
type Identity struct {
	UserID  string    // "" is anonymous
	Expires time.Time // by the wall clock; the connection closes with 4401 then; zero is never
	Claims  any       // the application's
}

// expiresIn is the time until the identity expires by the wall clock. A monotonic reading in Expires is ignored: that
// clock stands still while a machine sleeps, and credentials do not.
func (id Identity) expiresIn(now time.Time) time.Duration {
	if id.Expires.IsZero() {
		return maxDuration
	}
	return id.Expires.Round(0).Sub(now)
}

func (s *Server) hasExpired(id Identity) bool { return id.expiresIn(s.now()) <= 0 }

// expiryCheck is how often a connection looks at the wall clock at least: timers do not follow its steps.
const expiryCheck = 30 * time.Second

// anonymous is the identity of all that have none of their own.
var anonymous Identity

// closeExpired is the close code when credentials have expired: 4000 and the HTTP status.
const closeExpired = 4000 + http.StatusUnauthorized

const expired = "credentials have expired"

// Identity is what the Authenticator found, or Renew has set since.
func (c *Conn) Identity() Identity {
	c.mu.Lock()
	defer c.mu.Unlock()
	return *c.identity
}

// setIdentity takes what the Authenticator found.
func (c *Conn) setIdentity(id Identity) error {
	if id.UserID != "" {
		if err := checkName("user id", id.UserID); err != nil {
			return err
		}
	}
	if c.mount.srv.hasExpired(id) {
		return Refuse(http.StatusUnauthorized, expired)
	}
	c.mu.Lock()
	defer c.mu.Unlock()
	c.identity, c.user = &id, id.UserID
	return nil
}

// Renew replaces the identity by a newer one of the same user, as a handler has read it from a refreshed token, and moves
// the time at which the connection closes with 4401. An identity of another user, or one that has expired, is an error
// and changes nothing.
func (c *Conn) Renew(id Identity) error {
	switch {
	case id.UserID != c.user:
		return fmt.Errorf("chanx: renew identity: it is of user %q, the connection is of %q: open another connection", id.UserID, c.user)
	case c.mount.srv.hasExpired(id):
		return errors.New("chanx: renew identity: it has expired")
	}
	c.mu.Lock()
	defer c.mu.Unlock()
	if c.ended {
		return ErrClosed
	}
	c.identity = &id
	c.armExpiry()
	return nil
}

// armExpiry sets the timer of the identity that the connection has now. The caller holds mu.
func (c *Conn) armExpiry() {
	if c.identity.Expires.IsZero() || c.wire == nil {
		if c.expiry != nil {
			c.expiry.Stop()
		}
		return
	}
	wait := min(c.identity.expiresIn(c.mount.srv.now()), expiryCheck)
	if c.expiry == nil {
		c.expiry = time.AfterFunc(wait, c.checkExpiry)
	} else {
		c.expiry.Reset(wait)
	}
}

// checkExpiry closes the connection if its identity has expired. If not, the wall clock was set back, the identity was
// renewed, or it is only time to look.
func (c *Conn) checkExpiry() {
	c.mu.Lock()
	expires := c.mount.srv.hasExpired(*c.identity)
	if !expires && !c.ended {
		c.armExpiry()
	}
	c.mu.Unlock()
	if expires {
		c.logUnsent(c.Close(closeExpired, expired))
	}
}
