package main

import (
	"path/filepath"
	"strings"
	"testing"

	"github.com/nats-io/nats-server/v2/server"
)

// startNATS runs a broker until the test ends, and returns its URL.
func startNATS(t *testing.T) string {
	t.Helper()
	s, err := server.NewServer(&server.Options{Host: "127.0.0.1", Port: server.RANDOM_PORT, NoLog: true, NoSigs: true})
	if err != nil {
		t.Fatal(err)
	}
	s.Start()
	t.Cleanup(func() {
		s.Shutdown()
		s.WaitForShutdown()
	})
	if !s.ReadyForConnections(testTimeout) {
		t.Fatal("NATS does not start")
	}
	return s.ClientURL()
}

// TestServersOnOneBrokerShareTheirRooms: servers with one layer key share rooms; another server on the broker is ignored.
func TestServersOnOneBrokerShareTheirRooms(t *testing.T) {
	t.Parallel()
	dir, broker := t.TempDir(), startNATS(t)
	v := newVisitor(t)
	var lobby []line
	for _, key := range []string{"layer.key", "layer.key", "strange.key"} {
		p := start(t, "-layer", broker, "-layer-key", filepath.Join(dir, key), "-key", filepath.Join(dir, "logins.key"))
		if lobby == nil {
			v.login(p, "Ann") // a login is valid on all servers
		}
		l := v.enter(p, "lobby")
		l.until("history")
		lobby = append(lobby, l)
	}
	say := func(l line, content string) {
		l.send(`{"action":"chat","payload":{"content":"` + content + `"},"ref":"1"}`)
		l.until("complete")
	}
	say(lobby[2], "stranger")
	say(lobby[0], "friend")
	got := lobby[1].until("chat_group")
	if !strings.Contains(got, `"content":"friend"`) || !strings.HasSuffix(got, `"is_mine":true,"is_current":false}`) {
		t.Errorf("got %s, want what the friend said, as one's own from elsewhere", got)
	}
}
