package chanx

import (
	"errors"
	"fmt"
	"net/http"
	"reflect"
	"strings"
	"time"

	"github.com/chanx-go/chanx/internal/probe"
)

// Authenticator identifies the client of a request before the connection is accepted. It is called from many
// goroutines.
//
// It may implement SubprotocolAuthenticator and DocumentedAuthenticator too. Handle panics if it has only some of their
// methods, or one with another signature. An Authenticator that wraps another must pass these methods on.
type Authenticator interface {
	// Authenticate returns the identity, or an error that refuses the connection. The client receives the detail of an
	// error made with Refuse. Any other error is logged, and the client receives an internal error. An HTTP handler may
	// use the same Authenticator: see RefusalError.
	Authenticate(*http.Request) (Identity, error)
}

// SubprotocolAuthenticator is an Authenticator that reads credentials from the subprotocols that a client offers: the
// only header that a page in a browser can set.
type SubprotocolAuthenticator interface {
	Authenticator

	// Subprotocols returns names that stand for credentials and for no protocol, such as the prefix of tokens. If a client
	// offers none of ServerOptions.Subprotocols, the server answers with the first of these names that the client
	// offers, because a browser fails a connection if the server chooses none of its offers. It is called by Handle.
	Subprotocols() []string
}

// DocumentedAuthenticator is an Authenticator that tells documents how a client sends its credentials: see
// ChannelSpec.SecuritySchemes and Tokens. Its methods are called by Server.Spec, concurrently.
type DocumentedAuthenticator interface {
	Authenticator

	// SecuritySchemes returns Security Scheme Objects of AsyncAPI 3, one for each way to send credentials, the preferred
	// one first. The values have the types of encoding/json. Those that clients understand are
	//
	//	{"type": "http", "scheme": "bearer"}                                     the header Authorization: Bearer …
	//	{"type": "httpApiKey", "in": "header", "name": "X-Key"}                  another header
	//	{"type": "httpApiKey", "in": "cookie", "name": "session"}                a cookie
	//	{"type": "httpApiKey", "in": "query", "name": "token"}                   a parameter of the query
	//	{"type": "httpApiKey", "in": "header", "name": "Sec-WebSocket-Protocol"} a subprotocol
	//
	// The credentials in a subprotocol stand behind one of SubprotocolAuthenticator.Subprotocols: the first such scheme
	// belongs to the first name, and so on.
	SecuritySchemes() []map[string]any

	// TokenRequired reports whether a client without credentials is refused.
	TokenRequired() bool
}

// checkAuthenticator panics if a almost implements an optional interface: its methods would be ignored.
func checkAuthenticator(pattern string, a Authenticator) {
	if a == nil {
		return
	}
	for _, optional := range []reflect.Type{reflect.TypeFor[SubprotocolAuthenticator](), reflect.TypeFor[DocumentedAuthenticator]()} {
		if fix := fixMethods(reflect.TypeOf(a), optional); fix != "" {
			panic(fmt.Sprintf("chanx: handle %q: the Authenticator %T is not a chanx.%s: %s", pattern, a, optional.Name(), fix))
		}
	}
}

// fixMethods says what t needs to implement the optional interface. It returns "" if t implements it, or has none of
// its methods besides Authenticate.
func fixMethods(t, optional reflect.Type) string {
	if t.Implements(optional) {
		return ""
	}
	if t.Kind() != reflect.Pointer && reflect.PointerTo(t).Implements(optional) {
		return "its methods have pointer receivers: pass a pointer"
	}
	var wrong []string
	found := false
	for m := range optional.Methods() {
		has, is := t.MethodByName(m.Name)
		found = found || is && m.Name != "Authenticate"
		if want := strings.TrimPrefix(m.Type.String(), "func"); !is {
			wrong = append(wrong, "add the method "+m.Name+want)
		} else if got := reflect.Zero(t).Method(has.Index).Type(); got != m.Type {
			wrong = append(wrong, "change the method "+m.Name+strings.TrimPrefix(got.String(), "func")+" into "+m.Name+want)
		}
	}
	if !found {
		return ""
	}
	return strings.Join(wrong, ", ")
}

// AuthenticatorFunc lets a function be used as an Authenticator.
type AuthenticatorFunc func(*http.Request) (Identity, error)

// Authenticate calls f.
func (f AuthenticatorFunc) Authenticate(r *http.Request) (Identity, error) { return f(r) }

// Identity is the authenticated user of a connection. The zero value is an anonymous client.
type Identity struct {
	UserID  string    // "" means anonymous
	Expires time.Time // by the wall clock; then the connection closes with 4401; zero means never
	Claims  any       // set by the application
}

// expiresIn is the time until the identity expires by the wall clock. It ignores a monotonic reading in Expires: the
// monotonic clock stops while a machine sleeps, and credentials still expire.
func (id Identity) expiresIn(now time.Time) time.Duration {
	if id.Expires.IsZero() {
		return maxDuration
	}
	return id.Expires.Round(0).Sub(now)
}

func (s *Server) hasExpired(id Identity) bool { return id.expiresIn(s.now()) <= 0 }

// expiryCheck is the longest time between two looks at the wall clock: timers do not notice when that clock is set.
const expiryCheck = 30 * time.Second

// anonymous is the identity shared by all connections without one of their own.
var anonymous Identity

// closeExpired is the close code for expired credentials: 4000 plus the HTTP status.
const closeExpired = 4000 + http.StatusUnauthorized

const expired = "credentials have expired"

// Identity returns the identity from the Authenticator, or from the latest Renew.
func (c *Conn) Identity() Identity {
	c.mu.Lock()
	defer c.mu.Unlock()
	return *c.identity
}

// setIdentity stores the identity from the Authenticator.
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

// Renew replaces the identity by a newer one of the same user, for example from a refreshed token, and moves the time
// at which the connection closes with 4401. An identity of another user, or an expired one, is an error and changes
// nothing.
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

// armExpiry sets the timer for the current identity. The caller holds mu.
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

// checkExpiry closes the connection if its identity has expired. Otherwise it sets the timer again: the wall clock was
// set back, the identity was renewed, or this is only the regular check.
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

// authenticator returns the consumer's Authenticator. A request of package chanxtest carries a probe: it is filled with
// the consumer's declarations, and may contain the identity to use.
func (m *mount) authenticator(r *http.Request) Authenticator {
	p := probe.From(r.Context())
	if p == nil {
		return m.opts.Authenticator
	}
	p.Consumer = &probe.Consumer{
		Discriminator: m.names.discriminator, Naming: m.names.naming, Types: m.compiler,
		Completions: m.completions, Authenticates: m.opts.Authenticator != nil, Outgoing: m.outgoingType,
	}
	if id, ok := p.Identity.(*Identity); ok && m.opts.Authenticator != nil {
		return AuthenticatorFunc(func(*http.Request) (Identity, error) { return *id, nil })
	}
	return m.opts.Authenticator
}

func (m *mount) outgoingType(action string) (t reflect.Type, group bool) {
	if out := m.actions[action]; out != nil {
		return out.goType, out.group
	}
	return nil, false
}
