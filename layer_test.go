package chanx

import (
	"bytes"
	"fmt"
	"strings"
	"testing"

	"github.com/chanx-go/chanx/internal/cluster"
	"github.com/chanx-go/chanx/layer/memlayer"
)

// TestKeysAreNotShown checks the panic about a short key, and the options of a server when they are printed.
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

// TestCommandsAreEncodedForOtherNodesOnly: connections of this node get the command as a value, and those of another
// node share the one that it has decoded.
func TestCommandsAreEncodedForOtherNodesOnly(t *testing.T) {
	s := NewServer(&ServerOptions{Layer: memlayer.New()})
	for _, tt := range []struct {
		to   Target
		data string
	}{
		{Local(), ""},
		{All(), `{"code":4001,"reason":"enough"}`},
	} {
		r := targets([]Target{tt.to})
		d := newCommand(cluster.KindClose, &cluster.Command{Code: 4001, Reason: "enough"})
		if err := s.deliver(t.Context(), d, &r); err != nil || string(d.Payload) != tt.data {
			t.Errorf("%+v: payload %s, %v", tt.to, d.Payload, err)
		}
	}
	d := &delivery{Publication: cluster.Publication{Kind: cluster.KindClose, Payload: []byte(`{"code":4001,"reason":"enough"}`)}}
	if err := s.readPayload(d); err != nil || d.command.Code != 4001 || d.command.Reason != "enough" {
		t.Errorf("read as %+v, %v", d.command, err)
	}
}
