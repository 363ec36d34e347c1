package chanx

import (
	"crypto/hkdf"
	"crypto/hmac"
	"crypto/sha256"
	"fmt"
	"hash"
	"sync"
)

// LayerAuth authenticates what servers send to each other through a channel layer. An attacker who can write to the
// broker but has no key can then neither forge a message, event or command, nor change one or its sender. The zero
// value turns it off.
//
// To introduce keys, give all servers Keys and AcceptUnsigned, then turn AcceptUnsigned off. To replace a key, append
// the new one to Keys, then move it to the front, then remove the old one. Begin each step when the previous one has
// reached every server.
//
// An attacker with access to the broker can still read messages, hold them back, and replay them unchanged to the same
// targets; flood the broker; and disconnect nodes from it. Prevent that access with the broker's passwords, permissions
// and TLS. What layers themselves exchange is not signed: see natslayer. Each server that has a key can act for all
// others.
type LayerAuth struct {
	// Keys are secrets of at least 32 random bytes, the same on all servers; a shorter one panics in NewServer. The
	// first key signs what this server publishes. What other servers publish must be signed with one of the keys
	// (HMAC-SHA-256). Without keys nothing is signed, and publications are accepted whether signed or not.
	Keys [][]byte

	// AcceptUnsigned also accepts unsigned publications, while not all servers have keys. Nothing is protected
	// meanwhile: a signature must be valid, but an attacker simply leaves it out.
	AcceptUnsigned bool
}

const (
	minKeyBytes = 32

	keyIDBytes = 4
	macBytes   = sha256.Size
	sealBytes  = keyIDBytes + macBytes
)

// layerAuth signs and verifies layer data; nil does neither. The seal is the id of a key and the HMAC of all data
// except the HMAC itself. The data contains the targets, and the receiver checks that the subject belongs to one of
// them, so one seal is valid for every subject: moving the copy for one target to the subject of another is only a
// replay.
type layerAuth struct {
	keys           []*layerKey
	acceptUnsigned bool
}

// layerKey is derived from a configured key, so that using that key elsewhere too is safe.
type layerKey struct {
	blank [sealBytes]byte // a seal without HMAC: it starts with the key's id, so that not every key must be tried
	macs  sync.Pool       // of *layerMAC
}

// layerMAC is a keyed hash. Keying it takes longer than hashing a short publication, so it is reused.
type layerMAC struct {
	hash hash.Hash
	sum  [macBytes]byte
}

// newLayerAuth returns nil if there are no keys. It does not keep the options' slices.
func newLayerAuth(o LayerAuth) *layerAuth {
	if len(o.Keys) == 0 {
		return nil
	}
	a := &layerAuth{acceptUnsigned: o.AcceptUnsigned}
	for i, key := range o.Keys {
		if len(key) < minKeyBytes {
			panic(fmt.Sprintf("chanx: new server: ServerOptions.LayerAuth.Keys[%d] has %d bytes: it must be %d random ones at least",
				i, len(key), minKeyBytes))
		}
		a.keys = append(a.keys, newLayerKey(key))
	}
	return a
}

func newLayerKey(secret []byte) *layerKey {
	b, err := hkdf.Key(sha256.New, secret, nil, "chanx layer data", keyIDBytes+sha256.Size)
	if err != nil {
		panic(fmt.Sprintf("chanx: new server: ServerOptions.LayerAuth: derive key: %v", err)) // in FIPS 140 mode
	}
	k := &layerKey{}
	copy(k.blank[:], b[:keyIDBytes])
	k.macs.New = func() any { return &layerMAC{hash: hmac.New(sha256.New, b[keyIDBytes:])} }
	return k
}

// append encodes p into b, which is empty, and signs it if there is a key.
func (a *layerAuth) append(b []byte, p *publication) []byte {
	if a == nil {
		return p.append(b)
	}
	k, sealed := a.keys[0], *p
	sealed.seal = k.blank[:]
	b = sealed.append(b)
	m := k.macs.Get().(*layerMAC)
	defer k.macs.Put(m)
	copy(b[headBytes+keyIDBytes:], m.of(b))
	return b
}

// of returns the HMAC of sealed data. It is valid until the next call.
func (m *layerMAC) of(data []byte) []byte {
	m.hash.Reset()
	m.hash.Write(data[:headBytes+keyIDBytes])
	m.hash.Write(data[headBytes+sealBytes:])
	return m.hash.Sum(m.sum[:0])
}

// check returns why data with that seal is not accepted, or nil.
func (a *layerAuth) check(data, seal []byte) error {
	switch {
	case a == nil || a.acceptUnsigned && len(seal) == 0:
		return nil
	case len(seal) == 0:
		return &layerError{dropUnauthentic, "it is not signed"}
	case len(seal) != sealBytes:
		return &layerError{dropUnauthentic, fmt.Sprintf("its signature has %d bytes, not %d", len(seal), sealBytes)}
	}
	cause := "it is signed with a key that this server does not have"
	for _, k := range a.keys {
		if string(k.blank[:keyIDBytes]) != string(seal[:keyIDBytes]) {
			continue
		}
		if k.signed(data, seal[keyIDBytes:]) {
			return nil
		}
		cause = "its signature is not that of what it says"
	}
	return &layerError{dropUnauthentic, cause}
}

func (k *layerKey) signed(data, mac []byte) bool {
	m := k.macs.Get().(*layerMAC)
	defer k.macs.Put(m)
	return hmac.Equal(m.of(data), mac)
}
