package login

import (
	"crypto/rand"
	"errors"
	"fmt"
	"io/fs"
	"os"
)

const keySize = 32 // bytes, the size of a SHA-256 hash

// NewKey returns a random key. It is not stored, so logins signed with it end with the process.
func NewKey() []byte {
	key := make([]byte, keySize)
	rand.Read(key) // never fails
	return key
}

// LoadKey reads the key in file. If the file does not exist, LoadKey creates it, readable by its owner only.
func LoadKey(file string) ([]byte, error) {
	key, err := os.ReadFile(file)
	if errors.Is(err, fs.ErrNotExist) {
		key = NewKey()
		err = writeNew(file, key)
	}
	if err != nil {
		return nil, fmt.Errorf("login: load key: %w", err)
	}
	if len(key) != keySize {
		return nil, fmt.Errorf("login: load key: %s has %d bytes, want %d", file, len(key), keySize)
	}
	return key, nil
}

func writeNew(file string, data []byte) error {
	f, err := os.OpenFile(file, os.O_WRONLY|os.O_CREATE|os.O_EXCL, 0o600)
	if err != nil {
		return err
	}
	_, err = f.Write(data)
	return errors.Join(err, f.Close())
}
