package jwtauth_test

import (
	"context"
	"crypto/ecdh"
	"crypto/rand"
	"crypto/rsa"
	"encoding/json"
	"net/http"
	"strings"
	"sync"
	"testing"
	"testing/synctest"
	"time"

	"github.com/MicahParks/jwkset"

	"github.com/chanx-go/chanx/chanxtest"
	"github.com/chanx-go/chanx/jwtauth"
)

// inMemory are options that read keys from an endpoint inside a bubble.
func inMemory(e *endpoint) jwtauth.Options {
	o := fromJWKS("https://login.example.com/jwks.json")
	o.Transport = memory{e}
	return o
}

// expectKnown verifies a token with a key id, signed by that key.
func expectKnown(t *testing.T, a *jwtauth.Authenticator, kid string, key any, known bool) {
	t.Helper()
	_, err := verify(t, a, good().head("kid", kid).sign("EdDSA", key))
	if known && err != nil || !known && !isRefusal(err) {
		t.Errorf("key %q: %v", kid, err)
	}
}

// TestARotatedKeyIsReadWhenATokenNamesIt, over a real port and a real server.
func TestARotatedKeyIsReadWhenATokenNamesIt(t *testing.T) {
	t.Parallel()
	keys := &endpoint{}
	keys.publish(jwk("2026-10", edKey))
	srv := newServer(t, newAuth(t, fromJWKS(serve(t, keys))))
	old, fresh := good().head("kid", "2026-10").ed(), good().head("kid", "2026-11").sign("EdDSA", otherKey)
	expectUser(t, chanxtest.Dial(t, srv, "/ws", bearer(old)), youAre{"ann", "admin"})
	keys.publish(jwk("2026-11", otherKey))
	expectUser(t, chanxtest.Dial(t, srv, "/ws", bearer(fresh)), youAre{"ann", "admin"})
	expectRefused(t, chanxtest.Dial(t, srv, "/ws", bearer(old)), 401, 4401, refused) // withdrawn
	keys.mu.Lock()
	defer keys.mu.Unlock()
	if keys.kept != 0 {
		t.Errorf("%d connections to the issuer were left open between requests", keys.kept)
	}
}

// TestKeysAreReadAgainInTheBackground: a withdrawn key stays valid no longer than the interval.
func TestKeysAreReadAgainInTheBackground(t *testing.T) {
	synctest.Test(t, func(t *testing.T) {
		keys := &endpoint{}
		keys.publish(jwk("a", edKey), jwk("b", otherKey))
		a := newAuth(t, inMemory(keys))
		keys.publish(jwk("b", otherKey))
		time.Sleep(15*time.Minute - time.Second)
		synctest.Wait()
		expectKnown(t, a, "a", edKey, true)
		time.Sleep(time.Second)
		synctest.Wait()
		expectKnown(t, a, "b", otherKey, true)
		if n := keys.count(); n != 2 {
			t.Errorf("the keys were read %d times", n)
		}
		expectKnown(t, a, "a", edKey, false)
		if n := keys.count(); n != 2 {
			t.Errorf("the keys were read %d times: the last request was a moment ago", n)
		}
		keys.publish()
		time.Sleep(15 * time.Minute)
		synctest.Wait()
		expectKnown(t, a, "b", otherKey, false) // an empty set withdraws all
	})
}

func TestWithoutRefreshOnlyAnUnknownKeyCausesARequest(t *testing.T) {
	synctest.Test(t, func(t *testing.T) {
		keys := &endpoint{}
		keys.publish(jwk("a", edKey))
		o := inMemory(keys)
		o.JWKSRefresh = -1
		a := newAuth(t, o)
		keys.publish(jwk("b", otherKey))
		time.Sleep(24 * time.Hour)
		expectKnown(t, a, "a", edKey, true)
		expectKnown(t, a, "b", otherKey, true)
		if n := keys.count(); n != 2 {
			t.Errorf("the keys were read %d times", n)
		}
	})
}

// TestUnknownKeysCauseFewRequests: one request in 10 s for all clients together.
func TestUnknownKeysCauseFewRequests(t *testing.T) {
	synctest.Test(t, func(t *testing.T) {
		keys := &endpoint{}
		keys.publish(jwk("a", edKey))
		a := newAuth(t, inMemory(keys))
		for second := range 30 {
			for range 10 {
				expectKnown(t, a, strings.Repeat("x", second), otherKey, false)
			}
			time.Sleep(time.Second)
		}
		if n := keys.count(); n != 1+3 {
			t.Errorf("the keys were read %d times in 30 s, want 4", n)
		}
	})
}

