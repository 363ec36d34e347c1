package jwtauth_test

import (
	"crypto/ed25519"
	"crypto/x509"
	"encoding/base64"
	"encoding/json"
	"encoding/pem"
	"fmt"
	"log/slog"
	"net/http"
	"net/http/httptest"
	"strings"
	"testing"
	"time"

	"github.com/golang-jwt/jwt/v5"

	"github.com/chanx-go/chanx/chanxtest"
	"github.com/chanx-go/chanx/jwtauth"
)

// segment encodes a part of a token that no library would produce.
func segment(v any) string {
	return base64.RawURLEncoding.EncodeToString(must(json.Marshal(v)))
}

// unsigned returns a token with any header and any signature.
func unsigned(header map[string]any, signature string) string {
	return segment(header) + "." + segment(good().claims) + "." + signature
}

func pemOf(key any) []byte {
	return pem.EncodeToMemory(&pem.Block{Type: "PUBLIC KEY", Bytes: must(x509.MarshalPKIXPublicKey(key))})
}

// signed returns a token signed with edKey, with any text as its header, to which the algorithm is added, and as
// further claims.
func signed(header, further string) string {
	text := func(s string) string { return base64.RawURLEncoding.EncodeToString([]byte(s)) }
	head := `{"alg":"EdDSA",` + strings.TrimPrefix(header, "{")
	claims := fmt.Sprintf(`{"iss":%q,"aud":%q,"sub":"ann",%s}`, issuer, audience, further)
	b := text(head) + "." + text(claims)
	return b + "." + base64.RawURLEncoding.EncodeToString(ed25519.Sign(edKey, []byte(b)))
}

// badToken must be refused; the log contains reason.
type badToken struct{ name, token, reason string }

// badTokens are refused where the key "k" is edKey and "r" is rsaKey, whose algorithms are EdDSA and RS256. The attacker
// serves keys of their own.
func badTokens(attacker string) []badToken {
	now := time.Now()
	k := good().head("kid", "k")
	edPublic, rsaPublic := edKey.Public().(ed25519.PublicKey), rsaKey.Public()
	forged := func(t token) string { return t.sign("EdDSA", otherKey) }
	return []badToken{
		{"wrong issuer", k.with("iss", "https://login.example.org").ed(), "issuer"},
		{"issuer with a slash more", k.with("iss", issuer+"/").ed(), "issuer"},
		{"issuer in a list", k.with("iss", []string{issuer}).ed(), "iss"},
		{"no issuer", k.with("iss", nil).ed(), "iss"},
		{"wrong audience", k.with("aud", "mail").ed(), "audience"},
		{"wrong audiences", k.with("aud", []string{"mail", "chat2"}).ed(), "audience"},
		{"no audience", k.with("aud", nil).ed(), "aud"},
		{"audience is a number", k.with("aud", 7).ed(), "aud"},
		{"expired", k.with("exp", now.Add(-31*time.Second).Unix()).ed(), "expired"},
		{"no exp", k.with("exp", nil).ed(), "exp"},
		{"exp is a text", k.with("exp", "tomorrow").ed(), "exp"},
		{"not yet valid", k.with("nbf", now.Add(time.Minute).Unix()).ed(), "not valid yet"},
		{"issued in the future", k.with("iat", now.Add(time.Minute).Unix()).ed(), "before issued"},
		{"no subject", k.with("sub", nil).ed(), "names no user"},
		{"empty subject", k.with("sub", "").ed(), "names no user"},
		{"subject is a list", k.with("sub", []string{"ann"}).ed(), "names no user"},
		{"subject is a fraction", k.with("sub", 1.5).ed(), "names no user"},
		{"claims of another type", k.with("role", 7).ed(), "read claims"},

		{"key of another issuer", forged(k), "signature is invalid"},
		{"key of another issuer, without kid", forged(good()), "signature is invalid"},
		{"unknown kid", k.head("kid", "unknown").ed(), "no key fits"},
		{"kid of a key of another kind", k.head("kid", "r").ed(), "no key fits"},
		{"kid is a path", forged(k.head("kid", "../../../../dev/null")), "no key fits"},
		{"kid is a query", forged(k.head("kid", "x' UNION SELECT 'k")), "no key fits"},
		{"kid is a URL", forged(k.head("kid", attacker+"/jwks.json")), "no key fits"},
		{"kid is a number", k.head("kid", 7).ed(), "kid is not a string"},
		{"kid is null", k.head("kid", nil).ed(), "kid is not a string"},
		{"jku leads to an attacker", forged(k.head("jku", attacker)), "signature is invalid"},
		{"jku and an unknown kid", forged(k.head("jku", attacker).head("kid", "attacker")), "no key fits"},
		{"x5u leads to an attacker", forged(k.head("x5u", attacker)), "signature is invalid"},
		{"jwk brings its own key", forged(k.head("jwk", jwk("k", otherKey))), "signature is invalid"},
		{"iss leads to an attacker", forged(k.with("iss", attacker)), "signature is invalid"},
		{"extension", k.head("crit", []string{"b64"}).head("b64", false).ed(), "crit"},

		{"algorithm none", k.sign("none", jwt.UnsafeAllowNoneSignatureType), "signing method none"},
		{"algorithm None", unsigned(map[string]any{"alg": "None", "kid": "k"}, ""), "unavailable"},
		{"no algorithm", unsigned(map[string]any{"kid": "k"}, ""), "unspecified"},
		{"algorithm is a list", unsigned(map[string]any{"alg": []string{"EdDSA"}, "kid": "k"}, ""), "unspecified"},
		{"no signature", unsigned(map[string]any{"alg": "EdDSA", "kid": "k"}, ""), "verification error"},
		{"secret is the Ed25519 key", k.sign("HS256", []byte(edPublic)), "signing method HS256"},
		{"secret is the Ed25519 key as PEM", k.sign("HS256", pemOf(edPublic)), "signing method HS256"},
		{"secret is the RSA key as PEM", k.head("kid", "r").sign("HS256", pemOf(rsaPublic)), "signing method HS256"},
		{"an algorithm that is not pinned", k.head("kid", "r").sign("PS256", rsaKey), "signing method PS256"},

		{"truncated", k.ed()[:len(k.ed())-22], "verification error"},
		{"two parts", strings.Join(strings.Split(k.ed(), ".")[:2], "."), "segments"},
		{"four parts", k.ed() + ".e30", "segments"},
		{"five parts", "e30.e30.e30.e30.e30", "segments"},
		{"padded", k.ed() + "=", "base64url"},
		{"claims are no JSON", segment(map[string]any{"alg": "EdDSA"}) + ".aGVsbG8.AA", "JSON"},
		{"header is null", "bnVsbA." + segment(good().claims) + ".AA", "JSON object"},
		{"a word", "hello", "segments"},
		{"huge", k.with("filler", strings.Repeat("x", 8<<10)).ed(), "more than 8192"},
	}
}

