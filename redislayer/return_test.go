package redislayer_test

import (
	"errors"
	"fmt"
	"strings"
	"testing"

	"github.com/chanx-go/chanx/layer"
)

// TestALinkRecoversAfterEveryLossOfItsConnections makes Redis close connections and refuse new ones, for every reason it has.
func TestALinkRecoversAfterEveryLossOfItsConnections(t *testing.T) {
	t.Parallel()
	s := startServer(t)
	user := []string{"ACL", "SETUSER", "app", "on", ">sesame", "resetchannels", "&chanx:*", "-@all", "+@connection", "+@pubsub"}
	s.must(t, user...)
	l := connect(t, "redis://app:sesame@"+address(s.port), nil)
	a, b := open(t, l), open(t, l)
	b.subscribe("s")
	for i, loss := range []struct {
		begin, end [][]string
	}{
		{begin: [][]string{{"CLIENT", "KILL", "TYPE", "pubsub"}}},
		{begin: [][]string{{"CLIENT", "KILL", "TYPE", "normal"}}},
		{begin: [][]string{{"CLIENT", "KILL", "USER", "app"}}},
		{begin: [][]string{{"ACL", "DELUSER", "app"}}, end: [][]string{user}},
		{begin: [][]string{{"ACL", "SETUSER", "app", "resetchannels"}}, end: [][]string{user}},
		{begin: [][]string{{"ACL", "SETUSER", "app", "off"}, {"CLIENT", "KILL", "USER", "app"}}, end: [][]string{user}},
		{begin: [][]string{{"ACL", "SETUSER", "app", "resetpass", ">other"}, {"CLIENT", "KILL", "USER", "app"}}, end: [][]string{{"ACL", "SETUSER", "app", "resetpass", ">sesame"}}},
		{begin: [][]string{{"ACL", "SETUSER", "app", "-subscribe"}, {"CLIENT", "KILL", "USER", "app"}}, end: [][]string{user}},
		{begin: [][]string{{"REPLICAOF", "127.0.0.1", "1"}, {"CLIENT", "KILL", "USER", "app"}}, end: [][]string{{"REPLICAOF", "NO", "ONE"}}},
	} {
		mark := b.mark()
		for _, command := range loss.begin {
			s.must(t, command...)
		}
		a.awaitsEither(b, mark)
		for _, command := range loss.end {
			eventually(t, strings.Join(command, " "), func() bool { _, err := s.ask(command...); return err == nil })
		}
		here := fmt.Sprint("here ", i)
		eventually(t, fmt.Sprintf("the links to work again after %q", loss.begin), func() bool {
			err := errors.Join(b.Subscribe(t.Context(), "s"), a.Publish(t.Context(), "s", []byte(here)))
			if err != nil && !errors.Is(err, layer.ErrUnavailable) && !strings.Contains(err.Error(), "NOPERM") {
				t.Fatal(err)
			}
			if err != nil && strings.Contains(err.Error(), "sesame") {
				t.Fatalf("the error quotes the password: %v", err)
			}
			return err == nil
		})
		b.receives("s", here)
	}
}

// awaitsEither waits until this link gets a status, or another link gets one after its mark.
func (n *node) awaitsEither(other *node, mark int) {
	n.t.Helper()
	before := n.mark()
	eventually(n.t, "a status", func() bool { return n.mark() > before || other.mark() > mark })
}
