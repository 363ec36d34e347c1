package jwtauth_test

import (
	"bytes"
	"context"
	"crypto"
	"crypto/ecdsa"
	"crypto/ed25519"
	"crypto/elliptic"
	"crypto/rand"
	"crypto/rsa"
	"encoding/json"
	"errors"
	"io"
	"log/slog"
	"maps"
	"net/http"
	"net/http/httptest"
	"slices"
	"strings"
	"sync"
	"testing"
	"time"

	"github.com/MicahParks/jwkset"
	"github.com/golang-jwt/jwt/v5"
	"go.uber.org/goleak"

	"github.com/chanx-go/chanx"
	"github.com/chanx-go/chanx/chanxtest"
	"github.com/chanx-go/chanx/jwtauth"
)

func TestMain(m *testing.M) { goleak.VerifyTestMain(m) }

const (
	issuer   = "https://login.example.com"
	audience = "chat"
	refused  = "invalid credentials"
)

// Keys are generated once, because RSA is slow.
var (
	_, edKey, _    = ed25519.GenerateKey(rand.Reader)
	_, otherKey, _ = ed25519.GenerateKey(rand.Reader)
	rsaKey         = must(rsa.GenerateKey(rand.Reader, 2048))
	ecKeys         = map[string]*ecdsa.PrivateKey{
		"ES256": must(ecdsa.GenerateKey(elliptic.P256(), rand.Reader)),
		"ES384": must(ecdsa.GenerateKey(elliptic.P384(), rand.Reader)),
		"ES512": must(ecdsa.GenerateKey(elliptic.P521(), rand.Reader)),
	}
	secret = bytes.Repeat([]byte("s3cr"), 16)
)

func must[T any](v T, err error) T {
	if err != nil {
		panic(err)
	}
	return v
}

type signer interface{ Public() crypto.PublicKey }

// claims are the claims that the tests use.
type claims struct {
	Role string `json:"role"`
}

// token is a token to be signed. It is valid until a test changes it.
type token struct {
	header map[string]any
	claims map[string]any
}

func good() token {
	now := time.Now()
	return token{
		map[string]any{"typ": "JWT"},
		map[string]any{
			"iss": issuer, "aud": audience, "sub": "ann", "role": "admin", "iat": now.Unix(), "exp": now.Add(time.Hour).Unix(),
		},
	}
}

// with sets a member of the claims; nil removes it.
func (t token) with(claim string, v any) token {
	t.claims = maps.Clone(t.claims)
	t.claims[claim] = v
	if v == nil {
		delete(t.claims, claim)
	}
	return t
}

func (t token) head(name string, v any) token {
	t.header = maps.Clone(t.header)
	t.header[name] = v
	return t
}

func (t token) sign(alg string, key any) string {
	j := jwt.NewWithClaims(jwt.GetSigningMethod(alg), jwt.MapClaims(t.claims))
	maps.Copy(j.Header, t.header)
	return must(j.SignedString(key))
}

// ed signs with the key that most tests trust.
func (t token) ed() string { return t.sign("EdDSA", edKey) }

// options accept what good().ed() makes.
func options() jwtauth.Options {
	return jwtauth.Options{
		Issuer: issuer, Audience: []string{"other", audience}, Algorithms: []string{"EdDSA"}, Key: edKey.Public(),
		Sources: []jwtauth.Source{jwtauth.FromHeader()}, Logger: slog.New(slog.DiscardHandler),
	}
}

func newAuth(t *testing.T, o jwtauth.Options) *jwtauth.Authenticator {
	t.Helper()
	a, err := jwtauth.New[claims](t.Context(), o)
	if err != nil {
		t.Fatal(err)
	}
	t.Cleanup(a.Close)
	return a
}

type (
	user   struct{ *chanx.Conn }
	whoAm  struct{}
	youAre struct{ ID, Role string }
	renew  struct{ Token string }
)

func (whoAm) Action() string  { return "who" }
func (youAre) Action() string { return "you_are" }
func (renew) Action() string  { return "renew" }

// newServer serves "/ws" to clients that a accepts.
func newServer(t *testing.T, a *jwtauth.Authenticator) *chanx.Server {
	t.Helper()
	c := chanx.NewConsumer(func(c *chanx.Conn, _ *http.Request) (*user, error) { return &user{c}, nil }, &chanx.ConsumerOptions{Authenticator: a})
	chanx.OnRequest(c, func(u *user, _ context.Context, _ whoAm) (youAre, error) {
		id := u.Identity()
		role := "none"
		if c, ok := id.Claims.(claims); ok {
			role = c.Role
		}
		return youAre{id.UserID, role}, nil
	})
	chanx.On(c, func(u *user, ctx context.Context, m renew) error {
		id, err := a.Verify(ctx, m.Token)
		if err != nil {
			return chanx.NewError("bad_token", "log in again")
		}
		return u.Renew(id)
	})
	s := chanx.NewServer(&chanx.ServerOptions{Logger: slog.New(slog.DiscardHandler), Subprotocols: []string{"app.v1"}, Completions: true})
	s.Handle("/ws", c)
	t.Cleanup(func() {
		if err := s.Shutdown(context.Background()); err != nil {
			t.Error(err)
		}
	})
	return s
}

