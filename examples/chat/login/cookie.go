// Package login keeps the user's name in a signed cookie. It asks for no password: any visitor may choose any
// name. An application authenticates the user before it calls [Cookies.Issue].
package login

import (
	"crypto/hmac"
	"crypto/rand"
	"crypto/sha256"
	"encoding/base64"
	"encoding/json"
	"net/http"
	"strings"
	"time"

	"github.com/chanx-go/chanx"
)

// Lifetime is how long a login lasts.
const Lifetime = 30 * 24 * time.Hour

const cookieName = "chat_login"

// Cookies issues and checks logins. It is a [chanx.Authenticator], and HTTP handlers use it in the same way. Its methods
// may run concurrently.
type Cookies struct{ key []byte }

// New returns Cookies that sign with key; see [LoadKey].
func New(key []byte) *Cookies { return &Cookies{key} }

// Login is the content of a cookie. It is the Claims of its [chanx.Identity], whose UserID is [Fold] of the name.
type Login struct {
	ID      string `json:"id"` // distinguishes logins with the same name
	Name    string `json:"name"`
	Expires int64  `json:"exp"` // in seconds since 1970
}

// Of returns the login of an identity made by [Cookies.Authenticate].
func Of(id chanx.Identity) Login {
	l, _ := id.Claims.(Login)
	return l
}

// Issue logs the sender of r in under a name accepted by [CleanName].
func (c *Cookies) Issue(w http.ResponseWriter, r *http.Request, name string) error {
	payload, err := json.Marshal(Login{rand.Text(), name, time.Now().Add(Lifetime).Unix()})
	if err != nil {
		return err
	}
	text := base64.RawURLEncoding.EncodeToString(payload)
	http.SetCookie(w, cookie(r, text+"."+c.sign(text), int(Lifetime.Seconds())))
	return nil
}

// Clear logs the sender of r out.
func (c *Cookies) Clear(w http.ResponseWriter, r *http.Request) { http.SetCookie(w, cookie(r, "", -1)) }

func cookie(r *http.Request, value string, maxAge int) *http.Cookie {
	return &http.Cookie{
		Name: cookieName, Value: value, Path: "/", MaxAge: maxAge,
		HttpOnly: true, SameSite: http.SameSiteLaxMode,
		// A proxy in front may have terminated TLS. A forged header affects only the sender's own cookie.
		Secure: r.TLS != nil || r.Header.Get("X-Forwarded-Proto") == "https",
	}
}

// Authenticate returns who sent r, or a refusal with status 401.
func (c *Cookies) Authenticate(r *http.Request) (chanx.Identity, error) {
	var l Login
	if got, err := r.Cookie(cookieName); err != nil || !c.verify(got.Value, &l) {
		return chanx.Identity{}, chanx.Refuse(http.StatusUnauthorized, "log in first")
	}
	expires := time.Unix(l.Expires, 0)
	if !time.Now().Before(expires) {
		return chanx.Identity{}, chanx.Refuse(http.StatusUnauthorized, "your login has expired")
	}
	return chanx.Identity{UserID: Fold(l.Name), Expires: expires, Claims: l}, nil
}

// SecuritySchemes describes the cookie in an AsyncAPI document.
func (c *Cookies) SecuritySchemes() []map[string]any {
	return []map[string]any{{"type": "httpApiKey", "in": "cookie", "name": cookieName}}
}

// TokenRequired is true: everybody must log in.
func (c *Cookies) TokenRequired() bool { return true }

// verify reads a cookie's value into l and reports whether this server signed it.
func (c *Cookies) verify(value string, l *Login) bool {
	text, signature, _ := strings.Cut(value, ".")
	if !hmac.Equal([]byte(signature), []byte(c.sign(text))) { // in constant time
		return false
	}
	payload, err := base64.RawURLEncoding.DecodeString(text)
	return err == nil && json.Unmarshal(payload, l) == nil
}

// sign includes the purpose in the signed text, so that the key can serve other purposes too.
func (c *Cookies) sign(text string) string {
	mac := hmac.New(sha256.New, c.key)
	mac.Write([]byte(cookieName + "\x00" + text))
	return base64.RawURLEncoding.EncodeToString(mac.Sum(nil))
}
