package chanx

import (
	"crypto/hkdf"
	"crypto/hmac"
	"crypto/sha256"
	"fmt"
	"hash"
	"sync"
)

// LayerAuth authenticates what servers say to each other through a channel layer. With keys, whoever can write to the
// broker but has none of them can neither make up a message, an event or a command, nor change one or its sender. The
// zero value is off.
//
// To introduce keys, give all servers Keys and AcceptUnsigned, then take AcceptUnsigned away. To replace a key, add the
// new one behind the old one, then move it to the front, then remove the old one. Each step begins when the one before has
// reached every server.
//
// What is sent can still be read, held back, and sent again as it was, to those whom it was for; the broker can be flooded, and
// nodes can be disconnected from it. That takes access to the broker, which its own passwords, permissions and TLS are to
// prevent. What layers say to each other is not signed: see natslayer. And each server that has a key can speak for all.
type LayerAuth struct {
	// Keys are secrets of at least 32 random bytes, the same for all servers; a shorter one panics in NewServer. The first
	// signs what this server publishes, and what others publish must be signed with one of them (HMAC-SHA-256). Without
	// keys nothing is signed, and what others publish is accepted whether signed or not.
	Keys [][]byte

	// AcceptUnsigned accepts what is not signed too, while not all servers have keys. Nothing is protected meanwhile: what
	// is signed must be signed well, but who has no key leaves the signature out.
	AcceptUnsigned bool
}

const (
	minKeyBytes = 32

	keyIDBytes = 4
	macBytes   = sha256.Size
	sealBytes  = keyIDBytes + macBytes
)

// layerAuth signs and checks layer data; nil does neither. The seal is the id of a key and the HMAC of all data but the
// HMAC itself. The data has the targets in it, and the receiver checks that the subject is that of one of them, so the same
// seal does for every subject: to bring the copy for one to another of them is to send it again.
type layerAuth struct {
	keys           []*layerKey
	acceptUnsigned bool
}

// layerKey is what is derived from a key: it may be used elsewhere without harm to either.
type layerKey struct {
	blank [sealBytes]byte // a seal before it has its HMAC: the key's id, so that not every key must be tried
	macs  sync.Pool       // of *layerMAC
}

// layerMAC is a hash that has its key, which takes longer than a short publication.
type layerMAC struct {
	hash hash.Hash
	sum  [macBytes]byte
}

// newLayerAuth returns nil if there are no keys. It keeps nothing of the options.
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
		panic(fmt.Sprintf("chanx: new server: ServerOptions.LayerAuth: derive key: %v", err)) // of FIPS 140 mode
	}
	k := &layerKey{}
	copy(k.blank[:], b[:keyIDBytes])
	k.macs.New = func() any { return &layerMAC{hash: hmac.New(sha256.New, b[keyIDBytes:])} }
	return k
}

// append writes p, signed if there is a key, into b, which is empty.
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

// of returns the HMAC of sealed data. It is valid until the next one.
func (m *layerMAC) of(data []byte) []byte {
	m.hash.Reset()
	m.hash.Write(data[:headBytes+keyIDBytes])
	m.hash.Write(data[headBytes+sealBytes:])
	return m.hash.Sum(m.sum[:0])
}

// check says why data with that seal is not accepted.
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