// TestManyClientsWaitForOneRequest: after a rotation all clients have an unknown key id. Clients that disconnect do not
// cancel the request of the others.
func TestManyClientsWaitForOneRequest(t *testing.T) {
	synctest.Test(t, func(t *testing.T) {
		keys := &endpoint{}
		keys.publish(jwk("a", edKey))
		o := inMemory(keys)
		o.JWKSRefresh = -1
		a := newAuth(t, o)
		keys.asked, keys.answer = make(chan struct{}), make(chan struct{})
		keys.publish(jwk("b", otherKey))

		ctx := t.Context()
		impatient := good().head("kid", "b").sign("EdDSA", otherKey)
		gone := make(chan error)
		go func() {
			ctx, cancel := context.WithTimeout(ctx, time.Second)
			defer cancel()
			_, err := a.Verify(ctx, impatient)
			gone <- err
		}()
		<-keys.asked
		var waiting sync.WaitGroup
		for range 100 {
			waiting.Go(func() { expectKnown(t, a, "b", otherKey, true) })
		}
		if err := <-gone; err == nil || isRefusal(err) || !strings.Contains(err.Error(), "deadline exceeded") {
			t.Errorf("a client that does not wait gets %v", err)
		}
		expectKnown(t, a, "a", edKey, true) // waits for nothing
		keys.answer <- struct{}{}
		waiting.Wait()
		if n := keys.count(); n != 2 {
			t.Errorf("the keys were read %d times", n)
		}
	})
}

// TestUnreachableKeysAreInternalErrors for unknown keys, because the token may be valid. Known keys still work.
func TestUnreachableKeysAreInternalErrors(t *testing.T) {
	t.Parallel()
	var log logbook
	keys := &endpoint{}
	keys.publish(jwk("a", edKey))
	o := fromJWKS(serve(t, keys))
	o.Logger = log.logger()
	srv := newServer(t, newAuth(t, o))
	keys.set(http.StatusBadGateway, nil)
	for range 2 { // the second is not worth another reading
		c := chanxtest.Dial(t, srv, "/ws", bearer(good().head("kid", "b").sign("EdDSA", otherKey)))
		expectRefused(t, c, 500, 1011, "Internal server error")
	}
	if logged := log.take(); !strings.Contains(logged, "level=WARN") || !strings.Contains(logged, "status 502") {
		t.Errorf("logged %q", logged)
	}
	expectUser(t, chanxtest.Dial(t, srv, "/ws", bearer(good().head("kid", "a").ed())), youAre{"ann", "admin"})
	expectRefused(t, chanxtest.Dial(t, srv, "/ws", bearer(good().head("kid", "a").sign("EdDSA", otherKey))), 401, 4401, refused)
}

func TestKeysAreReadWhenTheEndpointRecovers(t *testing.T) {
	synctest.Test(t, func(t *testing.T) {
		keys := &endpoint{}
		keys.publish(jwk("a", edKey))
		a := newAuth(t, inMemory(keys))
		for _, down := range []struct {
			status int
			body   string
		}{{503, ""}, {302, ""}, {200, "<html>"}, {200, "{}"}, {200, `{"keys":[]` + strings.Repeat(" ", 256<<10) + "}"}} {
			keys.set(down.status, []byte(down.body))
			time.Sleep(15 * time.Minute)
			synctest.Wait()
			expectKnown(t, a, "a", edKey, true)
			if _, err := verify(t, a, good().head("kid", "b").sign("EdDSA", otherKey)); err == nil || isRefusal(err) {
				t.Errorf("status %d %.20q: %v", down.status, down.body, err)
			}
		}
		keys.publish(jwk("a", edKey), jwk("b", otherKey))
		time.Sleep(10 * time.Second)
		expectKnown(t, a, "b", otherKey, true)
	})
}

// TestAfterCloseKnownKeysStay and no more requests are made: a leak would fail the bubble.
func TestAfterCloseKnownKeysStay(t *testing.T) {
	synctest.Test(t, func(t *testing.T) {
		keys := &endpoint{}
		keys.publish(jwk("a", edKey))
		a := newAuth(t, inMemory(keys))
		a.Close()
		a.Close()
		time.Sleep(time.Hour)
		expectKnown(t, a, "a", edKey, true)
		expectKnown(t, a, "b", otherKey, false)
		if n := keys.count(); n != 1 {
			t.Errorf("the keys were read %d times", n)
		}
	})
}

// silent answers the first request and no other.
type silent struct{ first http.RoundTripper }

func (s *silent) RoundTrip(r *http.Request) (*http.Response, error) {
	first := s.first
	s.first = memory{}
	return first.RoundTrip(r)
}

