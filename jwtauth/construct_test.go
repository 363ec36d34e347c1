package jwtauth_test

import (
	"crypto/ecdsa"
	"crypto/ed25519"
	"crypto/elliptic"
	"crypto/rand"
	"crypto/rsa"
	"encoding/json"
	"fmt"
	"io"
	"log"
	"math/big"
	"net/http"
	"net/http/httptest"
	"strings"
	"testing"
	"testing/synctest"
	"time"

	"github.com/MicahParks/jwkset"

	"github.com/chanx-go/chanx/jwtauth"
)

// panicOf returns the text with which a function panics, or "".
func panicOf(f func()) (text string) {
	defer func() {
		if v := recover(); v != nil {
			text = fmt.Sprint(v)
		}
	}()
	f()
	return ""
}

func TestMistakesInOptionsPanic(t *testing.T) {
	t.Parallel()
	tests := []struct {
		name   string
		change func(*jwtauth.Options)
		says   string
	}{
		{"no issuer", func(o *jwtauth.Options) { o.Issuer = "" }, "Options.Issuer is empty"},
		{"no audience", func(o *jwtauth.Options) { o.Audience = nil }, "Options.Audience [] is empty"},
		{"empty audience", func(o *jwtauth.Options) { o.Audience = []string{"chat", ""} }, "Options.Audience"},
		{"no algorithms", func(o *jwtauth.Options) { o.Algorithms = nil }, "Options.Algorithms is empty"},
		{"none", func(o *jwtauth.Options) { o.Algorithms = []string{"EdDSA", "none"} }, `Options.Algorithms has "none": an unsigned token`},
		{"None", func(o *jwtauth.Options) { o.Algorithms = []string{"None"} }, "an unsigned token"},
		{"unknown algorithm", func(o *jwtauth.Options) { o.Algorithms = []string{"ES256K"} }, `has "ES256K": want some of ["EdDSA"`},
		{"no sources", func(o *jwtauth.Options) { o.Sources = nil }, "Options.Sources is empty"},
		{"empty source", func(o *jwtauth.Options) { o.Sources = append(o.Sources, jwtauth.Source{}) }, "Options.Sources[1] is empty"},
		{"no key", func(o *jwtauth.Options) { o.Key = nil }, "Options has 0 of Key, Keys and JWKSURL"},
		{"two kinds of keys", func(o *jwtauth.Options) { o.JWKSURL = "https://login.example.com" }, "Options has 2 of"},
		{"empty keys", func(o *jwtauth.Options) { o.Key, o.Keys = nil, map[string]any{} }, "keys in it"},
		{
			"HMAC with published keys",
			func(o *jwtauth.Options) {
				o.Key, o.JWKSURL, o.Algorithms = nil, "https://login.example.com", []string{"EdDSA", "HS256"}
			},
			"Options.Algorithms has HS256 and Options.JWKSURL is set: a secret is never published",
		},
		{"private key", func(o *jwtauth.Options) { o.Key = edKey }, "is a ed25519.PrivateKey: give"},
		{"key by value", func(o *jwtauth.Options) { o.Key = rsaKey.PublicKey }, "is a rsa.PublicKey: give"},
		{"nil key", func(o *jwtauth.Options) { o.Key = (*rsa.PublicKey)(nil) }, "is a *rsa.PublicKey"},
		{"nil key", func(o *jwtauth.Options) { o.Key = (*ecdsa.PublicKey)(nil) }, "is a *ecdsa.PublicKey"},
		{"text", func(o *jwtauth.Options) { o.Key, o.Algorithms = string(secret), []string{"HS256"} }, "is a string: give"},
		{"key of another kind", func(o *jwtauth.Options) { o.Key = rsaKey.Public() }, `no algorithm of Options.Algorithms ["EdDSA"] fits it`},
		{"public key for HMAC", func(o *jwtauth.Options) { o.Algorithms = []string{"HS256"} }, "fits it"},
		{"key of another curve", func(o *jwtauth.Options) { o.Key, o.Algorithms = ecKeys["ES384"].Public(), []string{"ES256"} }, "fits it"},
	}
	for _, tt := range tests {
		o := options()
		tt.change(&o)
		text := panicOf(func() {
			if _, err := jwtauth.New[claims](t.Context(), o); err != nil {
				t.Errorf("%s: an error: %v", tt.name, err)
			}
		})
		if !strings.HasPrefix(text, "jwtauth: new authenticator: ") || !strings.Contains(text, tt.says) || strings.Contains(text, string(secret)) {
			t.Errorf("%s: panics with %q, want %q in it", tt.name, text, tt.says)
		}
	}
}

