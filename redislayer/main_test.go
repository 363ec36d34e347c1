package redislayer_test

import (
	"fmt"
	"os"
	"testing"
	"time"

	"go.uber.org/goleak"
)

// TestMain waits for goroutines of a closed rueidis client for a cluster, which sleep up to five seconds before they look
// whether it is closed.
func TestMain(m *testing.M) {
	code := m.Run()
	for deadline := time.Now().Add(10 * time.Second); code == 0; {
		err := goleak.Find()
		if err == nil {
			break
		}
		if time.Now().After(deadline) {
			fmt.Fprintln(os.Stderr, "goleak:", err)
			code = 1
		}
	}
	os.Exit(code)
}
