package jwtauth

import (
	"context"
	"encoding/base64"
	"errors"
	"fmt"
	"log/slog"
	"net/http"
	"strings"

	"github.com/golang-jwt/jwt/v5"

	"github.com/chanx-go/chanx"
	"github.com/chanx-go/chanx/internal/throttle"
)

const (
	maxTokenBytes = 8 << 10
	maxLogBytes   = 64 // of what a token says of itself

	// What clients are told.
	missing = "log in first"
	invalid = "invalid credentials"
)

// Authenticator is a [chanx.Authenticator] that reads JSON Web Tokens. Its methods may be called concurrently.
type Authenticator struct {
	opts   Options
	lines  *throttle.Log
	parser *jwt.Parser
	static keySet     // nil if published is not
	jwks   *published // nil if static is not
	decode func(payload []byte) (any, error)
}

// New returns an Authenticator. C is what Identity.Claims is: a struct with tags of encoding/json, or map[string]any. Names
// are matched exactly, unlike in encoding/json: a field without a tag has the claim of its own name, upper case included. A
// token whose claims do not fit C is refused.
//
// With Options.JWKSURL the keys are read before New returns, bounded by ctx and 5 s, and from then on in the background
// until [Authenticator.Close]. Options that no program should have panic. An error says what is wrong with their values:
// a key is too weak, or the URL is not safe or does not give the keys.
func New[C any](ctx context.Context, o Options) (*Authenticator, error) {
	o = o.withDefaults()
	a := &Authenticator{opts: o, lines: throttle.New(o.Logger), decode: decode[C], parser: jwt.NewParser(
		jwt.WithValidMethods(o.Algorithms),
		jwt.WithIssuer(o.Issuer),
		jwt.WithAudience(o.Audience...),
		jwt.WithExpirationRequired(),
		jwt.WithIssuedAt(),
		jwt.WithLeeway(o.Leeway),
		jwt.WithStrictDecoding(),
		jwt.WithJSONNumber(),
	)}
	var err error
	if o.JWKSURL != "" {
		a.jwks, err = newPublished(ctx, o, a.lines)
	} else {
		a.static, err = staticKeys(o)
	}
	if err != nil {
		return nil, err
	}
	return a, nil
}

// Close stops reading keys in the background and returns when that has ended. Afterwards the keys that are known stay in
// use. It logs how often tokens were refused since the last line that says so.
func (a *Authenticator) Close() {
	if a.jwks != nil {
		a.jwks.close()
	}
	a.lines.Flush()
}

// Authenticate returns the identity of the token in a request. See [Authenticator.Verify] for its errors; a request
// without token is refused with status 401 too, or is of the anonymous identity if Options.Optional is set.
func (a *Authenticator) Authenticate(r *http.Request) (chanx.Identity, error) {
	token, err := a.token(r)
	switch {
	case err != nil:
		return chanx.Identity{}, a.refuse(r.Context(), nil, err)
	case token != "":
		return a.Verify(r.Context(), token)
	case a.opts.Optional:
		return chanx.Identity{}, nil
	}
	return chanx.Identity{}, chanx.Refuse(http.StatusUnauthorized, missing)
}

// Verify returns the identity of a token, for Conn.Renew when a client sends a fresh one. UserID is the user claim,
// Expires is exp and the leeway, Claims is the C of New. A bad token is one of chanx.Refuse with status 401, which says
// the same for every fault; another error says that the keys cannot be read, or that ctx has ended while they were.
func (a *Authenticator) Verify(ctx context.Context, token string) (chanx.Identity, error) {
	claims := jwt.MapClaims{}
	if len(token) > maxTokenBytes {
		return chanx.Identity{}, a.refuse(ctx, nil, fmt.Errorf("the token has %d bytes, more than %d", len(token), maxTokenBytes))
	}
	if err := checkForm(token); err != nil {
		return chanx.Identity{}, a.refuse(ctx, nil, err)
	}
	parsed, err := a.parser.ParseWithClaims(token, claims, func(t *jwt.Token) (any, error) { return a.key(ctx, t) })
	if errors.Is(err, errNoKeys) {
		return chanx.Identity{}, fmt.Errorf("jwtauth: verify token: %w", err)
	}
	var id chanx.Identity
	if err == nil {
		id, err = a.identity(parsed, claims)
	}
	if err != nil {
		return chanx.Identity{}, a.refuse(ctx, parsed, err)
	}
	return id, nil
}

// key finds the key of a token whose algorithm is one of ours. Of the header, which anybody can write, it takes nothing
// but names to compare.
func (a *Authenticator) key(ctx context.Context, t *jwt.Token) (any, error) {
	if _, ok := t.Header["crit"]; ok {
		return nil, errors.New("its header has crit, an extension that is not known here")
	}
	if typ, _ := t.Header["typ"].(string); a.opts.Type != "" && mediaType(typ) != mediaType(a.opts.Type) {
		return nil, fmt.Errorf("its typ is not %s", a.opts.Type)
	}
	kid, named := t.Header["kid"]
	id, ok := kid.(string)
	if named && !ok {
		return nil, errors.New("its kid is no text")
	}
	w := wanted{id, named && a.opts.Key == nil, t.Method.Alg()}
	if a.jwks != nil {
		return a.jwks.find(ctx, w)
	}
	return a.static.find(w)
}

// mediaType makes values of typ comparable: without application/, and in any case (RFC 7515 section 4.1.9).
func mediaType(typ string) string { return strings.TrimPrefix(strings.ToLower(typ), "application/") }

// identity makes one of a token that was verified.
func (a *Authenticator) identity(t *jwt.Token, claims jwt.MapClaims) (id chanx.Identity, err error) {
	if err := checkTimes(claims); err != nil {
		return id, err
	}
	exp, err := claims.GetExpirationTime()
	if err != nil {
		return id, err
	}
	if id.UserID, err = userID(claims[a.opts.UserClaim]); err != nil {
		return id, fmt.Errorf("its claim %q: %w", a.opts.UserClaim, err)
	}
	payload, err := base64.RawURLEncoding.DecodeString(strings.Split(t.Raw, ".")[1])
	if err != nil {
		return id, err
	}
	id.Claims, err = a.decode(payload)
	id.Expires = exp.Add(a.opts.Leeway)
	return id, err
}

// refuse logs why a token is refused. t is nil if it could not be read.
func (a *Authenticator) refuse(ctx context.Context, t *jwt.Token, why error) error {
	attrs := []any{"reason", why}
	if t != nil {
		if claims, ok := t.Claims.(jwt.MapClaims); ok {
			attrs = append(attrs, "issuer", clip(claims["iss"]))
		}
		attrs = append(attrs, "kid", clip(t.Header["kid"]))
	}
	kind := a.lines.Variant(throttle.Kind{Text: "jwtauth: token refused", Detail: throttle.Types(why)}, why.Error())
	a.lines.Log(ctx, slog.LevelInfo, kind, 1, attrs...)
	return chanx.Refuse(http.StatusUnauthorized, invalid)
}

// clip is the beginning of a text that a token says.
func clip(v any) string {
	s, _ := v.(string)
	return s[:min(len(s), maxLogBytes)]
}