// oddTokens must be refused like badTokens: their signatures are valid, but they are meaningless or ambiguous.
func oddTokens() []badToken {
	now := time.Now()
	k := good().head("kid", "k")
	return []badToken{
		{"subject of 201 bytes", k.with("sub", strings.Repeat("x", 201)).ed(), "more than 200"},
		{"subject with a line break", k.with("sub", "ann\n").ed(), "control character"},
		{"subject with a zero byte", k.with("sub", "\x00").ed(), "control character"},
		{"subject with a control character of C1", k.with("sub", "ann\u0085").ed(), "control character"},
		{"exp in milliseconds", k.with("exp", now.Add(time.Hour).UnixMilli()).ed(), "100 years"},
		{"exp in a century", k.with("exp", now.AddDate(101, 0, 0).Unix()).ed(), "100 years"},
		{"exp without bounds", signed(`{"kid":"k"}`, `"exp":1e300`), "exp"},
		{"exp beyond every number", signed(`{"kid":"k"}`, `"exp":1e999`), "exp"},
		{"exp before 1970", k.with("exp", -1).ed(), "expired"},
		{"exp is null", signed(`{"kid":"k"}`, `"exp":null`), "exp"},
		{"nbf in milliseconds", k.with("nbf", now.UnixMilli()).ed(), "not valid yet"},
		{"nbf without bounds", signed(`{"kid":"k"}`, fmt.Sprintf(`"exp":%d,"nbf":1e300`, now.Add(time.Hour).Unix())), "nbf"},
		{"nbf before 1970", k.with("nbf", -1).ed(), "nbf"},
		{"nbf is null", signed(`{"kid":"k"}`, fmt.Sprintf(`"exp":%d,"nbf":null`, now.Add(time.Hour).Unix())), "nbf"},
		{"iat in milliseconds", k.with("iat", now.UnixMilli()).ed(), "before issued"},
		{"subject in upper case", k.with("sub", nil).with("SUB", "root").ed(), "names no user"},
		{"exp in upper case", k.with("exp", nil).with("EXP", now.Add(time.Hour).Unix()).ed(), "exp"},
		{"issuer in upper case", k.with("iss", nil).with("Iss", issuer).ed(), "iss"},
		{"two subjects", signed(`{"kid":"k"}`, fmt.Sprintf(`"exp":%d,"sub":"root"`, now.Add(time.Hour).Unix())), "member twice"},
		{"two subjects, one with an escape", signed(`{"kid":"k"}`, fmt.Sprintf(`"exp":%d,"s\u0075b":"root"`, now.Add(time.Hour).Unix())), "member twice"},
		{"two members of a claim", signed(`{"kid":"k"}`, fmt.Sprintf(`"exp":%d,"x":{"a":1,"a":2}`, now.Add(time.Hour).Unix())), "member twice"},
		{"two kids", signed(`{"kid":"r","kid":"k"}`, fmt.Sprintf(`"exp":%d`, now.Add(time.Hour).Unix())), "member twice"},
		{"something behind the claims", signed(`{"kid":"k"}`, fmt.Sprintf(`"exp":%d} {"sub":"root"`, now.Add(time.Hour).Unix())), "JSON object"},
		{"claims are not UTF-8", signed(`{"kid":"k"}`, fmt.Sprintf("\"exp\":%d,\"x\":\"\xff\"", now.Add(time.Hour).Unix())), "JSON object"},
		{"algorithm in lower case", unsigned(map[string]any{"alg": "eddsa", "kid": "k"}, "AA"), "unavailable"},
		{"kid in upper case", k.head("kid", "K").ed(), "no key fits"},
	}
}

