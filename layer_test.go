package chanx

import (
	"bytes"
	"fmt"
	"strings"
	"testing"
)

// TestKeysAreNotShown by the panic about a short one, nor when a server's options are printed.
func TestKeysAreNotShown(t *testing.T) {
	key, other := bytes.Repeat([]byte("secret"), 8), []byte("secret")
	for name, show := range map[string]func() string{
		"panic": func() (text string) {
			defer func() { text = fmt.Sprint(recover()) }()
			NewServer(&ServerOptions{LayerAuth: LayerAuth{Keys: [][]byte{key, other}}})
			return ""
		},
		"options": func() string {
			return fmt.Sprintf("%+v", NewServer(&ServerOptions{LayerAuth: LayerAuth{Keys: [][]byte{key}}}).opts)
		},
	} {
		text := show()
		if !strings.Contains(text, "Keys") || strings.Contains(text, "secret") || strings.Contains(text, fmt.Sprint(other)[1:14]) {
			t.Errorf("%s: %.300s", name, text)
		}
	}
}