// TestCloseCancelsARequest without an answer. No opening waits longer than its own limit.
func TestCloseCancelsARequest(t *testing.T) {
	synctest.Test(t, func(t *testing.T) {
		keys := &endpoint{}
		keys.publish(jwk("a", edKey))
		o := inMemory(keys)
		o.Transport = &silent{memory{keys}}
		a := newAuth(t, o)
		start := time.Now()
		_, err := verify(t, a, good().head("kid", "b").ed())
		if waited := time.Since(start); err == nil || isRefusal(err) || waited != 5*time.Second {
			t.Errorf("after %v: %v", waited, err)
		}
		time.Sleep(time.Minute)
		start = time.Now()
		done := make(chan error)
		go func() {
			_, err := verify(t, a, good().head("kid", "b").ed())
			done <- err
		}()
		synctest.Wait()
		a.Close()
		if err := <-done; err == nil || isRefusal(err) || time.Since(start) != 0 {
			t.Errorf("after %v: %v", time.Since(start), err)
		}
	})
}

// ignoring answers the first request, and the others only when it is released, even if their context has ended.
type ignoring struct {
	first   http.RoundTripper
	release chan struct{}
}

func (d *ignoring) RoundTrip(r *http.Request) (*http.Response, error) {
	if first := d.first; first != nil {
		d.first = nil
		return first.RoundTrip(r)
	}
	<-d.release
	return broken{}.RoundTrip(r)
}

func TestCloseWaitsForARequest(t *testing.T) {
	synctest.Test(t, func(t *testing.T) {
		keys := &endpoint{}
		keys.publish(jwk("a", edKey))
		o, transport := inMemory(keys), &ignoring{memory{keys}, make(chan struct{})}
		o.Transport = transport
		a := newAuth(t, o)
		ctx, cancel := context.WithTimeout(t.Context(), time.Second)
		defer cancel()
		if _, err := a.Verify(ctx, good().head("kid", "b").ed()); err == nil || isRefusal(err) {
			t.Error(err)
		}
		closed := make(chan struct{})
		go func() {
			a.Close()
			close(closed)
		}()
		synctest.Wait()
		select {
		case <-closed:
			t.Error("Close did not wait")
		default:
		}
		close(transport.release)
		<-closed
	})
}

// with changes a described key.
func with(k jwkset.JWKMarshal, change func(*jwkset.JWKMarshal)) jwkset.JWKMarshal {
	change(&k)
	return k
}

// TestUnusableKeysAreSkipped and do not affect the usable one.
func TestUnusableKeysAreSkipped(t *testing.T) {
	t.Setenv("GODEBUG", "rsa1024min=0") // Go itself would not make the weak key
	var log logbook
	weak := must(rsa.GenerateKey(rand.Reader, 1024))
	use := func(u jwkset.USE) func(*jwkset.JWKMarshal) { return func(k *jwkset.JWKMarshal) { k.USE = u } }
	ops := func(o ...jwkset.KEYOPS) func(*jwkset.JWKMarshal) { return func(k *jwkset.JWKMarshal) { k.KEYOPS = o } }
	tests := map[string]struct {
		alg string
		key any
		jwk jwkset.JWKMarshal
		ok  bool
	}{
		"for signatures":         {"EdDSA", edKey, with(jwk("k", edKey), use(jwkset.UseSig)), true},
		"for encryption":         {"EdDSA", edKey, with(jwk("k", edKey), use(jwkset.UseEnc)), false},
		"unknown use":            {"EdDSA", edKey, with(jwk("k", edKey), use("x")), false},
		"to verify":              {"EdDSA", edKey, with(jwk("k", edKey), ops(jwkset.KeyOpsVerify)), true},
		"to encrypt":             {"EdDSA", edKey, with(jwk("k", edKey), ops(jwkset.KeyOpsEncrypt)), false},
		"its own algorithm":      {"RS256", rsaKey, with(jwk("k", rsaKey), func(k *jwkset.JWKMarshal) { k.ALG = "RS256" }), true},
		"no algorithm":           {"RS256", rsaKey, jwk("k", rsaKey), true},
		"another algorithm":      {"RS256", rsaKey, with(jwk("k", rsaKey), func(k *jwkset.JWKMarshal) { k.ALG = "PS256" }), false},
		"not pinned":             {"RS512", rsaKey, jwk("k", rsaKey), false},
		"for key agreement":      {"EdDSA", edKey, jwk("k", must(ecdh.X25519().GenerateKey(rand.Reader)).PublicKey()), false},
		"too short":              {"RS256", weak, jwk("k", weak), false},
		"no point":               {"ES256", ecKeys["ES256"], with(jwk("k", ecKeys["ES256"]), func(k *jwkset.JWKMarshal) { k.X = k.Y }), false},
		"curve":                  {"ES256", ecKeys["ES256"], jwk("k", ecKeys["ES256"]), true},
		"unknown kind":           {"EdDSA", edKey, with(jwk("k", edKey), func(k *jwkset.JWKMarshal) { k.KTY = "X" }), false},
		"incomplete":             {"EdDSA", edKey, with(jwk("k", edKey), func(k *jwkset.JWKMarshal) { k.X = "" }), false},
		"secret":                 {"HS256", secret, jwk("k", secret), false},
		"public key as a secret": {"HS256", pemOf(edKey.Public()), jwk("k", edKey), false},
	}
	for name, tt := range tests {
		t.Run(name, func(t *testing.T) {
			keys := &endpoint{}
			keys.publish(tt.jwk, jwk("good", otherKey))
			o := fromJWKS(serve(t, keys))
			o.Algorithms, o.Logger = []string{"EdDSA", "RS256", "PS256", "ES256"}, log.logger()
			a := newAuth(t, o)
			_, err := verify(t, a, good().head("kid", "k").sign(tt.alg, tt.key))
			if tt.ok != (err == nil) || !tt.ok && !isRefusal(err) {
				t.Error(err)
			}
			expectKnown(t, a, "good", otherKey, true)
			if logged := log.take(); strings.Contains(logged, string(secret)) || strings.Contains(logged, jwk("k", secret).K) {
				t.Errorf("the log shows the secret: %s", logged)
			}
		})
	}
}

