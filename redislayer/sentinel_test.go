package redislayer_test

import (
	"fmt"
	"os"
	"path/filepath"
	"strconv"
	"strings"
	"testing"
)

// startSentinel starts a sentinel that monitors a primary.
func startSentinel(t *testing.T, primary *server) *server {
	t.Helper()
	file := filepath.Join(t.TempDir(), "sentinel.conf") // the sentinel also writes to it
	text := fmt.Sprintf("sentinel monitor main 127.0.0.1 %d 1\nsentinel down-after-milliseconds main 2000\n", primary.port)
	if err := os.WriteFile(file, []byte(text), 0o600); err != nil {
		t.Fatal(err)
	}
	return startServer(t, file, "--sentinel")
}

// TestFailover makes a sentinel replace the primary by the replica.
func TestFailover(t *testing.T) {
	t.Parallel()
	primary := startServer(t)
	replica := startServer(t, "--replicaof", "127.0.0.1 "+strconv.Itoa(primary.port))
	sentinel := startSentinel(t, primary)
	eventually(t, "the sentinel knows the replica", func() bool {
		info, err := sentinel.ask("INFO", "sentinel")
		return err == nil && strings.Contains(info, "slaves=1") && strings.Contains(replica.must(t, "INFO", "replication"), "master_link_status:up")
	})
	l := connect(t, sentinel.url()+"?master_set=main", nil)
	a, b := open(t, l), open(t, l)
	b.subscribe("s")
	a.publish("s", "before")
	b.receives("s", "before")
	eventually(t, "failover", func() bool {
		_, err := sentinel.ask("SENTINEL", "FAILOVER", "main")
		return err == nil
	})
	b.recovers(0)
	a.reaches(b, "s", "after")
	if subscribers := replica.must(t, "PUBLISH", "chanx:s", "at the new primary"); subscribers != "1" {
		t.Errorf("%s subscribers at the new primary, want 1", subscribers)
	}
	b.receives("s", "at the new primary")
}