// TestInvalidTokensGetTheSameRefusal: the reason is only logged, and no URL in a token is fetched.
func TestInvalidTokensGetTheSameRefusal(t *testing.T) {
	var log logbook
	attacker := &endpoint{}
	attacker.publish(jwk("k", otherKey), jwk("attacker", otherKey))
	attackerURL := serve(t, attacker)
	keys := &endpoint{}
	keys.publish(jwk("k", edKey), jwk("r", rsaKey))
	o := fromJWKS(serve(t, keys))
	o.Algorithms, o.Logger = []string{"EdDSA", "RS256"}, log.logger()
	srv := newServer(t, newAuth(t, o))
	start := time.Now()
	for _, tt := range append(badTokens(attackerURL), oddTokens()...) {
		t.Run(tt.name, func(t *testing.T) {
			expectRefused(t, chanxtest.Dial(t, srv, "/ws", bearer(tt.token)), 401, 4401, refused)
			logged := log.take()
			if !strings.Contains(logged, tt.reason) {
				t.Errorf("logged %q, want %q in it", logged, tt.reason)
			}
			if shows(logged, tt.token) {
				t.Errorf("the log shows the token: %q", logged)
			}
		})
	}
	expectUser(t, chanxtest.Dial(t, srv, "/ws", bearer(good().head("kid", "k").ed())), youAre{"ann", "admin"})
	if n := attacker.count(); n != 0 {
		t.Errorf("the attacker's server got %d requests", n)
	}
	// At first, and once for all the unknown ids, if the test takes less than the 10 s that must be between.
	if n, most := keys.count(), 2+int(time.Since(start)/(10*time.Second)); n < 2 || n > most {
		t.Errorf("the keys were read %d times, want 2 to %d", n, most)
	}
}

// TestTokensHaveOneEncoding: otherwise a list of revoked tokens could be evaded.
func TestTokensHaveOneEncoding(t *testing.T) {
	t.Parallel()
	a := newAuth(t, options())
	token := good().ed()
	if _, err := verify(t, a, token); err != nil {
		t.Fatal(err)
	}
	for i := range token {
		others := "AB."
		if i == len(token)-1 { // four of its six bits mean nothing
			others = "ABCDEFGHIJKLMNOPQRSTUVWXYZabcdefghijklmnopqrstuvwxyz0123456789-_"
		}
		for _, c := range others {
			other := token[:i] + string(c) + token[i+1:]
			if _, err := verify(t, a, other); other != token && !isRefusal(err) {
				t.Fatalf("with %q at %d: %v", c, i, err)
			}
		}
	}
}

func TestARequestHasOneToken(t *testing.T) {
	t.Parallel()
	o := options()
	o.Optional = true
	o.Sources = []jwtauth.Source{
		jwtauth.FromHeader(), jwtauth.FromCookie("token"), jwtauth.FromQuery("token"), jwtauth.FromSubprotocol("bearer."),
	}
	srv := newServer(t, newAuth(t, o))
	one, two := good().ed(), good().with("sub", "bob").ed()
	tests := []struct {
		name, path string
		header     http.Header
		ok         bool
	}{
		{"two headers", "/ws", http.Header{"Authorization": {"Bearer " + one, "Bearer " + two}}, false},
		{"two cookies", "/ws", http.Header{"Cookie": {"token=" + one + "; token=" + two}}, false},
		{"two parameters", "/ws?token=" + one + "&token=" + two, nil, false},
		{"two subprotocols", "/ws", http.Header{"Sec-Websocket-Protocol": {"bearer." + one + ", bearer." + two}}, false},
		{"header and cookie", "/ws", http.Header{"Authorization": {"Bearer " + one}, "Cookie": {"token=" + two}}, false},
		{"header and a bad cookie", "/ws", http.Header{"Authorization": {"Bearer " + one}, "Cookie": {"token=x"}}, false},
		{"parameter and subprotocol", "/ws?token=" + one, http.Header{"Sec-Websocket-Protocol": {"bearer." + two}}, false},
		{"the same one twice", "/ws?token=" + one, http.Header{"Authorization": {"Bearer " + one}}, true},
		{"an empty one beside it", "/ws?token=", http.Header{"Authorization": {"Bearer " + one}, "Cookie": {"token="}}, true},
	}
	for _, tt := range tests {
		t.Run(tt.name, func(t *testing.T) {
			c := chanxtest.Dial(t, srv, tt.path, &chanxtest.DialOptions{Header: tt.header})
			if tt.ok {
				expectUser(t, c, youAre{"ann", "admin"})
				return
			}
			expectRefused(t, c, 401, 4401, refused)
		})
	}
}

