package jwtauth

import (
	"encoding/base64"
	"encoding/json"
	"errors"
	"fmt"
	"slices"
	"strconv"
	"strings"
	"time"
	"unicode"

	jsonv2 "github.com/go-json-experiment/json"
	"github.com/go-json-experiment/json/jsontext"
	jsonv1 "github.com/go-json-experiment/json/v1"
	"github.com/golang-jwt/jwt/v5"
)

const (
	maxUserBytes = 200                        // as for all names in chanx
	maxLife      = 100 * 365 * 24 * time.Hour // of a token
)

// checkForm refuses what a lenient parser would accept as a token: white space and other characters around or in it,
// and JSON with a duplicate member, in which another parser may find another value (RFC 8725 section 2.4).
func checkForm(token string) error {
	parts := strings.Split(token, ".")
	if len(parts) != 3 {
		return fmt.Errorf("it has %d segments, want 3", len(parts))
	}
	if strings.ContainsFunc(token, notInToken) {
		return errors.New("it has a character that is neither of base64url nor a dot")
	}
	for i, part := range []string{"header", "payload"} {
		b, err := base64.RawURLEncoding.Strict().DecodeString(parts[i])
		if err != nil {
			return fmt.Errorf("its %s is not base64url: %w", part, err)
		}
		if v := jsontext.Value(b); v.Kind() != '{' || !v.IsValid() {
			return fmt.Errorf("its %s is not a JSON object, or has a member twice", part)
		}
	}
	return nil
}

func notInToken(r rune) bool {
	return (r < 'a' || r > 'z') && (r < 'A' || r > 'Z') && (r < '0' || r > '9') && r != '-' && r != '_' && r != '.'
}

// decode decodes claims like encoding/json, but matches names exactly.
func decode[C any](payload []byte) (any, error) {
	var c C
	if err := unmarshalExactly(payload, &c); err != nil {
		return nil, fmt.Errorf("read claims: %w", err)
	}
	return c, nil
}

// unmarshalExactly is like json.Unmarshal, except that SUB is not sub and that duplicate members are an error.
func unmarshalExactly(b []byte, into any) error {
	return jsonv2.Unmarshal(b, into, jsonv1.DefaultOptionsV1(), jsonv2.MatchCaseInsensitiveNames(false),
		jsontext.AllowDuplicateNames(false), jsontext.AllowInvalidUTF8(false))
}

// checkTimes refuses times that cannot be meant, such as milliseconds, because such a token would hardly ever expire.
// The parser compares times with the clock, but converts numbers out of range to arbitrary times.
func checkTimes(claims jwt.MapClaims) error {
	last := float64(time.Now().Add(maxLife).Unix())
	for _, name := range []string{"exp", "nbf", "iat"} {
		v, ok := claims[name]
		if !ok {
			continue
		}
		n, ok := v.(json.Number)
		if !ok {
			return fmt.Errorf("its claim %q is not a number", name)
		}
		if f, err := n.Float64(); err != nil || f < 0 || f > last {
			return fmt.Errorf("its claim %q is not a number of seconds since 1970, or more than 100 years ahead", name)
		}
	}
	return nil
}

// userID accepts an integer too, because many databases number their users. An empty claim is refused: it must not
// become the anonymous user. The claim must also be a name that chanx accepts; otherwise the token is invalid, which is
// not a fault of the server.
func userID(claim any) (string, error) {
	switch c := claim.(type) {
	case string:
		switch {
		case len(c) > maxUserBytes:
			return "", fmt.Errorf("it has %d bytes, more than %d", len(c), maxUserBytes)
		case strings.ContainsFunc(c, unicode.IsControl):
			return "", errors.New("it has a control character")
		case c != "":
			return c, nil
		}
	case json.Number:
		if n, err := c.Int64(); err == nil {
			return strconv.FormatInt(n, 10), nil
		}
	}
	return "", errors.New("it names no user")
}

// jwkMembers are the members of RFC 7517 section 4, and those for kinds of keys of RFC 7518 section 6 and RFC 8037
// section 2.
var jwkMembers = []string{
	"kty", "use", "key_ops", "alg", "kid", "x5u", "x5c", "x5t", "x5t#S256", "crv", "x", "y", "d", "n", "e", "p", "q", "dp", "dq",
	"qi", "oth", "k",
}

// exactJWK keeps only the members of a key whose names match exactly, because jwkset would read USE as use.
func exactJWK(raw []byte) ([]byte, error) {
	var members map[string]jsontext.Value
	if err := unmarshalExactly(raw, &members); err != nil {
		return nil, err
	}
	for name := range members {
		if !slices.Contains(jwkMembers, name) {
			delete(members, name)
		}
	}
	return jsonv2.Marshal(members)
}
