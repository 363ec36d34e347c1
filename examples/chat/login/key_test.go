package login

import (
	"bytes"
	"os"
	"path/filepath"
	"testing"
)

func TestLoadKey(t *testing.T) {
	t.Parallel()
	file := filepath.Join(t.TempDir(), "chat.key")
	made, err := LoadKey(file)
	if err != nil || len(made) != keySize || bytes.Equal(made, make([]byte, keySize)) {
		t.Fatalf("LoadKey = %x, %v; want a random key", made, err)
	}
	if info, err := os.Stat(file); err != nil || info.Mode().Perm() != 0o600 {
		t.Errorf("file mode %v, %v; want 0600", info.Mode(), err)
	}
	if read, err := LoadKey(file); err != nil || !bytes.Equal(read, made) {
		t.Errorf("second LoadKey = %x, %v; want the same key", read, err)
	}
}

func TestLoadKeyErrors(t *testing.T) {
	t.Parallel()
	dir := t.TempDir()
	short := filepath.Join(dir, "short")
	if err := os.WriteFile(short, []byte("secret"), 0o600); err != nil {
		t.Fatal(err)
	}
	for name, file := range map[string]string{"short key": short, "a folder": dir, "no folder": filepath.Join(dir, "absent", "key")} {
		if key, err := LoadKey(file); err == nil {
			t.Errorf("%s: LoadKey = %x, want an error", name, key)
		}
	}
}

func TestNewKeyIsRandom(t *testing.T) {
	t.Parallel()
	if a, b := NewKey(), NewKey(); bytes.Equal(a, b) || len(a) != keySize {
		t.Errorf("two keys: %x and %x", a, b)
	}
}
