package login

import (
	"encoding/base64"
	"net/http"
	"net/http/httptest"
	"strings"
	"testing"
	"testing/synctest"
	"time"

	"github.com/chanx-go/chanx"
)

var _ chanx.Authenticator = (*Cookies)(nil)

func issue(t *testing.T, c *Cookies, r *http.Request, name string) *http.Cookie {
	t.Helper()
	w := httptest.NewRecorder()
	if err := c.Issue(w, r, name); err != nil {
		t.Fatal(err)
	}
	cookies := w.Result().Cookies()
	if len(cookies) != 1 {
		t.Fatalf("%d cookies set, want 1", len(cookies))
	}
	return cookies[0]
}

func request(cookies ...*http.Cookie) *http.Request {
	r := httptest.NewRequest(http.MethodGet, "/", nil)
	for _, c := range cookies {
		r.AddCookie(c)
	}
	return r
}

func TestIssuedCookieIsAccepted(t *testing.T) {
	t.Parallel()
	c := New(NewKey())
	for _, name := range []string{"ann", "Zoë \"the\" Coder; a=b", "李小龍 🐉"} {
		id, err := c.Authenticate(request(issue(t, c, request(), name)))
		if err != nil || Of(id).Name != name || id.UserID != Fold(name) {
			t.Errorf("Authenticate = %+v, %v; want %q", id, err, name)
		}
		if left := time.Until(id.Expires); left > Lifetime || left < Lifetime-time.Minute {
			t.Errorf("expires in %v, want %v", left, Lifetime)
		}
	}
}

func TestCookieAttributes(t *testing.T) {
	t.Parallel()
	tls := httptest.NewRequest(http.MethodGet, "https://chat.example/", nil)
	proxied := request()
	proxied.Header.Set("X-Forwarded-Proto", "https")
	for name, tt := range map[string]struct {
		r      *http.Request
		secure bool
	}{"plain": {request(), false}, "TLS": {tls, true}, "TLS at a proxy": {proxied, true}} {
		c := issue(t, New(NewKey()), tt.r, "ann")
		if !c.HttpOnly || c.SameSite != http.SameSiteLaxMode || c.Path != "/" || c.Secure != tt.secure {
			t.Errorf("%s: cookie %v, want HttpOnly, SameSite=Lax, Path=/, Secure=%v", name, c, tt.secure)
		}
	}
}

func TestForgedCookiesAreRefused(t *testing.T) {
	t.Parallel()
	c := New(NewKey())
	good := issue(t, c, request(), "ann").Value
	text, signature, _ := strings.Cut(good, ".")
	bob := base64.RawURLEncoding.EncodeToString([]byte(`{"name":"bob","exp":99999999999}`))
	signed := func(payload string) string {
		text := base64.RawURLEncoding.EncodeToString([]byte(payload))
		return text + "." + c.sign(text)
	}
	tests := map[string]string{
		"empty":                   "",
		"no signature":            text,
		"empty signature":         text + ".",
		"other name":              bob + "." + signature,
		"signed with another key": issue(t, New(NewKey()), request(), "ann").Value,
		"signature cut":           good[:len(good)-1],
		"signature longer":        good + "A",
		"bit of signature turned": good[:len(good)-2] + string(good[len(good)-2]^1) + good[len(good)-1:],
		"signature padded":        good + "=",
		"two dots":                text + "." + signature + "." + signature,
		"signed, not JSON":        signed("ann"),
		"signed, no expiry":       signed(`{"name":"ann"}`),
	}
	for name, value := range tests {
		if id, err := c.Authenticate(request(&http.Cookie{Name: cookieName, Value: value})); err == nil || id.UserID != "" {
			t.Errorf("%s: Authenticate = %q, %v; want a refusal", name, id.UserID, err)
		}
	}
	if _, err := c.Authenticate(request()); err == nil {
		t.Error("no cookie: accepted")
	}
}

func TestLoginExpires(t *testing.T) {
	synctest.Test(t, func(t *testing.T) {
		c := New(NewKey())
		r := request(issue(t, c, request(), "ann"))
		time.Sleep(Lifetime - time.Second)
		if _, err := c.Authenticate(r); err != nil {
			t.Errorf("a second before the end: %v", err)
		}
		time.Sleep(time.Second)
		if _, err := c.Authenticate(r); err == nil {
			t.Error("at the end: accepted")
		}
	})
}

func TestClear(t *testing.T) {
	t.Parallel()
	w := httptest.NewRecorder()
	New(NewKey()).Clear(w, request())
	if c := w.Result().Cookies()[0]; c.Name != cookieName || c.Value != "" || c.MaxAge >= 0 {
		t.Errorf("cookie %v, want it deleted", c)
	}
}