func TestMistakesInSourcesPanic(t *testing.T) {
	t.Parallel()
	for name, f := range map[string]func(){
		`FromCookie: ""`:                 func() { jwtauth.FromCookie("") },
		`FromCookie: "a b"`:              func() { jwtauth.FromCookie("a b") },
		`FromCookie: "a=b"`:              func() { jwtauth.FromCookie("a=b") },
		`FromQuery: the name`:            func() { jwtauth.FromQuery("") },
		`FromSubprotocol: ""`:            func() { jwtauth.FromSubprotocol("") },
		`FromSubprotocol: "bearer,"`:     func() { jwtauth.FromSubprotocol("bearer,") },
		`FromSubprotocol: "tok\u00e9n-"`: func() { jwtauth.FromSubprotocol("tok\u00e9n-") },
	} {
		want := name
		if strings.Contains(name, `\u`) {
			want = "FromSubprotocol: \"tok\u00e9n-\""
		}
		if text := panicOf(f); !strings.HasPrefix(text, "jwtauth: "+want) {
			t.Errorf("%s: panics with %q", name, text)
		}
	}
}

// TestBadValuesAreErrors: such values come from a configuration.
func TestBadValuesAreErrors(t *testing.T) {
	t.Parallel()
	keyed := func(alg string, key any) jwtauth.Options {
		o := options()
		o.Algorithms, o.Key = []string{alg}, key
		return o
	}
	offCurve := ecKeys["ES256"].PublicKey
	offCurve.Curve = elliptic.P384()
	tests := []struct {
		name    string
		options jwtauth.Options
		says    string
	}{
		{"short secret", keyed("HS256", secret[:31]), "a secret of 31 bytes is too short for HS256: make one of at least 32"},
		{"short secret", keyed("HS384", secret[:47]), "at least 48"},
		{"short secret", keyed("HS512", secret[:63]), "at least 64"},
		{"empty secret", keyed("HS256", []byte{}), "a secret of 0 bytes"},
		{"file as secret", keyed("HS256", pemOf(rsaKey.Public())), "the secret is a PEM file"},
		{"short RSA key", keyed("RS256", &rsa.PublicKey{N: new(big.Int).Lsh(big.NewInt(1), 2046), E: 65537}), "fewer than 2048 bits"},
		{"empty RSA key", keyed("RS256", &rsa.PublicKey{}), "fewer than 2048 bits"},
		{"short Ed25519 key", keyed("EdDSA", ed25519.PublicKey("x")), "an Ed25519 public key of 1 bytes"},
		{"empty ECDSA key", keyed("ES256", &ecdsa.PublicKey{}), "without curve"},
		{"no point", keyed("ES384", &offCurve), "not a point of its curve"},
		{"rare curve", keyed("ES256", must(ecdsa.GenerateKey(elliptic.P224(), rand.Reader)).Public()), "curve"},
		{"http", fromJWKS("http://login.example.com/jwks.json"), "is not safe from tampering: want https://"},
		{"http to a private network", fromJWKS("http://192.168.0.1/jwks.json"), "is not safe"},
		{"http to a name like loopback", fromJWKS("http://127.0.0.1.example.com/"), "is not safe"},
		{"file", fromJWKS("file:///etc/jwks.json"), "names no host"},
		{"another scheme", fromJWKS("ftp://localhost/jwks.json"), "is not safe"},
		{"no host", fromJWKS("https:///jwks.json"), "names no host"},
		{"no URL", fromJWKS("https://[::1"), "missing ']'"},
	}
	for _, tt := range tests {
		_, err := jwtauth.New[claims](t.Context(), tt.options)
		if err == nil || !strings.HasPrefix(err.Error(), "jwtauth: read ") || !strings.Contains(err.Error(), tt.says) {
			t.Errorf("%s: %v, want %q in it", tt.name, err, tt.says)
		}
	}
}