// TestATokenWithoutKidNeedsExactlyOneMatchingKey (OpenID Connect Core, section 10.1).
func TestATokenWithoutKidNeedsExactlyOneMatchingKey(t *testing.T) {
	t.Parallel()
	keys := &endpoint{}
	keys.publish(jwk("", edKey), jwk("r1", rsaKey), jwk("r2", rsaKey), with(jwk("dup", otherKey), func(k *jwkset.JWKMarshal) { k.ALG = "EdDSA" }))
	o := fromJWKS(serve(t, keys))
	o.Algorithms = []string{"RS256", "EdDSA"}
	a := newAuth(t, o)
	for name, token := range map[string]string{"two EdDSA": good().ed(), "two RS256": good().sign("RS256", rsaKey)} {
		if _, err := verify(t, a, token); !isRefusal(err) {
			t.Errorf("%s: %v", name, err)
		}
	}
	keys.publish(jwk("", edKey), jwk("r1", rsaKey))
	one := newAuth(t, fromJWKS(o.JWKSURL))
	if _, err := verify(t, one, good().ed()); err != nil {
		t.Error(err)
	}
}

// TestOnlyThePublicHalfOfAKeyPairIsUsed if an issuer publishes a private key.
func TestOnlyThePublicHalfOfAKeyPairIsUsed(t *testing.T) {
	t.Parallel()
	pair := must(jwkset.NewJWKFromKey(edKey, jwkset.JWKOptions{
		Metadata: jwkset.JWKMetadataOptions{KID: "k"}, Marshal: jwkset.JWKMarshalOptions{Private: true},
	})).Marshal()
	if pair.D == "" {
		t.Fatal("the test publishes no pair")
	}
	keys := &endpoint{}
	keys.publish(pair)
	expectKnown(t, newAuth(t, fromJWKS(serve(t, keys))), "k", edKey, true)
}

// TestMembersOfKeysAreMatchedExactly: a name in another case is another member, and none may occur twice.
func TestMembersOfKeysAreMatchedExactly(t *testing.T) {
	t.Parallel()
	plain := func(kid string, key any) string {
		b := must(json.Marshal(jwk(kid, key)))
		return strings.TrimSuffix(string(b), "}")
	}
	keys := &endpoint{}
	keys.set(http.StatusOK, []byte(`{"KEYS":[`+plain("other", otherKey)+`}],"keys":[`+
		plain("upper", edKey)+`,"USE":"enc","ALG":"RS256","KID":"stolen","Kty":"RSA"},`+
		plain("twice", otherKey)+`,"kid":"once"},`+
		strings.Replace(plain("no kty", otherKey), `"kty"`, `"KTY"`, 1)+`}]}`))
	a := newAuth(t, fromJWKS(serve(t, keys)))
	expectKnown(t, a, "upper", edKey, true)
	for _, kid := range []string{"stolen", "other", "twice", "once", "no kty"} {
		expectKnown(t, a, kid, edKey, false)
		expectKnown(t, a, kid, otherKey, false)
	}
}