func bearer(token string) *chanxtest.DialOptions {
	return &chanxtest.DialOptions{Header: http.Header{"Authorization": {"Bearer " + token}}}
}

// expectUser expects that the connection was accepted, as a user.
func expectUser(t *testing.T, c *chanxtest.Conn, want youAre) {
	t.Helper()
	if f := chanxtest.Receive[chanx.AuthenticationMessage](c); f.Message.StatusCode != 200 {
		t.Fatalf("answer %+v", f.Message)
	}
	c.Send(whoAm{})
	if f := chanxtest.Receive[youAre](c); f.Message != want {
		t.Errorf("it is %+v, want %+v", f.Message, want)
	}
	chanxtest.Receive[chanx.CompleteMessage](c)
}

// expectRefused expects a refusal with this status and detail, and the close of the connection.
func expectRefused(t *testing.T, c *chanxtest.Conn, status, code int, detail string) {
	t.Helper()
	if f := chanxtest.Receive[chanx.AuthenticationMessage](c); f.Message.StatusCode != status || f.Message.Data.Detail != detail {
		t.Errorf("answer %+v, want %d %q", f.Message, status, detail)
	}
	c.ExpectClosed(code)
}

// verify calls Verify without a server.
func verify(t *testing.T, a *jwtauth.Authenticator, token string) (chanx.Identity, error) {
	t.Helper()
	return a.Verify(t.Context(), token)
}

// isRefusal reports whether an error is the one for every invalid token.
func isRefusal(err error) bool {
	return err != nil && err.Error() == chanx.Refuse(http.StatusUnauthorized, refused).Error()
}

// jwk describes a public key as issuers publish it.
func jwk(kid string, key any) jwkset.JWKMarshal {
	if s, ok := key.(signer); ok {
		key = s.Public()
	}
	o := jwkset.JWKOptions{Metadata: jwkset.JWKMetadataOptions{KID: kid}, Marshal: jwkset.JWKMarshalOptions{Private: true}}
	return must(jwkset.NewJWKFromKey(key, o)).Marshal()
}

// endpoint publishes keys.
type endpoint struct {
	mu       sync.Mutex
	status   int
	body     []byte
	requests int
	kept     int           // requests whose connection was to stay open
	asked    chan struct{} // if not nil, each request sends on it and then waits for answer
	answer   chan struct{}
}

// publish replaces the answer: status 200 and a set of keys.
func (e *endpoint) publish(keys ...jwkset.JWKMarshal) {
	e.set(http.StatusOK, must(json.Marshal(map[string]any{"keys": append([]jwkset.JWKMarshal{}, keys...)})))
}

func (e *endpoint) set(status int, body []byte) {
	e.mu.Lock()
	defer e.mu.Unlock()
	e.status, e.body = status, body
}

func (e *endpoint) count() int {
	e.mu.Lock()
	defer e.mu.Unlock()
	return e.requests
}

func (e *endpoint) ServeHTTP(w http.ResponseWriter, r *http.Request) {
	e.mu.Lock()
	e.requests++
	if !r.Close {
		e.kept++
	}
	status, body, asked, answer := e.status, e.body, e.asked, e.answer
	e.mu.Unlock()
	if asked != nil {
		asked <- struct{}{}
		<-answer
	}
	w.Header().Set("Location", "/elsewhere")
	w.WriteHeader(status)
	_, _ = w.Write(body) // fails if the reader has had enough
}

// serve starts a real server on a loopback port.
func serve(t *testing.T, h http.Handler) (url string) {
	t.Helper()
	s := httptest.NewServer(h)
	t.Cleanup(s.Close)
	return s.URL
}

// memory is the way to an endpoint inside a bubble.
type memory struct{ http.Handler }

func (m memory) RoundTrip(r *http.Request) (*http.Response, error) {
	if m.Handler == nil {
		<-r.Context().Done() // nobody answers
		return nil, r.Context().Err()
	}
	w := httptest.NewRecorder()
	m.ServeHTTP(w, r)
	return w.Result(), nil
}

// broken is a network that is down.
type broken struct{}

func (broken) RoundTrip(*http.Request) (*http.Response, error) { return nil, errors.New("no route") }

// fromJWKS are options that read keys from an endpoint.
func fromJWKS(url string) jwtauth.Options {
	o := options()
	o.Key, o.JWKSURL = nil, url
	return o
}

// logbook collects log lines.
type logbook struct {
	mu sync.Mutex
	b  bytes.Buffer
}

func (l *logbook) Write(p []byte) (int, error) {
	l.mu.Lock()
	defer l.mu.Unlock()
	return l.b.Write(p)
}

func (l *logbook) logger() *slog.Logger {
	return slog.New(slog.NewTextHandler(l, &slog.HandlerOptions{Level: slog.LevelDebug}))
}

// take returns what was logged since the last time.
func (l *logbook) take() string {
	l.mu.Lock()
	defer l.mu.Unlock()
	b := must(io.ReadAll(&l.b))
	return string(b)
}

// shows reports whether a text contains a usable part of a token.
func shows(text, token string) bool {
	return slices.ContainsFunc(strings.Split(token, "."), func(part string) bool { return len(part) > 3 && strings.Contains(text, part) })
}
