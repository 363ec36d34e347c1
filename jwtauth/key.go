package jwtauth

import (
	"bytes"
	"crypto/ecdsa"
	"crypto/ed25519"
	"crypto/rsa"
	"errors"
	"fmt"
	"slices"
)

// The algorithms of RFC 7518 section 3.1 and RFC 8037 section 3.1, without "none".
var (
	rsaAlgorithms    = []string{"RS256", "RS384", "RS512", "PS256", "PS384", "PS512"}
	publicAlgorithms = append([]string{"EdDSA", "ES256", "ES384", "ES512"}, rsaAlgorithms...)
	hmacAlgorithms   = []string{"HS256", "HS384", "HS512"}
)

const minRSABits = 2048 // RFC 7518 section 3.3

// minSecretBytes is as long as the hash (RFC 7518 section 3.2).
var minSecretBytes = map[string]int{"HS256": 32, "HS384": 48, "HS512": 64}

// key verifies signatures.
type key struct {
	id    string
	algs  []string // those of Options.Algorithms that fit the kind of key
	value any      // in the type that golang-jwt expects
}

// newKey determines which of the pinned algorithms a key fits. It returns an error if the key is too weak or of an
// unknown kind.
func newKey(id string, value any, pinned []string) (key, error) {
	fits, err := algorithmsOf(value)
	if err != nil {
		return key{}, err
	}
	k := key{id: id, value: value}
	for _, alg := range pinned {
		if !slices.Contains(fits, alg) {
			continue
		}
		if secret, ok := value.([]byte); ok && len(secret) < minSecretBytes[alg] {
			return key{}, fmt.Errorf("a secret of %d bytes is too short for %s: make one of at least %d random bytes", len(secret), alg, minSecretBytes[alg])
		}
		k.algs = append(k.algs, alg)
	}
	return k, nil
}

// algorithmsOf returns the algorithms for a kind of key.
func algorithmsOf(value any) ([]string, error) {
	switch v := value.(type) {
	case []byte:
		if bytes.HasPrefix(v, []byte("-----BEGIN")) { // a public key, which is no secret, must not become one
			return nil, errors.New("the secret is a PEM file: parse it and give the key that is in it")
		}
		return hmacAlgorithms, nil
	case ed25519.PublicKey:
		if len(v) != ed25519.PublicKeySize {
			return nil, fmt.Errorf("an Ed25519 public key of %d bytes, want %d", len(v), ed25519.PublicKeySize)
		}
		return []string{"EdDSA"}, nil
	case *ecdsa.PublicKey:
		return algorithmsOfCurve(v)
	case *rsa.PublicKey:
		if v.N == nil || v.N.BitLen() < minRSABits {
			return nil, fmt.Errorf("an RSA key of fewer than %d bits", minRSABits)
		}
		return rsaAlgorithms, nil
	}
	return nil, fmt.Errorf("%T cannot verify signatures", value)
}

// algorithmsOfCurve returns the one algorithm of a curve (RFC 7518 section 3.4).
func algorithmsOfCurve(k *ecdsa.PublicKey) ([]string, error) {
	if k.Curve == nil {
		return nil, errors.New("an ECDSA key without curve")
	}
	if _, err := k.ECDH(); err != nil {
		return nil, fmt.Errorf("an ECDSA key that is not a point of its curve: %w", err)
	}
	alg, ok := map[string]string{"P-256": "ES256", "P-384": "ES384", "P-521": "ES512"}[k.Curve.Params().Name]
	if !ok {
		return nil, fmt.Errorf("an ECDSA key of curve %s, which has no algorithm", k.Curve.Params().Name)
	}
	return []string{alg}, nil
}

// isKey reports whether a value has a supported key type. The key itself may be invalid.
func isKey(value any) bool {
	switch v := value.(type) {
	case []byte, ed25519.PublicKey:
		return true
	case *ecdsa.PublicKey:
		return v != nil
	case *rsa.PublicKey:
		return v != nil
	}
	return false
}

// keyQuery is what the header of a token says about its key.
type keyQuery struct {
	id    string
	named bool // whether the key must have this id
	alg   string
}

var (
	errUnknownKey   = errors.New("no key fits the token's kid and alg")
	errAmbiguousKey = errors.New("several keys fit the token, which names none of them")
)

// keySet holds the keys known at one moment.
type keySet []key

// staticKeys returns the keys in the options.
func staticKeys(o Options) (set keySet, err error) {
	given := o.Keys
	if o.Key != nil {
		given = map[string]any{"": o.Key}
	}
	for id, value := range given {
		if !isKey(value) {
			mistake("key %q is a %T: give []byte, ed25519.PublicKey, *ecdsa.PublicKey or *rsa.PublicKey; of a private key, its public half", id, value)
		}
		k, err := newKey(id, value, o.Algorithms)
		if err != nil {
			return nil, fmt.Errorf("jwtauth: read key %q: %w", id, err)
		}
		if len(k.algs) == 0 {
			mistake("key %q is a %T, and no algorithm of Options.Algorithms %q fits it", id, value, o.Algorithms)
		}
		set = append(set, k)
	}
	return set, nil
}

// find returns the only key that fits a token. A token is never tried with several keys.
func (s keySet) find(w keyQuery) (any, error) {
	var found []any
	for _, k := range s {
		if (!w.named || k.id == w.id) && slices.Contains(k.algs, w.alg) {
			found = append(found, k.value)
		}
	}
	switch len(found) {
	case 0:
		return nil, errUnknownKey
	case 1:
		return found[0], nil
	}
	return nil, errAmbiguousKey
}