// TestEndpointsWithoutKeysAreErrors, within limits of time and size.
func TestEndpointsWithoutKeysAreErrors(t *testing.T) {
	oversized := append([]byte(`{"keys":[],"x":"`), strings.Repeat("x", 256<<10)...)
	for name, tt := range map[string]struct {
		transport http.RoundTripper
		says      string
	}{
		"nobody there":   {broken{}, "no route"},
		"nobody answers": {memory{}, "deadline exceeded"},
		"not found":      {memory{&endpoint{status: 404}}, "status 404"},
		"moved":          {memory{&endpoint{status: 302}}, "status 302"},
		"no JSON":        {memory{&endpoint{status: 200, body: []byte("<html>")}}, "parse key set"},
		"no keys":        {memory{&endpoint{status: 200, body: []byte(`{"issuer":"x"}`)}}, `it has no "keys"`},
		"empty":          {memory{&endpoint{status: 200, body: []byte(`{"keys":[]}`)}}, `none of its keys fits the algorithms ["EdDSA"]`},
		"other keys":     {memory{published(jwk("k", rsaKey))}, "none of its keys fits"},
		"too much":       {memory{&endpoint{status: 200, body: oversized}}, "more than 262144 bytes"},
	} {
		synctest.Test(t, func(t *testing.T) {
			o := fromJWKS("https://user:password@login.example.com/jwks.json")
			o.Transport = tt.transport
			start := time.Now()
			_, err := jwtauth.New[claims](t.Context(), o)
			if err == nil || !strings.HasPrefix(err.Error(), "jwtauth: read keys of https://user:xxxxx@") || !strings.Contains(err.Error(), tt.says) {
				t.Errorf("%s: %v, want %q in it", name, err, tt.says)
			}
			if err != nil && strings.Contains(err.Error(), "password") {
				t.Errorf("%s: the error shows the password: %v", name, err)
			}
			if waited := time.Since(start); waited > 5*time.Second {
				t.Errorf("%s: it took %v", name, waited)
			}
		})
	}
}

func published(keys ...jwkset.JWKMarshal) *endpoint {
	e := &endpoint{}
	e.publish(keys...)
	return e
}

// TestKeysAreReadOverTLS with a private certificate authority.
func TestKeysAreReadOverTLS(t *testing.T) {
	t.Parallel()
	s := httptest.NewUnstartedServer(published(jwk("k", edKey)))
	s.Config.ErrorLog = log.New(io.Discard, "", 0) // of the handshake that fails below
	s.StartTLS()
	t.Cleanup(s.Close)
	o := fromJWKS(s.URL)
	if _, err := jwtauth.New[claims](t.Context(), o); err == nil || !strings.Contains(err.Error(), "certificate") {
		t.Errorf("an unknown certificate: %v", err)
	}
	o.Transport = s.Client().Transport
	expectKnown(t, newAuth(t, o), "k", edKey, true)
}

// TestOptionsAreCopied: later changes by the program have no effect.
func TestOptionsAreCopied(t *testing.T) {
	t.Parallel()
	o := options()
	a := newAuth(t, o)
	o.Audience[1], o.Algorithms[0], o.Sources[0] = "x", "none", jwtauth.Source{}
	if _, err := verify(t, a, good().ed()); err != nil {
		t.Error(err)
	}
	if got := string(must(json.Marshal(a.SecuritySchemes()))); !strings.Contains(got, "bearer") {
		t.Errorf("schemes %s", got)
	}
}
