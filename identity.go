package chanx

import (
	"errors"
	"fmt"
	"net/http"
	"time"
)

// Identity is who is at the other end of a connection. The zero value is an anonymous client.
type Identity struct {
	UserID  string    // "" is anonymous
	Expires time.Time // the connection closes with 4401 then; zero is never
	Claims  any       // the application's
}

func (id Identity) hasExpired() bool { return !id.Expires.IsZero() && !id.Expires.After(time.Now()) }

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
	if id.hasExpired() {
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
	case id.hasExpired():
		return errors.New("chanx: renew identity: it has expired")
	}
	c.mu.Lock()
	defer c.mu.Unlock()
	if c.over {
		return ErrClosed
	}
	c.identity = &id
	c.armExpiry()
	return nil
}

// armExpiry is called under mu.
func (c *Conn) armExpiry() {
	if c.expiry != nil {
		c.expiry.Stop()
		c.expiry = nil
	}
	at := c.identity.Expires
	if at.IsZero() || c.wire == nil {
		return
	}
	c.expiry = time.AfterFunc(time.Until(at), func() {
		if c.Identity().hasExpired() { // else it was renewed in this moment
			c.told(c.Close(closeExpired, expired))
		}
	})
}