func TestARequestWithoutTokenIsRefused(t *testing.T) {
	t.Parallel()
	for _, optional := range []bool{false, true} {
		o := options()
		o.Optional = optional
		srv := newServer(t, newAuth(t, o))
		for _, header := range []http.Header{nil, {"Authorization": {"Basic YTpi"}}, {"Authorization": {"Bearer"}}, {"Cookie": {"token=" + good().ed()}}} {
			c := chanxtest.Dial(t, srv, "/ws", &chanxtest.DialOptions{Header: header})
			if optional {
				expectUser(t, c, youAre{"", "none"})
			} else {
				expectRefused(t, c, 401, 4401, "log in first")
			}
		}
		expectRefused(t, chanxtest.Dial(t, srv, "/ws", bearer("x")), 401, 4401, refused)
	}
}

// TestTheTypeIsChecked: an issuer may sign ID tokens and refresh tokens with the same key.
func TestTheTypeIsChecked(t *testing.T) {
	t.Parallel()
	o := options()
	o.Type = "at+jwt"
	a := newAuth(t, o)
	for typ, ok := range map[any]bool{"at+jwt": true, "application/AT+JWT": true, "JWT": false, "": false, 7: false, "at+jwt2": false} {
		_, err := verify(t, a, good().head("typ", typ).ed())
		if ok != (err == nil) || !ok && !isRefusal(err) {
			t.Errorf("typ %v: %v", typ, err)
		}
	}
}

// TestInvalidTokensCannotFillTheLog: further ones of a kind are counted, and logged at level debug or when the window
// ends.
func TestInvalidTokensCannotFillTheLog(t *testing.T) {
	t.Parallel()
	var log logbook
	o := options()
	o.Logger = slog.New(slog.NewTextHandler(&log, nil))
	a := newAuth(t, o)
	for i := range 1000 {
		_, err := verify(t, a, good().with("exp", time.Now().Unix()-int64(3600+i)).ed())
		if _, bad := verify(t, a, strings.Repeat("x", 8193+i)); !isRefusal(err) || !isRefusal(bad) {
			t.Fatal(err, bad)
		}
	}
	if lines := strings.Count(log.take(), "\n"); lines < 2 || lines > 10 {
		t.Errorf("%d lines", lines)
	}
	a.Close()
	if logged := log.take(); strings.Count(logged, "count=") < 2 {
		t.Errorf("at the end: logged %q", logged)
	}
}

func TestTheLogClipsClaims(t *testing.T) {
	t.Parallel()
	var log logbook
	o := options()
	o.Logger = log.logger()
	a := newAuth(t, o)
	r := httptest.NewRequest(http.MethodGet, "/ws", http.NoBody)
	r.Header.Set("Authorization", "bearer "+good().head("kid", "k-"+strings.Repeat("y", 500)).with("iss", "i-"+strings.Repeat("z", 500)).ed())
	if _, err := a.Authenticate(r); !isRefusal(err) {
		t.Error(err)
	}
	logged := log.take()
	for _, want := range []string{"kid=k-" + strings.Repeat("y", 62), "issuer=i-" + strings.Repeat("z", 62), "level=INFO"} {
		if !strings.Contains(logged, want) || len(logged) > 500 {
			t.Errorf("logged %q, want %q in it", logged, want)
		}
	}
}

// TestWhiteSpaceAroundATokenIsRefused: decoders of base64 ignore line breaks.
func TestWhiteSpaceAroundATokenIsRefused(t *testing.T) {
	a := newAuth(t, options())
	token := good().ed()
	if _, err := verify(t, a, token); err != nil {
		t.Fatal(err)
	}
	for _, space := range []string{"\n", "\r\n", " ", "\t", "\u2028", "\x00"} {
		for _, bad := range []string{token + space, space + token, token[:5] + space + token[5:], strings.Replace(token, ".", space+".", 1), strings.Replace(token, ".", "."+space, 1)} {
			if _, err := verify(t, a, bad); !isRefusal(err) {
				t.Errorf("with %q: %v", space, err)
			}
		}
	}
}
