package jwtauth

import (
	"cmp"
	"fmt"
	"log/slog"
	"net/http"
	"slices"
	"strings"
	"time"
)

const (
	defaultLeeway  = 30 * time.Second
	defaultRefresh = 15 * time.Minute
)

// Options are the options of [New]. Issuer, Audience, Algorithms, Sources and one of Key, Keys and JWKSURL are required.
type Options struct {
	// Issuer is the required iss claim of a token, byte for byte.
	Issuer string

	// Audience are the names of this service. The aud claim of a token must contain one of them.
	Audience []string

	// Algorithms are the allowed signature algorithms: EdDSA, ES256, ES384, ES512, RS256, RS384, RS512, PS256, PS384,
	// PS512, or HS256, HS384, HS512. It is best to list one for each kind of key (RFC 8725 section 3.1).
	Algorithms []string

	// Key verifies all tokens, whatever kid they have: an ed25519.PublicKey, *ecdsa.PublicKey, *rsa.PublicKey, or for
	// HMAC the secret as []byte. It is not copied.
	Key any

	// Keys are several keys by id. A token's kid is one of these ids. A token without kid is accepted only if exactly
	// one key fits its algorithm.
	Keys map[string]any

	// JWKSURL is where the issuer publishes its public keys as a JSON Web Key Set (RFC 7517): https, or http on a
	// loopback address. It is fetched by New, then every JWKSRefresh, and at most every 10 s for a token whose kid is
	// unknown. It must answer within 5 s with at most 256 KiB; redirects are not followed. Keys that cannot be parsed,
	// do not verify signatures, or are symmetric are skipped. While the URL cannot be reached, the known keys stay in
	// use. kid is as for Keys.
	JWKSURL string

	// JWKSRefresh is the time between two requests to JWKSURL, and so how long a withdrawn key stays valid; default 15
	// min, at least 10 s. Negative disables periodic requests; an unknown kid still causes one.
	JWKSRefresh time.Duration

	// Transport fetches JWKSURL, for instance through a proxy or with your own certificate authority; nil means
	// http.DefaultTransport.
	Transport http.RoundTripper

	// Sources are the places in a request that may contain a token. All of them are searched.
	Sources []Source

	// UserClaim is the claim that becomes Identity.UserID; default "sub". It must be a string of 1 to 200 bytes without
	// control characters, or an integer.
	UserClaim string

	// Type is the required typ in the header of a token, such as "at+jwt" for access tokens (RFC 9068); "" allows any.
	// It separates tokens that an issuer signs for different purposes.
	Type string

	// Leeway is the tolerated difference between the clocks of the issuer and this host; default 30 s, negative means
	// none. A token is accepted, and its connection lives, that much longer than exp.
	Leeway time.Duration

	// Optional accepts requests without token, as the anonymous identity. An invalid token is still refused.
	Optional bool

	// Logger logs why tokens are refused (level Info) and that keys cannot be read (Warn): each kind once a minute with
	// the number of occurrences, and every occurrence at level Debug; nil means slog.Default().
	Logger *slog.Logger
}

// orDefault returns v, the default for zero, or zero for a negative v.
func orDefault(v, byDefault time.Duration) time.Duration { return max(cmp.Or(v, byDefault), 0) }

func (o Options) withDefaults() Options {
	o.check()
	o.Audience, o.Algorithms, o.Sources = slices.Clone(o.Audience), slices.Clone(o.Algorithms), slices.Clone(o.Sources)
	o.UserClaim = cmp.Or(o.UserClaim, "sub")
	o.Leeway = orDefault(o.Leeway, defaultLeeway)
	o.JWKSRefresh = orDefault(o.JWKSRefresh, defaultRefresh)
	o.Logger = cmp.Or(o.Logger, slog.Default())
	return o
}

// mistake panics about a mistake of the program.
func mistake(format string, args ...any) {
	panic("jwtauth: new authenticator: " + fmt.Sprintf(format, args...))
}

func (o Options) check() {
	if o.Issuer == "" {
		mistake("Options.Issuer is empty: give the iss claim of your issuer's tokens")
	}
	if len(o.Audience) == 0 || slices.Contains(o.Audience, "") {
		mistake("Options.Audience %q is empty or has an empty name: give the aud claim of tokens that are meant for this service", o.Audience)
	}
	if len(o.Sources) == 0 {
		mistake("Options.Sources is empty: say where tokens are, for instance FromHeader()")
	}
	for i, s := range o.Sources {
		if s.tokens == nil {
			mistake("Options.Sources[%d] is empty: make it with FromHeader, FromCookie, FromQuery or FromSubprotocol", i)
		}
	}
	o.checkAlgorithms()
	o.checkKeys()
}

func (o Options) checkAlgorithms() {
	if len(o.Algorithms) == 0 {
		mistake("Options.Algorithms is empty: pin those that your issuer signs with, for instance EdDSA")
	}
	for _, alg := range o.Algorithms {
		if strings.EqualFold(alg, "none") {
			mistake(`Options.Algorithms has %q: an unsigned token proves nothing`, alg)
		}
		if !slices.Contains(slices.Concat(publicAlgorithms, hmacAlgorithms), alg) {
			mistake("Options.Algorithms has %q: want some of %q or %q", alg, publicAlgorithms, hmacAlgorithms)
		}
	}
}

func (o Options) checkKeys() {
	given := 0
	for _, is := range []bool{o.Key != nil, o.Keys != nil, o.JWKSURL != ""} {
		if is {
			given++
		}
	}
	if given != 1 || o.Keys != nil && len(o.Keys) == 0 {
		mistake("Options has %d of Key, Keys and JWKSURL: give one of them, and keys in it", given)
	}
	if o.JWKSURL == "" {
		return
	}
	for _, alg := range o.Algorithms {
		if slices.Contains(hmacAlgorithms, alg) {
			mistake("Options.Algorithms has %s and Options.JWKSURL is set: a secret is never published; drop one of them", alg)
		}
	}
}
