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
	maxLogBytes   = 64 // of a token's claim or header in the log

	// Texts for clients.
	missing = "log in first"
	invalid = "invalid credentials"
)

// Authenticator is a [chanx.Authenticator] for JSON Web Tokens, and also a [chanx.SubprotocolAuthenticator] and a
// [chanx.DocumentedAuthenticator]. Its methods may be called concurrently.
type Authenticator struct {
	opts   Options
	lines  *throttle.Log
	parser *jwt.Parser
	static keySet      // nil if jwks is not
	jwks   *remoteKeys // nil if static is not
	decode func(payload []byte) (any, error)
}

// New returns an Authenticator. C is the type of Identity.Claims: a struct with tags of encoding/json, or
// map[string]any. Unlike in encoding/json, names are matched exactly: a field without a tag gets the claim with the
// name of the field, upper case included. A token whose claims do not fit C is refused.
//
// With Options.JWKSURL the keys are read before New returns, limited by ctx and 5 s, and from then on in the background
// until [Authenticator.Close]. New panics if the options are a mistake of the program, for instance if a required one
// is missing. It returns an error if their values are: a key is too weak, or the URL is not safe or does not provide
// the keys.
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
		a.jwks, err = newRemoteKeys(ctx, o, a.lines)
	} else {
		a.static, err = staticKeys(o)
	}
	if err != nil {
		return nil, err
	}
	return a, nil
}

// Close stops reading keys in the background and waits until that has ended. The known keys stay in use afterwards.
// Close also logs how many tokens were refused since the last line about it.
func (a *Authenticator) Close() {
	if a.jwks != nil {
		a.jwks.close()
	}
	a.lines.Flush()
}

// Authenticate returns the identity of the token in a request. Its errors are those of [Authenticator.Verify]. A
// request without token is refused with status 401 too, or has the anonymous identity if Options.Optional is set.
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

// Verify returns the identity of a token, for instance for Conn.Renew when a client sends a new token. UserID is the
// user claim, Expires is exp plus the leeway, Claims has the type C of New. The error for an invalid token comes from
// chanx.Refuse with status 401 and has the same text whatever is wrong. Any other error means that the keys cannot be
// read, or that ctx ended while they were read.
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

// key finds the key of a token whose algorithm is in Options.Algorithms. The header is not authenticated, so key only
// compares its names.
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
		return nil, errors.New("its kid is not a string")
	}
	w := keyQuery{id, named && a.opts.Key == nil, t.Method.Alg()}
	if a.jwks != nil {
		return a.jwks.find(ctx, w)
	}
	return a.static.find(w)
}

// mediaType normalizes typ: without application/, in lower case (RFC 7515 section 4.1.9).
func mediaType(typ string) string { return strings.TrimPrefix(strings.ToLower(typ), "application/") }

// identity converts the claims of a verified token.
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

// refuse logs reason a token is refused and returns the error for the client. t is nil if the token could not be parsed.
func (a *Authenticator) refuse(ctx context.Context, t *jwt.Token, reason error) error {
	attrs := []any{"reason", reason}
	if t != nil {
		if claims, ok := t.Claims.(jwt.MapClaims); ok {
			attrs = append(attrs, "issuer", clip(claims["iss"]))
		}
		attrs = append(attrs, "kid", clip(t.Header["kid"]))
	}
	kind := a.lines.Variant(throttle.Kind{Text: "jwtauth: token refused", Detail: throttle.Types(reason)}, reason.Error())
	a.lines.Log(ctx, slog.LevelInfo, kind, 1, attrs...)
	return chanx.Refuse(http.StatusUnauthorized, invalid)
}

// clip shortens a string of a token for the log.
func clip(v any) string {
	s, _ := v.(string)
	return s[:min(len(s), maxLogBytes)]
}
