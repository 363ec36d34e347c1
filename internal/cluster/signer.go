package cluster

import (
	"crypto/hkdf"
	"crypto/hmac"
	"crypto/sha256"
	"fmt"
	"hash"
	"sync"
)

// MinKeyBytes is the length that a key should have at least.
const MinKeyBytes = 32

const (
	keyIDBytes = 4
	macBytes   = sha256.Size
	sealBytes  = keyIDBytes + macBytes
)

// Signer encodes publications and signs them, and verifies those of other nodes; a nil Signer neither signs nor
// verifies. Its methods may be called concurrently.
//
// The seal is the id of a key and the HMAC of all data except the HMAC itself. The data contains the targets, and the
// receiver checks that the subject belongs to one of them, so one seal is valid for every subject: moving the copy for
// one target to the subject of another is only a replay.
type Signer struct {
	keys           []*key
	acceptUnsigned bool
}

// key is derived from a configured key, so that using that key elsewhere too is safe.
type key struct {
	blank [sealBytes]byte // a seal without HMAC: it starts with the key's id, so that not every key must be tried
	macs  sync.Pool       // of *mac
}

// mac is a keyed hash. Keying it takes longer than hashing a short publication, so it is reused.
type mac struct {
	hash hash.Hash
	sum  [macBytes]byte
}

// NewSigner signs with the first of the keys, of which there must be one. It accepts what is signed with any of them, and
// with acceptUnsigned what is not signed. It does not keep the slices.
func NewSigner(keys [][]byte, acceptUnsigned bool) (*Signer, error) {
	s := &Signer{acceptUnsigned: acceptUnsigned}
	for _, secret := range keys {
		k, err := newKey(secret)
		if err != nil {
			return nil, err
		}
		s.keys = append(s.keys, k)
	}
	return s, nil
}

func newKey(secret []byte) (*key, error) {
	b, err := hkdf.Key(sha256.New, secret, nil, "chanx layer data", keyIDBytes+sha256.Size)
	if err != nil {
		return nil, fmt.Errorf("derive key: %w", err) // in FIPS 140 mode
	}
	k := &key{}
	copy(k.blank[:], b[:keyIDBytes])
	k.macs.New = func() any { return &mac{hash: hmac.New(sha256.New, b[keyIDBytes:])} }
	return k, nil
}

// Append encodes p into b, which is empty, and signs it if there is a key.
func (s *Signer) Append(b []byte, p *Publication) []byte {
	if s == nil {
		return p.append(b, nil)
	}
	k := s.keys[0]
	b = p.append(b, k.blank[:])
	m := k.macs.Get().(*mac)
	defer k.macs.Put(m)
	copy(b[headBytes+keyIDBytes:], m.of(b))
	return b
}

// of returns the HMAC of sealed data. It is valid until the next call.
func (m *mac) of(data []byte) []byte {
	m.hash.Reset()
	m.hash.Write(data[:headBytes+keyIDBytes])
	m.hash.Write(data[headBytes+sealBytes:])
	return m.hash.Sum(m.sum[:0])
}

// check returns why data with that seal is not accepted, or nil.
func (s *Signer) check(data, seal []byte) error {
	switch {
	case s == nil || s.acceptUnsigned && len(seal) == 0:
		return nil
	case len(seal) == 0:
		return &Refusal{Unauthentic, "it is not signed"}
	case len(seal) != sealBytes:
		return &Refusal{Unauthentic, fmt.Sprintf("its signature has %d bytes, not %d", len(seal), sealBytes)}
	}
	cause := "it is signed with a key that this server does not have"
	for _, k := range s.keys {
		if string(k.blank[:keyIDBytes]) != string(seal[:keyIDBytes]) {
			continue
		}
		if k.signed(data, seal[keyIDBytes:]) {
			return nil
		}
		cause = "its signature is not that of what it says"
	}
	return &Refusal{Unauthentic, cause}
}

func (k *key) signed(data, sum []byte) bool {
	m := k.macs.Get().(*mac)
	defer k.macs.Put(m)
	return hmac.Equal(m.of(data), sum)
}
